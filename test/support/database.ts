import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { createDatabase, type Database } from "../../src/store/db.ts";
import { prepareStore } from "../../src/store/prepare.ts";
import { eventually } from "./eventually.ts";

/** A migrated database of one's own. `drop` closes `db` and ends every other session on it. */
export interface FreshDatabase {
  readonly url: string;
  readonly db: Database;
  drop(): Promise<void>;
}

/** Clones the migrated template, in about a tenth of a second; call it in `beforeAll` and `drop` it in `afterAll`. For each test: `lendDatabase`. */
export async function freshDatabase(): Promise<FreshDatabase> {
  return create(`template ${inject("templateName")}`);
}

/** An empty database, nothing migrated: for tests of the migrations and of the first start. */
export async function emptyDatabase(): Promise<FreshDatabase> {
  return create("");
}

/** A copy of a database as it is now, as a backup of this moment would be restored. Nobody else may be connected to it. */
export async function copyOf(url: string): Promise<FreshDatabase> {
  return create(`template ${new URL(url).pathname.slice(1)}`);
}

/** Opens a database as the bot does at run time: with the role that owns nothing. Close it before `drop`. `change` may alter what it does. */
export async function openAsBot(fresh: FreshDatabase, change: (db: Database, url: string) => Database = (db) => db): Promise<Database> {
  const { url } = await prepareStore({ url: fresh.url, migrationUrl: null }, async () => undefined);
  return change(createDatabase(url, { max: 5, onError: () => undefined }), url);
}

async function create(from: string): Promise<FreshDatabase> {
  const name = `${inject("databasePrefix")}${randomBytes(6).toString("hex")}`;
  // Copied as files it takes half the time of a copy through the log, whose only gain is safety against a power cut.
  await admin((run) => run(`create database ${name} ${from} strategy file_copy`));
  const url = new URL(inject("adminUrl"));
  url.pathname = `/${name}`;
  const pool = createDatabase(url.href, { max: 5, onError: () => undefined });
  let closed: Promise<void> | null = null;
  // Who closed it before may still drop it.
  const db = { ...pool, close: () => (closed ??= pool.close()) };
  return {
    url: url.href,
    db,
    async drop() {
      await db.close();
      await admin(async (run) => {
        const role = await run(`select 'twokey_bot_' || oid as found from pg_database where datname = '${name}'`);
        await run(`drop database if exists ${name} with (force)`);
        if (role !== undefined) await run(`drop role if exists ${role}`);
      });
    },
  };
}

/** Waits until a session of this database waits for a lock. The cluster is shared with other test files: theirs do not count. */
export async function untilLockWait(fresh: FreshDatabase): Promise<void> {
  const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  await eventually("a session to wait for a lock", async () => (await fresh.db.exec(waiting)) > 0);
}

/** Two clones of one template at the same moment disturb each other, so they take turns. `run` gives what a statement found. */
async function admin(work: (run: (statement: string) => Promise<string | undefined>) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: inject("adminUrl") });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(20170707)");
    await work(async (statement) => (await client.query<{ found: string }>(statement)).rows[0]?.found);
  } finally {
    await client.end();
  }
}
