/**
 * DBOS asks each of its questions for work in statements of its own, every second or oftener: ten a second in a process that has nothing to
 * do. Here one short statement says whether there is anything to ask for, and only then DBOS asks. What waits is found as soon as before; a
 * delay that is shorter than a poll may end a second later.
 *
 * These are parts of the pinned version that it does not document; `workflow_management`, `wfqueue` and `system_database` of 5.3.0.
 */
import { wfQueueRunner } from "@dbos-inc/dbos-sdk/internal/wfqueue";
import { DBOSExecutor } from "@dbos-inc/dbos-sdk/internal/dbos-executor";
import { workflowTimeoutConfig } from "@dbos-inc/dbos-sdk/internal/workflow_management";
import { readWaitingWork, type WaitingWork } from "../store/waiting-work.ts";
import type { Queryable } from "../store/db.ts";
import { WORK_QUEUE } from "./queues.ts";

/** Queues are registered at the start, no run has a deadline, and nothing is exported: all are looked for rarely. Units: milliseconds. */
const RARELY_MS = 60_000;
/** A delay that is over so soon is asked about as often as DBOS does. Units: milliseconds. */
const SOON_MS = 1_500;

/** A moment that is over. */
const AT_ONCE = 0;

/** What is used of a queue's state. `nextPollAt`: UTC epoch milliseconds of the process's own clock. */
interface QueueState {
  readonly queue: { readonly name: string };
  nextPollAt: number;
}

/** What is used of the runner of queues; most of it is private there. */
interface Runner {
  readonly states: ReadonlyMap<string, QueueState>;
  pollQueue(executor: unknown, queue: QueueState["queue"]): Promise<boolean>;
  adjustInterval(executor: unknown, state: QueueState, isContended: boolean): void;
}

/** What is used of the collector of telemetry. */
interface Collector {
  signalBufferID: NodeJS.Timeout;
  processAndExportSignals(): Promise<void>;
}

/**
 * After the launch of DBOS: from here on it asks only when there is something to ask for, until what it gives is called.
 *
 * Errors: throws with a version of DBOS that has other parts.
 */
export function pollQuietly(q: Queryable, now: () => number): () => void {
  const runner = wfQueueRunner as unknown as Runner;
  const executor = DBOSExecutor.globalInstance;
  const system = executor?.systemDatabase;
  if (system === undefined || [runner.pollQueue, runner.adjustInterval].some((part) => typeof part !== "function"))
    throw new Error("this version of DBOS has no runner of queues");
  const [poll, adjust] = [runner.pollQueue.bind(runner), runner.adjustInterval.bind(runner)];
  const transition = system.transitionDelayedWorkflows.bind(system);
  // While it cannot be read, DBOS asks as ever, and says so.
  let known: WaitingWork | null = null;
  const isAsked = (name: string): boolean => name === WORK_QUEUE || known === null || known.queues.includes(name);
  runner.pollQueue = async (by, queue) => {
    // One statement is about all queues: it comes with the turn of this one, and the others' turns come with its answer.
    if (queue.name === WORK_QUEUE) {
      known = await readWaitingWork(q, now() + SOON_MS).catch(() => null);
      for (const state of runner.states.values()) if (isAsked(state.queue.name)) state.nextPollAt = AT_ONCE;
    }
    return known === null || known.queues.includes(queue.name) ? poll(by, queue) : false;
  };
  runner.adjustInterval = (by, state, isContended) => {
    adjust(by, state, isContended);
    if (!isAsked(state.queue.name)) state.nextPollAt += RARELY_MS;
  };
  system.transitionDelayedWorkflows = async () => {
    if (known === null || known.isDue) await transition();
  };
  const intervals = wfQueueRunner.constructor as unknown as { reconcileIntervalMs: number };
  intervals.reconcileIntervalMs = RARELY_MS;
  workflowTimeoutConfig.pollingIntervalMs = RARELY_MS;
  exportRarely((executor?.tracer as unknown as { readonly telemetryCollector: Collector }).telemetryCollector);
  return () => {
    runner.pollQueue = poll;
    runner.adjustInterval = adjust;
  };
}

/** Nothing is exported, and ten times a second is looked for what would be. */
function exportRarely(collector: Collector): void {
  clearInterval(collector.signalBufferID);
  collector.signalBufferID = setInterval(() => void collector.processAndExportSignals(), RARELY_MS);
}
