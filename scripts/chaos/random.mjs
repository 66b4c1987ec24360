// Chance from a seed: the same seed makes the same choices. When they take effect is up to the machine, so a run is not repeated exactly.
import { dist } from "../bench/paths.mjs";

const { createChance } = await import(dist("test/sim/random.js"));

/** A source of chance with a name of its own, so that what one part of the run draws does not shift what another one draws. */
export function chanceOf(seed, name) {
  const mixed = [...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), seed);
  const chance = createChance(mixed);
  return { ...chance, between: (min, max) => min + chance.below(max - min + 1) };
}
