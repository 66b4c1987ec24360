/**
 * Claim INV-1: a view whose rows may be old although the server is current is refused with what to do, at every depth: what a materialized
 * view showed at its last refresh, or another server behind a foreign table, is not what is so now.
 */
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { examineCiDatabase } from "../../src/cli/doctor/ci-database.ts";
import type { CiDatabase } from "../../src/cidb/read.ts";
import type { DomainPath, ProjectId } from "../../src/core/ids.ts";
import { botCi } from "../support/bot.ts";
import { emptyDatabase, type FreshDatabase } from "../support/database.ts";

const root = "ROOT/ci" as DomainPath;
const p = "p" as ProjectId;
let fresh: FreshDatabase;
let client: pg.Client;
let ci: CiDatabase;

beforeEach(async () => {
  fresh = await emptyDatabase();
  client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  await client.query(`
    create table base (id text, slug text, name text, state text, closed_at timestamptz, closed_by text, limits jsonb);
    insert into base values ('p', 'p', 'P', 'closed', '2026-01-01', 'u1', null), ('q', 'q', 'Q', 'active', null, null, null);
    create table person (id text, username text, email text, first_name text, last_name text, enabled boolean, slack_id text);
    create table seat (project_id text, user_id text, role text);`);
  ci = botCi(fresh.url, () => 5);
});
afterEach(async () => {
  await ci.close();
  await client.end();
  await fresh.drop();
});

const projects = "create view twokey_projects as select * from base;";
const users = "create view twokey_users as select * from person;";
const memberships = "create view twokey_memberships as select * from seat;";
const far = "create foreign data wrapper far; create server elsewhere foreign data wrapper far;";
const columns = "(id text, slug text, name text, state text, closed_at timestamptz, closed_by text, limits jsonb)";

test.each([
  [
    "the view itself",
    `create materialized view twokey_projects as select * from base; ${users} ${memberships}`,
    /projects of the CI database is a materialized view/,
  ],
  [
    "what the view reads",
    `create materialized view seen as select * from base; create view twokey_projects as select * from seen; ${users} ${memberships}`,
    /projects of the CI database reads public\.seen, which is a materialized view, and shows what was so at its last refresh/,
  ],
  [
    "what a view below reads, in another schema, in a subquery",
    `create schema deep; create materialized view deep.closed as select id from base where state = 'closed';
     create view deep.open as select * from base where id not in (select id from deep.closed);
     create view twokey_projects as select * from deep.open union all select * from base where state = 'closed'; ${users} ${memberships}`,
    /reads deep\.closed, which is a materialized view/,
  ],
  [
    "the users",
    `${projects} create materialized view twokey_users as select * from person; ${memberships}`,
    /users of the CI database is a mat/,
  ],
  [
    "the memberships",
    `${projects} ${users} create materialized view m as select * from seat; create view twokey_memberships as select * from m`,
    /memberships of the CI database reads public\.m, which is a mat/,
  ],
  [
    "a foreign part of a partitioned table",
    `${far} create table part ${columns} partition by list (state); create table part_now partition of part for values in ('active');
     create foreign table part_old partition of part for values in ('closed') server elsewhere;
     create view twokey_projects as select * from part where state = 'active'; ${users} ${memberships}; insert into part select * from base where state = 'active'`,
    /reads public\.part_old, which is a table of another server/,
  ],
])("%s: every read is refused, and says which", async (_what, sql, words) => {
  await client.query(sql);
  // Opened again since the last refresh: what a view of then shows is not so.
  await client.query("update base set state = 'active', closed_at = null, closed_by = null where id = 'p'");
  const state = await ci.readProjectState(p);
  expect(state).toMatchObject({ ok: false, error: { kind: "contract_broken", message: expect.stringMatching(words) } });
  const read = await ci.readDesired({ kind: "fleet", root });
  expect(read).toMatchObject({ coverage: "partial", reason: expect.stringMatching(words) });
  expect(await ci.readSource()).toMatchObject({ ok: false });
  const checks = await examineCiDatabase({ url: fresh.url, ci, rootPath: root, sentinelProject: null });
  const told = checks.find((c) => c.state === "failed");
  expect(told).toMatchObject({ sentence: expect.stringMatching(words), remedy: expect.stringMatching(/plain view|lead to the server/) });
});

test("a materialized view that none of the three views reads, and a rule that writes to one's table, are nothing", async () => {
  await client.query(`${projects} ${users} ${memberships} create materialized view report as select * from twokey_projects;
    create table old (like base); create materialized view olds as select * from old;
    create rule kept as on delete to base do also insert into old select old.* from olds limit 0`);
  expect(await ci.readDesired({ kind: "fleet", root })).toMatchObject({ coverage: "complete" });
  expect(await ci.readProjectState(p)).toEqual({ ok: true, value: "closed" });
});

test("a foreign table in a view is refused as it is", async () => {
  await client.query(`${far} create foreign table far_project ${columns} server elsewhere;
    create view twokey_projects as select * from far_project; ${users} ${memberships}`);
  const said =
    "The view public.twokey_projects of the CI database reads public.far_project, which is a table of another server, and how old";
  expect(await ci.readSource()).toMatchObject({ ok: false, error: { message: expect.stringContaining(said) } });
});
