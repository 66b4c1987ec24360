/**
 * Claims: the newest plan over everything is the one of the pass that began last, whatever clocks say and however many passes over one
 * project came after it; neither that nor the question before each change reads the whole table of passes.
 */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { isFleetHeld } from "../../src/store/change-marks.ts";
import { readHomeHolds } from "../../src/store/home.ts";
import { PASS_SQL, refusalOfChange } from "../../src/store/last-word.ts";
import { newestFleetPlan } from "../../src/store/newest-plan.ts";
import { readNewestFleetRecord } from "../../src/store/plans.ts";
import { readPassReading } from "../../src/store/readings.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
});
afterEach(() => fresh.drop());

/** Stores a pass with its plan, which has one hold of this kind; gives the pass's id. */
async function pass(scope: "fleet" | "project", plannedAt: number, kind: string, blocks = "restrictive"): Promise<string> {
  const id = randomUUID();
  const record = { state: "held", scope: { kind: scope }, plan: { holds: [{ kind, blocks, sentence: kind, liftedBy: "a person" }] } };
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(
      `with begun as (insert into pass (id, scope, started_by, started_at) values ($1, $3, '{}', $2))
       insert into plan (id, pass_id, digest, desired, observed, known, policy, scope_fingerprint, planned_at, record)
       values ($1, $1, 'd', 'd', 'd', 'd', 'd', 'f', $2, $4)`,
      [id, plannedAt, JSON.stringify(record.scope), JSON.stringify(record)],
    );
  });
  return id;
}

test("without a plan over everything, all is held and nothing is shown", async () => {
  await pass("project", 10, "narrowed");
  expect(await isFleetHeld(fresh.db)).toBe(true);
  expect(await readNewestFleetRecord(fresh.db)).toBeNull();
  expect(await readHomeHolds(fresh.db)).toEqual([]);
  expect((await readPassReading(fresh.db)).holds).toEqual({});
});

test("it is the plan of the pass that began last, though a replica's clock was ahead before; passes over one project do not count", async () => {
  await pass("fleet", 5000, "of_a_clock_ahead");
  await pass("fleet", 1000, "newest", "everything");
  await pass("project", 6000, "narrowed");
  expect(await readNewestFleetRecord(fresh.db)).toMatchObject({ plan: { holds: [{ kind: "newest" }] } });
  expect(await isFleetHeld(fresh.db)).toBe(true);
  expect(await readHomeHolds(fresh.db)).toEqual([{ sentence: "newest", liftedBy: "a person" }]);
  expect((await readPassReading(fresh.db)).holds).toEqual({ newest: 1 });
  await pass("fleet", 900, "newer");
  expect(await isFleetHeld(fresh.db)).toBe(false);
});

test("no change is made for a pass after which another one began", async () => {
  const [first, second] = [await pass("fleet", 10, "a"), await pass("project", 5, "b")];
  expect(await refusalOfChange(fresh.db, first)).toBe("another pass has begun since");
  expect(await refusalOfChange(fresh.db, second)).toBeNull();
});

const PlanRow = z.object({ "QUERY PLAN": z.string() });

test("neither reads all passes, nor all plans", async () => {
  await pass("fleet", 10, "a");
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(
      `insert into pass (id, scope, started_by, started_at)
       select gen_random_uuid(), jsonb_build_object('kind', case n % 50 when 0 then 'fleet' else 'project' end), '{}', n from generate_series(1, 5000) n`,
    );
    await q.exec(
      `insert into plan (id, pass_id, digest, desired, observed, known, policy, scope_fingerprint, planned_at, record)
       select id, id, 'd', 'd', 'd', 'd', 'd', 'f', started_at, jsonb_build_object('scope', scope) from pass where started_at > 10`,
    );
  });
  const last = await pass("project", 20_000, "narrowed");
  await fresh.db.exec("analyze pass, plan");
  const newest = await fresh.db.many(PlanRow, `explain ${newestFleetPlan("p.record")}`);
  const after = await fresh.db.many(PlanRow, `explain ${PASS_SQL.replaceAll("$1", `'${last}'`)}`);
  for (const row of [...newest, ...after]) expect(row["QUERY PLAN"]).not.toMatch(/Seq Scan on (pass|plan)/);
});
