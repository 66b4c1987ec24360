/**
 * Claims: an id of the CI database that our own rows could not be read with again holds its row by name, with what to correct, and nothing
 * else; an empty text is none; whatever is let through is written and read again as it was, and PostgreSQL refuses the rest.
 */
import fc from "fast-check";
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { assemble } from "../../src/cidb/assemble.ts";
import type { CiDatabase } from "../../src/cidb/read.ts";
import type { ProjectRow, UserRow } from "../../src/cidb/wire.ts";
import { accountIdFor, domainIdFor, userIdFor } from "../../src/core/derived-ids.ts";
import { DAY_MS } from "../../src/core/units.ts";
import { CiUserId, OperatorId, ProjectId, type DeletionId, type DomainPath } from "../../src/core/ids.ts";
import { insertDeletion, readDeletion } from "../../src/store/deletions.ts";
import type { Queryable } from "../../src/store/db.ts";
import { readAccountsOf, readKnownState, recordManagedAccounts, recordManagedDomains } from "../../src/store/managed.ts";
import { botCi } from "../support/bot.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, policy } from "../support/deletions.ts";

const views = { projects: "p", users: "u", memberships: "m" };
const project = (id: string | null, more: Partial<ProjectRow> = {}): ProjectRow => ({
  ...{ id, slug: "odd", name: "Odd", state: "active", closed_at: null, closed_by: null, limits: null },
  ...more,
});
const user = (id: string | null): UserRow => ({
  ...{ id, username: "odd", email: "odd@example.org", first_name: "F", last_name: "L", enabled: true, slack_id: null },
});
const good = project("good", { slug: "good" });
const closed = (more: Partial<ProjectRow>) => project("odd", { state: "closed", closed_at: 1, closed_by: "u1", ...more });
const waits = { ...policy, approvalMs: 7 * DAY_MS, coolOffMs: DAY_MS, graceMs: 7 * DAY_MS };
const Rules = z.object({ project: z.boolean(), person: z.boolean(), one: z.boolean() });
const long = "x".repeat(201);

describe("a row of a project is held by name", () => {
  test.each<[string, ProjectRow, string | null, string, RegExp]>([
    ["an id of 201 characters", project(long), null, `id "${"x".repeat(40)}… (201 characters)"`, /has an id that cannot be used/],
    ["an empty id", project(""), null, 'id ""', /has no id/],
    ["an id with NUL", project("a\0b"), null, 'id "a?b"', /has an id that cannot be used/],
    ["half a surrogate pair in an id", project("a\ud800"), null, 'id "a?"', /has an id that cannot be used/],
    [
      "a closed_by of 201 characters",
      closed({ closed_by: long }),
      "odd",
      "id odd",
      /closed_by that cannot be an id: "x+… \(201 characters\)"/,
    ],
    ["a closed_by with a line feed", closed({ closed_by: "u\n3" }), "odd", "id odd", /closed_by that cannot be an id: "u\?3"/],
    ["a closed_by with a line separator", closed({ closed_by: "u\u20283" }), "odd", "id odd", /closed_by that cannot be an id: "u\?3"/],
    ["a closed_by with NUL", closed({ closed_by: "u\0" }), "odd", "id odd", /closed_by that cannot be an id/],
    ["a closed_at that never was", closed({ closed_at: Infinity }), "odd", "id odd", /closed_at Infinity, which is no point in time/],
    ["a closed_at that no calendar has", closed({ closed_at: 9.1e15 }), "odd", "id odd", /no point in time/],
    ["a name with NUL", project("odd", { name: "a\0b" }), "odd", "id odd", /name with a NUL/],
  ])("%s", (_what, row, projectId, key, problem) => {
    const { projects, held } = assemble([good, row], [], [], views);
    expect(held).toEqual([expect.objectContaining({ view: "p", projectId, userId: null, key, problem: expect.stringMatching(problem) })]);
    expect(held[0]?.remedy).not.toBe("");
    expect(projects.map((p) => p.id)).toEqual(["good"]);
  });
});

test("an empty closed_by says of nobody, and of an active project neither it nor the time matters", () => {
  const rows = [closed({ closed_by: "" }), project("act", { slug: "act", closed_by: long, closed_at: -Infinity })];
  const { projects, held } = assemble(rows, [], [], views);
  expect(held).toEqual([]);
  expect(projects).toMatchObject([
    { id: "act", closedBy: null, closedAt: null },
    { id: "odd", closedBy: null, closedAt: 1 },
  ]);
});

test.each([
  ["an empty user", "good", "", null, /names no project or no user/],
  ["an empty project", "", "u1", null, /names no project or no user/],
  ["a user of 201 characters", "good", long, "good", /names a user by an id that cannot be used/],
  ["a user with a line feed", "good", "u\n1", "good", /names a user by an id that cannot be used/],
  ["a project of 201 characters", long, "u1", null, /names a project/],
])("a membership of %s is held, and the project's other members stay as they are", (_what, projectId, userId, of, problem) => {
  const { held, projects } = assemble([good], [user("u1"), user(userId)], [{ project_id: projectId, user_id: userId, role: "r" }], views);
  expect(held).toMatchObject([{ view: "m", problem: expect.stringMatching(problem) }]);
  // No id of a user: the whole project is held, since it may be any member of it.
  expect(held[0]?.userId === null || held[0]?.projectId === null).toBe(true);
  if (of !== null) expect(held[0]?.projectId).toBe(of);
  expect(projects).toMatchObject([{ id: "good", members: [] }]);
});

describe("what is let through", () => {
  let fresh: FreshDatabase;
  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  afterAll(() => fresh.drop());

  const odd = fc.constantFrom(
    "",
    "\0",
    "\n",
    "\r",
    "\u2028",
    "\u2029",
    "\t",
    "\u{1f600}",
    "\ud800",
    "'",
    "\\",
    "é",
    "x".repeat(199),
    "y".repeat(200),
  );
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 6 }),
    odd,
    fc.tuple(odd, fc.string({ maxLength: 3 }), odd).map((t) => t.join("")),
  );

  test("can be written and read again", async () => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(text, text, text, fc.double(), async (projectId, userId, closedBy, closedAt) => {
        n += 1;
        const row = project(projectId, { state: "closed", closed_by: closedBy, closed_at: closedAt });
        const made = assemble([row, good], [user(userId)], [{ project_id: projectId, user_id: userId, role: "r" }], views);
        expect(JSON.stringify(made.held)).not.toMatch(/\\u0000|\\ud[89a-f]/);
        for (const p of made.projects.filter((one) => one.id !== "good")) {
          const generation = n;
          const domainId = domainIdFor(p.id, generation);
          await recordManagedDomains(fresh.db, [{ domainId, projectId: p.id, generation, origin: "created" }], 1);
          const accounts = p.members.map((m) => ({
            ...{ accountId: accountIdFor(p.id, generation, m.userId), userId: userIdFor(p.id, generation, m.userId) },
            ...{ domainId, projectId: p.id, ciUserId: m.userId },
          }));
          await recordManagedAccounts(fresh.db, accounts, 1);
          const { managedDomains } = await readKnownState(fresh.db, []);
          expect(managedDomains.find((d) => d.domainId === domainId)?.projectId).toBe(p.id);
          expect((await readAccountsOf(fresh.db, domainId)).map((a) => a.ciUserId)).toEqual(p.members.map((m) => m.userId));
          const id = randomUUID() as DeletionId;
          const evidence = { kind: "closed", projectId: p.id, slug: p.slug, closedAt: p.closedAt, closedBy: p.closedBy } as const;
          const requesters = p.closedBy === null ? [] : [OperatorId.parse(`ci:${p.closedBy}`)];
          await insertDeletion(fresh.db, {
            ...{ id, domain_id: domainId, project_id: p.id, slug: p.slug, path: "ROOT/ci/odd" as DomainPath, name: "odd" },
            ...{ evidence, requesters, policy: waits, opened_at: at(1) },
          });
          expect(await readDeletion(fresh.db, id)).toMatchObject({ evidence, requesters, project_id: p.id });
        }
      }),
      { numRuns: 150, seed: 11 },
    );
  }, 120_000);

  test("PostgreSQL has the same rules as the schemas", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (id) => {
        // Neither NUL nor half a pair gets there.
        if (/[\0\p{Cs}]/u.test(id)) return;
        const [row] = await fresh.db.many(
          Rules,
          "select is_project_id($1) as project, is_ci_user_id($1) as person, is_operator_id('ci:' || $1) as one",
          [id],
        );
        expect(row).toMatchObject({ project: ProjectId.safeParse(id).success, person: CiUserId.safeParse(id).success });
        expect(row?.one).toBe(OperatorId.safeParse(`ci:${id}`).success);
      }),
      { numRuns: 300, seed: 12 },
    );
  });

  test.each([
    ["a project's id of 201 characters", long, "u1", "managed_domain_project_id"],
    ["an empty id of a project", "", "u1", "managed_domain_project_id"],
    ["a user's id of 201 characters", "p", long, "managed_account_ci_user_id"],
    ["an empty id of a user", "p", "", "managed_account_ci_user_id"],
    ["a user's id with a line feed", "p", "u\n1", "managed_account_ci_user_id"],
  ])("%s is refused by PostgreSQL, and a row of before is read", async (_what, projectId, ciUserId, rule) => {
    const [p, u] = [projectId as ProjectId, ciUserId as CiUserId];
    const [domainId, accountId] = [domainIdFor(p, 999), accountIdFor(p, 999, u)];
    const record = async (q: Queryable) => {
      await recordManagedDomains(q, [{ domainId, projectId: p, generation: 999, origin: "created" }], 1);
      await recordManagedAccounts(q, [{ accountId, userId: userIdFor(p, 999, u), domainId, projectId: p, ciUserId: u }], 1);
    };
    await expect(record(fresh.db)).rejects.toMatchObject({ kind: "constraint", constraint: rule });
    // As before that rule.
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await record(q);
    });
    const known = await readKnownState(fresh.db, []);
    expect(known.managedDomains.find((d) => d.domainId === domainId)?.projectId).toBe(p);
    expect(known.managedAccounts.find((a) => a.accountId === accountId)?.ciUserId).toBe(u);
  });
});

describe("on PostgreSQL", () => {
  let fresh: FreshDatabase;
  let client: pg.Client;
  let ci: CiDatabase;
  beforeAll(async () => {
    fresh = await emptyDatabase();
    client = new pg.Client({ connectionString: fresh.url });
    await client.connect();
    await client.query(`
      create table twokey_projects (id text, slug text, name text, state text, closed_at timestamptz, closed_by text, limits jsonb);
      create table twokey_users (id text, username text, email text, first_name text, last_name text, enabled boolean, slack_id text);
      create table twokey_memberships (project_id text, user_id text, role text);
      insert into twokey_projects values ('good', 'good', 'Good', 'active', null, null, null), ('late', 'late', 'Late', 'closed', 'infinity', 'u1', null),
        ('early', 'early', 'Early', 'closed', '-infinity', 'u1', null), ('odd', 'odd', 'Odd', 'closed', '2026-01-01', E'u\\n1', null);
      insert into twokey_users values ('', 'eve', '', 'Eve', 'L', true, ''), ('u1', 'ann', 'ann@example.org', 'Ann', 'L', true, null)`);
    ci = botCi(fresh.url, () => 5);
  });
  afterAll(async () => {
    await ci.close();
    await client.end();
    await fresh.drop();
  });

  test("a closed_at that is infinite holds its row; the read is whole", async () => {
    const read = await ci.readDesired({ kind: "fleet", root: "ROOT/ci" as DomainPath });
    expect(read.coverage).toBe("complete");
    expect(read.projects.map((p) => p.id)).toEqual(["good"]);
    expect(read.held.map((h) => h.key)).toEqual(["id early", "id late", "id odd"]);
  });

  test("of one project: a held closing proves nothing, and a row under an id that cannot be used may be any project's", async () => {
    const state = (id: string) => ci.readProjectState(id as ProjectId);
    for (const id of ["late", "early", "odd"]) expect(await state(id)).toMatchObject({ ok: false, error: { code: "cidb.unsure" } });
    expect(await state("gone")).toEqual({ ok: true, value: "absent" });
    for (const id of ["", long]) {
      await client.query("insert into twokey_projects values ($1, 'other', 'Other', 'closed', null, null, null)", [id]);
      expect(await state("gone")).toMatchObject({ ok: false, error: { message: expect.stringMatching(/absent: twokey_projects, id "/) } });
      await client.query("delete from twokey_projects where id = $1", [id]);
      await client.query("insert into twokey_memberships values ($1, 'u1', 'member')", [id]);
      expect(await state("gone")).toMatchObject({ ok: false, error: { message: expect.stringMatching(/absent: twokey_memberships/) } });
      await client.query("delete from twokey_memberships");
    }
  });

  test("people: an id, an address and a Slack id that are empty are none", async () => {
    const people = await ci.listPeople();
    expect(people.ok && people.value.map(({ id, email, slackId }) => [id, email, slackId])).toEqual([
      [null, null, null],
      ["u1", "ann@example.org", null],
    ]);
  });
});
