/** Claim INV-6: settings and locks that a pooler drops are noticed: a read is partial, the bot does not start, the doctor says why. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCiDatabase } from "../../src/cidb/read.ts";
import { examineOwnDatabase } from "../../src/cli/doctor/own-database.ts";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import { createDatabase } from "../../src/store/db.ts";
import { prepareStore } from "../../src/store/prepare.ts";
import { readPolicy } from "../../src/store/policies.ts";
import { whyNoSession } from "../../src/store/sessions.ts";
import { connectionSettings } from "../../src/store/db.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { startPooler, type Pooler } from "../support/pooler.ts";

const views = { projects: "twokey_projects", users: "twokey_users", memberships: "twokey_memberships" };
const READER = `reader_${process.pid}`;
let ci: FreshDatabase;
let own: FreshDatabase;
let pooler: Pooler;
const nameOf = (fresh: FreshDatabase): string => new URL(fresh.url).pathname.slice(1);

beforeAll(async () => {
  [ci, own] = [await emptyDatabase(), await freshDatabase()];
  pooler = await startPooler(own.url);
  const client = new pg.Client({ connectionString: ci.url });
  await client.connect();
  await client.query(`
    create table twokey_projects (id text, slug text, name text, state text, closed_at timestamptz, closed_by text, limits jsonb);
    create table twokey_users (id text, username text, email text, first_name text, last_name text, enabled boolean, slack_id text);
    create table twokey_memberships (project_id text, user_id text, role text);
    insert into twokey_projects select 'p' || n, 'p' || n, 'P', 'active' from generate_series(1, 10) n;
    create role ${READER} login;
    grant select on all tables in schema public to ${READER};`);
  await client.end();
});
afterAll(async () => {
  await pooler.close();
  await ci.db.exec(`drop owned by ${READER}`);
  await ci.db.exec(`drop role ${READER}`);
  await ci.drop();
  await own.drop();
});

async function readThrough(url: string) {
  const database = createCiDatabase({
    url,
    views,
    now: () => 5 as Instant,
    sentinelProject: null,
    confirmed: async () => null,
    lastComplete: async () => null,
    onError: () => undefined,
  });
  try {
    return await database.readDesired({ kind: "fleet", root: "ROOT/ci" as DomainPath });
  } finally {
    await database.close();
  }
}
const asReader = (url: string): string => Object.assign(new URL(url), { username: READER }).href;

describe("the CI database", () => {
  test("through a pooler that keeps transactions together, a read is complete", async () => {
    expect(await readThrough(pooler.url(nameOf(ci)))).toMatchObject({ coverage: "complete" });
  });

  test.each([
    ["row_security = off", "row_security = on ", /row_security is on, so rows may be hidden/],
    ["repeatable read read only", "repeatable read          ", /the transaction is not read only/],
    ["repeatable read read only", "read committed  read only", /its isolation is read committed/],
    ["set local search_path = pg_catalog, public", "set local search_path = pg_catalog, staged", /its search_path is pg_catalog, staged/],
  ])("a pooler that loses %s on its way makes it partial", async (from, to, why) => {
    const lossy = await startPooler(own.url, (statement) => statement.replace(from, to));
    const read = await readThrough(lossy.url(nameOf(ci)));
    expect(read).toMatchObject({ coverage: "partial", reason: expect.stringMatching(why) });
    await lossy.close();
  });

  test.each(["", "options=-c%20lock_timeout%3D5000", "options=-c%20row_security%3Don%20-c%20default_transaction_read_only%3Doff"])(
    "rows that a policy hides make it partial, with the address's %j",
    async (query) => {
      await ci.db.exec("alter table public.twokey_projects enable row level security");
      await ci.db.exec(`create policy part on public.twokey_projects for select to ${READER} using (id <> 'p1')`);
      const url = new URL(asReader(ci.url));
      for (const [key, value] of new URLSearchParams(query)) url.searchParams.set(key, value);
      const read = await readThrough(url.href);
      await ci.db.exec("drop policy part on public.twokey_projects");
      await ci.db.exec("alter table public.twokey_projects disable row level security");
      expect(read).toMatchObject({ coverage: "partial", reason: expect.stringContaining("row-level security") });
    },
  );
});

describe("Twokey's own database", () => {
  test("a pooler that drops the search path: the bot does not start, and says what to do", async () => {
    const through = pooler.url(nameOf(own));
    await expect(prepareStore({ url: through, migrationUrl: null }, async () => undefined)).rejects.toThrow(
      /drops the option search_path\. Set DATABASE_URL to PostgreSQL itself/,
    );
  });

  test("a pooler that gives one session to several connections has two holders of a lock: refused", async () => {
    await own.db.exec(`alter database ${nameOf(own)} set search_path = twokey`);
    const shared = await startPooler(own.url);
    const through = shared.url(nameOf(own));
    expect(await whyNoSession(connectionSettings(through))).toMatch(/one session to several connections/);
    const checks = await examineOwnDatabase(
      { databaseUrl: through, databaseMigrationUrl: null, dataDir: "/nowhere" },
      () => Date.now() as never,
    );
    expect(checks.filter((c) => c.state === "failed").map((c) => c.sentence)).toEqual([expect.stringContaining("locks do not hold")]);
    await shared.close();
    expect(await whyNoSession(connectionSettings(own.url))).toBeNull();
  });

  test("options of the address add to ours", async () => {
    const url = new URL(own.url);
    url.searchParams.set("options", "-c lock_timeout=5000 -c search_path=public");
    const db = createDatabase(url.href, { max: 1, onError: () => undefined });
    expect(await readPolicy(db)).toBeNull();
    await db.close();
  });
});
