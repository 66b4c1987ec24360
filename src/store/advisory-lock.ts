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

/** Sessions for advisory locks, of one address. */
export interface LockSessions {
  /**
   * Runs `fn` while a session of its own holds an advisory lock.
   *
   * The lock is polled: a statement that waits in the server keeps a snapshot open, and the engine's migrations wait for all snapshots
   * (facts on DBOS, trap 1).
   *
   * Errors: `StoreError` `unavailable` when the session, and so the lock, is lost; the signal of `fn` then aborts at once.
   */
  run<T>(key: string, options: LockOptions, fn: (signal: AbortSignal) => Promise<T>): Promise<LockOutcome<T>>;
  /** Ends the session that is kept; locks that are held are not waited for. */
  close(): Promise<void>;
}

/** `pg` has these two, and its types do not. */
type Session = pg.Client & { ref(): void; unref(): void };

const PING_MS = 2_000;
/** How long a session without a lock is kept for the next one. Units: milliseconds. */
const KEEP_MS = 30_000;

/**
 * Keeps one session for the next lock: PostgreSQL starts a process for each new one, and a step of a deletion takes a lock or two. Those
 * who come while it is in use have sessions of their own.
 */
export function createLockSessions(settings: pg.ClientConfig): LockSessions {
  let spare: Session | null = null;
  let isClosed = false;
  let ending: NodeJS.Timeout | undefined;

  const take = (): Session | null => {
    clearTimeout(ending);
    const taken = spare;
    spare = null;
    taken?.ref();
    return taken;
  };
  /** Keeps a session whose lock was given back. */
  const keep = (client: Session): void => {
    spare = client;
    // Idle, it keeps no process from its end.
    client.unref();
    ending = setTimeout(() => void end(take()), KEEP_MS);
    ending.unref();
  };

  return {
    async run(key, options, fn) {
      const kept = take();
      const isAlive = kept !== null && (await answers(kept));
      if (kept !== null && !isAlive) void end(kept);
      const client = isAlive ? kept : newClient(settings);
      let isFree = false;
      try {
        if (!isAlive) await client.connect();
        const outcome = await holdWhile(client, key, options, fn);
        isFree = await gaveBack(client, key, outcome.held);
        return outcome;
      } catch (error) {
        isFree = await gaveBack(client, key, true);
        throw classified(error);
      } finally {
        // The end of the session releases the lock; so did its loss.
        if (isFree && spare === null && !isClosed) keep(client);
        else await end(client);
      }
    },
    async close() {
      isClosed = true;
      await end(take());
    },
  };
}

/** The same once, with a session that ends with it. */
export async function runWithAdvisoryLock<T>(
  settings: pg.ClientConfig,
  key: string,
  options: LockOptions,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<LockOutcome<T>> {
  const sessions = createLockSessions(settings);
  try {
    return await sessions.run(key, options, fn);
  } finally {
    await sessions.close();
  }
}

function newClient(settings: pg.ClientConfig): Session {
  const client = new pg.Client(settings) as Session;
  // One that is lost while nobody uses it is noticed by the next who asks for it; without a listener it would end the process.
  client.on("error", () => undefined);
  return client;
}

/** The ends of sessions wait for no answer of the server. */
async function end(client: pg.Client | null): Promise<void> {
  await client?.end().catch(() => undefined);
}

function ask(client: pg.Client, text: string, values: readonly string[]): Promise<pg.QueryResult<{ ok: boolean }>> {
  return client.query<{ ok: boolean }>({ text, values: [...values], query_timeout: PING_MS } as pg.QueryConfig);
}

/** Whether a session that was kept still answers: after a restart of the server, or a cut of the network, it does not. */
async function answers(client: pg.Client): Promise<boolean> {
  return ask(client, "select true as ok", []).then(
    () => true,
    () => false,
  );
}

/** False: the session may still hold the lock, so it has to end. */
async function gaveBack(client: pg.Client, key: string, isHeld: boolean): Promise<boolean> {
  if (!isHeld) return true;
  return ask(client, "select pg_advisory_unlock(hashtextextended($1, 0)) as ok", [key]).then(
    ({ rows }) => rows[0]?.ok === true,
    () => false,
  );
}

async function holdWhile<T>(
  client: pg.Client,
  key: string,
  options: LockOptions,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<LockOutcome<T>> {
  const lost = new AbortController();
  const onLost = (cause?: unknown): void => {
    lost.abort(new StoreError("unavailable", `the connection that held the lock "${key}" was lost`, { cause }));
  };
  const onEnd = (): void => onLost();
  client.on("error", onLost);
  client.on("end", onEnd);
  let pings: NodeJS.Timeout | undefined;
  try {
    if (!(await acquire(client, key, options))) return { held: false };
    pings = setInterval(() => void ask(client, "select true as ok", []).catch(onLost), PING_MS);
    const value = await fn(lost.signal);
    lost.signal.throwIfAborted();
    return { held: true, value };
  } finally {
    clearInterval(pings);
    client.off("error", onLost);
    client.off("end", onEnd);
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
