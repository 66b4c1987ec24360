import { Error as DbosErrors } from "@dbos-inc/dbos-sdk";
import type { DBOSClient, DLogger } from "@dbos-inc/dbos-sdk";
import { migrateSystemDatabase } from "@dbos-inc/dbos-sdk/internal/system_database";
import { GlobalLogger } from "@dbos-inc/dbos-sdk/internal/telemetry/logs";
import pg from "pg";
import { connectionSettings, type Transaction } from "../store/db.ts";
import { runWithAdvisoryLock } from "../store/advisory-lock.ts";
import type { EngineEvent } from "./event.ts";

/** The application's name in DBOS's tables. */
export const APPLICATION = "twokey";
/** Work: one run at a time for each (name, id). */
export const WORK_QUEUE = "work";
/** Schedules, which DBOS enqueues itself and without a partition. */
export const SCHEDULE_QUEUE = "schedules";

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
 * concurrently, which waits for that process's snapshot (trap 1). Hence a polled lock.
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
  /** While a run with this key waits or runs, another enqueue with it does nothing; after its end the key is free again. */
  readonly key?: string;
  /** Units: milliseconds; due work starts within about a second after it. */
  readonly delayMs?: number;
  /** Enqueues in the caller's transaction: the run exists if and only if it is committed. */
  readonly tx?: Transaction;
}

/** Puts a run of (name, id) into the queue; does nothing when one with the same key waits or runs. */
export async function enqueueRun(client: DBOSClient, name: string, id: string, run: EnqueueOptions): Promise<void> {
  const workflowName = workflowOf(name);
  const options = {
    workflowName,
    queueName: WORK_QUEUE,
    queuePartitionKey: `${name}:${id}`,
    ...(run.key === undefined ? {} : { deduplicationID: `${workflowName}:${run.key}`, attributes: { key: run.key } }),
    // PostgreSQL refuses fractions of a millisecond, which monotonic clocks have; one late is better than one early.
    ...(run.delayMs === undefined || run.delayMs <= 0 ? {} : { delaySeconds: Math.ceil(run.delayMs) / 1000 }),
  };
  if (run.tx === undefined) {
    await client.enqueue(options, id).catch(refuseAllButDuplicate);
    return;
  }
  // A duplicate is an error to PostgreSQL and would abort the caller's transaction; hence the savepoint.
  const { raw } = run.tx;
  await raw.query("savepoint enqueue");
  try {
    await client.enqueueInTransaction(raw, options, id);
    await raw.query("release savepoint enqueue");
  } catch (error) {
    await raw.query("rollback to savepoint enqueue");
    refuseAllButDuplicate(error);
  }
}

/** The DBOS workflow of a kind of work. */
export function workflowOf(name: string): string {
  return `work.${name}`;
}

function refuseAllButDuplicate(error: unknown): void {
  if (error instanceof DbosErrors.DBOSQueueDuplicatedError) return;
  throw error;
}
