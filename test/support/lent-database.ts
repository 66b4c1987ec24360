/** Databases that go from test to test of one file: making one costs ten times as much as emptying it. */
import pg from "pg";
import { connectionSettings, createDatabase, type Database } from "../../src/store/db.ts";
import { freshDatabase, type FreshDatabase } from "./database.ts";

interface Kept {
  readonly made: FreshDatabase;
  /** The session that empties it: each new one would first read PostgreSQL's catalogue, which costs more than the emptying. */
  readonly cleaner: pg.Client;
  /** The sessions of `db`, kept for the next test, which finds its statements planned; null: a test has closed them. */
  lent: Database | null;
  readonly shape: string;
  readonly seeds: readonly { readonly name: string; readonly rows: readonly string[] }[];
  /** Where the numbering stood; null: nothing was numbered yet. */
  readonly sequences: readonly { readonly name: string; readonly last: string | null }[];
}

const idle = new Map<string, Kept[]>();

/**
 * A migrated database without a row, as `freshDatabase` gives, but one that another test of the file may have had before: its `drop` ends
 * every other session on it, empties all tables and sets the numbering back. One whose tables, triggers or functions were changed is
 * dropped for good.
 *
 * The bot's own role stays, with its rights: not for tests of a first start.
 */
export function lendDatabase(): Promise<FreshDatabase> {
  return lendDatabaseLike("migrated", freshDatabase);
}

/** The same as `make` leaves a database, with what it wrote into it: that comes back at each `drop`. */
export async function lendDatabaseLike(kind: string, make: () => Promise<FreshDatabase>): Promise<FreshDatabase> {
  const kept = idle.get(kind)?.pop() ?? (await keep(await make()));
  const { url } = kept.made;
  const lent = (kept.lent ??= createDatabase(nameSessions(url), { max: 5, onError: () => undefined }));
  const db = {
    ...lent,
    async close() {
      kept.lent = null;
      await lent.close();
    },
  };
  return { url, db, drop: () => giveBack(kind, kept) };
}

const LENT = "twokey-lent";
/** Names the sessions of a pool, so that they are told from those that a test opened. */
function nameSessions(url: string): string {
  const named = new URL(url);
  named.searchParams.set("application_name", LENT);
  return named.href;
}

/** A migrated database with the engine's tables, for tests of what the engine does with them. */
export function lendEngineDatabase(): Promise<FreshDatabase> {
  return lendDatabaseLike("engine", async () => {
    // Loaded only by those who ask for it: the engine's library is large.
    const { prepareEngine } = await import("../../src/engine/schema.ts");
    const made = await freshDatabase();
    await prepareEngine(made.url, null);
    return made;
  });
}

async function keep(made: FreshDatabase): Promise<Kept> {
  await made.db.close();
  const cleaner = new pg.Client(connectionSettings(made.url));
  // The server ends it with the run.
  cleaner.on("error", () => undefined);
  await cleaner.connect();
  // Idle, it keeps no process from its end.
  (cleaner as pg.Client & { unref(): void }).unref();
  const seeds = [];
  for (const name of await tablesOf(cleaner)) {
    // As PostgreSQL itself writes a row: JSON would make one of a JSON null and no value.
    const { rows } = await cleaner.query<{ row: string }>(`select t::text as row from ${name} t`);
    if (rows.length > 0) seeds.push({ name, rows: rows.map((r) => r.row) });
  }
  const { rows: sequences } = await cleaner.query<{ name: string; last: string | null }>(
    "select format('%I.%I', schemaname, sequencename) as name, last_value as last from pg_sequences",
  );
  // Neither guards nor references may keep a row.
  await cleaner.query("set session_replication_role = replica");
  return { made, cleaner, lent: null, shape: await shapeOf(cleaner), seeds, sequences };
}

async function giveBack(kind: string, kept: Kept): Promise<void> {
  if (await makeAsBefore(kept)) idle.set(kind, [...(idle.get(kind) ?? []), kept]);
  else {
    await kept.lent?.close();
    await kept.cleaner.end();
    await kept.made.drop();
  }
}

/** False: its tables, triggers or functions were changed. Errors: the cleaning session was ended by the test. */
async function makeAsBefore({ cleaner, shape, seeds, sequences }: Kept): Promise<boolean> {
  await cleaner.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and (application_name <> $1 or state <> 'idle')`,
    [LENT],
  );
  if ((await shapeOf(cleaner)) !== shape) return false;
  await cleaner.query((await tablesOf(cleaner)).map((name) => `delete from ${name}`).join("; "));
  for (const { name, rows } of seeds)
    await cleaner.query(`insert into ${name} overriding system value select (r::${name}).* from unnest($1::text[]) r`, [rows]);
  await cleaner.query(
    "select setval(name::regclass, coalesce(last, 1), last is not null) from jsonb_to_recordset($1) r (name text, last bigint)",
    [JSON.stringify(sequences)],
  );
  return true;
}

/** Tables with rows that a test may have written; what says how the tables came about is none. */
async function tablesOf(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname in ('twokey', 'dbos', 'public')
       and c.relname not in ('pgmigrations', 'migration_file', 'dbos_migrations')`,
  );
  return rows.map((row) => row.name);
}

/** A hash over everything in the database that is not a row or a right. */
async function shapeOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ shape: string }>(
    `with ours as (select oid from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'dbos')),
     line as (
       select concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull, a.attidentity, a.attgenerated) as one
       from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 where c.relnamespace in (select oid from ours)
       union all select concat_ws(' ', t.tgrelid::regclass, t.tgname, t.tgenabled, t.tgtype) from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where c.relnamespace in (select oid from ours)
       union all select concat_ws(' ', conrelid, conname, pg_get_constraintdef(oid)) from pg_constraint where connamespace in (select oid from ours)
       union all select concat_ws(' ', proname, prosrc, prosecdef) from pg_proc where pronamespace in (select oid from ours))
     select md5(string_agg(one, '|' order by one)) as shape from line`,
  );
  return rows[0]?.shape ?? "";
}
