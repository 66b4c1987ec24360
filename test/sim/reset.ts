import { z } from "zod";
import type { Database } from "../../src/store/db.ts";

const Name = z.object({ name: z.string() });
const emptying = new WeakMap<Database, string>();

/** Empties Twokey's tables, whatever guards them: only for databases of the simulation, whose role is a superuser. */
export async function resetDatabase(db: Database): Promise<void> {
  const text = emptying.get(db) ?? (await writeEmptying(db));
  emptying.set(db, text);
  await db.exec(text);
}

/** Names of Twokey's own tables. */
export async function tablesOf(db: Database): Promise<readonly string[]> {
  const tables = await db.many(
    Name,
    `select table_name as name from information_schema.tables
     where table_schema = 'twokey' and table_type = 'BASE TABLE' and table_name not in ('pgmigrations', 'migration_file')`,
  );
  return tables.map(({ name }) => name);
}

/** All the statements in one text: PostgreSQL runs it as one transaction, and is asked once. */
async function writeEmptying(db: Database): Promise<string> {
  const deletes = (await tablesOf(db)).map((name) => `delete from "${name}";`);
  return ["set local session_replication_role = replica;", ...deletes, "insert into sync_state default values"].join("\n");
}
