/**
 * Claims: a CI database on MariaDB is read by the same rules as one on PostgreSQL: the same rows, the same refusals. The tests on MariaDB are
 * skipped where this machine has no `mariadbd` or `mysqld`.
 */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CiDatabase } from "../../src/cidb/read.ts";
import type { DomainPath, ProjectId, Slug } from "../../src/core/ids.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import { botCi } from "../support/bot.ts";
import { emptyDatabase, type FreshDatabase } from "../support/database.ts";
import { mariadbProgram, startMariaDb, type MariaDb } from "../support/mariadb.ts";

const scope: FleetScope = { kind: "fleet", root: "ROOT/ci" as DomainPath };

/** One kind of server with a CI database on it. */
interface Kind {
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Empty tables with the names of the views. */
  readonly make: () => Promise<void>;
  readonly drop: () => Promise<void>;
  /** As its administrator, statement by statement. */
  readonly run: (sql: string) => Promise<unknown>;
  /** The address of the role that may read. */
  readonly url: () => string;
  readonly types: { readonly text: string; readonly time: string; readonly json: string };
}

const postgres = (): Kind => {
  let fresh: FreshDatabase;
  let client: pg.Client;
  return {
    start: async () => undefined,
    stop: async () => undefined,
    async make() {
      fresh = await emptyDatabase();
      client = new pg.Client({ connectionString: fresh.url });
      await client.connect();
    },
    async drop() {
      await client.end();
      await fresh.drop();
    },
    run: (sql) => client.query(sql),
    url: () => fresh.url,
    types: { text: "text", time: "timestamptz", json: "jsonb" },
  };
};

const mariadb = (): Kind => {
  let server: MariaDb;
  let client: Awaited<ReturnType<MariaDb["admin"]>>;
  return {
    async start() {
      server = await startMariaDb();
      client = await server.admin();
      await client.query("create user reader@'%' identified by 'pass'; grant replica monitor on *.* to reader@'%'");
    },
    async stop() {
      await client.end();
      await server.stop();
    },
    make: async () => void (await client.query("create database ci; use ci; grant select, show view on ci.* to reader@'%'")),
    drop: async () => void (await client.query("drop database ci")),
    run: (sql) => client.query(sql),
    url: () => server.url("reader", "ci"),
    types: { text: "varchar(300)", time: "datetime(3)", json: "json" },
  };
};

describe.each([
  ["PostgreSQL", postgres, true],
  ["MariaDB", mariadb, mariadbProgram !== null],
] as const)("on %s", (_name, makeKind, isThere) => {
  describe.skipIf(!isThere)("(needs mariadbd or mysqld)", () => {
    const kind = makeKind();
    let ci: CiDatabase;
    beforeAll(() => kind.start(), 120_000);
    afterAll(() => kind.stop());
    beforeEach(async () => {
      await kind.make();
      const { text, time, json } = kind.types;
      for (const sql of [
        `create table twokey_projects (id ${text}, slug ${text}, name ${text}, state ${text}, closed_at ${time}, closed_by ${text}, limits ${json})`,
        `create table twokey_users (id ${text}, username ${text}, email ${text}, first_name ${text}, last_name ${text}, enabled boolean, slack_id ${text})`,
        `create table twokey_memberships (project_id ${text}, user_id ${text}, role ${text})`,
        "insert into twokey_projects values ('good', 'good', 'Göod', 'active', null, null, '{\"user_vm\": 20}')",
        "insert into twokey_users values ('u1', 'ann', 'ann@example.org', 'Ann', 'Lee', true, 'U1')",
        "insert into twokey_memberships values ('good', 'u1', 'member')",
      ])
        await kind.run(sql);
      ci = botCi(kind.url(), () => 5);
    });
    afterEach(async () => {
      await ci.close();
      await kind.drop();
    });
    const project = (values: string) => kind.run(`insert into twokey_projects values (${values})`);

    test("a whole read: projects with their members, limits, names and times in UTC", async () => {
      await project(`'gone', 'gone', 'Gone', 'closed', '1969-12-31 23:00:00.250', 'u1', null`);
      const read = await ci.readDesired(scope);
      expect(read).toMatchObject({ coverage: "complete", held: [] });
      const member = { userId: "u1", username: "ann", email: "ann@example.org", firstName: "Ann", lastName: "Lee", role: "member" };
      expect(read.projects).toEqual([
        { ...{ id: "gone", slug: "gone", name: "Gone", state: "closed", closedBy: "u1" }, closedAt: -3_599_750, limits: {}, members: [] },
        {
          ...{ id: "good", slug: "good", name: "Göod", state: "active", closedBy: null },
          closedAt: null,
          limits: { user_vm: 20 },
          members: [member],
        },
      ]);
      expect(await ci.listPeople()).toMatchObject({ value: [{ id: "u1", slackId: "U1", enabled: true }] });
    });

    test("changes: none without changed_at; with it, projects by the last change of theirs, their memberships or their members", async () => {
      expect(await ci.readChanges(0)).toEqual({ ok: true, value: null });
      const { time } = kind.types;
      for (const view of ["projects", "users", "memberships"])
        await kind.run(`alter table twokey_${view} add column changed_at ${time} default '2020-01-01 00:00:00'`);
      const since = Date.UTC(2026, 0, 1);
      const started = await ci.readChanges(null);
      expect(started).toMatchObject({ ok: true, value: { projects: new Map() } });
      expect(started.ok && (started.value?.at ?? 0) > since).toBe(true);
      expect(await ci.readChanges(since)).toMatchObject({ value: { projects: new Map() } });
      for (const [project, sql] of [
        ["first", "insert into twokey_projects values ('first', 'first', 'F', 'active', null, null, null, '2026-02-01 00:00:00.250')"],
        ["good", "update twokey_memberships set changed_at = '2026-02-02 00:00:00.500'"],
      ] as const) {
        await kind.run(sql);
        expect(await ci.readChanges(since)).toMatchObject({ value: { projects: expect.anything() } });
        const found = await ci.readChanges(since);
        expect(found.ok && [...(found.value?.projects.keys() ?? [])]).toContain(project);
      }
      await kind.run("update twokey_users set changed_at = '2026-02-03 00:00:00.125'");
      // A membership of no project, and a row without a time, name nothing.
      await kind.run("insert into twokey_memberships values (null, 'u1', 'member', '2026-02-04 00:00:00')");
      await kind.run("insert into twokey_projects values ('second', 'second', 'S', 'active', null, null, null, null)");
      const found = await ci.readChanges(since);
      const expected = [
        ["first", Date.UTC(2026, 1, 1) + 250],
        ["good", Date.UTC(2026, 1, 3) + 125],
      ];
      expect(found.ok && [...(found.value?.projects ?? [])].toSorted()).toEqual(expected);
    });

    test.each([
      ["a null slug", "insert into twokey_projects values ('bad', null, 'B', 'active', null, null, null)", "id bad", "has no slug"],
      [
        "a slug with a slash",
        "insert into twokey_projects values ('bad', 'a/b', 'B', 'active', null, null, null)",
        "id bad",
        "cannot name a domain",
      ],
      [
        "an unknown state",
        "insert into twokey_projects values ('bad', 'bad', 'B', 'archived', null, null, null)",
        "id bad",
        "has the state",
      ],
      [
        "limits that are no numbers",
        `insert into twokey_projects values ('bad', 'bad', 'B', 'active', null, null, '{"user_vm": "many"}')`,
        "id bad",
        "limits",
      ],
      [
        "a project without an id",
        "insert into twokey_projects values (null, 'bad', 'B', 'active', null, null, null)",
        "id NULL",
        "has no id",
      ],
      ["a member of nothing", "insert into twokey_memberships values (null, 'u1', 'member')", "project NULL", "names no project"],
      [
        "a membership of an unknown user",
        "insert into twokey_memberships values ('good', 'nobody', 'member')",
        "user nobody",
        "does not list",
      ],
      [
        "a membership of an unknown project",
        "insert into twokey_memberships values ('nowhere', 'u1', 'member')",
        "project nowhere",
        "does not list",
      ],
    ])("%s is held by name, and the good project stays", async (_what, sql, key, problem) => {
      await kind.run(sql);
      const read = await ci.readDesired(scope);
      expect(read.coverage).toBe("complete");
      expect(read.held.find((h) => h.key.includes(key))?.problem).toContain(problem);
      expect(read.projects.map((p) => p.id)).toEqual(["good"]);
    });

    test("an unknown truth of enabled holds the member, and a disabled one is none", async () => {
      await kind.run("update twokey_users set enabled = null");
      expect((await ci.readDesired(scope)).held).toMatchObject([{ key: "id u1", problem: expect.stringContaining("enabled") as string }]);
      await kind.run("update twokey_users set enabled = false");
      expect((await ci.readDesired(scope)).projects).toMatchObject([{ members: [] }]);
    });

    test("ids are the same only byte by byte; one project's read says what the whole read says", async () => {
      for (const id of ["GOOD", "good ", "göod"])
        await project(`'${id}', 'slug-${id.length}-${id === "GOOD" ? "a" : id === "göod" ? "b" : "c"}', 'N', 'closed', null, null, null`);
      for (const [id, state] of [
        ["good", "active"],
        ["GOOD", "closed"],
        ["good ", "closed"],
        ["göod", "closed"],
        ["Good", "absent"],
      ] as const)
        expect(await ci.readProjectState(id as ProjectId), id).toEqual({ ok: true, value: state });
      expect(await ci.project({ slug: "good" as Slug })).toMatchObject({ value: { id: "good", members: [{ username: "ann" }] } });
      await project("'copy', 'GOOD', 'Copy', 'active', null, null, null");
      expect(await ci.readProjectState("copy" as ProjectId)).toEqual({ ok: true, value: "active" });
      expect((await ci.readDesired(scope)).held.map((h) => h.projectId).toSorted()).toEqual(["copy", "good"]);
      await project("'twin', 'twin', 'T', 'closed', null, null, null");
      await project("'twin', 'twin', 'T', 'closed', null, null, null");
      expect(await ci.readProjectState("twin" as ProjectId)).toMatchObject({ ok: false, error: { code: "cidb.unsure" } });
    });

    test("a sentinel that is not seen, and a list of nothing: nothing is concluded", async () => {
      const watched = botCi(kind.url(), () => 5, "sentinel");
      expect(await watched.readDesired(scope)).toMatchObject({ coverage: "partial", reason: "the sentinel project was not seen" });
      expect(await watched.readProjectState("nobody" as ProjectId)).toMatchObject({ ok: false, error: { code: "cidb.unsure" } });
      await watched.close();
      await kind.run("delete from twokey_projects");
      expect(await ci.readDesired(scope)).toMatchObject({ coverage: "partial", reason: "the CI database lists no project at all" });
      expect(await ci.readProjectState("good" as ProjectId)).toMatchObject({ ok: false, error: { code: "cidb.unsure" } });
    });

    test.each([
      ["a view without a column", "alter table twokey_projects drop column closed_by", "misses a column"],
      ["a missing view", "drop table twokey_memberships", "no view twokey_memberships"],
      [
        "a column of another type",
        "alter table twokey_users drop column enabled; alter table twokey_users add column enabled varchar(9) default 'yes'",
        "enabled",
      ],
    ])("%s makes the read partial and says what is wrong", async (_what, sql, words) => {
      await kind.run(sql);
      expect(await ci.readDesired(scope)).toMatchObject({ coverage: "partial", reason: expect.stringContaining(words) as string });
    });

    test("which database answers: the same each time, and another one once a view has another definition", async () => {
      const source = async () => {
        const read = await ci.readSource();
        if (!read.ok || read.value === null) throw new Error(read.ok ? "no source" : read.error.message);
        return read.value;
      };
      await kind.run("alter table twokey_users rename to person");
      await kind.run("create view twokey_users as select * from person");
      const before = await source();
      expect(await source()).toEqual(before);
      await kind.run("drop view twokey_users");
      await kind.run("create view twokey_users as select * from person where id <> 'u9'");
      const after = await source();
      expect(after.views.users.definition).not.toBe(before.views.users.definition);
      expect({ ...after, views: { ...after.views, users: before.views.users } }).toEqual(before);
    });

    test("a server that is not there is no news of any project, and no address is told", async () => {
      const url = new URL(kind.url());
      url.hostname = "127.0.0.1";
      url.port = "1";
      url.searchParams.delete("host");
      const away = botCi(url.href, () => 5);
      const read = await away.readDesired(scope);
      expect(read).toMatchObject({ coverage: "partial", projects: [], reason: expect.stringContaining("could not be read") as string });
      expect(JSON.stringify(read)).not.toMatch(/127\.0\.0\.1|pass/);
      await away.close();
    });
  });
});
