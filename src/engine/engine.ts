/**
 * Durable work: the only module that knows DBOS.
 *
 * Our own tables are the truth. A piece of work is a name and an id; its function reads the tables, does the next step and
 * returns. So it may run again at any time, by any process and any version: after a crash, after a take-over, by a sweep over due rows.
 * Waits of days are rows and delayed work, never a sleeping function. Two runs of the same (name, id) never overlap, over all replicas.
 *
 * Source: facts on DBOS 5.3.0 (docs/adr); each trap named there has a line here or in the files beside.
 */
import type { Transaction } from "../store/db.ts";
import { cronOf } from "./cron.ts";
import type { EngineEvent } from "./event.ts";
import { joinReplicas, type Replica, type Schedule } from "./replica.ts";
import { createRuns, type Run } from "./runs.ts";
import { enqueueRun } from "./schema.ts";

/** How one run is put into the queue. */
export interface EnqueueOptions {
  /** While a run with this key waits or runs, another enqueue with it does nothing; after its end the key is free again. */
  readonly key?: string;
  /** Units: milliseconds; due work starts within about a second after it. */
  readonly delayMs?: number;
  /** Puts the run in with the caller's own rows: it exists when they are committed, and never otherwise. */
  readonly tx?: Transaction;
}

/** Durable work over all replicas. */
export interface Engine {
  /** Migrates the engine's own tables, unless that was done, then begins to work. `migrate` of the store must have run before. */
  start(): Promise<void>;
  /** Tells running work to end, waits a little, and leaves what did not end to be taken over. */
  stop(): Promise<void>;
  /** Names a kind of work; before `start`. `run` must be idempotent, and must throw when its signal aborts before it is done. */
  define(name: string, run: Run): void;
  /** Puts a run of (name, id) into the queue. */
  enqueue(name: string, id: string, options?: EnqueueOptions): Promise<void>;
  /**
   * Runs something periodically, once for each firing over all replicas; before `start`. A firing that comes while the one
   * before it still runs is left out. The period must divide a minute, an hour or a day (cron.ts).
   *
   * Units: `at` is the firing's UTC epoch milliseconds.
   */
  schedule(name: string, everySeconds: number, run: (at: number) => Promise<void>): void;
}

/**
 * What an engine needs.
 *
 * `executorId` is unique for each process and each start. `applicationVersion` stays the same from release to release, since
 * any version can finish what another began; DBOS would never hand out work begun under another one (trap 4).
 * `onFatal` must end the process: whoever lost the sign of life may be declared dead, and its work is then done elsewhere.
 */
export interface EngineOptions {
  readonly url: string;
  readonly executorId: string;
  readonly applicationVersion: string;
  readonly now: () => number;
  readonly onEvent: (event: EngineEvent) => void;
  readonly onFatal: (error: Error) => void;
  /** False: `prepareEngine` has run, and the role of `url` may only work on the tables. */
  readonly migrates?: boolean;
  /** How often a dead process's run is begun again before it is given up. */
  readonly takeOversMax?: number;
  readonly reapEveryMs?: number;
  readonly stopWaitMs?: number;
}

const TAKE_OVERS_MAX = 5;
const REAP_MS = 2_000;
const STOP_WAIT_MS = 5_000;

/** Builds the engine; one process can have one started engine at a time (trap 6). */
export function createEngine(o: EngineOptions): Engine {
  const runs = createRuns(o.onEvent);
  const schedules: Schedule[] = [];
  let replica: Replica | null = null;

  function expectStarted(): Replica {
    if (replica === null) throw new Error("the engine has not been started");
    return replica;
  }

  return {
    define(name, run) {
      runs.register(workflowOf(name), name, run);
    },
    schedule(name, everySeconds, run) {
      const workflow = `schedule.${name}`;
      schedules.push({ name, workflow, cron: cronOf(everySeconds) });
      runs.register(workflow, name, async (at) => {
        await expectStarted().db.withAdvisoryLock(`twokey.${workflow}`, { waitMs: 0 }, () => run(Number(at)));
      });
    },
    async start() {
      replica = await joinReplicas(
        { ...o, migrates: o.migrates ?? true, takeOversMax: o.takeOversMax ?? TAKE_OVERS_MAX, reapEveryMs: o.reapEveryMs ?? REAP_MS },
        schedules,
      );
      runs.begin();
    },
    async stop() {
      await runs.end(o.stopWaitMs ?? STOP_WAIT_MS);
      await replica?.leave();
      replica = null;
    },
    async enqueue(name, id, options = {}) {
      await enqueueRun(expectStarted(), workflowOf(name), { id, partition: `${name}:${id}`, ...options });
    },
  };
}

function workflowOf(name: string): string {
  return `work.${name}`;
}
