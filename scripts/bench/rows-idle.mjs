// Rows about a bot that waits: what it costs, how fast it starts, and how fast another replica takes over.
import { dist, passesOf, query, startWorld, waitFor } from "./world.mjs";

const { cast, demoChannel } = await import(dist("demo/cast.js"));
const { person } = await import(dist("emulators/slack/person.js"));

export async function idle({ seconds = 60 } = {}) {
  const world = await startWorld({ domains: 400, perDomain: 2 });
  try {
    const began = performance.now();
    const bot = world.startBot({ TWOKEY_SYNC_EVERY_SECONDS: "3600" });
    await waitFor("the first pass", async () => (await passesOf(world))[0] ?? null);
    const first = performance.now() - began;
    await bot.stop();
    const again = performance.now();
    const second = world.startBot({ TWOKEY_SYNC_EVERY_SECONDS: "3600" });
    await waitFor("the pass at the start", async () => (await passesOf(world)).filter((p) => p.scope === "fleet")[1] ?? null);
    const start = performance.now() - again;
    // DBOS looks for schedules each second in its first minute, and V8 compiles and shrinks its heap.
    await new Promise((r) => setTimeout(r, 75_000));
    const before = second.cpu();
    await new Promise((r) => setTimeout(r, seconds * 1000));
    const share = (second.cpu() - before) / seconds;
    const resident = second.mib("VmRSS");
    await second.stop();
    return {
      name: "idle, 400 projects",
      ours: `${(share * 100).toFixed(2)} % of a core, ${resident} MiB; first start with its first pass ${(first / 1000).toFixed(1)} s, next start with its pass ${(start / 1000).toFixed(1)} s`,
      rival: "–",
      goal: "under 1 % of a core, under 150 MB",
      isMet: share < 0.01 && resident * 1.048576 < 150,
    };
  } finally {
    await world.stop();
  }
}

/** A replica is killed while it carries out a pass that a person asked for; how long until another one goes on with it. */
export async function takeOver() {
  const world = await startWorld({ domains: 20, perDomain: 2 });
  const url = world.postgres.url();
  const more = { TWOKEY_SYNC_EVERY_SECONDS: "3600", TWOKEY_QUICK_PASS_SECONDS: "0", TWOKEY_CHANGES_PER_PASS: "100000" };
  const intents = async () => (await query(url, "select count(*)::int as n from twokey.intent where command like 'create%'"))[0].n;
  try {
    const dying = world.startBot(more);
    await waitFor("the first pass", async () => (await passesOf(world))[0] ?? null);
    await query(
      world.postgres.url("ci"),
      `insert into project (id, slug, name) select 'q-' || n, 'q' || n, 'Q' from generate_series(1, 2000) n;
       insert into membership select 'q-' || n, 'v-1', 'member' from generate_series(1, 2000) n`,
    );
    const before = await intents();
    await person(world.slackUrl, cast.ada.slackId).command(demoChannel, "/ci-sync");
    await waitFor("its changes", async () => (await intents()) > before + 20 || null);
    // Only now is there another one: the work would be either's.
    const heir = world.startBot(more);
    await waitFor("the second replica", async () => {
      const [row] = await query(url, "select count(*)::int as n from pg_stat_activity where application_name = 'twokey-life'");
      return row.n >= 2 || null;
    });
    dying.kill("SIGKILL");
    const killed = performance.now();
    await dying.exit;
    const then = await intents();
    // What PostgreSQL still finished for the dead one is no take-over.
    await waitFor("changes after it", async () => (await intents()) > then + 8 || null);
    const ms = performance.now() - killed;
    await heir.stop();
    const goal = "under 5 s";
    return { name: "take-over of a dead replica's pass", ours: `${(ms / 1000).toFixed(1)} s`, rival: "–", goal, isMet: ms < 5000 };
  } finally {
    await world.stop();
  }
}
