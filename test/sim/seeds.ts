import { randomInt } from "node:crypto";
import { expect } from "vitest";
import kept from "./kept-seeds.json" with { type: "json" };
import { resetDatabase } from "./reset.ts";
import { playSeed } from "./run.ts";
import type { Database } from "../../src/store/db.ts";

/** Seeds that once failed. The first three no longer play what they found: the simulation has drawn otherwise since. */
export const keptSeeds: readonly number[] = kept.map((k) => k.seed);

/** A seed that nobody chose, so that each run of the tests tries a life that no run before has played. */
export const anySeed = (): number => randomInt(1_000_000, 2 ** 31);

/** Plays seeds one after the other, with the bot's own rights in the database; the message of a failure names the seed and tells the run's story. */
export async function playSeeds(
  seeds: readonly number[],
  owner: Database,
  bot: Database,
): Promise<{ readonly effects: number; readonly deleted: number; readonly crashes: number }> {
  const sum = { effects: 0, deleted: 0, crashes: 0 };
  for (const seed of seeds) {
    await resetDatabase(owner);
    const run = await playSeed(seed, bot, owner);
    expect(run.violations, `seed ${seed} (npm run sim -- --seed ${seed} --runs 1 --trace)\n${run.trace.join("\n")}`).toEqual([]);
    sum.effects += run.effects;
    sum.deleted += run.deleted;
    sum.crashes += run.crashes;
  }
  return sum;
}
