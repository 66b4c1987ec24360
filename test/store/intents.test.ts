/** Claims INV-5's store side: what was begun and never settled is found, and nothing is settled twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { lastDone, openIntents, recordIntent, recordOutcome, type IntentOwner } from "../../src/store/intents.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.drop();
});

const ID = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const owner: IntentOwner = { kind: "deletion", id: "d1" };
const begin = (n: number): Promise<void> =>
  recordIntent(fresh.db, { id: ID(n), owner, command: "deleteVolume", params: { id: `v${n}` }, at: n });

test("INV-5: an outcome without an intent is refused", async () => {
  await expect(recordOutcome(fresh.db, { intentId: ID(9), result: "done", data: null, at: 1 })).rejects.toMatchObject({
    kind: "constraint",
  });
});

test("INV-5: open intents are those never settled, the indeterminate among them", async () => {
  for (const n of [1, 2, 3, 4]) await begin(n);
  await recordIntent(fresh.db, { id: ID(5), owner: { kind: "pass", id: "d1" }, command: "x", params: null, at: 5 });
  await recordOutcome(fresh.db, { intentId: ID(1), result: "done", data: { ok: true }, at: 11 });
  await recordOutcome(fresh.db, { intentId: ID(2), result: "indeterminate", data: null, at: 12 });
  await recordOutcome(fresh.db, { intentId: ID(3), result: "indeterminate", data: null, at: 13 });
  await recordOutcome(fresh.db, { intentId: ID(3), result: "looked_up", data: { done: true }, at: 14 });
  expect(await openIntents(fresh.db, owner)).toEqual([
    { id: ID(2), owner, command: "deleteVolume", params: { id: "v2" }, at: 2, tried: "indeterminate" },
    { id: ID(4), owner, command: "deleteVolume", params: { id: "v4" }, at: 4, tried: null },
  ]);
});

test.for([
  [1, "looked_up", "outcome_settled_once"],
  [1, "refused", "outcome_settled_once"],
  [2, "indeterminate", "outcome_indeterminate_once"],
  [3, "done", "outcome_settled_once"],
] as const)("INV-5: intent %i settled again as %s is refused", async ([n, result, constraint]) => {
  await expect(recordOutcome(fresh.db, { intentId: ID(n), result, data: null, at: 20 })).rejects.toMatchObject({
    kind: "constraint",
    constraint,
  });
});

test("a machine that was destroyed and brought back by us counts as brought back, though the end of its destruction was learned later", async () => {
  const machine = { item: "m-1" };
  const of: IntentOwner = { kind: "deletion", id: "d2" };
  await recordIntent(fresh.db, { id: ID(6), owner: of, command: "destroy", params: machine, at: 60 });
  await recordOutcome(fresh.db, { intentId: ID(6), result: "indeterminate", data: null, at: 61 });
  // A clock that was set back changes nothing of the order.
  await recordIntent(fresh.db, { id: ID(7), owner: of, command: "recover", params: machine, at: 50 });
  await recordOutcome(fresh.db, { intentId: ID(7), result: "done", data: null, at: 63 });
  await recordOutcome(fresh.db, { intentId: ID(6), result: "looked_up", data: { job: { state: "succeeded" } }, at: 64 });
  expect(await lastDone(fresh.db, "d2")).toEqual(new Map([["m-1", "recover"]]));
  await recordIntent(fresh.db, { id: ID(8), owner: of, command: "destroy", params: machine, at: 40 });
  await recordOutcome(fresh.db, { intentId: ID(8), result: "done", data: null, at: 66 });
  expect(await lastDone(fresh.db, "d2")).toEqual(new Map([["m-1", "destroy"]]));
});
