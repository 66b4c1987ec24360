/**
 * Claims INV-1 to INV-11, after every tick of the odd ones of seeds 161 to 240 and one that nobody chose: people, faults,
 * crashes, two processes.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../src/store/db.ts";
import { freshDatabase, openAsBot, type FreshDatabase } from "../support/database.ts";
import { keepLockSession } from "./lock-session.ts";
import { anySeed, keptSeeds, playSeeds } from "./seeds.ts";

let fresh: FreshDatabase;
let bot: Database;
beforeAll(async () => {
  fresh = await freshDatabase();
  bot = await openAsBot(fresh, keepLockSession);
});
afterAll(async () => {
  await bot.close();
  await fresh.drop();
});

test("no seed breaks an invariant", async () => {
  const seeds = Array.from({ length: 40 }, (_, i) => 2 * i + 161);
  const sum = await playSeeds(seeds, fresh.db, bot);
  // Runs in which nothing happens would prove nothing.
  expect(sum.effects).toBeGreaterThan(50);
  expect(sum.deleted).toBeGreaterThan(0);
  expect(sum.crashes).toBeGreaterThan(5);
});

test("no seed that once failed fails again, nor does one that nobody chose", async () => {
  await playSeeds([...keptSeeds, anySeed()], fresh.db, bot);
});
