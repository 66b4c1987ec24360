/**
 * A schedule's period, which must divide a minute, an hour or a day, so that all replicas mean the same moments. Units: milliseconds.
 *
 * Errors: throws for another one, naming the nearest that does.
 */
export function periodMs(everySeconds: number): number {
  if (PERIODS.includes(everySeconds)) return everySeconds * 1000;
  throw new Error(`a schedule cannot fire every ${everySeconds} s; the nearest possible is every ${nearestPeriod(everySeconds)} s`);
}

/** The period nearest to the wanted one that a schedule can have. Units: seconds. */
export function nearestPeriod(everySeconds: number): number {
  const wanted = Math.min(Math.max(everySeconds, 1), DAY);
  return PERIODS.reduce((best, period) => (Math.abs(period - wanted) < Math.abs(best - wanted) ? period : best));
}

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const PERIODS = [...divisorsOf(60), ...divisorsOf(60).map((n) => n * MINUTE), ...divisorsOf(24).map((n) => n * HOUR)];

function divisorsOf(n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((candidate) => n % candidate === 0);
}
