import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { StoreError, classifyStoreError } from "./store-error.ts";

/** How long to wait for a lock held elsewhere: 0 tries once, `Infinity` waits for ever. */
export interface LockOptions {
  readonly waitMs: number;
  readonly pollMs?: number;
}

/** `held: false` means somebody else had the lock all along and `fn` did not run. */
export type LockOutcome<T> = { readonly held: true; readonly value: T } | { readonly held: false };

const PING_MS = 2_000;

/**
 * Runs `fn` while a connection of its own holds a session advisory lock.
 *
 * The lock is polled, never waited for inside the server: a waiting statement keeps a snapshot open, and the engine's
 * migrations wait for all snapshots (facts on DBOS, trap 1).
 *
 * Errors: `StoreError` `unavailable` when the connection, and so the lock, is lost; `fn` hears of it through its signal at once.
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
    // What `fn` throws is the caller's own; only errors of the connection are sorted.
    throw error instanceof pg.DatabaseError || isSocketError(error) ? classifyStoreError(error) : error;
  } finally {
    closing = true;
    // Ending the session gives the lock back; a connection that is gone already has given it back.
    await client.end().catch(() => undefined);
  }
}

/**
 * Runs `work` in a transaction of this connection, which holds an advisory lock until it ends; waits for it for ever, by polling as above.
 *
 * Errors: what `work` throws, errors of PostgreSQL as `StoreError`; then nothing has changed.
 */
export async function inTurn(client: pg.Client, key: string, work: () => Promise<void>): Promise<void> {
  try {
    await client.query("begin");
    await acquire(client, key, { waitMs: Infinity, pollMs: 50 }, "pg_try_advisory_xact_lock");
    await work();
    await client.query("commit");
  } catch (error) {
    // On a connection that is gone nothing is left to be taken back.
    await client.query("rollback").catch(() => undefined);
    throw error instanceof pg.DatabaseError || isSocketError(error) ? classifyStoreError(error) : error;
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

function isSocketError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
