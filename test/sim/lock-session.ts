import pg from "pg";
import { connectionSettings, type Database } from "../../src/store/db.ts";

/**
 * Gives a database one session for all its advisory locks. Whoever comes while a lock is held is told so at once: to wait would take the
 * machine's time, not the simulation's.
 */
export function keepLockSession(db: Database, url: string): Database {
  const held = new Set<string>();
  let session: Promise<pg.Client> | null = null;
  const ask = async (name: string, text: string, key: string): Promise<boolean> => {
    session ??= connect(url);
    const { rows } = await (await session).query<{ ok: boolean }>({ name, text, values: [key] });
    return rows[0]?.ok === true;
  };
  return {
    ...db,
    async close() {
      await (await session)?.end();
      await db.close();
    },
    async withAdvisoryLock(key, _options, fn) {
      // A session may take its own lock twice, so what this process holds is asked first.
      if (held.has(key) || !(await ask("take", "select pg_try_advisory_lock(hashtextextended($1, 0)) as ok", key))) return { held: false };
      held.add(key);
      try {
        return { held: true, value: await fn(new AbortController().signal) };
      } finally {
        held.delete(key);
        await ask("give", "select pg_advisory_unlock(hashtextextended($1, 0)) as ok", key);
      }
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(connectionSettings(url));
  // The server may be stopped before this process has ended.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
