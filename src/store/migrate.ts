import { hash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { z } from "zod";
import { withConnection } from "./db.ts";
import { goOnAbove } from "./numbers.ts";

/** The database does not match the migration files; the message says which file and what to do. */
export class MigrationRefused extends Error {
  override readonly name = "MigrationRefused";
}

/**
 * Applies the migrations of `dir` to the schema `twokey`; gives the names of those that it applied.
 *
 * Replicas may start at the same time: the second waits for the first and finds nothing to do.
 *
 * Errors: `MigrationRefused` when the database was migrated by newer code, or when a file changed after it was applied.
 */
export function migrate(url: string, { dir }: { readonly dir?: string } = {}): Promise<readonly string[]> {
  return withConnection(url, (client) => migrateOn(client, dir));
}

/** As `migrate`, on an open connection: a migrated database costs a few reads, and is not locked. Numbers behind are set ahead. */
export async function migrateOn(client: pg.Client, dir: string = migrationsFolder()): Promise<readonly string[]> {
  const files = readMigrationFiles(dir);
  const before = await appliedNames(client);
  refuseUnknown(before, files);
  await goOnAbove(client);
  if (await isMigrated(client, before, files)) return [];
  // Loaded only when used: hardly any start has something to migrate.
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
  await recordHashes(client, files);
  return applied.map((migration) => migration.name);
}

/** Whether every file was applied, in this order and with these bytes; the runner decides about anything else. */
async function isMigrated(client: pg.Client, applied: readonly string[], files: ReadonlyMap<string, string>): Promise<boolean> {
  if (applied.length === 0 || applied.length !== files.size) return false;
  const { rows } = await client.query<{ name: string }>("select name from twokey.pgmigrations order by run_on, id");
  if (rows.map((row) => row.name).join("\n") !== [...files.keys()].toSorted().join("\n")) return false;
  const hashes = new Map((await readHashesIfThere(client)).map((row) => [row.name, row.sha256]));
  return hashes.size === files.size && [...files].every(([name, sha256]) => hashes.get(name) === sha256);
}

const ASK_OWNER =
  "Run `npx twokey migrate` with the owner's address in DATABASE_MIGRATION_URL and the bot's in DATABASE_URL (docs/database-roles.md).";

/**
 * Checks that all migrations were applied, and changes nothing: for a role that may not migrate.
 *
 * Errors: `MigrationRefused` when a migration is missing, unknown or edited, with what the owner must do.
 */
export async function expectMigrated(client: pg.Client): Promise<void> {
  const files = readMigrationFiles(migrationsFolder());
  try {
    const applied = await appliedNames(client);
    refuseUnknown(applied, files);
    const missing = [...files.keys()].filter((name) => !applied.includes(name));
    if (missing.length > 0) throw new MigrationRefused(`The database lacks ${missing.join(", ")}. ${ASK_OWNER}`);
    await refuseEdited(client, files);
  } catch (error) {
    // 42501: the owner has granted no right in the schema.
    const isForbidden = error instanceof pg.DatabaseError && error.code === "42501";
    throw isForbidden ? new MigrationRefused(`The role of DATABASE_URL may not read the schema twokey. ${ASK_OWNER}`) : error;
  }
}

/** A database compared with the migrations of this checkout. */
export interface MigrationState {
  readonly applied: readonly string[];
  /** What the next start would apply. */
  readonly pending: readonly string[];
  /** Applied by newer code: this code refuses to start. */
  readonly unknown: readonly string[];
  /** Applied, and its file changed since: this code refuses to start. */
  readonly edited: readonly string[];
}

/** Compares a database with the migration files; only reads. */
export async function compareMigrations(client: pg.Client): Promise<MigrationState> {
  const files = readMigrationFiles(migrationsFolder());
  const applied = await appliedNames(client);
  const known = await readHashesIfThere(client);
  return {
    applied,
    pending: [...files.keys()].filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !files.has(name)),
    edited: known.filter((row) => files.has(row.name) && files.get(row.name) !== row.sha256).map((row) => row.name),
  };
}

const AppliedFile = z.object({ name: z.string(), sha256: z.string() });
type AppliedFiles = readonly z.output<typeof AppliedFile>[];

async function readHashesIfThere(client: pg.Client): Promise<AppliedFiles> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass('twokey.migration_file') is not null as there");
  return rows[0]?.there === true ? readHashes(client) : [];
}

async function readHashes(client: pg.Client): Promise<AppliedFiles> {
  return z.array(AppliedFile).parse((await client.query("select name, sha256 from twokey.migration_file")).rows);
}

function ignore(): void {
  /* The runner also throws what it logs. */
}

function refuseUnknown(applied: readonly string[], files: ReadonlyMap<string, string>): void {
  const unknown = applied.filter((name) => !files.has(name));
  if (unknown.length === 0) return;
  throw new MigrationRefused(
    `The database was migrated by a newer version (unknown migrations: ${unknown.join(", ")}). ` +
      "Run that version, or restore a backup made before it.",
  );
}

/** Records the hashes of applied files: an edited file would give old and new installations different schemas. */
async function recordHashes(client: pg.Client, files: ReadonlyMap<string, string>): Promise<void> {
  // With `if not exists` alone two replicas can collide in PostgreSQL's catalogue, so they take a lock.
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
  const { rows } = await client.query<{ there: boolean }>("select to_regclass('twokey.pgmigrations') is not null as there");
  if (rows[0]?.there !== true) return [];
  const applied = await client.query<{ name: string }>("select name from twokey.pgmigrations");
  return applied.rows.map((row) => row.name);
}

function readMigrationFiles(dir: string): ReadonlyMap<string, string> {
  const names = readdirSync(dir).filter((name) => name.endsWith(".sql"));
  const sha256 = (name: string): string => hash("sha256", readFileSync(path.join(dir, name)));
  return new Map(names.map((name) => [name.slice(0, -".sql".length), sha256(name)]));
}

/** The compiled file is one folder deeper than its source, so the folder is searched upwards. */
function migrationsFolder(): string {
  for (let at = import.meta.dirname; ; at = path.dirname(at)) {
    const dir = path.join(at, "migrations");
    if (existsSync(path.join(dir, "0001_base.sql"))) return dir;
    if (at === path.dirname(at))
      throw new MigrationRefused('The folder "migrations" was not found next to the program. Run Twokey from a complete checkout.');
  }
}
