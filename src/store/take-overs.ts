import { z } from "zod";
import { CountRow, type Queryable, type Transaction } from "./db.ts";

/** Counts one more take-over of a run and returns the count: work that kills its process must not be taken over without end. */
export async function recordTakeOver(q: Queryable, runId: string, at: number): Promise<number> {
  const { count } = await q.one(
    z.object({ count: z.number() }),
    `insert into take_over (run_id, count, at) values ($1, 1, $2)
     on conflict (run_id) do update set count = take_over.count + 1, at = excluded.at returning count`,
    [runId, at],
  );
  return count;
}

/** Whether another process, alive or dead, has work of the engine that has started. */
export async function readOthersRun(q: Queryable, executorId: string): Promise<boolean> {
  const sql = "select 1 as n from dbos.workflow_status where status = 'PENDING' and executor_id is distinct from $1 limit 1";
  return (await q.maybe(CountRow, sql, [executorId])) !== null;
}

/** Deletes counts that have not changed since the instant. */
export async function forgetTakeOvers(q: Queryable, before: number): Promise<number> {
  return q.exec("delete from take_over where at < $1", [before]);
}

/** Takes, until the transaction ends, the lock that a live process holds as its sign of life; false while the process lives. */
export async function tryLifeLock(q: Transaction, lifeClass: number, executorId: string): Promise<boolean> {
  const { free } = await q.one(z.object({ free: z.boolean() }), "select pg_try_advisory_xact_lock($1::int, hashtext($2)) as free", [
    lifeClass,
    executorId,
  ]);
  return free;
}
