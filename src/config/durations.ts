import ms from "ms";
import { z } from "zod";
import { DAY_MS } from "../core/units.ts";

/** What a bare number means, by the end of the variable's name. Units: milliseconds. */
const UNITS = { seconds: 1000, days: DAY_MS } as const;

const PLAIN = /^\d{1,12}$/;
/** `ms` takes more: years of 365.25 days, `m` and `M` for minutes, signs, and numbers without a unit as milliseconds. */
const WRITTEN = /^\d{1,9}(?:\.\d{1,3})? ?(?:s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)$/i;

/**
 * A rule for a time: a bare number in the variable's own unit, or words such as `14d`, `12 h` and `30 min`. Gives whole units.
 *
 * What could mean two things is refused: a grace period of `1m` must not be a minute where somebody meant a month.
 */
export function duration(unit: keyof typeof UNITS, initial: number, min: number, max = Number.MAX_SAFE_INTEGER) {
  return z
    .string()
    .transform((text, context) => {
      const read = readDuration(text.trim(), unit);
      if (typeof read === "number") return read;
      context.addIssue({ code: "custom", message: read });
      return z.NEVER;
    })
    .pipe(z.number().min(min).max(max))
    .default(initial);
}

/** The time in whole units, or what is wrong with the text. */
function readDuration(text: string, unit: keyof typeof UNITS): number | string {
  if (PLAIN.test(text)) return Number(text);
  if (/\d ?m$/i.test(text)) return "ends in m, which could mean minutes or months: write 30 min, or days";
  if (/\d ?(?:y|yrs?|years?|mos?|months?)$/i.test(text)) return "is in months or years, which differ in length: write days";
  if (!WRITTEN.test(text)) return `must be a number of ${unit}, or a time such as 14d, 12 h, 30 min or 90 s`;
  const value = ms(text as ms.StringValue) / UNITS[unit];
  return Number.isInteger(value) ? value : `must be whole ${unit}`;
}
