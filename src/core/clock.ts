import type { Instant } from "./ids.ts";

/** The current time; only main.ts makes a real clock. */
export type Clock = () => Instant;

/** Generates a UUID; only main.ts makes a real generator. */
export type NewId = () => string;

/** Waits; only main.ts makes a real timer. Units: milliseconds. Errors: rejects when the signal aborts. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Adds a duration in milliseconds to an instant. */
export function after(instant: Instant, ms: number): Instant {
  return (instant + ms) as Instant;
}

/** How far this process's clock is ahead of another one (negative: behind), and which one. Units: milliseconds. */
export interface ClockSkew {
  readonly ms: number;
  readonly against: string;
}

/** Measures the clock against all others that are known; gives the largest difference. */
export type SkewMeter = () => Promise<ClockSkew>;

/** Reads `2026-07-01`, `2026-07-01T10:00` or with a zone; null for anything else. Units: UTC epoch milliseconds. */
export function instantOf(text: string): Instant | null {
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/.test(text)) return null;
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(text) || text.length === 10 ? text : `${text}Z`;
  const at = Date.parse(zoned);
  return Number.isNaN(at) ? null : (at as Instant);
}
