import { after, type Clock, type SkewMeter } from "../core/clock.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";

/** Clocks that NTP sets agree within a second; a minute is a clock that jumped, or one that is not set. Units: milliseconds. */
export const SKEW_MS_MAX = 60_000;

/** Now, by all known clocks: a wait ends by `earliest`, and begins at `latest`. */
export interface Clocks {
  readonly earliest: Instant;
  readonly latest: Instant;
}

/**
 * Reads the clocks before anything that depends on the time: the begin and the end of a wait, a vote, an expiry, and every step.
 *
 * A clock that jumps ahead would end a cool-off or a grace period too early; one that jumps back and is then corrected would have begun a
 * wait that ends at once. People decide which clock is right.
 * Errors: `unavailable` `deletion.clock` when they differ by more than `SKEW_MS_MAX`. Invariant: INV-3.
 */
export async function readClocks(c: { readonly now: Clock; readonly clockSkew: SkewMeter }): Promise<Result<Clocks, Failure>> {
  const now = c.now();
  const { ms: measured, against } = await c.clockSkew();
  // Instants are whole milliseconds: PostgreSQL would refuse a fraction, and with it the vote.
  const ms = Math.round(measured);
  if (Math.abs(ms) <= SKEW_MS_MAX) return ok({ earliest: after(now, -Math.max(0, ms)), latest: after(now, Math.max(0, -ms)) });
  const difference = `${spanOf(ms)} ${ms > 0 ? "ahead of" : "behind"} ${against}`;
  const sentence = `Twokey's clock is ${difference}, so the end of a wait is uncertain: nothing is decided or deleted`;
  return fail("unavailable", "deletion.clock", sentence, {
    remedy: "Correct the clocks (NTP), then start Twokey again.",
    details: { ms },
  });
}

function spanOf(ms: number): string {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1440)} days`;
}
