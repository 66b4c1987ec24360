// Three replicas of the bot are killed at random while people work with them; an oracle judges what is left.
// Usage: npm run chaos -- [--minutes 5] [--seed n] [--projects 24]. Prints the seed; exits with 1, naming it, when anything is lost or doubled.
// The same seed makes the same choices; when each of them takes effect is up to the machine.
import { cpus, loadavg, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { prepare } from "./prepare.mjs";

if (!prepare({ quiet: false })) process.exit(1);
const { chanceOf } = await import("./chaos/random.mjs");
const { startWorld } = await import("./chaos/world.mjs");
const { startReplicas } = await import("./chaos/replicas.mjs");
const { createPeople } = await import("./chaos/people.mjs");
const { hasBegun, settle } = await import("./chaos/settle.mjs");
const { judgeTables } = await import("./chaos/oracle-tables.mjs");
const { judgeCloud } = await import("./chaos/oracle-cloud.mjs");
const { judgeSlack } = await import("./chaos/oracle-slack.mjs");

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    projects: { type: "string", default: "24" },
  },
});
const [minutes, seed, size] = [values.minutes, values.seed, values.projects].map(Number);
if (![minutes, seed, size].every((n) => Number.isFinite(n) && n > 0)) {
  console.error("--minutes, --seed and --projects are numbers above 0.");
  process.exit(2);
}
const REPLICAS = 3;
/** How long the end may take. Units: ms. */
const SETTLE_MS = 180_000;
/** How long the start may take, up to the end of the first pass: who leaves before it was never known to the bot. Units: ms. */
const FIRST_PASS_MS = 120_000;

const logFile = path.join(tmpdir(), `twokey-chaos-${seed}.log`);
console.log(`seed ${seed}, ${minutes} minutes, ${REPLICAS} replicas, ${size} projects; what the replicas say: ${logFile}`);
const chances = (name) => chanceOf(seed, name);
const world = await startWorld({ size, chance: chances("world") });
let found = ["the run did not come to its end"];
try {
  found = await run();
} finally {
  await world.stop();
}
for (const sentence of found) console.log(`WRONG ${sentence}`);
console.log(
  found.length === 0
    ? "nothing lost, nothing doubled"
    : `${found.length} wrong; play it again: npm run chaos -- --minutes ${minutes} --seed ${seed} --projects ${size}`,
);
process.exit(found.length === 0 ? 0 : 1);

async function run() {
  const replicas = startReplicas(world, { count: REPLICAS, chance: chances("kills"), logFile });
  try {
    const people = createPeople(world, chances);
    if (!(await hasBegun(world, FIRST_PASS_MS))) return ["no first pass came to its end"];
    const end = Date.now() + minutes * 60_000;
    await Promise.all([replicas.killUntil(end), people.liveUntil(end)]);
    const load = loadavg()[0].toFixed(1);
    const began = Date.now();
    const left = await settle(world, replicas, people, SETTLE_MS);
    const settled = `${((Date.now() - began) / 1000).toFixed(0)} s`;
    await replicas.stop();
    const slack = await judgeSlack(world, people.players, replicas.kills);
    await tell(people, replicas, slack, { load, settled });
    return [...left, ...replicas.deaths, ...(await judgeTables(world)), ...(await judgeCloud(world, people.noted.votes)), ...slack.found];
  } finally {
    await replicas.stop();
  }
}

async function tell({ noted }, { kills }, slack, { load, settled }) {
  const [n] = await world.own(
    `select (select count(*) from pass)::int as passes, (select count(*) from pass where ended_at is null)::int as cut,
       (select count(*) from intent)::int as intents, (select count(*) from outcome where result = 'looked_up')::int as looked_up,
       (select coalesce(sum(count), 0) from take_over)::int as taken, (select count(*) from ballot)::int as votes,
       (select count(*) from dbos.workflow_status where status = 'CANCELLED')::int as given_up, (select count(*) from export)::int as exports, (select count(*) from audit)::int as audit`,
  );
  const phases = await world.own("select coalesce(closed_because, phase) as phase, count(*)::int as n from deletion group by 1 order by 1");
  const acts = Object.entries(noted.acts).map(([name, count]) => `${name} ${count}`);
  console.log(
    `kills ${kills.length}, ${kills.filter((k) => !k.wasReady).length} of them while the replica still started; load ${load} on ${cpus().length} cores`,
  );
  console.log(`people: ${acts.join(", ")}; ${noted.vain} acts that no replica took`);
  console.log(
    `passes ${n.passes}, ${n.cut} cut off by a kill; calls ${n.intents}, ${n.looked_up} looked up; runs taken over ${n.taken}, given up ${n.given_up}; votes ${n.votes}`,
  );
  console.log(`deletions: ${phases.map((p) => `${p.phase} ${p.n}`).join(", ")}; exports ${n.exports}; audit rows ${n.audit}`);
  console.log(
    `messages ${slack.messages}, ${slack.unrecorded} of them posted again, since their replica died before its row; settled in ${settled}`,
  );
}
