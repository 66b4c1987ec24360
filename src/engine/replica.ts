import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import { createDatabase, type Database } from "../store/db.ts";
import type { EngineEvent } from "./event.ts";
import { holdLife } from "./liveness.ts";
import { forgetFinished, takeOverFromDead } from "./reaper.ts";
import { pollQuietly } from "./quiet-polling.ts";
import { APPLICATION, OLD_SCHEDULE_QUEUE, createEnginePool, migrateEngine, quietLogger } from "./schema.ts";
import { QUEUES, sortIntoQueues } from "./queues.ts";

/**
 * What an engine needs.
 *
 * `executorId` is unique for each process and each start. `applicationVersion` stays the same from release to release, since any version
 * can finish what another began; DBOS never dispatches work of another one (trap 4).
 * `onFatal` must end the process: other replicas may take over the work of a process that lost its sign of life.
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
  /** How often a run of dead processes is started again before it is cancelled. */
  readonly takeOversMax?: number;
  readonly reapEveryMs?: number;
  readonly stopWaitMs?: number;
  /** How often the queues are asked, at most. */
  readonly pollMs?: number;
}

/** This process as one of the replicas that share the work. */
export interface Replica {
  readonly client: DBOSClient;
  readonly db: Database;
  /** When its database answered last. Units: UTC epoch milliseconds. */
  answeredAt(): number;
  leave(): Promise<void>;
}

const TAKE_OVERS_MAX = 5;
const REAP_MS = 2_000;
/** Short enough that a person who clicked does not notice; each poll is one short statement while nothing waits (quiet-polling.ts). */
const POLL_MS = 500;
/** DBOS still has to record the runs that ended while this process stopped. */
const RECORD_MS = 300;
/** Old runs are deleted, and those of the version before sorted, in every n-th round only. */
const FORGET_ROUNDS = 30;

/** Joins: migrates if it may, takes its sign of life, registers the queues, begins to work and to watch for dead processes. */
export async function joinReplicas(o: EngineOptions): Promise<Replica> {
  const logger = quietLogger(o.onEvent);
  const onError = (error: Error): void => {
    o.onEvent({ kind: "warning", text: error.message });
  };
  if (o.migrates ?? true) await migrateEngine(o.url, logger);

  const db = createDatabase(o.url, { max: 3, onError });
  const life = await holdLife(o.url, o.executorId, o.onFatal);
  const pool = createEnginePool(o.url, onError);
  const client = await DBOSClient.create({ systemDatabaseUrl: o.url, systemDatabasePool: pool, applicationName: APPLICATION, logger });

  // The queues are registered before the launch: after it their first dispatch takes a second (trap 5).
  const minPollingIntervalMs = o.pollMs ?? POLL_MS;
  for (const [queue, workerConcurrency] of QUEUES)
    await client.registerQueue(queue, { workerConcurrency, partitionConcurrency: 1, minPollingIntervalMs });
  await forgetOldSchedules(client);
  await sortIntoQueues(db);

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
  const pollAsEver = pollQuietly(db, o.now);
  const watch = watchForDead(o, db, client);
  return {
    client,
    db,
    answeredAt: watch.answeredAt,
    async leave() {
      await watch.end();
      pollAsEver();
      await DBOS.shutdown({ deregister: true, workflowCompletionTimeoutMS: RECORD_MS });
      await client.destroy();
      await pool.end();
      await db.close();
      // Last of all: from here on others take over what has not ended.
      await life.release();
    },
  };
}

/** Searches for dead processes at once and then periodically; `end` waits for the current round. */
function watchForDead(o: EngineOptions, db: Database, client: DBOSClient): { answeredAt(): number; end(): Promise<void> } {
  let [rounds, answeredAt] = [0, o.now()];
  let round: Promise<void> | null = null;
  const runRound = async (): Promise<void> => {
    try {
      const takeOversMax = o.takeOversMax ?? TAKE_OVERS_MAX;
      await takeOverFromDead({ db, client, me: o.executorId, takeOversMax, at: o.now(), onEvent: o.onEvent });
      if (rounds++ % FORGET_ROUNDS === 0) {
        await sortIntoQueues(db);
        await forgetFinished({ db, client, at: o.now() });
      }
      answeredAt = o.now();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      o.onEvent({ kind: "warning", text: `the search for dead processes failed: ${text}` });
    }
  };
  const begin = (): void => {
    round ??= runRound().finally(() => {
      round = null;
    });
  };
  begin();
  const timer = setInterval(begin, o.reapEveryMs ?? REAP_MS);
  return {
    answeredAt: () => answeredAt,
    async end() {
      clearInterval(timer);
      await round;
    },
  };
}

/** Earlier versions had their schedules in DBOS; those would go on enqueueing work without a function. */
async function forgetOldSchedules(client: DBOSClient): Promise<void> {
  for (const old of await client.listSchedules()) await client.deleteSchedule(old.scheduleName);
  await client.deleteQueue(OLD_SCHEDULE_QUEUE);
  const waiting = await client.listWorkflows({ status: "ENQUEUED", queueName: OLD_SCHEDULE_QUEUE, loadInput: false, loadOutput: false });
  if (waiting.length > 0) await client.deleteWorkflows(waiting.map((run) => run.workflowID));
}
