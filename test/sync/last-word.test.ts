/** Claim: once everything is stopped, or another pass has begun, a pass that does not know it yet makes no further change. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { PassId } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { recordPass } from "../../src/store/plans.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { applyChanges } from "../../src/sync/execution/apply.ts";
import type { Change } from "../../src/sync/planning/plan.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at } from "../support/deletions.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(() => resetDatabase(fresh.db));
afterAll(() => fresh.drop());

/** Begins a pass; its own clock may be behind that of the pass before. */
async function begin(startedAt: number): Promise<PassId> {
  const id = randomUUID() as PassId;
  await recordPass(fresh.db, { id, scope: { kind: "fleet" }, startedBy: { kind: "schedule" }, at: startedAt });
  return id;
}

const clockSkew = async () => ({ ms: 0, against: "another clock" });
const limits = { restrictionsPerDay: 100, restrictionsPerWeek: 100 };
const reads = { asOf: at(5), ageMsMax: 1 };

const of = { now: () => at(5), clockSkew, newId: randomUUID, signal: new AbortController().signal, limits, reads };

/** Locks three accounts of one project in a pass; `happens` after the first of them. Gives the outcomes, with the reason of the second. */
async function lockThree(passId: PassId, happens: () => Promise<unknown>): Promise<readonly (string | null)[]> {
  const changes = ["a", "b", "c"].map(
    (username): Change =>
      ({
        ...{ kind: "lock_account", projectId: `p-${username}`, slug: "alpha", domainId: randomUUID(), path: "ROOT/ci/alpha" },
        ...{ accountId: randomUUID(), username, ciUserId: username },
      }) as never,
  );
  const outcomes: (string | null)[] = [];
  for (const change of changes) {
    const writer = { applyChange: async () => ok(undefined) };
    const context = { db: fresh.db, writer, ...of, passId };
    const [outcome] = await applyChanges([change], context);
    outcomes.push(outcome?.problem ?? outcome?.outcome ?? null);
    if (change === changes[0]) await happens();
  }
  return outcomes;
}

test.each<[string, () => Promise<unknown>, string]>([
  ["a stop", () => recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:eve", reason: "wait" }), "stopped: wait"],
  ["another pass", () => begin(200), "another pass has begun since"],
  ["another pass, of a process whose clock is behind", () => begin(50), "another pass has begun since"],
])("%s ends the changes of a pass", async (_, happens, why) => {
  expect(await lockThree(await begin(100), happens)).toEqual(["done", why, why]);
});

test("a pass before it does not", async () => {
  await begin(300);
  expect(await lockThree(await begin(100), async () => undefined)).toEqual(["done", "done", "done"]);
});

test("nor is anything changed while the database does not answer", async () => {
  const passId = await begin(100);
  const writer = { applyChange: () => Promise.reject(new Error("nothing may be changed")) };
  const db = { ...fresh.db, one: () => Promise.reject(new Error("away")) };
  const context = { db, writer, ...of, passId };
  const [outcome] = await applyChanges([{ kind: "lower_limit", projectId: "p" } as never], context);
  expect(outcome).toMatchObject({ outcome: "held", problem: "stopped: the stop switch could not be read from the database" });
});
