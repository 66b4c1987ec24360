/**
 * Claims: a start puts right whatever a hand changed about the rights of the bot's role, be it too much or too little; and where
 * everything is as it should be, it changes nothing and waits for nobody.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { withConnection } from "../../src/store/db.ts";
import { migrateFor, prepareStore } from "../../src/store/prepare.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
let role: string;
const start = () => prepareStore({ url: fresh.url, migrationUrl: null }, () => Promise.resolve());
beforeAll(async () => {
  fresh = await freshDatabase();
  role = new URL((await start()).url).username;
});
afterAll(() => fresh.drop());

/** Everything that the schema gives to the role, the functions' settings and the role itself, as PostgreSQL's own catalogue has them. */
async function rights(): Promise<readonly string[]> {
  const rows = await fresh.db.many(
    z.object({ line: z.string() }),
    `select 'schema ' || unnest(nspacl)::text as line from pg_namespace where nspname = 'twokey'
     union all select relname || ' ' || unnest(relacl)::text from pg_class where relnamespace = 'twokey'::regnamespace
     union all select c.relname || '.' || a.attname || ' ' || unnest(a.attacl)::text from pg_attribute a join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'twokey'::regnamespace and not a.attisdropped
     union all select 'function ' || proname || ' ' || coalesce(proconfig::text, 'open') from pg_proc where pronamespace = 'twokey'::regnamespace
     union all select 'role ' || to_jsonb(r)::text from pg_roles r where rolname = $1`,
    [role],
  );
  return rows.flatMap(({ line }) => (line.startsWith("function ") || line.includes(role) ? [line] : [])).toSorted();
}

test.for([
  "grant update on audit to ROLE",
  "grant update (at) on vote to ROLE",
  "grant delete on deletion to ROLE",
  "grant truncate, trigger on outcome to ROLE",
  "grant insert on audit to ROLE",
  "grant insert on pgmigrations to ROLE",
  "grant select on deletion to ROLE with grant option",
  "grant create on schema twokey to ROLE",
  "grant usage on schema twokey to ROLE with grant option",
  "grant usage on sequence audit_seq_seq to ROLE",
  "grant select (sha256) on migration_file to ROLE",
  "revoke all on schema twokey from ROLE",
  "revoke select on audit from ROLE",
  "revoke update on deletion from ROLE",
  "revoke insert (at) on vote from ROLE",
  "revoke all on all tables in schema twokey from ROLE",
  "alter function refuse_change() reset search_path",
  "alter role ROLE nologin",
])("put right at the next start: %s", async (sql) => {
  const before = await rights();
  await fresh.db.exec(sql.replace("ROLE", role));
  expect(await rights(), "the hand changed something").not.toEqual(before);
  expect((await start()).warning).toBeNull();
  expect(await rights()).toEqual(before);
});

test("what a hand let the role do to a view of its own making is taken", async () => {
  await fresh.db.exec("create view everything as select * from audit");
  const before = await rights();
  await fresh.db.exec(`grant select on everything to ${role}`);
  await start();
  expect(await rights()).toEqual(before);
});

test("where all is as it should be, no row of the catalogue is written, and a lock on the roles keeps nobody waiting", async () => {
  const versions = () =>
    fresh.db.many(
      z.object({ what: z.string(), at: z.string() }),
      `select 'class ' || oid as what, xmin::text as at from pg_class where relnamespace = 'twokey'::regnamespace
       union all select 'column ' || attrelid || '.' || attnum, xmin::text from pg_attribute where attrelid = 'twokey.audit'::regclass
       union all select 'schema ' || oid, xmin::text from pg_namespace union all select 'function ' || oid, xmin::text from pg_proc
       union all select 'role ' || oid, xmin::text from pg_authid where rolname = $1 order by 1`,
      [role],
    );
  const before = await versions();
  await withConnection(fresh.url, async (other) => {
    await other.query("select pg_advisory_lock(hashtextextended('twokey.store.roles', 0))");
    await start();
    await migrateFor(fresh.url, role, () => Promise.resolve());
  });
  expect(await versions()).toEqual(before);
});
