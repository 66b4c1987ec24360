/**
 * Claim INV-6: a clock that jumps proves no absence and asks nobody: while the clocks disagree no absence begins or goes on and no deletion is
 * opened, and which deletion of a domain was the last is told by their order, not by a time.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { configOf, putInForce, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { readLastClosed, readLiveDeletions, readNewestDeletion, updateDeletion } from "../../src/store/deletions.ts";
import type { PlanRecord } from "../../src/sync/execution/record.ts";
import { service, type Service } from "./people.ts";

const DAY = 24 * 3600_000;
const FLEET = { gone: ["x"], p1: ["mia"], p2: ["a"], p3: ["b"], p4: ["c"], p5: ["d"] };
let fresh: FreshDatabase;
let s: Service;
let usual: TestBot;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  s = service(fresh.db, FLEET);
  usual = s.bot(configOf(), { enqueue: async () => undefined });
  await s.pass(usual);
});
afterEach(() => fresh.drop());

const skewed = (days: number) => usual.with({ clockSkew: async () => ({ ms: days * DAY, against: "the database server's clock" }) });
const live = () => readLiveDeletions(fresh.db);
const passes = async (n: number, bot = usual): Promise<void> => {
  for (let i = 0; i < n; i += 1) await s.pass(bot);
};
const absence = () =>
  fresh.db.one(
    z.object({ since: z.number().nullable(), reads: z.number() }),
    "select absent_since as since, absent_reads as reads from managed_domain where project_id = 'gone'",
  );
/** A pass by a clock that is days ahead, or behind, and knows it; then it is set right. */
async function passBy(days: number): Promise<PlanRecord> {
  const real = s.now;
  s.now += days * DAY;
  const record = await s.pass(skewed(days));
  s.now = real;
  return record;
}

describe("absence", () => {
  beforeEach(async () => {
    delete s.projects["gone"];
    await passes(22);
  });

  test("two hours are no week by a clock that is eight days ahead and knows it: nobody is asked, and the plan says why", async () => {
    expect(await live()).toEqual([]);
    const { notAsked = [] } = await passBy(8);
    expect(await live()).toEqual([]);
    expect(notAsked).toMatchObject([{ reason: expect.stringContaining("Twokey's clock is 8 days ahead of"), isNews: true }]);
  });

  test("by clocks that agree it is asked after a week", async () => {
    s.now += 8 * DAY;
    await s.pass(usual);
    expect(await live()).toHaveLength(1);
  });

  test.each([8, -8])("no read counts while the clocks are %i days apart", async (days) => {
    const before = await absence();
    await passBy(days);
    expect(await absence()).toEqual(before);
    await s.pass(usual);
    expect((await absence()).reads).toBe(before.reads + 1);
  });

  test("a project that is there again is absent no longer, whatever the clocks say", async () => {
    s.projects["gone"] = { members: new Set(["x"]), state: "active", limits: {} };
    await passBy(8);
    expect(await absence()).toEqual({ since: null, reads: 0 });
  });
});

test.each([8, -8])("an absence does not begin by a clock that is off by %i days", async (days) => {
  delete s.projects["gone"];
  await passBy(days);
  expect(await absence()).toEqual({ since: null, reads: 0 });
});

describe("refusals", () => {
  const close = async (closed_because: "changed" | "rejected", entered_at = s.now): Promise<void> => {
    for (const { id } of await live())
      await updateDeletion(fresh.db, id, { phase: "closed", closed_because, closed_by: "Ada", entered_at: entered_at as never });
  };
  beforeEach(() => {
    Object.assign(s.projects["gone"] ?? {}, { state: "closed" });
  });

  test("a clock that is ahead and knows it opens nothing, and does not ask again what people refused an hour ago", async () => {
    await passBy(8);
    expect(await live()).toEqual([]);
    await s.pass(usual);
    await close("rejected");
    await passBy(8);
    await s.pass(usual);
    expect(await live()).toEqual([]);
  });

  test("one that a clock opened ahead of all others is not the last one: what people refused after it counts", async () => {
    const real = s.now;
    // Nobody noticed that it was ahead.
    s.now += 8 * DAY;
    await s.pass(usual);
    s.now = real;
    await close("changed");
    await s.pass(usual);
    const [second] = await live();
    expect(second).toBeDefined();
    await close("rejected");
    await s.pass(usual);
    expect(await live()).toEqual([]);
    if (second === undefined) return;
    expect(await readLastClosed(fresh.db, second.domain_id)).toMatchObject({ closed_because: "rejected", opened_at: second.opened_at });
    expect(await readNewestDeletion(fresh.db, second.project_id)).toMatchObject({ id: second.id });
  });
});
