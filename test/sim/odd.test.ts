/** Claims INV-1 to INV-11, after every tick of the odd ones of 200 simulated lives: people, faults, crashes, two processes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../src/store/db.ts";
import { freshDatabase, openAsBot, type FreshDatabase } from "../support/database.ts";
import { keptSeeds, playSeeds } from "./seeds.ts";

let fresh: FreshDatabase;
let bot: Database;
beforeAll(async () => {
  fresh = await freshDatabase();
  bot = await openAsBot(fresh);
});
afterAll(async () => {
  await bot.close();
  await fresh.drop();
});

test("no seed breaks an invariant", async () => {
  const seeds = Array.from({ length: 100 }, (_, i) => 2 * i + 1);
  const sum = await playSeeds(seeds, fresh.db, bot);
  // Runs in which nothing happens would prove nothing.
  expect(sum.effects).toBeGreaterThan(100);
  expect(sum.deleted).toBeGreaterThan(2);
  expect(sum.crashes).toBeGreaterThan(20);
});

test("no seed that once failed fails again", async () => {
  await playSeeds(keptSeeds, fresh.db, bot);
});
