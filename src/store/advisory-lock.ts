import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { StoreError, classifyStoreError } from "./store-error.ts";

/** How long to wait for a lock held elsewhere: 0 tries once, `Infinity` waits without limit. */
export interface LockOptions {
  readonly waitMs: number;
  readonly pollMs?: number;
}

/** `held: false`: another process held the lock for the whole wait, and `fn` did not run. */
export type LockOutcome<T> = { readonly held: true; readonly value: T } | { readonly held: false };

const PING_MS = 2_000;

/**
 * Runs `fn` while a connection of its own holds a session advisory lock.
 *
 * The lock is polled: a statement that waits in the server keeps a snapshot open, and the engine's migrations wait for all snapshots
 * (facts on DBOS, trap 1).
 *
 * Errors: `StoreError` `unavailable` when the connection, and so the lock, is lost; the signal of `fn` then aborts at once.
 */
export async function runWithAdvisoryLock<T>(
  settings: pg.ClientConfig,
  key: string,
  options: LockOptions,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<LockOutcome<T>> {
  const client = new pg.Client(settings);
  const lost = new AbortController();
  let closing = false;
  const onLost = (cause?: unknown): void => {
    if (!closing) lost.abort(new StoreError("unavailable", `the connection that held the lock "${key}" was lost`, { cause }));
  };
  client.on("error", onLost);
  client.on("end", () => {
    onLost();
  });
  try {
    await client.connect();
    if (!(await acquire(client, key, options))) return { held: false };
    const pings = setInterval(() => {
      client.query({ text: "select 1", query_timeout: PING_MS } as pg.QueryConfig).catch(onLost);
    }, PING_MS);
    try {
      const value = await fn(lost.signal);
      lost.signal.throwIfAborted();
      return { held: true, value };
    } finally {
      clearInterval(pings);
    }
  } catch (error) {
    throw classified(error);
  } finally {
    closing = true;
    // The end of the session releases the lock; so did the loss of the connection.
    await client.end().catch(() => undefined);
  }
}

/**
 * Runs `work` in a transaction of this connection that holds an advisory lock; waits for the lock without limit, by polling as above.
 *
 * Errors: what `work` throws, errors of PostgreSQL as `StoreError`; then nothing has changed.
 */
export async function inLockedTransaction(client: pg.Client, key: string, work: () => Promise<void>): Promise<void> {
  try {
    await client.query("begin");
    await acquire(client, key, { waitMs: Infinity, pollMs: 50 }, "pg_try_advisory_xact_lock");
    await work();
    await client.query("commit");
  } catch (error) {
    // On a lost connection PostgreSQL has rolled back already.
    await client.query("rollback").catch(() => undefined);
    throw classified(error);
  }
}

async function acquire(client: pg.Client, key: string, options: LockOptions, lock = "pg_try_advisory_lock"): Promise<boolean> {
  const pollMs = options.pollMs ?? 100;
  for (let waited = 0; ; waited += pollMs) {
    const { rows } = await client.query<{ ok: boolean }>(`select ${lock}(hashtextextended($1, 0)) as ok`, [key]);
    if (rows[0]?.ok === true) return true;
    if (waited >= options.waitMs) return false;
    await sleep(pollMs);
  }
}

/** Errors of PostgreSQL and of the socket as `StoreError`; what the caller's own function throws stays as it is. */
function classified(error: unknown): unknown {
  const isOurs = error instanceof pg.DatabaseError || (error instanceof Error && "syscall" in error);
  return isOurs ? classifyStoreError(error) : error;
}
