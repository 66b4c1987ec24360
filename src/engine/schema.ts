import { Error as DbosErrors } from "@dbos-inc/dbos-sdk";
import type { DBOSClient, DLogger } from "@dbos-inc/dbos-sdk";
import { migrateSystemDatabase } from "@dbos-inc/dbos-sdk/internal/system_database";
import { GlobalLogger } from "@dbos-inc/dbos-sdk/internal/telemetry/logs";
import pg from "pg";
import { connectionSettings, type Queryable, type Transaction } from "../store/db.ts";
import { runWithAdvisoryLock } from "../store/advisory-lock.ts";
import type { EngineEvent } from "./event.ts";
import { longQueueOf, partitionOf, queueFor } from "./queues.ts";
import { hurryWaiting, waitingKeyOf, workflowOf } from "./waiting.ts";

/** The application's name in DBOS's tables. */
export const APPLICATION = "twokey";
/** What schedules of earlier versions were in. */
export const OLD_SCHEDULE_QUEUE = "schedules";

/** Passes only warnings and errors of DBOS on, as events. */
export function quietLogger(onEvent: (event: EngineEvent) => void): DLogger {
  const ignore = (): void => undefined;
  const report = (entry: unknown): void => {
    onEvent({ kind: "warning", text: entry instanceof Error ? entry.message : String(entry) });
  };
  return { debug: ignore, info: ignore, warn: report, error: report };
}

/**
 * Creates or migrates DBOS's tables, one replica at a time. A `role` gets the rights to work on them without owning them.
 *
 * Two first launches at once leave the tables broken; and a process that waits for a lock in the server hangs, since DBOS builds indexes
 * concurrently, which waits for that process's snapshot (trap 1). So the lock is polled.
 * `DBOS.migrate` prints to standard output; this is the function behind it, of the pinned version.
 */
export async function migrateEngine(url: string, logger: DLogger, role: string | null = null): Promise<void> {
  // DBOS logs "Running migrations …" as a warning; errors are thrown.
  const silent = new GlobalLogger(undefined, { logger: { ...logger, warn: () => undefined } });
  await runWithAdvisoryLock(connectionSettings(url), "twokey.engine.migrate", { waitMs: Infinity, pollMs: 50 }, () =>
    migrateSystemDatabase(url, silent, undefined, role ?? undefined),
  );
}

/** Creates or migrates the engine's tables as their owner, before any process works. Errors: throws. */
export function prepareEngine(ownerUrl: string, role: string | null): Promise<void> {
  const silent = quietLogger(() => undefined);
  return migrateEngine(ownerUrl, silent, role);
}

/** The connections of DBOS; a pool that DBOS makes itself prints a deprecation warning of `pg` (trap 8). */
export function createEnginePool(url: string, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    keepAlive: true,
    application_name: "twokey-engine",
    idle_in_transaction_session_timeout: 60_000,
  });
  pool.on("error", onError);
  return pool;
}

/** How one run is put into the queue. */
export interface EnqueueOptions {
  /**
   * While a run with this key waits or runs, another enqueue with it does nothing; after its end the key is free again. Without a key at
   * most one run of (name, id) waits, besides the one that runs: another enqueue only makes it due earlier.
   */
  readonly key?: string;
  /** Units: milliseconds; due work starts within about a second after it. */
  readonly delayMs?: number;
  /** A run that may take long, of a kind that has a queue for those: no other run waits for its end. */
  readonly isLong?: boolean;
  /** Enqueues in the caller's transaction: the run exists if and only if it is committed. */
  readonly tx?: Transaction;
}

/** Puts a run of (name, id) into the queue, as `EnqueueOptions` say. `q` is used outside of a transaction of the caller. */
export async function enqueueRun(client: DBOSClient, q: Queryable, name: string, id: string, run: EnqueueOptions): Promise<void> {
  const [workflowName, partition] = [workflowOf(name), partitionOf(name, id)];
  const isLong = run.isLong ?? false;
  const key = run.key === undefined ? waitingKeyOf(name, id, isLong) : `${workflowName}:${run.key}`;
  // PostgreSQL refuses fractions of a millisecond, which monotonic clocks have; one late is better than one early.
  const delayMs = Math.ceil(Math.max(0, run.delayMs ?? 0));
  const options = {
    workflowName,
    queueName: isLong ? longQueueOf(name) : await queueFor(run.tx ?? q, partition),
    queuePartitionKey: partition,
    deduplicationID: key,
    ...(run.key === undefined ? {} : { attributes: { key: run.key } }),
    ...(delayMs === 0 ? {} : { delaySeconds: delayMs / 1000 }),
  };
  // A run that begins between two statements of a try frees the key for the next one.
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    if (run.key === undefined && (await hurryWaiting(run.tx ?? q, name, id, delayMs, isLong))) return;
    if ((await insertRun(client, options, id, run.tx)) || run.key !== undefined) return;
  }
  throw new Error(`no run of ${name} could be put into the queue: others began all the time`);
}

const TRIES_MAX = 10;

/** False: a run with the same key waits or runs. */
async function insertRun(
  client: DBOSClient,
  options: Parameters<DBOSClient["enqueue"]>[0],
  id: string,
  tx: Transaction | undefined,
): Promise<boolean> {
  if (tx === undefined) return client.enqueue(options, id).then(() => true, falseIfDuplicate);
  // A duplicate is an error to PostgreSQL and would abort the caller's transaction, so there is a savepoint.
  const { raw } = tx;
  await raw.query("savepoint enqueue");
  try {
    await client.enqueueInTransaction(raw, options, id);
    await raw.query("release savepoint enqueue");
    return true;
  } catch (error) {
    await raw.query("rollback to savepoint enqueue");
    return falseIfDuplicate(error);
  }
}

function falseIfDuplicate(error: unknown): false {
  if (error instanceof DbosErrors.DBOSQueueDuplicatedError) return false;
  throw error;
}
