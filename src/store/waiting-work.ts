import { z } from "zod";
import type { Queryable } from "./db.ts";

const WaitingRow = z.object({ queues: z.array(z.string()), isDue: z.boolean() });
/** In which queues of the engine there is work to begin, and whether the delay of any is over, or soon. */
export type WaitingWork = Readonly<z.output<typeof WaitingRow>>;

/** Reads it in one statement by the engine's own indexes. */
export function readWaitingWork(q: Queryable, dueBefore: number): Promise<WaitingWork> {
  return q.one(
    WaitingRow,
    `select array(select distinct queue_name from dbos.workflow_status where status = 'ENQUEUED' and queue_name is not null) as queues,
       exists (select from dbos.workflow_status where status = 'DELAYED'
         and delay_until_epoch_ms <= $1) as "isDue"`,
    [Math.floor(dueBefore)],
  );
}

const ThereRow = z.object({ isThere: z.boolean() }).transform((row) => row.isThere);

/** Whether a run of a partition runs or waits in a queue, besides `except`. */
export function readIsInQueue(q: Queryable, queue: string, partition: string, except: string | null): Promise<boolean> {
  return q.one(
    ThereRow,
    `select exists (select from dbos.workflow_status
       where queue_name = $1 and queue_partition_key = $2 and status in ('ENQUEUED', 'PENDING', 'DELAYED')
         and workflow_uuid is distinct from $3) as "isThere"`,
    [queue, partition, except],
  );
}

const PlaceRow = z.object({ queue: z.string().nullable(), isAlone: z.boolean() });

/** In which queue a run is, and whether no other one of its partition runs in any of these queues. */
export function readPlaceOf(q: Queryable, run: string, queues: readonly string[]): Promise<Readonly<z.output<typeof PlaceRow>> | null> {
  return q.maybe(
    PlaceRow,
    `select w.queue_name as queue, not exists (select from dbos.workflow_status o
         where o.queue_name = any($2) and o.status = 'PENDING' and o.queue_partition_key = w.queue_partition_key
           and o.workflow_uuid <> w.workflow_uuid) as "isAlone"
     from dbos.workflow_status w where w.workflow_uuid = $1`,
    [run, queues],
  );
}

/** Moves the runs that wait in a queue to another one; `partitions` as for `like`. Those stay of which one of the same partition runs there. */
export async function moveWaiting(
  q: Queryable,
  { from, to, partitions }: { readonly from: string; readonly to: string; readonly partitions: string },
): Promise<void> {
  await q.exec(
    `update dbos.workflow_status w set queue_name = $1
     where w.queue_name = $2 and w.status = 'ENQUEUED' and w.queue_partition_key like $3
       and not exists (select from dbos.workflow_status o where o.queue_name = $2 and o.status in ('PENDING', 'DELAYED')
         and o.queue_partition_key = w.queue_partition_key)
       and not exists (select from dbos.workflow_status o where o.queue_name = $1 and o.deduplication_id = w.deduplication_id)`,
    [to, from, partitions],
  );
}
