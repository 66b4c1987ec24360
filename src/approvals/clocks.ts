import { after, type Clock, type SkewMeter } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";

/** Clocks that somebody keeps agree within a second; a minute is a clock that jumped, or one that nobody keeps. Units: milliseconds. */
export const SKEW_MS_MAX = 60_000;

/** Now, by the clocks that are known: a wait ends by `earliest`, and begins at `latest`. */
export interface Clocks {
  readonly earliest: Instant;
  readonly latest: Instant;
}

/**
 * Reads the clocks before anything that a time decides: the end of a wait, its beginning, a vote, an expiry, and every step.
 *
 * A clock that jumps ahead would end a cool-off or a grace period that nobody had; one that jumps back and comes right again would have
 * begun a wait that is over at once. Which clock is right is for people to say.
 * Errors: `unavailable` `deletion.clock` when they differ by more than `SKEW_MS_MAX`. Invariant: INV-3.
 */
export async function readClocks(c: { readonly now: Clock; readonly clockSkew: SkewMeter }): Promise<Result<Clocks, Failure>> {
  const now = c.now();
  const { ms: measured, against } = await c.clockSkew();
  // Instants are whole milliseconds: a count that has fractions would be refused by PostgreSQL, and with it what people decided.
  const ms = Math.round(measured);
  if (Math.abs(ms) <= SKEW_MS_MAX) return ok({ earliest: after(now, -Math.max(0, ms)), latest: after(now, Math.max(0, -ms)) });
  return err(
    failure(
      "unavailable",
      "deletion.clock",
      `Twokey's clock is ${spanOf(ms)} ${ms > 0 ? "ahead of" : "behind"} ${against}, so the end of a wait is uncertain: nothing is decided or deleted`,
      { remedy: "Set the clocks right (NTP), then start Twokey again.", details: { ms } },
    ),
  );
}

function spanOf(ms: number): string {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1440)} days`;
}
