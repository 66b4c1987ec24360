import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import { createDatabase, type Database } from "../store/db.ts";
import { quietLogger } from "./adapter.ts";
import type { EngineEvent } from "./event.ts";
import { holdLife } from "./liveness.ts";
import { forgetFinished, takeOverFromDead } from "./reaper.ts";
import { APPLICATION, SCHEDULE_QUEUE, WORK_QUEUE, createEnginePool, migrateEngine } from "./schema.ts";

/** What a replica needs to take part; see `EngineOptions`. */
export interface ReplicaOptions {
  readonly url: string;
  readonly executorId: string;
  readonly applicationVersion: string;
  readonly migrates: boolean;
  readonly takeOversMax: number;
  readonly reapEveryMs: number;
  readonly now: () => number;
  readonly onEvent: (event: EngineEvent) => void;
  readonly onFatal: (error: Error) => void;
}

/** A schedule as DBOS keeps it. */
export interface Schedule {
  readonly name: string;
  readonly workflow: string;
  readonly cron: string;
}

/** This process as one of those that share the work. */
export interface Replica {
  readonly client: DBOSClient;
  readonly db: Database;
  leave(): Promise<void>;
}

const WORKER_CONCURRENCY = 16;
/** Short enough that a person who clicked does not notice; each poll is one small statement. */
const POLL_MS = 100;
const SCHEDULE_POLL_MS = 250;
/** What is done with normal end while leaving still has to be recorded by DBOS. */
const RECORD_MS = 300;
/** Old runs are deleted in every n-th round only. */
const FORGET_ROUNDS = 30;

/** Joins: migrates if it may, shows itself alive, announces queues and schedules, begins to work and to watch for dead ones. */
export async function joinReplicas(o: ReplicaOptions, schedules: readonly Schedule[]): Promise<Replica> {
  const logger = quietLogger(o.onEvent);
  const onError = (error: Error): void => {
    o.onEvent({ kind: "warning", text: error.message });
  };
  if (o.migrates) await migrateEngine(o.url, logger);
  const db = createDatabase(o.url, { max: 3, onError });
  const life = await holdLife(o.url, o.executorId, o.onFatal);
  const pool = createEnginePool(o.url, onError);
  const client = await DBOSClient.create({ systemDatabaseUrl: o.url, systemDatabasePool: pool, applicationName: APPLICATION, logger });
  // Queues and schedules stand before the launch: one that is registered after it waits a second for its first dispatch (trap 5).
  await client.registerQueue(WORK_QUEUE, { partitionConcurrency: 1, workerConcurrency: WORKER_CONCURRENCY, minPollingIntervalMs: POLL_MS });
  await client.registerQueue(SCHEDULE_QUEUE, { workerConcurrency: WORKER_CONCURRENCY, minPollingIntervalMs: SCHEDULE_POLL_MS });
  await applySchedules(client, schedules);
  DBOS.setConfig({
    name: APPLICATION,
    systemDatabaseUrl: o.url,
    systemDatabasePool: pool,
    executorID: o.executorId,
    applicationVersion: o.applicationVersion,
    runMigrations: false,
    useListenNotify: false,
    logger,
  });
  await DBOS.launch();
  const watch = watchForDead(o, db, client);
  return {
    client,
    db,
    async leave() {
      await watch.end();
      await DBOS.shutdown({ deregister: true, workflowCompletionTimeoutMS: RECORD_MS });
      await client.destroy();
      await pool.end();
      await db.close();
      // Last of all: from here on others take over what is left.
      await life.release();
    },
  };
}

/** Looks for dead processes at once and then periodically; `end` waits for a round that is under way. */
function watchForDead(o: ReplicaOptions, db: Database, client: DBOSClient): { end(): Promise<void> } {
  let rounds = 0;
  let round: Promise<void> | null = null;
  const look = async (): Promise<void> => {
    try {
      await takeOverFromDead({ db, client, me: o.executorId, takeOversMax: o.takeOversMax, at: o.now(), onEvent: o.onEvent });
      if (rounds++ % FORGET_ROUNDS === 0) await forgetFinished({ db, client, at: o.now() });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      o.onEvent({ kind: "warning", text: `looking for dead processes did not succeed: ${text}` });
    }
  };
  const begin = (): void => {
    round ??= look().finally(() => {
      round = null;
    });
  };
  begin();
  const timer = setInterval(begin, o.reapEveryMs);
  return {
    async end() {
      clearInterval(timer);
      await round;
    },
  };
}

/** Schedules that the code no longer names would go on putting work into the queue that nobody can do. */
async function applySchedules(client: DBOSClient, schedules: readonly Schedule[]): Promise<void> {
  const wanted = new Set(schedules.map((schedule) => schedule.name));
  for (const old of await client.listSchedules()) {
    if (!wanted.has(old.scheduleName)) await client.deleteSchedule(old.scheduleName);
  }
  if (schedules.length === 0) return;
  await client.applySchedules(
    schedules.map(({ name, workflow, cron }) => ({
      scheduleName: name,
      workflowName: workflow,
      schedule: cron,
      queueName: SCHEDULE_QUEUE,
      cronTimezone: "UTC",
    })),
  );
}
