// Rows about deletions: what ten that wait for approvals cost, and what one step asks of CloudStack.
import { dist, passesOf, query, startWorld, waitFor } from "./world.mjs";

const { cast, demoChannel } = await import(dist("demo/cast.js"));
const { person } = await import(dist("emulators/slack/person.js"));

const HOURLY = { TWOKEY_SYNC_EVERY_SECONDS: "3600" };

/** Starts a bot on a fleet of 400 projects, and closes the first `count`: their deletions wait for approvals then. */
async function startProposed(count, more = {}) {
  const world = await startWorld({ domains: 400, perDomain: 2 });
  const bot = world.startBot({ ...HOURLY, ...more });
  try {
    await waitFor("the first pass", async () => (await passesOf(world))[0] ?? null);
    const closed = "update project set closed_at = now(), closed_by = $1 where id = any ($2)";
    const ids = Array.from({ length: count }, (_, i) => `p-${i + 1}`);
    await query(world.postgres.url("ci"), closed, [cast.chen.id, ids]);
    await person(world.slackUrl, cast.chen.slackId).command(demoChannel, "/ci-sync");
    const proposed = "select count(*)::int as n from twokey.deletion where phase = 'proposed'";
    await waitFor(`${count} questions`, async () => (await query(world.postgres.url(), proposed))[0].n === count || null);
    return { world, bot };
  } catch (thrown) {
    await world.stop();
    throw thrown;
  }
}

/**
 * Ten deletions that wait for approvals: processor and memory of a bot that has nothing to do but to look at each of them every five
 * minutes, which is how long it is watched.
 */
export async function waiting({ seconds = 300 } = {}) {
  const { world, bot } = await startProposed(10);
  try {
    // The first minute is the engine's own, and the events of saving the copies have each looked at once or twice more.
    await new Promise((r) => setTimeout(r, 150_000));
    const before = bot.cpu();
    await new Promise((r) => setTimeout(r, seconds * 1000));
    const share = (bot.cpu() - before) / seconds;
    const resident = bot.mib("VmRSS");
    return {
      name: "idle, with ten deletions that wait for approvals",
      ours: `${(share * 100).toFixed(2)} % of a core, ${resident} MiB`,
      rival: "–",
      goal: "under 1 % of a core, under 150 MB",
      isMet: share < 0.01 && resident * 1.048576 < 150,
    };
  } finally {
    await world.stop();
  }
}

/** A deletion from its approval to its end; its steps begin with a look at the mark of the managed root, and end with a call that takes something. */
export async function step() {
  const { world } = await startProposed(1, { TWOKEY_COOL_OFF_SECONDS: "1", TWOKEY_GRACE_SECONDS: "1" });
  try {
    await approve(world, "p1");
    const before = (await world.ask("requests")).length;
    const ended = "select phase from twokey.deletion where phase in ('deleted', 'closed', 'frozen')";
    const [{ phase }] = await waitFor("its end", async () => {
      const rows = await query(world.postgres.url(), ended);
      return rows.length === 0 ? null : rows;
    });
    const calls = (await world.ask("requests")).slice(before);
    const steps = stepsIn(calls);
    const most = Math.max(...steps.map((s) => s.length));
    const twice = steps.filter((s) => new Set(s).size < s.length).length;
    return {
      name: "one step of a deletion, 400 domains",
      ours: `at most ${most} calls in ${steps.length} steps, ${twice === 0 ? "each list once" : `${twice} with a list twice`}; it ended as ${phase}`,
      rival: "the lists that its guards need",
      goal: "each list once, at most 25 calls",
      isMet: most <= 25 && twice === 0 && phase === "deleted",
    };
  } finally {
    await world.stop();
  }
}

/** Ada and Ben approve a project's deletion, the second with the domain's name. */
async function approve(world, slug) {
  const [ada, ben] = [cast.ada, cast.ben].map((one) => person(world.slackUrl, one.slackId));
  const card = (words) =>
    ada.waitFor(`the card of ${slug}`, (v) =>
      v.conversations
        .flatMap((c) => c.messages)
        .findLast((m) => [`ROOT/ci/${slug}`, ...words].every((w) => JSON.stringify(m.blocks).includes(w))),
    );
  const { ts } = await card(["deletion_approve"]);
  await ada.click({ channel: demoChannel, ts, actionId: "deletion_approve" });
  await card(["1 of 2"]);
  await ben.click({ channel: demoChannel, ts, actionId: "deletion_approve" });
  const modal = await ben.waitFor("the window", (v) => v.modals[0]);
  await ben.submit({ viewId: modal.id, values: { name: { name: slug } } });
}

/**
 * The calls of each step that takes something; how often its job is asked for is the server's to say, and the mark that is set again after
 * a decision is no part of it.
 */
function stepsIn(calls) {
  const steps = [];
  for (const { command, params } of calls) {
    if (["queryAsyncJobResult", "addAnnotation", "removeAnnotation"].includes(command)) continue;
    if (command === "listAnnotations") steps.push([]);
    const { apikey, signature, expires, signatureversion, response, ...asked } = params;
    steps.at(-1)?.push(`${command} ${JSON.stringify(asked)}`);
  }
  const takes = /^(?:disable|destroy|delete|detach|disassociate)/;
  // Up to the call that takes something: what follows it belongs to the next one.
  return steps.filter((s) => s.some((call) => takes.test(call))).map((s) => s.slice(0, s.findIndex((call) => takes.test(call)) + 1));
}
