import pg from "pg";
import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import { postgresTrouble } from "../core/postgres-words.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isMysql } from "../core/ci-address.ts";
import { readMysqlRole } from "./mysql/role.ts";
import type { CiRole } from "./unreachable.ts";

const Row = z.object({
  name: z.string(),
  version: z.string(),
  is_superuser: z.boolean(),
  may_create: z.boolean(),
  writable: z.array(z.string()),
});

const QUESTION = `
  select current_user as name, current_setting('server_version') as version,
    (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
    has_database_privilege(current_database(), 'create') or exists (
      select from pg_namespace
      where nspname !~ '^pg_' and nspname <> 'information_schema' and has_schema_privilege(oid, 'create')
    ) as may_create,
    array(
      select format('%s.%s', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'insert, update, delete, truncate')
      order by 1 limit 20
    )::text[] as writable`;

/**
 * Asks the server what the role may do; only reads. Errors: `unavailable` in words, never with the address.
 *
 * Source: PostgreSQL 18, "System Information Functions", access privilege inquiry functions.
 */
export async function readCiRole(url: string): Promise<Result<CiRole, Failure>> {
  if (isMysql(url)) return readMysqlRole(url);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    application_name: "twokey",
    options: "-c default_transaction_read_only=on",
  });
  // Without a listener, a connection that breaks while idle would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { name, version, is_superuser, may_create, writable } = Row.parse((await client.query(QUESTION)).rows[0]);
    return ok({ name, version: `PostgreSQL ${version}`, isSuperuser: is_superuser, mayCreate: may_create, writable });
  } catch (thrown) {
    const trouble = postgresTrouble(thrown);
    const remedy = trouble?.remedy ?? "Make sure that it runs, and check host, port, database, role and password.";
    const said = trouble?.why ?? (thrown instanceof Error ? thrown.message : "it is not known why");
    const sentence = `The CI database could not be reached: ${said}`;
    return err(failure("unavailable", "cidb.unavailable", sentence, { remedy: `${remedy} The address is in CI_DATABASE_URL.` }));
  } finally {
    await client.end().catch(() => undefined);
  }
}
