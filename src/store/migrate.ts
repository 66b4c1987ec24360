import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { z } from "zod";
import { withConnection } from "./db.ts";

/** The database has a past that this code does not know; the message says which file and what to do. */
export class MigrationRefused extends Error {
  override readonly name = "MigrationRefused";
}

/** Where the migration files are; the default is the `migrations` folder of this checkout. */
export interface MigrateOptions {
  readonly dir?: string;
}

/**
 * Brings the schema `twokey` to the state that `migrations/*.sql` describe and returns the names of what it applied.
 *
 * Replicas may start at the same time: the second waits for the first and finds nothing to do.
 *
 * Errors: `MigrationRefused` when the database was migrated by newer code, or when a file changed after it was applied.
 */
export function migrate(url: string, options: MigrateOptions = {}): Promise<readonly string[]> {
  return withConnection(url, (client) => migrateOn(client, options));
}

/** As `migrate`, on a connection that is there: a database that is in order costs a few reads, and is not locked. */
export async function migrateOn(client: pg.Client, options: MigrateOptions = {}): Promise<readonly string[]> {
  const dir = options.dir ?? migrationsFolder();
  const files = readMigrationFiles(dir);
  const before = await appliedNames(client);
  refuseUnknownPast(before, files);
  if (await isAsFilesSay(client, before, files)) return [];
  // Loaded only when it is used: of a hundred starts one finds something to migrate.
  const { runner } = await import("node-pg-migrate");
  const applied = await runner({
    dbClient: client,
    dir,
    direction: "up",
    migrationsTable: "pgmigrations",
    schema: "twokey",
    createSchema: true,
    advisoryLockMode: "wait",
    checkOrder: true,
    singleTransaction: true,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
  await compareHashes(client, files);
  return applied.map((migration) => migration.name);
}

/** Every file was applied, in this order and with these bytes; anything else is the runner's to judge. */
async function isAsFilesSay(client: pg.Client, applied: readonly string[], files: ReadonlyMap<string, string>): Promise<boolean> {
  if (applied.length === 0 || applied.length !== files.size) return false;
  const { rows } = await client.query<{ name: string }>("select name from twokey.pgmigrations order by run_on, id");
  if (rows.map((row) => row.name).join("\n") !== [...files.keys()].toSorted().join("\n")) return false;
  const hashes = new Map((await readHashesIfThere(client)).map((row) => [row.name, row.sha256]));
  return hashes.size === files.size && [...files].every(([name, sha256]) => hashes.get(name) === sha256);
}

const ASK_OWNER =
  "Run `npx twokey migrate` with the owner's address in DATABASE_MIGRATION_URL and the bot's in DATABASE_URL (docs/database-roles.md).";

/**
 * Looks whether the schema is as `migrations/*.sql` describe it, and changes nothing: for a role that may not.
 *
 * Errors: `MigrationRefused` when a migration is missing, unknown or edited, with what the owner is to do.
 */
export async function expectMigrated(client: pg.Client): Promise<void> {
  const files = readMigrationFiles(migrationsFolder());
  try {
    const applied = await appliedNames(client);
    refuseUnknownPast(applied, files);
    const missing = [...files.keys()].filter((name) => !applied.includes(name));
    if (missing.length > 0) throw new MigrationRefused(`The database lacks ${missing.join(", ")}. ${ASK_OWNER}`);
    await refuseEdited(client, files);
  } catch (error) {
    // 42501: no right at all in the schema, so the owner has not given any.
    const isForbidden = error instanceof pg.DatabaseError && error.code === "42501";
    throw isForbidden ? new MigrationRefused(`The role of DATABASE_URL may not read the schema twokey. ${ASK_OWNER}`) : error;
  }
}

/** How a database stands to the migrations of this checkout. */
export interface MigrationState {
  readonly applied: readonly string[];
  /** What the next start would apply. */
  readonly pending: readonly string[];
  /** Applied by newer code: this code refuses to start. */
  readonly unknown: readonly string[];
  /** Applied here, and changed since: this code refuses to start. */
  readonly edited: readonly string[];
}

/** Compares a database with the migration files; only reads. */
export async function compareMigrations(client: pg.Client, options: MigrateOptions = {}): Promise<MigrationState> {
  const files = readMigrationFiles(options.dir ?? migrationsFolder());
  const applied = await appliedNames(client);
  const known = await readHashesIfThere(client);
  return {
    applied,
    pending: [...files.keys()].filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !files.has(name)),
    edited: known.filter((row) => files.has(row.name) && files.get(row.name) !== row.sha256).map((row) => row.name),
  };
}

interface AppliedFile {
  readonly name: string;
  readonly sha256: string;
}

async function readHashesIfThere(client: pg.Client): Promise<readonly AppliedFile[]> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass('twokey.migration_file') is not null as there");
  return rows[0]?.there === true ? readHashes(client) : [];
}

async function readHashes(client: pg.Client): Promise<readonly AppliedFile[]> {
  return z
    .array(z.object({ name: z.string(), sha256: z.string() }))
    .parse((await client.query("select name, sha256 from twokey.migration_file")).rows);
}

function ignore(): void {
  /* The runner also throws what it logs. */
}

function refuseUnknownPast(applied: readonly string[], files: ReadonlyMap<string, string>): void {
  const unknown = applied.filter((name) => !files.has(name));
  if (unknown.length === 0) return;
  throw new MigrationRefused(
    `The database was migrated by a newer version (unknown here: ${unknown.join(", ")}). ` +
      "Run that version, or restore a backup made before it.",
  );
}

/** An edited file would leave old and new installations with different schemas, and nothing else would notice. */
async function compareHashes(client: pg.Client, files: ReadonlyMap<string, string>): Promise<void> {
  // `if not exists` alone lets two replicas collide in PostgreSQL's own catalogue, so they take turns.
  await client.query("select pg_advisory_lock(hashtextextended('twokey.migration_file', 0))");
  await client.query("create table if not exists twokey.migration_file (name text primary key, sha256 text not null)");
  await client.query("select pg_advisory_unlock(hashtextextended('twokey.migration_file', 0))");
  for (const name of await appliedNames(client)) {
    await client.query("insert into twokey.migration_file values ($1, $2) on conflict do nothing", [name, files.get(name)]);
  }
  await refuseEdited(client, files);
}

async function refuseEdited(client: pg.Client, files: ReadonlyMap<string, string>): Promise<void> {
  const edited = (await readHashes(client)).filter((row) => files.get(row.name) !== row.sha256).map((row) => row.name);
  if (edited.length === 0) return;
  throw new MigrationRefused(
    `Migration ${edited.join(", ")} was edited after it had been applied here. Put the file back and add a new one instead; ` +
      "for a demo or a test, delete the data folder and start again.",
  );
}

async function appliedNames(client: pg.Client): Promise<readonly string[]> {
  const {
    rows: [table],
  } = await client.query<{ there: string | null }>("select to_regclass('twokey.pgmigrations')::text as there");
  if (table?.there == null) return [];
  return z
    .array(z.object({ name: z.string() }))
    .parse((await client.query("select name from twokey.pgmigrations")).rows)
    .map((row) => row.name);
}

function readMigrationFiles(dir: string): ReadonlyMap<string, string> {
  const names = readdirSync(dir).filter((name) => name.endsWith(".sql"));
  return new Map(
    names.map((name) => [
      name.slice(0, -".sql".length),
      createHash("sha256")
        .update(readFileSync(path.join(dir, name)))
        .digest("hex"),
    ]),
  );
}

/** The compiled file lies one folder deeper than its source, so the folder is searched upwards. */
function migrationsFolder(): string {
  for (let at = import.meta.dirname; ; at = path.dirname(at)) {
    const dir = path.join(at, "migrations");
    if (existsSync(path.join(dir, "0001_base.sql"))) return dir;
    if (at === path.dirname(at))
      throw new MigrationRefused('The folder "migrations" was not found beside the program. Run Twokey from a complete checkout.');
  }
}
