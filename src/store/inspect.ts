import pg from "pg";
import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { connectionSettings } from "./db.ts";
import { compareMigrations, type MigrationState } from "./migrate.ts";

/** What a look at Twokey's own database found. */
export interface DatabaseInspection {
  readonly version: string;
  readonly role: string;
  readonly migrations: MigrationState;
  /** Whether the role may make schemas, which the first start and the engine need. */
  readonly mayCreate: boolean;
  /** Whether a session keeps the advisory lock it took; a pooler that shares sessions loses it. */
  readonly keepsLocks: boolean;
}

const Server = z.object({ version: z.string(), role: z.string(), may_create: z.boolean() });
const Place = z.object({ database: z.string(), role: z.string(), may_migrate: z.boolean() });
const Held = z.object({ held: z.boolean() });

/** Where an address leads, and whether its role could migrate there. */
export interface DatabasePlace {
  /** The database's number and its server's start: the same for two addresses of one database. */
  readonly database: string;
  readonly role: string;
  /** Our schema is the role's own, or may be made by it. */
  readonly mayMigrate: boolean;
}

/** Looks at the database in read-only transactions: nothing is migrated. Errors: `unavailable` with PostgreSQL's code, never its address. */
export function inspectDatabase(url: string): Promise<Result<DatabaseInspection, Failure>> {
  return looking(url, "DATABASE_URL", async (client) => {
    const { rows } = await client.query(
      "select current_setting('server_version') as version, current_user as role, " +
        "has_database_privilege(current_database(), 'create') as may_create",
    );
    const server = Server.parse(rows[0]);
    return {
      version: server.version,
      role: server.role,
      mayCreate: server.may_create,
      migrations: await compareMigrations(client),
      keepsLocks: await keepsLocks(client),
    };
  });
}

/** Looks where the address of a variable leads, in a read-only transaction. Errors: as for `inspectDatabase`, naming the variable. */
export function inspectPlace(url: string, variable: string): Promise<Result<DatabasePlace, Failure>> {
  return looking(url, variable, async (client) => {
    const { rows } = await client.query(
      `select d.oid || '@' || pg_postmaster_start_time() as database, session_user::text as role,
         coalesce((select pg_has_role(session_user, n.nspowner, 'USAGE') from pg_namespace n where n.nspname = 'twokey'),
           has_database_privilege(session_user, d.oid, 'create')) as may_migrate
       from pg_database d where d.datname = current_database()`,
    );
    const place = Place.parse(rows[0]);
    return { database: place.database, role: place.role, mayMigrate: place.may_migrate };
  });
}

async function looking<T>(url: string, variable: string, look: (client: pg.Client) => Promise<T>): Promise<Result<T, Failure>> {
  const client = new pg.Client({
    ...connectionSettings(url),
    statement_timeout: 10_000,
    options: "-c search_path=twokey -c default_transaction_read_only=on",
  });
  // A connection that breaks while nothing is asked would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return ok(await look(client));
  } catch (thrown) {
    return err(lookFailure(thrown, variable));
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function keepsLocks(client: pg.Client): Promise<boolean> {
  // A key of its own for each session, so that two looks at once do not meet.
  await client.query("select pg_try_advisory_lock(20170701, pg_backend_pid())");
  const { rows } = await client.query(
    "select exists (select from pg_locks where locktype = 'advisory' and classid = 20170701 and objid::int8 = pg_backend_pid() " +
      "and pid = pg_backend_pid()) as held",
  );
  await client.query("select pg_advisory_unlock(20170701, pg_backend_pid())");
  return Held.parse(rows[0]).held;
}

function lookFailure(thrown: unknown, variable: string): Failure {
  const code = (thrown as { code?: unknown }).code;
  const shown = typeof code === "string" ? ` (${code})` : "";
  const said = thrown instanceof pg.DatabaseError ? `: ${thrown.message}` : "";
  return failure("unavailable", "store.unavailable", `Twokey's own database could not be looked at${shown}${said}`, {
    remedy: `See that PostgreSQL runs, and look at ${variable}: host, port, database, role and password.`,
  });
}
