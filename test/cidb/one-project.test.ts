/** Claim: one project's rows alone say that it is closed or absent exactly where a whole read proves it, whatever is wrong with the views. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { stateOf } from "../../src/cidb/project-state.ts";
import type { CiDatabase } from "../../src/cidb/read.ts";
import type { Rows } from "../../src/cidb/rows.ts";
import type { DomainId, DomainPath, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import { botCi } from "../support/bot.ts";
import { emptyDatabase, type FreshDatabase } from "../support/database.ts";
import { ciLosses, createCi, setCi, type CiLoss, type CiTruth } from "../sync/lossy-ci.ts";

const scope: FleetScope = { kind: "fleet", root: "ROOT/ci" as DomainPath };
const truth: CiTruth = {
  users: ["ann", "bob", "cem"],
  projects: [
    { id: "p-open", slug: "open", closed: false, members: ["ann"] },
    { id: "p-closed", slug: "closed", closed: true, members: ["ann", "bob"] },
    { id: "p-empty", slug: "empty", closed: true, members: [] },
    { id: "p-sentinel", slug: "sentinel", closed: false, members: ["cem"] },
  ],
};
const asked = [...truth.projects.map((p) => p.id), "p-never"] as ProjectId[];
const reader = `one_project_${process.pid}`;
let base: FreshDatabase;
let client: pg.Client;
let plain: CiDatabase;
let guarded: CiDatabase;

beforeAll(async () => {
  base = await emptyDatabase();
  client = new pg.Client({ connectionString: base.url });
  await client.connect();
  await createCi(client, reader);
});
beforeEach(() => {
  const url = new URL(base.url);
  url.username = reader;
  const open = (sentinelProject: string | null) => botCi(url.href, () => 5, sentinelProject);
  [plain, guarded] = [open(null), open("p-sentinel")];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all([plain.close(), guarded.close()]);
});
afterAll(async () => {
  await client.query(`drop owned by ${reader}; drop role ${reader}`);
  await client.end();
  await base.drop();
});

/** What a whole read proves of each project: closed, absent, or nothing that would let a deletion go on. */
async function provedOf(ci: CiDatabase): Promise<readonly string[]> {
  const whole = await ci.readDesired(scope);
  return asked.map((projectId) => {
    if (whole.coverage === "partial") return "nothing";
    const absence = { since: 0 as Instant, reads: 99 };
    const record = { domainId: "d" as DomainId, projectId, generation: 1, origin: "created" as const, absence };
    return whole.proveGone(record, { absenceReads: 1, absenceMs: 0 })?.evidence.kind ?? "nothing";
  });
}

async function statesOf(ci: CiDatabase): Promise<readonly string[]> {
  return Promise.all(
    asked.map(async (id) => {
      const state = await ci.readProjectState(id);
      return state.ok ? state.value : "unsure";
    }),
  );
}

test("nothing lost: each project as it is", async () => {
  await setCi(client, reader, truth, []);
  for (const ci of [plain, guarded]) expect(await statesOf(ci)).toEqual(["active", "closed", "closed", "active", "absent"]);
});

test.each(ciLosses)("%s: closed and absent are said where the whole read proves it, and nowhere else", async (kind) => {
  for (let pick = 0; pick < 4; pick += 1) {
    const loss: CiLoss = { kind, pick };
    await setCi(client, reader, truth, [loss]);
    for (const ci of [plain, guarded]) {
      const [proved, states] = [await provedOf(ci), await statesOf(ci)];
      const said = states.map((s) => (s === "closed" || s === "absent" ? s : "nothing"));
      expect(said, `${kind} ${pick}: ${states.join(" ")}`).toEqual(proved);
    }
  }
});

test("a view narrowed to one project says nothing of the others where a sentinel is named, and the open one is open", async () => {
  await setCi(client, reader, truth, []);
  await client.query(
    "create or replace view twokey_projects with (security_invoker = true) as select * from base_project where id = 'p-open'",
  );
  expect(await statesOf(guarded)).toEqual(["active", "unsure", "unsure", "unsure", "unsure"]);
  const state = await guarded.readProjectState("p-closed" as ProjectId);
  expect(state).toMatchObject({ error: { kind: "unavailable", code: "cidb.unsure", message: expect.stringContaining("sentinel") } });
});

test("a read of fewer rows than the database counts leaves it open", () => {
  const rows = {
    projects: [],
    users: [],
    memberships: [],
    counted: { projects: 0, memberships: 0 },
    projectsInAll: 3,
    membershipsInAll: 3,
  };
  const nothing = { projects: [], held: [] };
  const last = { projects: 3, hasAccounts: true, shrinkMinShare: 0.5 };
  const state = (counted: Rows["counted"]) => stateOf("p-closed" as ProjectId, { ...rows, counted }, nothing, { sentinel: null, last });
  expect(state({ projects: 0, memberships: 0 })).toEqual({ ok: true, value: "absent" });
  expect(state({ projects: 1, memberships: 0 })).toMatchObject({ error: { code: "cidb.unsure" } });
  expect(state({ projects: 0, memberships: 1 })).toMatchObject({ error: { code: "cidb.unsure" } });
});

test("closed by somebody else, or at another time, is another closing", async () => {
  await setCi(client, reader, truth, []);
  const whole = await plain.readDesired(scope);
  const { closedAt = null, closedBy = null } = whole.projects.find((p) => p.id === "p-closed") ?? {};
  const state = async (closing: Parameters<CiDatabase["readProjectState"]>[1]) => {
    const read = await plain.readProjectState("p-closed" as ProjectId, closing);
    return read.ok ? read.value : read.error.code;
  };
  expect(await state({ closedAt, closedBy })).toBe("closed");
  expect(await state({ closedAt: ((closedAt ?? 0) + 1) as Instant, closedBy })).toBe("closed_again");
  expect(await state({ closedAt, closedBy: "somebody-else" as never })).toBe("closed_again");
});

test("what is held is named with its remedy", async () => {
  await setCi(client, reader, truth, [{ kind: "null_email", pick: 1 }]);
  const state = await plain.readProjectState("p-closed" as ProjectId);
  expect(state).toMatchObject({
    error: { code: "cidb.unsure", message: expect.stringMatching(/id bob has no usable e-mail address; give the user's e-mail address/) },
  });
});

test("only the rows about one project are sent, in one transaction that cannot write", async () => {
  await setCi(client, reader, truth, []);
  const query = vi.spyOn(pg.Client.prototype, "query");
  await guarded.readProjectState("p-closed" as ProjectId);
  const results = await Promise.all(query.mock.results.map((r) => r.value as Promise<pg.QueryResult>));
  const statements = query.mock.calls.map(([sql]) => String(sql));
  expect(statements[0]).toBe("begin isolation level repeatable read read only");
  expect(statements.at(-1)).toBe("commit");
  expect(statements.filter((s) => s.startsWith("begin"))).toHaveLength(1);
  // The others ask PostgreSQL about itself.
  const ofViews = results.filter((_, n) => statements[n]?.includes('"twokey_'));
  const rows = ofViews.flatMap((r) => r.rows as readonly { id?: string; project_id?: string }[]);
  expect(rows.map((row) => row.id ?? row.project_id)).toEqual([
    "p-closed",
    "p-sentinel",
    "p-closed",
    "p-closed",
    "ann",
    "bob",
    undefined,
    undefined,
  ]);
});

test("one project is found by its id and by its slug, with its members; a held one and none are none", async () => {
  await setCi(client, reader, truth, []);
  for (const question of [{ id: "p-closed" as ProjectId }, { slug: "closed" as Slug }])
    expect(await plain.project(question)).toMatchObject({
      value: { id: "p-closed", state: "closed", members: [{ userId: "ann" }, { userId: "bob" }] },
    });
  expect(await plain.project({ slug: "p-closed" as Slug })).toEqual({ ok: true, value: null });
  await setCi(client, reader, truth, [{ kind: "odd_state", pick: 1 }]);
  expect(await plain.project({ slug: "closed" as Slug })).toEqual({ ok: true, value: null });
  // A slug that a closed project had is the open one's.
  await setCi(client, reader, truth, [{ kind: "one_slug_twice", pick: 0 }]);
  expect(await plain.project({ slug: "closed" as Slug })).toMatchObject({ value: { id: "p-open", state: "active" } });
  await setCi(client, reader, truth, [{ kind: "view_lost", pick: 0 }]);
  expect(await plain.project({ slug: "closed" as Slug })).toMatchObject({ ok: false, error: { code: "cidb.no_view" } });
});

test("a read is used again only for what was asked before it began", async () => {
  await setCi(client, reader, truth, []);
  let now = 10;
  const url = new URL(base.url);
  url.username = reader;
  const ci = botCi(url.href, () => now);
  const closedNow = async (since: number) => {
    const all = await ci.projectsOf("all", since as Instant);
    return all.ok ? all.value.filter((p) => p.state === "closed").length : null;
  };
  await ci.listPeople();
  await setCi(client, reader, { ...truth, projects: truth.projects.map((p) => ({ ...p, closed: true })) }, []);
  expect(await closedNow(10)).toBe(2);
  // A clock that went back cannot make an old read a new one.
  now = 9;
  expect(await closedNow(9)).toBe(4);
  now = 20;
  await setCi(client, reader, truth, []);
  expect(await closedNow(15)).toBe(2);
  await ci.close();
});
