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
