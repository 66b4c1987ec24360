/**
 * Claims: one message for one state of affairs, by scope, kinds and ids, never by its words: a hold that stays, an outage whose words
 * change, a pass over one project in between, two replicas, an earlier version's messages. The end of a hold is said once, and a read that
 * failed is no fact.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { failure } from "../../src/core/failure.ts";
import type { DomainPath, Instant, ProjectId } from "../../src/core/ids.ts";
import { err } from "../../src/core/result.ts";
import type { Scope } from "../../src/core/scope.ts";
import { recordLastShown } from "../../src/store/managed.ts";
import { planLines } from "../../src/sync/execution/plan-text.ts";
import type { PlanRecord } from "../../src/sync/execution/record.ts";
import { keyOfEarlierVersion } from "../../src/sync/execution/told.ts";
import { nothingObserved } from "../../src/sync/planning/observed.ts";
import { configOf, putInForce, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { service, type Service } from "./people.ts";

const readState = z.object({ last: z.string() });
const root = "ROOT/ci" as DomainPath;
const fleet: Scope = { kind: "fleet", root };

let fresh: FreshDatabase;
let s: Service;
/** Why CloudStack cannot be read; null: it can. */
let away: string | null = null;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  away = null;
  s = service(fresh.db, { alpha: ["ann"], beta: ["mia"] });
  await s.pass(bot());
  s.messages.clear();
  [s.shown, s.corrected] = [0, 0];
});
afterEach(() => fresh.drop());

/** A replica; CloudStack's answers are as `away` says. */
function bot(): TestBot {
  const reads = s.bot().parts.cloud.reader;
  return s.bot(configOf(), {
    reader: {
      readFleet: async (o) => (away === null ? reads.readFleet(o) : err(nothingObserved(fleet, s.now as Instant, away))),
      readProject: async (q) =>
        away === null ? reads.readProject(q) : nothingObserved({ kind: "project", root, projectId: q.projectId }, s.now as Instant, away),
    },
  });
}

async function pass(project: string | null = null): Promise<PlanRecord> {
  s.now += 300_000;
  const scope = project === null ? null : ({ kind: "project", root, projectId: project as ProjectId } as const);
  const done = await bot().runPass(scope, { kind: "schedule" });
  if (!done.ok) throw new Error(done.error.message);
  return done.value;
}

/** The messages, oldest first, as people read them. */
function texts(): readonly string[] {
  return [...s.messages.values()].map((m) =>
    JSON.stringify(renderPlan(m, "test"))
      .replaceAll("\u200b", "")
      .replaceAll(/<!date\^(\d+)\^[^|]*\|[^>]*>/g, (_, at: string) => new Date(Number(at) * 1000).toISOString().slice(11, 16)),
  );
}

const time = (): string => new Date(s.now).toISOString().slice(11, 16);

test("an outage: one message by all replicas, whatever its words; it is corrected in place, and its end is said once", async () => {
  away = "it did not answer within 15 s (host 1)";
  const first = await pass();
  const since = time();
  for (const words of ["it answered 502", "it answered 503", "nothing listens there"]) {
    away = words;
    await pass();
    await pass("alpha");
    await pass("beta");
  }
  expect([...s.messages.keys()]).toEqual([first.id]);
  expect(texts()[0]).toContain(`Since ${since}, 4 tries.`);
  expect(texts()[0]).toContain("nothing listens there");
  expect(texts()[0]).not.toContain("502");

  away = null;
  await pass();
  const until = time();
  for (let n = 0; n < 3; n += 1) await pass();
  await pass("alpha");
  expect(texts()).toHaveLength(2);
  expect(texts()[0]).toContain("Plan: the hold is over");
  expect(texts()[0]).toContain(`The hold of ${since} is over, since ${until}.`);
  expect(texts()[1]).toContain(`*The hold of ${since} is over.*`);
  expect(s.shown).toBeLessThanOrEqual(4);
});

test("an outage that comes back within the hour is the same one: nothing further is posted, and the messages say so", async () => {
  away = "it answered 503";
  await pass();
  const since = time();
  for (let n = 0; n < 3; n += 1) {
    away = null;
    await pass();
    away = "it answered 502";
    await pass();
  }
  expect(texts()).toHaveLength(2);
  expect(texts()[0]).toContain("Plan: held");
  expect(texts()[0]).toContain(`Since ${since}, 4 tries.`);
  expect(texts()[1]).toContain(`The hold of ${since} was over, and is back.`);
  away = null;
  await pass();
  expect(texts()).toHaveLength(2);
  expect(texts()[1]).toContain(`*The hold of ${since} is over.*`);
  s.now += 3600_000;
  away = "it answered 503";
  await pass();
  expect(texts()).toHaveLength(3);
});

test("a read that failed is no fact: nothing is said of what CloudStack or the CI database lists, and no number", async () => {
  away = "it did not answer";
  const record = await pass();
  expect(record.plan.holds.map((h) => h.kind)).toEqual(["observed_partial"]);
  expect(texts()[0]).toContain("CloudStack was not read completely");
  expect(texts()[0]).not.toMatch(/no domains|0 domains|0 accounts|Deletions/);
  // The terminal and the file in the thread say no more of it than the message.
  const [head = ""] = planLines(record, "test");
  expect(head).toMatch(/over everything: \d+ projects?, CloudStack was not read completely$/);
});

test("a hold with numbers stays one message while they change; an outage in between does not end it, and what is new beside it is told", async () => {
  await putInForce(fresh.db, { changesPerPass: 3 });
  s.projects["gamma"] = { members: new Set(["gil", "gus", "gwen"]), state: "active", limits: {} };
  const first = await pass();
  expect(first.plan.holds.map((h) => h.kind)).toEqual(["too_many_changes"]);
  for (const member of ["hal", "hugo"]) {
    s.projects["gamma"]?.members.add(member);
    await pass();
  }
  expect([...s.messages.keys()]).toEqual([first.id]);
  expect(texts()[0]).toContain("6 changes in one pass");
  away = "it did not answer";
  await pass();
  away = null;
  await pass();
  expect(texts()).toHaveLength(2);
  expect(texts()[1]).toContain("Plan: the hold is over");
  expect(texts()[0]).toContain("Plan: held");
  expect(texts()[0]).toContain("4 tries");
  s.domains.set("other", { ...s.domains.get("alpha"), id: crypto.randomUUID(), name: "other", path: `${root}/other` } as never);
  await pass();
  expect(texts()).toHaveLength(3);
  expect(texts()[2]).toContain("5 tries");
  expect(texts()[0]).toContain(`How it stands now is in the message of ${time()}`);
});

test("drift whose sentence counts is told once", async () => {
  delete s.projects["beta"];
  await putInForce(fresh.db, { shrinkMinShare: 0.1 });
  for (let n = 0; n < 4; n += 1) await pass();
  expect(texts()).toHaveLength(1);
  expect(texts()[0]).toMatch(/is no longer listed \(since 3 reads\)/);
});

test("a refusal of a change whose data change is one: it is keyed by the account", async () => {
  s.refuses = (c) => (c.kind === "create_account" ? failure("rejected", "cloudstack.internal", "no") : null);
  s.projects["beta"]?.members.add("zoe");
  await pass();
  const since = time();
  s.refuses = (c) => (c.kind === "create_account" ? failure("unavailable", "cloudstack.unreachable", "away") : null);
  for (let n = 0; n < 3; n += 1) await pass();
  await pass("beta");
  expect(texts()).toHaveLength(1);
  expect(texts()[0]).toContain(`Since ${since}, 5 tries.`);
  s.refuses = () => null;
  await pass("beta");
  expect(texts()).toHaveLength(2);
  expect(texts()[0]).toContain("1 change made");
  expect(texts()[0]).not.toContain("Since");
});

test("what an earlier version told is not told again after an upgrade, nor by that version in between", async () => {
  await putInForce(fresh.db, { changesPerPass: 3 });
  s.projects["gamma"] = { members: new Set(["gil", "gus", "gwen"]), state: "active", limits: {} };
  s.domains.set("other", { ...s.domains.get("alpha"), id: crypto.randomUUID(), name: "other", path: `${root}/other` } as never);
  const shown = await pass();
  // As an earlier version left it: its message, the digest of its sentences, and nothing else.
  const asBefore = async (): Promise<void> => {
    await fresh.db.exec("delete from matter");
    await fresh.db.exec("update sync_state set told_plan = null");
    await recordLastShown(fresh.db, "another wording");
  };
  await asBefore();
  s.projects["gamma"]?.members.add("hal");
  const next = await pass();
  await pass();
  expect([...s.messages.keys()]).toEqual([shown.id]);
  expect(texts()[0]).toContain("3 tries");
  // The earlier version compares what it plans, with its sentences.
  const { last } = await fresh.db.one(readState, "select last_shown_digest as last from sync_state");
  expect(last).toBe(keyOfEarlierVersion(next));
  await asBefore();
  delete s.projects["gamma"];
  await pass();
  expect(texts()).toHaveLength(2);
  expect(texts()[1]).toContain("is over.");
});
