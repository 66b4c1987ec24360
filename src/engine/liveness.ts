import pg from "pg";
import { connectionSettings } from "../store/db.ts";

/** The first number of every sign-of-life lock; no other advisory lock with two numbers may use it. */
export const LIFE_CLASS = 0x2_4e9;

const PING_MS = 5_000;

/**
 * Holds an advisory lock named after this process on a connection of its own: while the lock is held, the process is alive.
 *
 * PostgreSQL releases the lock when the connection ends, however the process died. So a live process that loses the connection may be
 * taken for dead, and must end: `onLost` is called once. Does not work through a pooler in transaction mode.
 */
export async function holdLife(url: string, executorId: string, onLost: (error: Error) => void): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client({ ...connectionSettings(url), application_name: "twokey-life" });
  let over = false;
  const lose = (cause?: unknown): void => {
    if (over) return;
    over = true;
    onLost(new Error("the database connection that holds this process's sign of life was lost", { cause }));
  };
  client.on("error", lose);
  client.on("end", () => {
    lose();
  });
  await client.connect();
  const { rows } = await client.query<{ ok: boolean }>("select pg_try_advisory_lock($1::int, hashtext($2)) as ok", [
    LIFE_CLASS,
    executorId,
  ]);
  if (rows[0]?.ok !== true) {
    over = true;
    await client.end();
    throw new Error(`another live process has the executor id ${executorId}; it must be unique`);
  }
  // A cut cable closes no connection: without pings it would not be noticed for hours.
  const pings = setInterval(() => {
    client.query({ text: "select 1", query_timeout: PING_MS } as pg.QueryConfig).catch(lose);
  }, PING_MS);
  return {
    async release() {
      over = true;
      clearInterval(pings);
      await client.end();
    },
  };
}
