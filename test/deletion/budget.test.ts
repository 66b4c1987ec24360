/** Claim: whatever replicas run at once, no more than the day's and the week's budget of domains enters the irreversible part. INV-11. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDatabase, type Database } from "../../src/store/db.ts";
import { countEntered, recordDeletionEvent, type DeletionRow } from "../../src/store/deletions.ts";
import { freshDatabase, untilLockWait, type FreshDatabase } from "../support/database.ts";
import { expectRow, openOne } from "../support/deletions.ts";
import { approveIn, botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";

const DAY = 24 * 3600_000;
let fresh: FreshDatabase;
let replicas: Database[] = [];
beforeEach(async () => {
  fresh = await freshDatabase();
  replicas = [0, 1].map(() => createDatabase(fresh.url, { max: 3, onError: () => undefined }));
});
afterEach(async () => {
  await Promise.all(replicas.map((r) => r.close()));
  await fresh.drop();
});

interface Waiting {
  readonly row: DeletionRow;
  readonly w: SmallWorld;
}

/** A deletion at the end of its grace period, with a world and connections of its own. */
async function waiting(db: Database): Promise<Waiting> {
  const w = await smallWorld(db);
  const { row, bot } = await approveIn(w);
  w.now = 130;
  await bot.advance(row.id);
  expect((await expectRow(db, row.id)).phase).toBe("grace");
  return { row, w };
}

const goOn = async ({ row, w }: Waiting, now: number): Promise<boolean> => {
  w.now = now;
  await botIn(w, row).advance(row.id);
  return (await expectRow(w.db, row.id)).phase !== "grace";
};

test("two replicas at once: one takes the last place of the day, the other waits and says so", async () => {
  const both = await Promise.all(replicas.map(waiting));
  const entered = await Promise.all(both.map((d) => goOn(d, 1000)));
  expect(entered.toSorted()).toEqual([false, true]);
  const late = both[entered.indexOf(false)] as Waiting;
  expect((await expectRow(fresh.db, late.row.id)).activity).toContain("1 a day and 3 a week");
  expect(late.w.calls).not.toContain("destroy m");
  expect(await goOn(late, 1000 + DAY - 1)).toBe(false);
  expect(await goOn(late, 1001 + DAY)).toBe(true);
});

test("the count waits for whoever is entering, on another connection", async () => {
  const [one, two] = replicas as [Database, Database];
  const row = await openOne(fresh.db);
  const order: string[] = [];
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let counted = (): void => undefined;
  const hasCounted = new Promise<void>((resolve) => {
    counted = resolve;
  });
  const first = one.tx(async (q) => {
    expect(await countEntered(q, 0)).toBe(0);
    counted();
    await held;
    await recordDeletionEvent(q, row.id, 50, "entered dismantling", null);
    order.push("first");
  });
  await hasCounted;
  const second = two.tx(async (q) => {
    const n = await countEntered(q, 0);
    order.push("second");
    return n;
  });
  // The second stands at the lock, seen from outside, before the first goes on.
  await untilLockWait(fresh);
  letGo();
  await first;
  expect([await second, order]).toEqual([1, ["first", "second"]]);
});

test("the week's budget is counted too", async () => {
  const earlier = await openOne(fresh.db);
  const start = 10 * DAY;
  for (const days of [2, 3, 4])
    await recordDeletionEvent(fresh.db, earlier.id, start - days * DAY, "entered dismantling", { id: randomUUID() });
  const d = await waiting(replicas[0] as Database);
  expect(await goOn(d, start)).toBe(false);
  expect(await goOn(d, start + 3 * DAY + 1)).toBe(true);
});
