import { z } from "zod";
import type { Clock, ClockSkew, SkewMeter } from "../core/clock.ts";
import type { Queryable } from "./db.ts";

const Row = z.object({ at: z.number() });

/**
 * Measures this process's clock against the database server's clock and against the machine's monotonic clock since this call.
 *
 * With the embedded PostgreSQL the first is the same clock; then only the second shows a jump, and only while the process runs.
 *
 * Units:  `steadyMs` counts milliseconds from any start.
 * Errors: throws `StoreError` when the database cannot be read. ADR 0314.
 */
export function createSkewMeter(db: Queryable, now: Clock, steadyMs: () => number): SkewMeter {
  const origin = now() - Math.round(steadyMs());
  return async () => {
    const { at } = await db.one(Row, "select (extract(epoch from clock_timestamp()) * 1000)::bigint as at");
    const here = now();
    const skews: readonly ClockSkew[] = [
      { ms: here - at, against: "the database server's clock" },
      { ms: here - (origin + Math.round(steadyMs())), against: "the machine's monotonic clock since Twokey was started" },
    ];
    return skews.reduce((worst, one) => (Math.abs(one.ms) > Math.abs(worst.ms) ? one : worst));
  };
}
