/** The run of (name, id) that waits. Apart from DBOS, so that a command of the terminal can make it due without starting the engine. */
import type { Queryable } from "../store/db.ts";
import { queuesOf } from "./queues.ts";

/** The DBOS workflow of a kind of work. */
export function workflowOf(name: string): string {
  return `work.${name}`;
}

/** The key of the one run that waits, besides the one that runs; of the long runs there is one more. */
export function waitingKeyOf(name: string, id: string, isLong = false): string {
  return `${workflowOf(name)}:${id} waits${isLong ? " for long" : ""}`;
}

/**
 * Makes the waiting run due within `delayMs`, if there is one; false: none waits. Its row stays locked until the caller's transaction ends,
 * and DBOS passes over locked rows: so it cannot begin before that transaction's rows are there to be read.
 *
 * A run that has begun waits no longer: it loses the key, which DBOS would keep until its end.
 */
export async function hurryWaiting(q: Queryable, name: string, id: string, delayMs: number, isLong = false): Promise<boolean> {
  const [queues, key] = [queuesOf(name, isLong), waitingKeyOf(name, id, isLong)];
  const mine = "from dbos.workflow_status where queue_name = any($1) and deduplication_id = $2";
  await q.exec(
    `update dbos.workflow_status set deduplication_id = null where workflow_uuid in (select workflow_uuid ${mine} and status = 'PENDING')`,
    [queues, key],
  );
  const hurried = await q.exec(
    `update dbos.workflow_status set delay_until_epoch_ms = least(delay_until_epoch_ms, (extract(epoch from clock_timestamp()) * 1000)::bigint + $3)
     where queue_name = any($1) and deduplication_id = $2 and status in ('DELAYED', 'ENQUEUED')`,
    [queues, key, delayMs],
  );
  return hurried > 0;
}
