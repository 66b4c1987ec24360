import { z } from "zod";
import type { Database } from "../src/store/db.ts";

const Name = z.object({ name: z.string() });

/** Empties Twokey's tables, whatever guards them: only for databases of the simulation, whose role is a superuser. */
export async function resetDatabase(db: Database): Promise<void> {
  const tables = await db.many(
    Name,
    `select table_name as name from information_schema.tables
     where table_schema = 'twokey' and table_type = 'BASE TABLE' and table_name not in ('pgmigrations', 'migration_file')`,
  );
  await db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    for (const { name } of tables) await q.exec(`delete from "${name}"`);
    await q.exec("insert into sync_state default values");
  });
}
