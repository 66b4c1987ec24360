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
