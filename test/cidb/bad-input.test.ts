/** Claim: a bad row of the CI database is held by name with its remedy, a broken view makes the read partial, and nothing else changes. */
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCiDatabase, type CiDatabase } from "../../src/cidb/read.ts";
import type { DomainPath, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import { botCi } from "../support/bot.ts";
import { emptyDatabase, type FreshDatabase } from "../support/database.ts";

const scope: FleetScope = { kind: "fleet", root: "ROOT/ci" as DomainPath };
let fresh: FreshDatabase;
let client: pg.Client;
let ci: CiDatabase;

beforeEach(async () => {
  fresh = await emptyDatabase();
  client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  await client.query(`
    create table twokey_projects (id text, slug text, name text, state text, closed_at timestamptz, closed_by text, limits jsonb);
    create table twokey_users (id text, username text, email text, first_name text, last_name text, enabled boolean, slack_id text);
    create table twokey_memberships (project_id text, user_id text, role text);
    insert into twokey_projects values ('good', 'good', 'Good', 'active', null, null, null);
    insert into twokey_users values ('u1', 'ann', 'ann@example.org', 'Ann', 'Lee', true, null);
    insert into twokey_memberships values ('good', 'u1', 'member');`);
  ci = botCi(fresh.url, () => 5);
});
afterEach(async () => {
  await ci.close();
  await client.end();
  await fresh.drop();
});

const bad = (slug: string | null) => ({
  sql: "insert into twokey_projects values ('bad', $1, 'Bad', 'active', null, null, null)",
  params: [slug],
});
test.each<[string, { sql: string; params?: readonly unknown[] }, string, string]>([
  ["a null slug", bad(null), "id bad", "has no slug"],
  ["a slug with a slash", bad("a/b"), "id bad", "cannot name a domain"],
  ["a slug with an underscore", bad("a_b"), "id bad", "cannot name a domain"],
  ["a slug with a percent sign", bad("a%"), "id bad", "cannot name a domain"],
  ["a slug with a backslash", bad("a\\u0041"), "id bad", "cannot name a domain"],
  ["a slug of 300 characters", bad("x".repeat(300)), "id bad", "300 characters"],
  [
    "an unknown state",
    { sql: "insert into twokey_projects values ('bad', 'bad', 'Bad', 'archived', null, null, null)" },
    "id bad",
    "has the state",
  ],
  [
    "limits that are no numbers",
    { sql: "insert into twokey_projects values ('bad', 'bad', 'Bad', 'active', null, null, '{\"user_vm\": \"many\"}')" },
    "id bad",
    "limits",
  ],
  [
    "a member without e-mail",
    {
      sql: "insert into twokey_users values ('u2', 'bob', null, 'Bob', 'Lee', true, null); insert into twokey_memberships values ('good', 'u2', 'member')",
    },
    "id u2",
    "e-mail",
  ],
  [
    "a control character in a name",
    {
      sql: "insert into twokey_users values ('u2', 'bob', 'b@example.org', E'B\\tb', 'Lee', true, null); insert into twokey_memberships values ('good', 'u2', 'member')",
    },
    "id u2",
    "first_name",
  ],
  [
    "two members of one username",
    {
      sql: "insert into twokey_users values ('u2', 'ANN', 'b@example.org', 'Bob', 'Lee', true, null); insert into twokey_memberships values ('good', 'u2', 'member')",
    },
    "id u1",
    "shares the username",
  ],
  [
    "a membership of an unknown user",
    { sql: "insert into twokey_memberships values ('good', 'nobody', 'member')" },
    "user nobody",
    "does not list",
  ],
  [
    "a membership of an unknown project",
    { sql: "insert into twokey_memberships values ('nowhere', 'u1', 'member')" },
    "project nowhere",
    "does not list",
  ],
])("%s is held by name, and the good project stays", async (_what, { sql, params }, key, problem) => {
  await client.query(sql, params === undefined ? undefined : [...params]);
  const read = await ci.readDesired(scope);
  expect(read.coverage).toBe("complete");
  const held = read.held.find((h) => h.key.includes(key));
  expect(held?.problem).toContain(problem);
  expect(held?.remedy).not.toBe("");
  expect(read.projects.map((p) => p.id)).toEqual(["good"]);
});

test.each([
  ["22021", "not of the encoding", /SQL_ASCII/],
  ["40001", "a standby, broke off the read of twokey_users to keep up with its primary", /hot_standby_feedback/],
  ["57014", "took longer than it may", /30 seconds/],
])("a read that PostgreSQL ends with %s is partial, and says why and what to do", async (code, why, remedy) => {
  await client.query(`
    create function public.broken_off() returns text language plpgsql as $$ begin raise exception 'x' using errcode = '${code}'; end $$;
    alter table twokey_users rename to people;
    create view twokey_users as select id, public.broken_off() as username, email, first_name, last_name, enabled, slack_id from people`);
  const read = await ci.readDesired(scope);
  expect(read.coverage).toBe("partial");
  const people = await ci.listPeople();
  expect(people).toMatchObject({ ok: false, error: { message: expect.stringContaining(why) as string, details: { code } } });
  expect(people.ok ? "" : people.error.remedy).toMatch(remedy);
});

test("a slug that a closed project had before: neither is held, and by the slug people mean the active one, else the last", async () => {
  await client.query(`insert into twokey_projects values ('a1', 'Same', 'A', 'closed', '2020-01-01', 'u1', null),
    ('a2', 'same', 'A', 'closed', '2022-01-01', 'u1', null), ('a3', 'same', 'A', 'closed', '2021-01-01', 'u1', null)`);
  expect(await ci.project({ slug: "same" as Slug })).toMatchObject({ value: { id: "a2" } });
  await client.query("insert into twokey_projects values ('a9', 'same', 'A', 'active', null, null, null)");
  const read = await ci.readDesired(scope);
  expect(read.held).toEqual([expect.objectContaining({ key: "id a1", problem: expect.stringContaining("cannot name a domain") })]);
  expect(read.projects.map((p) => [p.id, p.state])).toEqual([
    ["a2", "closed"],
    ["a3", "closed"],
    ["a9", "active"],
    ["good", "active"],
  ]);
  expect(await ci.project({ slug: "same" as Slug })).toMatchObject({ value: { id: "a9" } });
  const all = await ci.projectsOf("all");
  expect(all.ok && all.value.find((p) => p.slug === "same")?.id).toBe("a9");
  expect(await ci.readProjectState("a2" as ProjectId)).toEqual({ ok: true, value: "closed" });
  expect(await ci.readProjectState("a9" as ProjectId)).toEqual({ ok: true, value: "active" });
});

test("two active projects of one slug are both held, and a closed one with them", async () => {
  await client.query(
    "insert into twokey_projects values ('b1', 'same', 'B', 'active', null, null, null), ('b2', 'SAME', 'B', 'active', null, null, null), ('b3', 'same', 'B', 'closed', null, null, null)",
  );
  const read = await ci.readDesired(scope);
  expect(read.held.map((h) => h.projectId).toSorted()).toEqual(["b1", "b2", "b3"]);
  if (read.coverage !== "complete") throw new Error("complete");
  for (const id of ["b1", "b3"]) {
    const record = {
      domainId: "x" as never,
      projectId: id as never,
      generation: 1,
      origin: "created" as const,
      absence: { since: 0 as Instant, reads: 99 },
    };
    expect(read.proveGone(record, { absenceReads: 1, absenceMs: 0 }), "a held project proves nothing").toBeNull();
  }
});

test.each<[string, string, string]>([
  ["an empty view", "truncate twokey_projects", "no project at all"],
  ["a view without a column", "alter table twokey_projects drop column closed_by", "closed_by"],
  ["a missing view", "drop table twokey_memberships", "twokey_memberships"],
  [
    "a column of another type",
    "alter table twokey_users drop column enabled; alter table twokey_users add column enabled text default 'yes'",
    "enabled",
  ],
])("%s makes the read partial and says what is wrong", async (_what, sql, words) => {
  await client.query(sql);
  const read = await ci.readDesired(scope);
  expect(read.coverage).toBe("partial");
  if (read.coverage === "partial") expect(read.reason).toContain(words);
});

/** Other views in a schema that the role's settings name first. */
const stageIt = async (): Promise<void> => {
  const name = new URL(fresh.url).pathname.slice(1);
  await client.query(`
    create schema staging;
    create view staging.twokey_projects as select id, slug, name, 'closed'::text as state, closed_at, closed_by, limits from twokey_projects;
    create view staging.twokey_users as select id, 'eve'::text as username, email, first_name, last_name, enabled, slack_id from twokey_users;
    alter database ${name} set search_path = staging, public`);
};

test.each(["the settings of the role or the database", "the address"])("%s cannot lead a name to another view", async (where) => {
  await stageIt();
  const url = new URL(fresh.url);
  if (where === "the address") url.searchParams.set("options", "-c search_path=staging,public");
  const other = botCi(url.href, () => 5);
  const read = await other.readDesired(scope);
  expect(read.projects).toMatchObject([{ id: "good", state: "active", members: [{ username: "ann" }] }]);
  expect(await other.listPeople()).toMatchObject({ value: [{ username: "ann" }] });
  expect(await other.project({ id: "good" as ProjectId })).toMatchObject({ value: { state: "active" } });
  await other.close();
});

test("views in a schema that only the role's settings name: a sentence says to name it, and named they are read", async () => {
  await stageIt();
  const moved = ["projects", "users", "memberships"].map((n) => `alter table twokey_${n} set schema ci;`);
  await client.query(`create schema ci; ${moved.join(" ")} alter database ${new URL(fresh.url).pathname.slice(1)} set search_path = ci`);
  const read = await ci.readDesired(scope);
  if (read.coverage !== "partial") throw new Error("it read something");
  expect(read.reason).toMatch(/no view twokey_projects in public\. .* name yours with its schema in CI_…_VIEW/);
  const views = { projects: "ci.twokey_projects", users: "ci.twokey_users", memberships: "ci.twokey_memberships" };
  const asked = {
    now: () => 5 as Instant,
    sentinelProject: null,
    confirmed: async () => null,
    lastComplete: async () => null,
    onError: () => undefined,
  };
  const named = createCiDatabase({ url: fresh.url, views, ...asked });
  expect(await named.readDesired(scope)).toMatchObject({ coverage: "complete", projects: [{ id: "good", state: "active" }] });
  await named.close();
});

test("a function of a view that finds its tables by the role's settings only: a sentence says so", async () => {
  await client.query(`create schema ci; create table ci.seat (id text);
    create function seats() returns bigint language plpgsql as 'begin return (select count(*) from seat); end';
    alter table twokey_users rename to person; create view twokey_users as select * from person where seats() >= 0`);
  const read = await ci.readDesired(scope);
  expect(read).toMatchObject({
    coverage: "partial",
    reason: expect.stringMatching(/twokey_users .*not found: relation "seat".*name their schemas/),
  });
});

test("a disabled user is no member", async () => {
  await client.query("update twokey_users set enabled = false");
  expect((await ci.readDesired(scope)).projects[0]?.members).toEqual([]);
});

test("nothing can be written through this connection", async () => {
  const writer = new pg.Client({ connectionString: fresh.url, options: "-c default_transaction_read_only=on" });
  await writer.connect();
  await expect(writer.query("delete from twokey_projects")).rejects.toThrow(/read-only/);
  await writer.end();
});
