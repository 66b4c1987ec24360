/**
 * Claims: a hold that keeps back much more than its message told is told by one new message, and the old one leads to it; the same things,
 * fewer of them, other words, a pass over one project in between, and a second replica post nothing.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderPlan } from "../../src/bot/render/plan.ts";
import type { DomainPath, ProjectId } from "../../src/core/ids.ts";
import type { PlanRecord } from "../../src/sync/execution/record.ts";
import { putInForce } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { service, type Service } from "./people.ts";

/** One hold only. */
const limits = { shrinkMinShare: 0.1, restrictionsPerDay: 1000, restrictionsPerWeek: 1000 };
const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `u${i + 1}`);

let fresh: FreshDatabase;
let s: Service;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db, { ...limits, restrictionsPerPass: 2 });
  s = service(fresh.db, { alpha: ["ann"], beta: names(60) });
  await s.pass();
  s.messages.clear();
});
afterEach(() => fresh.drop());

/** So many members of beta are gone. */
function leave(n: number): void {
  s.projects["beta"]?.members.clear();
  for (const name of names(60).slice(n)) s.projects["beta"]?.members.add(name);
}

/** A pass by a replica of its own; all replicas share the database only. */
async function pass(project: string | null = null): Promise<PlanRecord> {
  s.now += 300_000;
  const scope = project === null ? null : ({ kind: "project", root: "ROOT/ci" as DomainPath, projectId: project as ProjectId } as const);
  const done = await s.bot().runPass(scope, { kind: "schedule" });
  if (!done.ok) throw new Error(done.error.message);
  return done.value;
}

const texts = (): readonly string[] => [...s.messages.values()].map((m) => JSON.stringify(renderPlan(m, "test")));

test("a hold of 3 accounts that becomes one of 50 is told once more, and its first message leads to the new one", async () => {
  leave(3);
  const first = await pass();
  expect(first.plan.holds.map((h) => h.kind)).toEqual(["too_many_restrictions"]);
  leave(50);
  await pass("beta");
  await pass("alpha");
  expect([...s.messages.keys()]).toEqual([first.id]);
  const second = await pass();
  for (let n = 0; n < 3; n += 1) await pass();
  await pass("beta");
  expect([...s.messages.keys()]).toEqual([first.id, second.id]);
  expect(texts()[0]).toContain("How it stands now is in the message of ");
  expect(texts()[0]).toContain("50 locks or lowered limits in one pass");
  expect(texts()[1]).toContain("*The hold has grown: it keeps back 50 now, 3 in the message of ");
  expect(texts()[1]).toContain("47 are new.*");
  // It is one hold, since its first message.
  expect(texts()[1]).toContain("5 tries.");
  expect(texts()[0]).not.toContain("tries");
});

test("fewer of them, and the same ones again, are no news; nor are other words", async () => {
  leave(10);
  const first = await pass();
  leave(3);
  await pass();
  leave(10);
  await pass();
  await putInForce(fresh.db, { ...limits, restrictionsPerPass: 1 });
  await pass();
  expect([...s.messages.keys()]).toEqual([first.id]);
  expect(texts()[0]).toContain("10 locks or lowered limits in one pass; the limit is 1");
});

test("a hold that grows at every pass is told when it has doubled, and what is a little more a day later", async () => {
  for (let n = 3; n <= 50; n += 1) {
    leave(n);
    await pass();
  }
  // 3, 6, 12, 24, 48.
  expect(s.messages.size).toBe(5);
  const sinceLast = 2 * 300_000;
  s.now += 86_400_000 - sinceLast - 2 * 300_000;
  await pass();
  expect(s.messages.size).toBe(5);
  for (let n = 0; n < 5; n += 1) await pass();
  expect(s.messages.size).toBe(6);
});
