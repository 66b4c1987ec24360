import { Error as DbosErrors } from "@dbos-inc/dbos-sdk";
import type { DBOSClient, DLogger } from "@dbos-inc/dbos-sdk";
import { migrateSystemDatabase } from "@dbos-inc/dbos-sdk/internal/system_database";
import { GlobalLogger } from "@dbos-inc/dbos-sdk/internal/telemetry/logs";
import pg from "pg";
import { connectionSettings, type Transaction } from "../store/db.ts";
import { runWithAdvisoryLock } from "../store/advisory-lock.ts";
import { quietLogger } from "./adapter.ts";

/** The name under which all our rows stand in DBOS's tables. */
export const APPLICATION = "twokey";
/** Work: one run at a time for each (name, id). */
export const WORK_QUEUE = "work";
/** Firings of schedules, which DBOS enqueues itself and without a partition. */
export const SCHEDULE_QUEUE = "schedules";

/**
 * Makes or migrates DBOS's tables, one replica at a time.
 *
 * Two first launches at once leave them broken for good; and a lock that is waited for inside the server hangs for ever,
 * since DBOS builds indexes concurrently, which waits for the waiter's snapshot (trap 1). Hence a polled lock.
 * A `role` is given the rights with which a process can work on them without owning them.
 * `DBOS.migrate` would do, but it prints to standard output; this is the function behind it, of the pinned version.
 */
export async function migrateEngine(url: string, logger: DLogger, role: string | null = null): Promise<void> {
  // "Running migrations …" is a warning to DBOS and none to us; what goes wrong is thrown.
  const silent = new GlobalLogger(undefined, { logger: { ...logger, warn: () => undefined } });
  await runWithAdvisoryLock(connectionSettings(url), "twokey.engine.migrate", { waitMs: Infinity, pollMs: 50 }, () =>
    migrateSystemDatabase(url, silent, undefined, role ?? undefined),
  );
}

/** Makes or migrates the engine's tables as their owner, before any process works; what goes wrong is thrown. */
export function prepareEngine(ownerUrl: string, role: string | null): Promise<void> {
  return migrateEngine(
    ownerUrl,
    quietLogger(() => undefined),
    role,
  );
}

/** The connections that DBOS uses, with its own kinds of columns; a pool it makes itself prints a deprecation of `pg` (trap 8). */
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

/** One run to be put into the queue. */
export interface Run {
  readonly id: string;
  readonly partition: string;
  readonly key?: string;
  readonly delayMs?: number;
  readonly tx?: Transaction;
}

/** Puts a run into the queue; does nothing when one with the same key waits or runs. */
export async function enqueueRun({ client }: { readonly client: DBOSClient }, workflowName: string, run: Run): Promise<void> {
  const options = {
    workflowName,
    queueName: WORK_QUEUE,
    queuePartitionKey: run.partition,
    ...(run.key === undefined ? {} : { deduplicationID: `${workflowName}:${run.key}`, attributes: { key: run.key } }),
    // PostgreSQL refuses a fraction of a millisecond, such as a monotonic clock gives; late by one is better than early.
    ...(run.delayMs === undefined || run.delayMs <= 0 ? {} : { delaySeconds: Math.ceil(run.delayMs) / 1000 }),
  };
  if (run.tx === undefined) {
    await client.enqueue(options, run.id).catch(refuseAllButDuplicate);
    return;
  }
  // A duplicate is an error to PostgreSQL and would spoil the caller's transaction; back to the savepoint it has not happened.
  const { raw } = run.tx;
  await raw.query("savepoint enqueue");
  try {
    await client.enqueueInTransaction(raw, options, run.id);
    await raw.query("release savepoint enqueue");
  } catch (error) {
    await raw.query("rollback to savepoint enqueue");
    refuseAllButDuplicate(error);
  }
}

function refuseAllButDuplicate(error: unknown): void {
  if (error instanceof DbosErrors.DBOSQueueDuplicatedError) return;
  throw error;
}
