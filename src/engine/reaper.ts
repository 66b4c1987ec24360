import { DAY_MS } from "../core/units.ts";
import type { DBOSClient, WorkflowStatus } from "@dbos-inc/dbos-sdk";
import type { Database } from "../store/db.ts";
import { readOthersRun, forgetTakeOvers, recordTakeOver, tryLifeLock } from "../store/take-overs.ts";
import type { EngineEvent } from "./event.ts";
import { LIFE_CLASS } from "./liveness.ts";
import { queueFor, sortIntoQueues, WORK_QUEUE } from "./queues.ts";
import { APPLICATION, OLD_SCHEDULE_QUEUE } from "./schema.ts";

/** What one search for dead processes needs. */
export interface ReapInput {
  readonly db: Database;
  readonly client: DBOSClient;
  readonly me: string;
  readonly takeOversMax: number;
  readonly at: number;
  readonly onEvent: (event: EngineEvent) => void;
}

const BATCH = 1_000;
/**
 * Puts the runs of dead processes back into their queues (DBOS does so only with a paid service: trap 2).
 *
 * A process is dead when its sign-of-life lock is free. If it is alive after all, DBOS's fencing stops its old run.
 * A run that was taken over too often is cancelled instead: it probably is what kills the processes.
 */
export async function takeOverFromDead(input: ReapInput): Promise<void> {
  // Almost always nobody else runs anything: one short statement instead of a transaction of DBOS's.
  if (!(await readOthersRun(input.db, input.me))) return;
  const pending = await listPending(input.client);
  const others = new Set(pending.map((run) => run.executorId).filter((id) => id !== undefined && id !== input.me));
  for (const executor of others) {
    await input.db.tx(async (q) => {
      // Not free: the process is alive, or another replica is doing this.
      if (!(await tryLifeLock(q, LIFE_CLASS, executor ?? ""))) return;
      const runs = await listPending(input.client, executor);
      for (const run of runs) await takeOver(input, run, executor ?? "unknown");
    });
  }
  await sortIntoQueues(input.db);
}

/** Deletes runs that ended long ago: a schedule of a few seconds alone leaves thousands of rows a day. */
export async function forgetFinished(input: Pick<ReapInput, "db" | "client" | "at">): Promise<void> {
  const finished = await input.client.listWorkflows({
    status: ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
    completedBefore: new Date(input.at - DAY_MS).toISOString(),
    applicationName: APPLICATION,
    limit: 200,
    loadInput: false,
    loadOutput: false,
  });
  if (finished.length > 0) await input.client.deleteWorkflows(finished.map((run) => run.workflowID));
  await forgetTakeOvers(input.db, input.at - 30 * DAY_MS);
}

async function takeOver(input: ReapInput, run: WorkflowStatus, from: string): Promise<void> {
  // A firing of an earlier version: the next one comes by itself, and nothing asks this queue.
  if (run.queueName === OLD_SCHEDULE_QUEUE) return input.client.cancelWorkflow(run.workflowID);
  // On another connection, so that the count is kept even if this process dies now.
  const count = await recordTakeOver(input.db, run.workflowID, input.at);
  const data = { run: run.workflowID, workflow: run.workflowName, from, count };
  if (count > input.takeOversMax) {
    await input.client.cancelWorkflow(run.workflowID);
    input.onEvent({ kind: "given_up", ...data });
    return;
  }
  const { queueName, queuePartitionKey: partition } = run;
  const isOfBefore = queueName === WORK_QUEUE && partition !== undefined;
  const queue = isOfBefore ? await queueFor(input.db, partition, run.workflowID) : queueName;
  await input.client.resumeWorkflow(run.workflowID, queue === undefined ? {} : { queueName: queue });
  input.onEvent({ kind: "taken_over", ...data });
}

function listPending(client: DBOSClient, executorId?: string): Promise<WorkflowStatus[]> {
  return client.listWorkflows({
    status: "PENDING",
    applicationName: APPLICATION,
    limit: BATCH,
    loadInput: false,
    loadOutput: false,
    ...(executorId === undefined ? {} : { executorId }),
  });
}
