/** Claim: while a call for a template has no known end, it is not said that everything stands still, however long CloudStack takes. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { MadeTemplate } from "../../src/store/made-templates.ts";
import { insertMadeTemplate, updateMadeTemplate } from "../../src/store/made-templates.ts";
import { callsOnTheirWay, recordIntent, recordOutcome } from "../../src/store/intents.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";

const HOUR = 3_600_000;
const [ID, CALL] = ["0b1f6c1e-0000-4000-8000-00000000000a", "0b1f6c1e-0000-4000-8000-00000000000b"];
let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
  const uuid = "6f1c9a1e-0000-4000-8000-00000000000a";
  const asked = {
    ...{ id: ID, machineId: uuid, machineName: "build-1", projectId: "p-1", slug: "aurora", domainId: uuid, accountId: uuid },
    ...{ ciUser: "mia", askedBy: "ci:mia", channel: "D1", askedAt: 1, name: "build-1-x", snapshotId: null, snapshotName: "build-1-x" },
  };
  await fresh.db.tx((q) => insertMadeTemplate(q, asked as unknown as MadeTemplate));
  const owner = { kind: "template", id: ID } as const;
  await recordIntent(fresh.db, { id: CALL, owner, command: "create_template", params: { name: "build-1-x" }, at: 1 });
});
afterEach(() => fresh.drop());

const onTheirWay = () => callsOnTheirWay(fresh.db, 20 * HOUR);

test("a call for a template that CloudStack works on for hours", async () => {
  expect(await onTheirWay()).toEqual(["create template build-1-x"]);
});

test("one of which it is not known whether it arrived, until it was looked up", async () => {
  await recordOutcome(fresh.db, { intentId: CALL, result: "indeterminate", data: {}, at: 2 });
  expect(await onTheirWay()).toEqual(["create template build-1-x"]);
  await recordOutcome(fresh.db, { intentId: CALL, result: "looked_up", data: {}, at: 3 });
  expect(await onTheirWay()).toEqual([]);
});

test("none of a template that was given up, or whose call ended", async () => {
  await updateMadeTemplate(fresh.db, ID, { state: "failed", problem: "given up", endedAt: 5 as never });
  expect(await onTheirWay()).toEqual([]);
});
