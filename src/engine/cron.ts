/**
 * Writes a period in seconds as a cron line with seconds.
 *
 * Errors: throws for a period that does not divide a minute, an hour or a day evenly, naming the nearest that does.
 */
export function cronOf(everySeconds: number): string {
  const line = cronLine(everySeconds);
  if (line !== null) return line;
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

function cronLine(seconds: number): string | null {
  if (!PERIODS.includes(seconds)) return null;
  if (seconds < MINUTE) return `*/${seconds} * * * * *`;
  if (seconds < HOUR) return `0 */${seconds / MINUTE} * * * *`;
  return seconds < DAY ? `0 0 */${seconds / HOUR} * * *` : "0 0 0 * * *";
}

function divisorsOf(n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((candidate) => n % candidate === 0);
}
