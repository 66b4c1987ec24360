/**
 * Durable work: the only module that knows DBOS.
 *
 * Our own tables are the truth. A piece of work is a name and an id; its function reads the tables, does the next step and
 * returns. So it may run again at any time, by any process and any version: after a crash, after a take-over, by a sweep over due rows.
 * Waits of days are rows and delayed work, never a sleeping function. Two runs of the same (name, id) never overlap, over all replicas.
 *
 * Source: facts on DBOS 5.3.0 (docs/adr); each trap named there has a line here or in the files beside.
 */
import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import { setInterval as every } from "node:timers";
import type pg from "pg";
import { createDatabase } from "../store/db.ts";
import type { Database, Transaction } from "../store/db.ts";
import { isRetryable, quietLogger } from "./adapter.ts";
import { cronOf } from "./cron.ts";
import type { EngineEvent } from "./event.ts";
import { holdLife } from "./liveness.ts";
import type { Life } from "./liveness.ts";
import { forgetFinished, takeOverFromDead } from "./reaper.ts";
import { APPLICATION, SCHEDULE_QUEUE, WORK_QUEUE, createEnginePool, enqueueRun, migrateEngine } from "./schema.ts";

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
  /** Migrates the engine's own tables, then begins to work. `migrate` of the store must have run before. */
  start(): Promise<void>;
  /** Tells running work to end, waits a little, and leaves what did not end to be taken over. */
  stop(): Promise<void>;
  /** Names a kind of work; before `start`. `run` must be idempotent, and must throw when its signal aborts before it is done. */
  define(name: string, run: (id: string, signal: AbortSignal) => Promise<void>): void;
  /** Puts a run of (name, id) into the queue. */
  enqueue(name: string, id: string, options?: EnqueueOptions): Promise<void>;
  /** Runs something periodically, once for each firing over all replicas; before `start`. Units: `at` is the firing's UTC epoch ms. */
  schedule(name: string, everySeconds: number, run: (at: number) => Promise<void>): void;
  /** Cancels the waiting or running run with this key; a running one sees its signal abort within seconds. */
  cancel(name: string, key: string): Promise<void>;
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
  /** How often a dead process's run is begun again before it is given up. */
  readonly takeOversMax?: number;
  readonly reapEveryMs?: number;
  readonly stopWaitMs?: number;
}

interface Schedule {
  readonly name: string;
  readonly cron: string;
}

const TAKE_OVERS_MAX = 5;
const REAP_MS = 2_000;
const STOP_WAIT_MS = 5_000;
const WORKER_CONCURRENCY = 16;
/** Short enough that a person who clicked does not notice; each poll is one small statement. */
const POLL_MS = 100;
const SCHEDULE_POLL_MS = 250;

/** Builds the engine; one process can have one started engine at a time (trap 6). */
export function createEngine(o: EngineOptions): Engine {
  const stopping = new AbortController();
  const schedules: Schedule[] = [];
  let running: Running | null = null;

  function guarded(name: string, id: string, run: (signal: AbortSignal) => Promise<void>): () => Promise<void> {
    return async () => {
      try {
        const cancelSignal = DBOS.stepStatus?.cancelSignal;
        await run(cancelSignal === undefined ? stopping.signal : AbortSignal.any([cancelSignal, stopping.signal]));
      } catch (error) {
        // An interrupted run must not be recorded as failed: it stays as it is until another process takes it over.
        if (stopping.signal.aborted) return parkForEver();
        o.onEvent({ kind: isRetryable(error) ? "run_retried" : "run_failed", name, id, error });
        throw error;
      }
    };
  }

  function register(workflow: string, name: string, run: (id: string, signal: AbortSignal) => Promise<void>): void {
    DBOS.registerWorkflow(async (input: string | Date) => {
      const id = input instanceof Date ? String(input.getTime()) : input;
      await DBOS.runStep(guarded(name, id, (signal) => run(id, signal)), {
        name: "run", retriesAllowed: true, maxAttempts: 8, intervalSeconds: 0.5, backoffRate: 2, shouldRetry: isRetryable,
      });
    }, { name: workflow });
  }

  return {
    define(name, run) { register(workflowOf(name), name, run); },
    schedule(name, everySeconds, run) {
      schedules.push({ name, cron: cronOf(everySeconds) });
      register(workflowOf(name, "schedule"), name, (at) => run(Number(at)));
    },
    async start() { running = await start(o, schedules); },
    async stop() {
      stopping.abort();
      await running?.stop();
      running = null;
    },
    async enqueue(name, id, options = {}) {
      await enqueueRun(expectRunning(running), workflowOf(name), { id, partition: `${name}:${id}`, ...options });
    },
    async cancel(name, key) {
      const { client } = expectRunning(running);
      const found = await client.listWorkflows({
        workflowName: workflowOf(name), attributes: { key }, status: ["DELAYED", "ENQUEUED", "PENDING"], loadInput: false, loadOutput: false,
      });
      if (found.length > 0) await client.cancelWorkflows(found.map((run) => run.workflowID));
    },
  };
}

interface Running {
  readonly client: DBOSClient;
  readonly db: Database;
  stop(): Promise<void>;
}

async function start(o: EngineOptions, schedules: readonly Schedule[]): Promise<Running> {
  const logger = quietLogger(o.onEvent);
  const onError = (error: Error): void => { o.onEvent({ kind: "warning", text: error.message }); };
  await migrateEngine(o.url, logger);
  const db = createDatabase(o.url, { max: 3, onError });
  const life = await holdLife(o.url, o.executorId, o.onFatal);
  const pool = createEnginePool(o.url, onError);
  const client = await DBOSClient.create({ systemDatabaseUrl: o.url, systemDatabasePool: pool, applicationName: APPLICATION, logger });
  // Queues and schedules stand before the launch: one that is registered after it waits a second for its first dispatch (trap 5).
  await client.registerQueue(WORK_QUEUE, { partitionConcurrency: 1, workerConcurrency: WORKER_CONCURRENCY, minPollingIntervalMs: POLL_MS });
  await client.registerQueue(SCHEDULE_QUEUE, { workerConcurrency: WORKER_CONCURRENCY, minPollingIntervalMs: SCHEDULE_POLL_MS });
  await applySchedules(client, schedules);
  DBOS.setConfig({
    name: APPLICATION, systemDatabaseUrl: o.url, systemDatabasePool: pool, executorID: o.executorId, applicationVersion: o.applicationVersion,
    runMigrations: false, useListenNotify: false, logger,
  });
  await DBOS.launch();
  const timer = reapPeriodically(o, db, client);
  return { client, db, stop: () => stop(o, { db, client, pool, life, timer }) };
}

function reapPeriodically(o: EngineOptions, db: Database, client: DBOSClient): NodeJS.Timeout {
  let busy = false;
  const reap = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      await takeOverFromDead({ db, client, me: o.executorId, takeOversMax: o.takeOversMax ?? TAKE_OVERS_MAX, at: o.now(), onEvent: o.onEvent });
      await forgetFinished({ db, client, at: o.now() });
    } catch (error) {
      o.onEvent({ kind: "warning", text: `looking for dead processes did not succeed: ${error instanceof Error ? error.message : String(error)}` });
    } finally {
      busy = false;
    }
  };
  void reap();
  return every(() => { void reap(); }, o.reapEveryMs ?? REAP_MS);
}

interface Parts {
  readonly db: Database;
  readonly client: DBOSClient;
  readonly pool: pg.Pool;
  readonly life: Life;
  readonly timer: NodeJS.Timeout;
}

async function stop(o: EngineOptions, parts: Parts): Promise<void> {
  clearInterval(parts.timer);
  await DBOS.shutdown({ deregister: true, workflowCompletionTimeoutMS: o.stopWaitMs ?? STOP_WAIT_MS });
  await parts.client.destroy();
  await parts.pool.end();
  await parts.db.close();
  // Last of all: from here on others take over what is left.
  await parts.life.release();
}

/** Schedules that the code no longer names would go on putting work into the queue that nobody can do. */
async function applySchedules(client: DBOSClient, schedules: readonly Schedule[]): Promise<void> {
  const wanted = new Set(schedules.map((schedule) => schedule.name));
  for (const old of await client.listSchedules()) {
    if (!wanted.has(old.scheduleName)) await client.deleteSchedule(old.scheduleName);
  }
  if (schedules.length === 0) return;
  await client.applySchedules(schedules.map(({ name, cron }) => ({
    scheduleName: name, workflowName: workflowOf(name, "schedule"), schedule: cron, queueName: SCHEDULE_QUEUE, cronTimezone: "UTC",
  })));
}

function workflowOf(name: string, kind: "work" | "schedule" = "work"): string {
  return `${kind}.${name}`;
}

function expectRunning(running: Running | null): Running {
  if (running === null) throw new Error("the engine has not been started");
  return running;
}

function parkForEver(): Promise<void> {
  return new Promise(() => undefined);
}
