/** Claims that a period in seconds is one that all replicas can keep alike, or is refused with the nearest one. */
import { expect, test } from "vitest";
import { nearestPeriod, periodMs } from "../../src/engine/periods.ts";

test.for([
  [0, 1],
  [-5, 1],
  [7, 6],
  [61, 60],
  [4_000, 3_600],
  [100_000, 86_400],
  [1.5, 1],
] as const)("every %i s is refused, and %i s is named instead", ([wanted, nearest]) => {
  expect(() => periodMs(wanted)).toThrow(`every ${nearest} s`);
  expect(nearestPeriod(wanted)).toBe(nearest);
});

test.for([1, 5, 60, 300, 3_600, 43_200, 86_400])("every %i s is possible", (period) => {
  expect(periodMs(period)).toBe(period * 1000);
  expect(nearestPeriod(period)).toBe(period);
});
