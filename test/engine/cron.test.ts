/** Claims that a period in seconds becomes a cron line that fires with just that period, or is refused with the nearest one. */
import { expect, test } from "vitest";
import { cronOf, nearestPeriod } from "../../src/engine/cron.ts";

test.for([
  [0, 1],
  [-5, 1],
  [7, 6],
  [61, 60],
  [4_000, 3_600],
  [100_000, 86_400],
  [1.5, 1],
] as const)("every %i s is refused, and %i s is named instead", ([wanted, nearest]) => {
  expect(() => cronOf(wanted)).toThrow(`every ${nearest} s`);
  expect(nearestPeriod(wanted)).toBe(nearest);
});

test.for([
  [1, "*/1 * * * * *"],
  [5, "*/5 * * * * *"],
  [60, "0 */1 * * * *"],
  [300, "0 */5 * * * *"],
  [3_600, "0 0 */1 * * *"],
  [43_200, "0 0 */12 * * *"],
  [86_400, "0 0 0 * * *"],
] as const)("every %i s is %s", ([period, line]) => {
  expect(cronOf(period)).toBe(line);
});
