/**
 * Claims: what a side says was changed is looked at within a round and only added to; who left and what is gone waits for a pass over
 * everything. What could not be read is tried again, less and less often, until it is read.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failure } from "../../src/core/failure.ts";
import type { DomainPath, Instant, ProjectId } from "../../src/core/ids.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { readChangeMarks } from "../../src/store/change-marks.ts";
import type { ChangedProjects } from "../../src/sync/planning/desired.ts";
import { nothingObserved, type TouchedThing } from "../../src/sync/planning/observed.ts";
import { configOf, putInForce, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { pollMs } from "../../src/deletion/transitions.ts";
import { op, openOne, updateAnyway } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { service, type Service } from "./people.ts";

let fresh: FreshDatabase;
let s: Service;
/** What each side says was changed, and when; the CI database's clock is a minute ahead. */
let changed: Map<string, number>;
let touched: TouchedThing[];
let asked: (number | null)[];
let bot: TestBot;

beforeEach(async () => {
  fresh = await lendDatabase();
  s = service(fresh.db, { alpha: ["ann"], beta: ["bob", "bea"] });
  [changed, touched, asked] = [new Map(), [], []];
  bot = botWith({});
  await putInForce(fresh.db);
  await s.pass(bot);
  await round();
});
afterEach(() => fresh.drop());

function botWith(variables: Readonly<Record<string, string>>): TestBot {
  return s.bot(configOf(variables), {
    ci: {
      ...s.bot().parts.ci,
      readChanges: async (since) => {
        asked.push(since);
        const projects = new Map([...changed].filter(([, at]) => since !== null && at >= since)) as unknown as ChangedProjects["projects"];
        return ok({ at: s.now + 60_000, projects });
      },
    },
    reader: { ...s.bot().parts.cloud.reader, readTouched: async (since) => ok(touched.filter((t) => t.at >= since)) },
  });
}

async function round(by: TestBot = bot): Promise<void> {
  s.now += 5_000;
  await by.schedules.find((one) => one.name === "quick-pass")?.run();
}

const passes = () => fresh.db.exec("select from pass where scope ->> 'kind' = 'project'");
const member = (project: string, name: string): void => {
  s.projects[project]?.members.add(name);
  changed.set(project, s.now + 60_000);
};
/** A promise that is resolved from outside. */
function openGate(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((r) => (resolve = r));
  return { promise, resolve: () => resolve() };
}
const kinds = () => s.made.map((c) => c.kind);

test("a new member has an account after one round, and the project is not looked at again", async () => {
  member("alpha", "cleo");
  await round();
  expect(s.made).toMatchObject([{ kind: "create_account", projectId: "alpha" }]);
  expect(await passes()).toBe(1);
  for (let i = 0; i < 3; i += 1) await round();
  expect(await passes()).toBe(1);
  // Each round asks a minute back from the mark: a row may be committed after one that was changed later. The mark may be half a minute old.
  expect(asked.at(-1)).toBeLessThanOrEqual(s.now - 5_000);
  expect(asked.at(-1)).toBeGreaterThanOrEqual(s.now - 35_000);
});

test("while nothing changes, marks are written twice a minute, and not in each round", async () => {
  await round();
  const marks = new Set<string>();
  for (let i = 0; i < 24; i += 1) {
    await round();
    marks.add(JSON.stringify(await readChangeMarks(fresh.db)));
  }
  expect(marks.size).toBe(5);
  expect((await readChangeMarks(fresh.db)).cloudstack?.at).toBeGreaterThanOrEqual(s.now - 30_000);
});

test("what was changed just before the first round is not looked at, and keeps no later change waiting", async () => {
  await fresh.db.exec("delete from change_mark");
  for (let i = 0; i < 30; i += 1) changed.set(`old-${i}`, s.now + 60_000);
  await round();
  member("alpha", "cleo");
  await round();
  expect(s.made).toMatchObject([{ kind: "create_account", projectId: "alpha" }]);
  expect(await passes()).toBe(1);
});

test("a row that is committed late is found", async () => {
  await round();
  s.projects["beta"]?.members.add("late");
  changed.set("beta", s.now + 60_000 - 40_000);
  await round();
  expect(s.made).toMatchObject([{ kind: "create_account", projectId: "beta" }]);
});

test("what CloudStack's event log names is looked at once, by the thing's id or its domain", async () => {
  const alpha = domainIdFor("alpha" as ProjectId, 1);
  s.projects["alpha"]?.members.add("cleo");
  touched.push({ resourceId: "6f1c9a1e-0000-4000-8000-00000000abcd", domainId: alpha, at: (s.now + 1) as Instant, isContent: false });
  touched.push({ resourceId: null, domainId: "6f1c9a1e-0000-4000-8000-00000000aaaa", at: (s.now + 1) as Instant, isContent: false });
  // Our own change is in the log too, by a clock that is ahead.
  s.refuses = () => {
    touched.push({ resourceId: null, domainId: alpha, at: (s.now + 20_000) as Instant, isContent: false });
    return null;
  };
  await round();
  expect(await passes()).toBe(1);
  expect(kinds()).toEqual(["create_account"]);
  for (let i = 0; i < 20; i += 1) await round();
  expect(await passes()).toBe(1);
});

test("a machine that is started in a domain is no change for a pass; what people are asked about there is looked at soon", async () => {
  const [alpha, beta] = [domainIdFor("alpha" as ProjectId, 1), domainIdFor("beta" as ProjectId, 1)];
  const looks: string[] = [];
  const own = s.bot(configOf({}), {
    reader: { ...s.bot().parts.cloud.reader, readTouched: async () => ok(touched) },
    enqueue: async (name, id, o) => void looks.push(`${name} ${id} ${String(o?.delayMs)}`),
  });
  const row = await openOne(fresh.db, { domain: alpha });
  await openOne(fresh.db, { domain: beta, name: "b" });
  await updateAnyway(fresh.db, row.id, { phase: "proposed" });
  await round(own);
  expect(looks).toEqual([]);
  for (const domainId of [alpha, beta, null]) touched.push({ resourceId: null, domainId, at: (s.now + 1) as Instant, isContent: true });
  await round(own);
  expect(looks).toEqual([`deletion ${row.id} ${pollMs(row)}`]);
  expect(await passes()).toBe(0);
});

test.each([0, 20_000])("a change that is refused is not tried in each round, with CloudStack's clock %i ms ahead", async (ahead) => {
  let tries = 0;
  s.projects["alpha"]?.members.add("cleo");
  s.refuses = () => {
    tries += 1;
    touched.push({ resourceId: null, domainId: domainIdFor("alpha" as ProjectId, 1), at: (s.now + ahead) as Instant, isContent: false });
    return failure("refused", "cloudstack.531", "not permitted");
  };
  await s.pass(bot);
  for (let i = 0; i < 30; i += 1) await round();
  expect(tries).toBeLessThanOrEqual(2);
});

test.each<[string, () => Promise<unknown>, readonly string[]]>([
  ["too many changes", () => putInForce(fresh.db, { changesPerPass: 4 }), ["too_many_changes"]],
  ["CloudStack lists less than before", async () => s.domains.delete("beta"), ["observed_partial"]],
])("what the plan over everything holds as a whole (%s) is not made piece by piece", async (_what, amiss, holds) => {
  await amiss();
  for (const [project, name] of ["alpha", "beta"].flatMap((p) => ["x", "y", "z"].map((n) => [p, n] as const))) member(project, name);
  const held = await s.pass(bot);
  expect(held.plan.holds.map((h) => h.kind)).toEqual(expect.arrayContaining([...holds]));
  await round();
  expect(s.made).toEqual([]);
});

test("before the first pass over everything nothing is made", async () => {
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("delete from plan");
  });
  member("alpha", "cleo");
  await round();
  expect(s.made).toEqual([]);
});

test("who left is not locked and a closed project is not proposed: that is for a pass over everything", async () => {
  s.projects["beta"]?.members.delete("bob");
  changed.set("beta", s.now + 60_000);
  const alpha = s.projects["alpha"];
  if (alpha !== undefined) alpha.state = "closed";
  changed.set("alpha", s.now + 60_000);
  await round();
  expect(await passes()).toBe(2);
  expect(s.made).toEqual([]);
  expect(await fresh.db.exec("select from deletion")).toBe(0);
});

test("more than twenty projects at once are left to a pass over everything", async () => {
  for (let i = 0; i < 21; i += 1) changed.set(`new-${i}`, s.now + 60_000);
  member("alpha", "cleo");
  await round();
  expect(await passes()).toBe(0);
  await round();
  expect(await passes()).toBe(0);
  expect((await s.pass(bot)).outcomes).toMatchObject([{ outcome: "done" }]);
});

test("they change no more between two passes over everything than one pass may", async () => {
  await putInForce(fresh.db, { changesPerPass: 2 });
  member("alpha", "x");
  await round();
  // Two more would be one above the limit: none of them is made.
  member("beta", "y");
  member("beta", "z");
  await round();
  expect(kinds()).toEqual(["create_account"]);
  // A pass over everything makes what is left, and from then on they count again.
  await s.pass(bot);
  member("beta", "v");
  await round();
  expect(kinds()).toEqual(Array(4).fill("create_account"));
});

test("while everything is stopped, or another pass runs, nothing is looked at, and it is made up for", async () => {
  member("alpha", "cleo");
  await bot.services.sync.stop({ operator: { id: op("ada"), name: "Ada", ciUserId: null }, isTeam: true }, "a look around");
  await round();
  expect(await passes()).toBe(0);
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("delete from stop_switch");
  });
  const [mark, held] = [await readChangeMarks(fresh.db), openGate()];
  const begun = openGate();
  const holder = fresh.db.withAdvisoryLock("twokey.pass", { waitMs: 0 }, async () => {
    begun.resolve();
    await held.promise;
  });
  await begun.promise;
  await round();
  expect(await readChangeMarks(fresh.db)).toEqual(mark);
  held.resolve();
  await holder;
  expect(s.made).toEqual([]);
  await round();
  expect(kinds()).toEqual(["create_account"]);
});

/** A bot whose read of one project fails as long as `isAway`; `reads` is when it was asked, in seconds since the first time. */
function halfAway(side: "ci" | "cloudstack", project: string): { isAway: boolean; readonly reads: number[]; readonly by: TestBot } {
  const { ci, cloud } = bot.parts;
  let first: number | null = null;
  const fault = { isAway: true, reads: [] as number[], by: bot };
  const isAsked = (id: string): boolean => {
    if (id !== project) return false;
    first ??= s.now;
    fault.reads.push((s.now - first) / 1000);
    return fault.isAway;
  };
  const readDesired: typeof ci.readDesired = async (of) =>
    side === "ci" && of.kind === "project" && isAsked(of.projectId)
      ? ({
          coverage: "partial",
          scope: of,
          asOf: s.now as Instant,
          reason: "it did not answer",
          projects: [],
          held: [],
          hasNamelessHeldRow: false,
        } as never)
      : ci.readDesired(of);
  const readProject: typeof cloud.reader.readProject = async (q) =>
    side === "cloudstack" && isAsked(q.projectId)
      ? nothingObserved({ kind: "project", root: "ROOT/ci" as DomainPath, projectId: q.projectId }, s.now as Instant, "it did not answer")
      : cloud.reader.readProject(q);
  return Object.assign(fault, { by: bot.with({ ci: { readDesired }, reader: { readProject } }) });
}

describe.each(["ci", "cloudstack"] as const)("a project that could not be read (%s)", (side) => {
  test("is tried again after a pause that grows, and when the fault is gone, its change is made before the next pass over everything", async () => {
    const fault = halfAway(side, "alpha");
    member("alpha", "cleo");
    for (let i = 0; i < 60; i += 1) await round(fault.by);
    expect([...new Set(fault.reads)]).toEqual([0, 10, 30, 70, 150]);
    // Another project does not wait for it.
    member("beta", "zoe");
    await round(fault.by);
    expect(s.made).toMatchObject([{ kind: "create_account", projectId: "beta" }]);
    fault.isAway = false;
    for (let i = 0; i < 3; i += 1) await round(fault.by);
    expect(s.made).toMatchObject([{ projectId: "beta" }, { kind: "create_account", projectId: "alpha" }]);
    const before = fault.reads.length;
    for (let i = 0; i < 65; i += 1) await round(fault.by);
    expect(fault.reads).toHaveLength(before);
  });

  test("is never asked for more often than every five minutes after a while, whichever replica asks, and no more after a pass over everything", async () => {
    const fault = halfAway(side, "alpha");
    member("alpha", "cleo");
    for (let i = 0; i < 190; i += 1) await round(halfTheTime(fault.by, i));
    const times = [...new Set(fault.reads)];
    expect(times).toEqual([0, 10, 30, 70, 150, 310, 610, 910]);
    await s.pass(bot);
    expect(s.made).toMatchObject([{ kind: "create_account", projectId: "alpha" }]);
    for (let i = 0; i < 65; i += 1) await round(fault.by);
    expect([...new Set(fault.reads)]).toEqual(times);
  });
});

/** Another replica every second time: it has the same database, and nothing else. */
function halfTheTime(by: TestBot, i: number): TestBot {
  return i % 2 === 0 ? by : by.with({});
}

test("more projects than a round takes, none of which can be read, do not keep back what changes later", async () => {
  await fresh.db.exec("insert into unread_project (project_id, tries, next_at) select 'gone-' || n, 1, 0 from generate_series(1, 50) n");
  member("alpha", "cleo");
  await round();
  expect(s.made).toMatchObject([{ kind: "create_account", projectId: "alpha" }]);
});

test.each([
  ["the CI database does not answer", { ci: { readChanges: async () => err(failure("unavailable", "cidb.unavailable", "no answer")) } }],
  ["CloudStack does not answer", { reader: { readTouched: async () => err(failure("unavailable", "cloudstack.timeout", "no answer")) } }],
] as const)("%s: nothing is looked at, and it is made up for", async (_what, amiss) => {
  member("alpha", "cleo");
  await round(bot.with(amiss));
  expect(s.made).toEqual([]);
  await round();
  expect(kinds()).toEqual(["create_account"]);
});

test("a CI database that does not say what changed is no failure; with 0 seconds there are no quick passes", async () => {
  s.projects["alpha"]?.members.add("cleo");
  await round(bot.with({ ci: { readChanges: async () => ok(null) } }));
  expect(s.made).toEqual([]);
  expect(botWith({ TWOKEY_QUICK_PASS_SECONDS: "0" }).schedules.map((one) => one.name)).not.toContain("quick-pass");
});
