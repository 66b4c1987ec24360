import pg from "pg";
import { connectionSettings } from "../store/db.ts";

/** A process's sign of life. `release` gives it up on purpose. */
export interface Life {
  release(): Promise<void>;
}

/** The first number of every sign-of-life lock; any other user of two-number advisory locks must take another one. */
export const LIFE_CLASS = 0x2_4e9;

const PING_MS = 5_000;

/**
 * Holds an advisory lock named after this process on a connection of its own: who can take the lock knows that the process is dead.
 *
 * PostgreSQL gives the lock back the moment the connection ends, however the process died. For the same reason a living
 * process that loses the connection may be taken for dead, and must end: `onLost` is called once. Not through a pooler in transaction mode.
 */
export async function holdLife(url: string, executorId: string, onLost: (error: Error) => void): Promise<Life> {
  const client = new pg.Client({ ...connectionSettings(url), application_name: "twokey-life" });
  let over = false;
  const lose = (cause?: unknown): void => {
    if (over) return;
    over = true;
    onLost(new Error("the database connection that shows this process to be alive was lost", { cause }));
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
    throw new Error(`another living process calls itself ${executorId}; an executor id must be unique`);
  }
  // A cut cable closes no connection: without a question now and then it would not be noticed for hours.
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
