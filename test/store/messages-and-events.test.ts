/** Claims of two small tables: a repeated event is seen, a posted message keeps one place and counts its versions. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPostedMessage, recordPostedMessage } from "../../src/store/posted-messages.ts";
import { recordSeenEvent } from "../../src/store/seen-events.ts";
import { forgetTakeOvers, recordTakeOver } from "../../src/store/take-overs.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.drop();
});

test("of many deliveries at once of one event, one is new", async () => {
  const news = await Promise.all(Array.from({ length: 8 }, () => recordSeenEvent(fresh.db, "Ev1", 5)));
  expect(news.filter(Boolean)).toHaveLength(1);
});

test("an event is forgotten after a day, long after Slack has ceased to repeat it", async () => {
  const day = 24 * 3600_000;
  await recordSeenEvent(fresh.db, "Ev2", 5);
  await recordSeenEvent(fresh.db, "Ev3", 5 + day);
  expect(await recordSeenEvent(fresh.db, "Ev2", 5 + day)).toBe(false);
  await recordSeenEvent(fresh.db, "Ev3", 6 + day);
  expect(await recordSeenEvent(fresh.db, "Ev2", 6 + day)).toBe(true);
});

test("a message recorded again moves and gets the next version", async () => {
  expect(await readPostedMessage(fresh.db, "plan")).toBeNull();
  await recordPostedMessage(fresh.db, { key: "plan", channel: "C1", ts: "1.0", digest: "a", at: 1 });
  await recordPostedMessage(fresh.db, { key: "plan", channel: "C1", ts: "2.0", digest: "b", at: 2 });
  expect(await readPostedMessage(fresh.db, "plan")).toEqual({ key: "plan", channel: "C1", ts: "2.0", digest: "b", version: 2, at: 2 });
});

test("take-overs are counted for each run, and forgotten in time", async () => {
  expect([await recordTakeOver(fresh.db, "r", 1), await recordTakeOver(fresh.db, "r", 2), await recordTakeOver(fresh.db, "s", 3)]).toEqual([
    1, 2, 1,
  ]);
  expect(await forgetTakeOvers(fresh.db, 3)).toBe(1);
  expect(await recordTakeOver(fresh.db, "r", 4)).toBe(1);
});
