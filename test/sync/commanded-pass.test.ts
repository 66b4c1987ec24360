/** Claim: while a pass runs, a scheduled one gives up, and one that a person asked for waits its turn and is made. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OperatorId } from "../../src/core/ids.ts";
import { startStoredLife } from "../cli/stored-life.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

test("a commanded pass is not lost to the one that runs", async () => {
  const { replica } = await startStoredLife(fresh, 5);
  let letGo = (): void => undefined;
  let begun = (): void => undefined;
  const running = new Promise<void>((resolve) => (begun = resolve));
  const open = new Promise<void>((resolve) => (letGo = resolve));
  const holder = fresh.db.withAdvisoryLock("twokey.pass", { waitMs: 0 }, async () => {
    begun();
    await open;
  });
  await running;
  expect(await replica.runPass(null, { kind: "schedule" })).toMatchObject({ ok: false, error: { code: "sync.running" } });
  const asked = replica.runPass(null, { kind: "command", operator: "ci:u-1" as OperatorId, name: "Ada" });
  letGo();
  await holder;
  expect(await asked).toMatchObject({ ok: true, value: { startedBy: { kind: "command", name: "Ada" } } });
});
