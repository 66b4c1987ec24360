// Rows about changes: the first pass against the same creating calls alone, and how long a new member waits for an account.
import { createBareReader } from "./bare-reader.mjs";
import { dist, median, passesOf, percentile, query, startWorld, waitFor } from "./world.mjs";

const { domainIdFor, accountIdFor, userIdFor } = await import(dist("src/core/derived-ids.js"));

/** Fewer of them at the answer times of a real server, where an account takes seconds. */
export const firstPassAsRecorded = (options) => firstPass({ domains: 40, ...options, asRecorded: true });

/** 400 new domains with 800 accounts: the first pass, and a script that sends the same creating calls and nothing else. */
export async function firstPass({ domains = 400, perDomain = 2, asRecorded = false } = {}) {
  const world = await startWorld({ domains, perDomain, made: false, asRecorded });
  try {
    const before = await world.ask("calls");
    const bot = world.startBot({ TWOKEY_CHANGES_PER_PASS: "100000", TWOKEY_SYNC_EVERY_SECONDS: "3600", TWOKEY_QUICK_PASS_SECONDS: "0" });
    const [pass] = await waitFor("the first pass", async () => ((await passesOf(world))[0] === undefined ? null : passesOf(world)));
    await bot.stop();
    const calls = await world.ask("calls");
    const sent = Object.fromEntries(Object.entries(calls).map(([command, n]) => [command, n - (before[command] ?? 0)]));
    const perNew = Object.values(sent).reduce((sum, n) => sum + n, 0) / domains;
    const rival = await creatingCalls({ domains, perDomain, asRecorded });
    const ratio = pass.ms / rival;
    return {
      name: `the first pass: ${domains} domains, ${domains * perDomain} accounts${asRecorded ? ", at the answer times of a real server" : ""}`,
      ours: `${(pass.ms / 1000).toFixed(1)} s, ${perNew.toFixed(1)} calls for each domain with its accounts (${Object.entries(sent)
        .filter(([, n]) => n >= domains / 10)
        .map(([command, n]) => `${command} ${n}`)
        .join(", ")})`,
      rival: `the creating calls alone ${(rival / 1000).toFixed(1)} s`,
      ratio,
      goal: "at most 1.25 ×",
      isMet: ratio <= 1.25,
    };
  } finally {
    await world.stop();
  }
}

/** The same creating calls by a plain script, as many at a time as the bot sends. Units: ms. */
async function creatingCalls({ domains, perDomain, asRecorded }) {
  const { PROJECTS_AT_A_TIME } = await import(dist("src/sync/execution/apply.js"));
  const world = await startWorld({ domains, perDomain, made: false, asRecorded });
  const { url, root, write } = await world.ask("keys");
  const role = await roleOf(world);
  const bare = createBareReader({ url, ...write, root });
  const numbers = Array.from({ length: domains }, (_, i) => i + 1);
  const began = performance.now();
  await Promise.all(
    Array.from({ length: PROJECTS_AT_A_TIME }, async () => {
      for (let n = numbers.shift(); n !== undefined; n = numbers.shift()) {
        const domain = domainIdFor(`p-${n}`, 1);
        await bare.ask("createDomain", { name: `p${n}`, parentdomainid: root, domainid: domain }, 1);
        for (let m = 0; m < perDomain; m++) {
          const u = (n - 1) * perDomain + m + 1;
          await bare.ask(
            "createAccount",
            {
              ...{ username: `user${u}`, email: `u${u}@example.org`, firstname: "F", lastname: "L", password: "p4sswordp4ssword" },
              ...{
                domainid: domain,
                roleid: role,
                accountid: accountIdFor(`p-${n}`, 1, `v-${u}`),
                userid: userIdFor(`p-${n}`, 1, `v-${u}`),
              },
            },
            1,
          );
        }
      }
    }),
  );
  const ms = performance.now() - began;
  bare.close();
  await world.stop();
  return ms;
}

async function roleOf(world) {
  const { url, admin } = await world.ask("keys");
  const bare = createBareReader({ url, ...admin, root: "" });
  const roles = await bare.ask("listRoles", {}, 1);
  bare.close();
  return roles.role.find((r) => r.name === "CI Member").id;
}

/** New memberships one after the other at 5,000 domains: from the row to the account. */
export async function newMember({ domains = 5000, members = 20 } = {}) {
  const world = await startWorld({ domains, perDomain: 1 });
  try {
    await query(
      world.postgres.url("ci"),
      `alter table membership add column changed_at timestamptz not null default now();
       drop view twokey_memberships;
       create view twokey_memberships as select project_id, person_id as user_id, role, changed_at from membership;
       grant select on twokey_memberships to twokey_reader`,
    );
    const bot = world.startBot({ TWOKEY_SYNC_EVERY_SECONDS: "3600" });
    await waitFor("the first pass", async () => (await passesOf(world))[0] ?? null);
    const times = [];
    for (let i = 1; i <= members; i++) {
      // Not in step with the schedule.
      await new Promise((r) => setTimeout(r, 500 + 311 * (i % 7)));
      const began = performance.now();
      await query(world.postgres.url("ci"), "insert into membership values ($1, $2, 'member')", [`p-${i * 7}`, `v-${i * 7 + 1}`]);
      await waitFor("the account", async () => {
        const sql =
          "select 1 from twokey.outcome o join twokey.intent i on i.id = o.intent_id where i.command = 'create_account' and o.result = 'done' and i.params::text like $1";
        return (
          (await query(world.postgres.url(), sql, [`%"v-${i * 7 + 1}"%p-${i * 7}"%`]))[0] ??
          (await query(world.postgres.url(), sql, [`%p-${i * 7}"%"v-${i * 7 + 1}"%`]))[0] ??
          null
        );
      });
      times.push(performance.now() - began);
    }
    await bot.stop();
    const [p50, p99] = [median(times) / 1000, percentile(times, 99) / 1000];
    return {
      name: `a new membership to its account, ${domains} domains`,
      ours: `p50 ${p50.toFixed(1)} s, p99 ${p99.toFixed(1)} s (${members} of them)`,
      rival: "a pass every 300 s: p50 150 s",
      goal: "within seconds",
      isMet: p99 < 10,
    };
  } finally {
    await world.stop();
  }
}
