/**
 * Durable work; no other room uses DBOS.
 *
 * Twokey's own tables are the truth. A piece of work is a name and an id; its function reads the tables, does the next step and
 * returns. So it may run again at any time, in any process and version: after a crash, after a take-over, by a sweep over due rows.
 * Waits of days are rows and delayed work, never a sleeping function. Two runs of the same (name, id) never overlap, over all replicas.
 *
 * Source: facts on DBOS 5.3.0 (docs/adr); each trap named there has a comment in this room.
 */
import { periodMs } from "./periods.ts";
import { joinReplicas, type EngineOptions, type Replica } from "./replica.ts";
import { createRuns, type Run } from "./runs.ts";
import { takeTurn } from "./turns.ts";
import { beginSchedules, type Schedule } from "./schedules.ts";
import { enqueueRun, type EnqueueOptions } from "./schema.ts";
import { workflowOf } from "./waiting.ts";

/** Durable work over all replicas. */
export interface Engine {
  /** Migrates the engine's tables unless `migrates` is false, then begins to work. The store must be migrated. */
  start(): Promise<void>;
  /** Aborts active runs and waits for their end; others take over those that did not end in time. */
  stop(): Promise<void>;
  /** Names a kind of work; before `start`. `run` must be idempotent, and must throw when its signal aborts before it is done. */
  define(name: string, run: Run): void;
  /** Puts a run of (name, id) into the queue; at most one waits, besides the one that runs. Of long runs one more may wait. */
  enqueue(name: string, id: string, options?: EnqueueOptions): Promise<void>;
  /**
   * Runs something periodically, once per firing over all replicas; before `start`. A firing during the run of the one before is
   * skipped. One that could not be done, since the database was away or the process died, is begun again a few times. The period must
   * divide a minute, an hour or a day (periods.ts).
   *
   * Units: `at` is the firing's UTC epoch milliseconds.
   */
  schedule(name: string, everySeconds: number, run: (at: number) => Promise<void>): void;
  /** Why it does not work now, in a sentence; null: it does. */
  problem(): string | null;
}

const STOP_WAIT_MS = 5_000;
/** Without an answer of its database for so long the engine counts as down: it is asked every two seconds. */
const SILENT_MS_MAX = 30_000;

/** Builds the engine; one process can have one started engine at a time (trap 6). */
export function createEngine(o: EngineOptions): Engine {
  const runs = createRuns(o.onEvent);
  const schedules: Schedule[] = [];
  let replica: Replica | null = null;
  let firing: { end(): void } | null = null;

  function expectStarted(): Replica {
    if (replica === null) throw new Error("the engine has not been started");
    return replica;
  }

  return {
    define(name, run) {
      runs.register(workflowOf(name), name, run);
    },
    schedule(name, everySeconds, run) {
      schedules.push({ name, everyMs: periodMs(everySeconds), run: (at) => runs.once(name, String(at), () => run(at)) });
    },
    async start() {
      replica = await joinReplicas(o);
      const { client, db } = replica;
      runs.begin((name, id, run) => takeTurn({ client, db }, name, id, run));
      firing = beginSchedules(schedules, { ...o, db: replica.db });
    },
    async stop() {
      firing?.end();
      await runs.end(o.stopWaitMs ?? STOP_WAIT_MS);
      await replica?.leave();
      replica = null;
    },
    async enqueue(name, id, options = {}) {
      const { client, db } = expectStarted();
      await enqueueRun(client, db, name, id, options);
    },
    problem() {
      if (replica === null) return "The engine does not run";
      const silent = Math.abs(o.now() - replica.answeredAt());
      return silent <= SILENT_MS_MAX ? null : `The engine's database has not answered for ${Math.round(silent / 1000)} s`;
    },
  };
}
