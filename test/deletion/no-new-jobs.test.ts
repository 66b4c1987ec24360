/**
 * Claim: a management server that is being prepared for its shutdown takes no new jobs, for as long as its administrator needs: a deletion,
 * or a Restore, then waits and goes on by itself, at every stage. Field: apache/cloudstack#6755.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { updateDeletion } from "../../src/store/deletions.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow } from "../support/deletions.ts";
import { emulatedWorld, type EmulatedWorld } from "../support/emulated-world.ts";
import { resetDatabase } from "../sim/reset.ts";

const MINUTE = 60_000;
let fresh: FreshDatabase;
let e: EmulatedWorld;
let machine = "";

beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  e = await emulatedWorld(fresh.db, (cloud, domain) => {
    const account = cloud.addAccount({ domain, name: "ann" }).accountId;
    machine = cloud.addMachine({ account, name: "m", stopped: true });
    cloud.addSnapshot({ machine });
    cloud.addNetwork({ account, name: "n" });
  });
});
afterEach(() => e.close());
afterAll(() => fresh.drop());

/** Looks now and then for so long, while no job is taken. */
async function withoutJobs(minutes: number): Promise<void> {
  e.emulator.setFaults([{ kind: "no_new_jobs" }]);
  const step = Math.max(5, minutes / 60);
  for (let passed = 0; passed < minutes; passed += step) {
    await e.bot.advance(e.id);
    e.w.now += step * MINUTE;
  }
  e.emulator.setFaults([]);
}
const now = () => expectRow(fresh.db, e.id);

test.each([
  ["cooling_off", 180],
  ["grace", 60],
  ["expunging", 40 * 60],
])("from %s on, for %d minutes: nothing freezes, and it ends as it would have", async (phase, minutes) => {
  await e.until([phase]);
  await withoutJobs(minutes);
  const waiting = await now();
  expect(waiting).toMatchObject({ frozen_reason: null });
  expect(waiting.phase).not.toBe("deleted");
  await e.until(["deleted", "frozen", "closed"], 5 * MINUTE);
  expect(await now()).toMatchObject({ phase: "deleted", frozen_reason: null });
});

test("a Restore waits as well, and gives everything back", async () => {
  await e.until(["expunging"]);
  const asked = { restore_by: "dora", closed_because: "restored", closed_by: "dora" } as const;
  await updateDeletion(fresh.db, e.id, { ...asked, ran_machines: [machine] });
  await withoutJobs(24 * 60);
  await e.until(["closed", "frozen"], MINUTE);
  expect(await now()).toMatchObject({ phase: "closed", activity: "everything is back as it was" });
});
