// The end of a chaos run: nobody is killed any more, and everything that was begun comes to an end or waits for people.
import { setTimeout as pause } from "node:timers/promises";
import { demoChannel } from "./person.mjs";
import { resume } from "./people.mjs";

const LOOK_MS = 500;

/** What is still on its way; empty: all is settled. Deletions that nobody approved, and frozen ones, wait for people. */
async function unsettled(world) {
  const [row] = await world.own(
    `select (select count(*) from deletion where phase not in ('deleted', 'closed', 'frozen', 'proposed'))::int as deletions,
       (select count(*) from export where state in ('waiting', 'saving'))::int as exports,
       (select count(*) from intent i where i.owner_kind = 'deletion'
          and not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate'))::int as intents,
       (select count(*) from dbos.workflow_status where status in ('PENDING', 'ENQUEUED') and name in ('work.pass', 'work.export'))::int as runs`,
  );
  return Object.entries(row).filter(([, n]) => n > 0);
}

/** Waits for the end of the first pass. False: there is none within `ms`. */
export async function hasBegun(world, ms) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(LOOK_MS))
    if (await hasPassSince(world, 0).catch(() => false)) return true;
  return false;
}

/** Waits until it is so, and then for a whole pass. Returns what did not come to an end in `ms`. */
export async function settle(world, replicas, people, ms) {
  const end = Date.now() + ms;
  const say = async (left) => [...left.map(([what, n]) => `${n} ${what} did not end within ${ms / 1000} s`), ...(await pendingRuns(world))];
  while (!replicas.isReady()) {
    if (replicas.deaths.length > 0 || Date.now() > end) return ["the replicas did not start again"];
    await pause(LOOK_MS);
  }
  if (!(await resume(world, people.players))) return ["two approvers could not resume"];
  await people.players.ada.command(demoChannel, "/ci-sync", "");
  for (let calm = 0, since = Date.now(); calm < 4;) {
    const left = await unsettled(world);
    calm = left.length === 0 ? calm + 1 : 0;
    if (calm === 0) since = Date.now();
    if (Date.now() > end) return left.length === 0 ? [] : say(left);
    if (calm === 4 && !(await hasPassSince(world, since))) calm = 3;
    await pause(LOOK_MS);
  }
  return [];
}

/** What the runs that did not end are, for whoever looks for the reason. */
async function pendingRuns(world) {
  const rows = await world.own(
    `select name, executor_id as who, recovery_attempts::int as tries, (extract(epoch from now()) * 1000 - updated_at)::int / 1000 as idle, inputs
     from dbos.workflow_status where status in ('PENDING', 'ENQUEUED') and name in ('work.pass', 'work.export')`,
  );
  return rows.map((r) => `pending: ${r.name} of ${r.who}, begun ${r.tries} times, for ${r.idle} s: ${r.inputs}`);
}

/** Whether a pass over everything began and ended after an instant, and left nothing to change. */
async function hasPassSince(world, since) {
  const rows = await world.own(
    `select 1 from pass p join plan l on l.pass_id = p.id where p.started_at > $1 and p.ended_at is not null and p.scope ->> 'kind' = 'fleet'
       and l.record ->> 'state' = 'unchanged' limit 1`,
    [since],
  );
  return rows.length > 0;
}
