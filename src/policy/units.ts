const UNITS: readonly (readonly [RegExp, number, string])[] = [
  [/^d(?:ays?)?$/, 86_400_000, "day"],
  [/^h(?:ours?|rs?)?$/, 3_600_000, "hour"],
  [/^m(?:in(?:utes?|s)?)?$/, 60_000, "minute"],
  [/^s(?:ec(?:onds?|s)?)?$/, 1000, "second"],
];

/**
 * Reads a time as people write it: `14 days`, `1 h 30 min`, `90s`.
 *
 * Units: milliseconds. Errors: null when it is none, or a unit is missing.
 */
export function parseDuration(text: string): number | null {
  const typed = text.trim().toLowerCase();
  const parts = [...typed.matchAll(/(\d{1,9})\s*([a-z]+)\s*/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join("") !== typed) return null;
  let sum = 0;
  for (const [, n = "", unit = ""] of parts) {
    const known = UNITS.find(([shape]) => shape.test(unit));
    if (known === undefined) return null;
    sum += Number(n) * known[1];
  }
  return Number.isSafeInteger(sum) ? sum : null;
}

/** Writes a time so that `parseDuration` reads it again. Units: milliseconds. */
export function durationText(ms: number): string {
  let left = Math.round(ms / 1000) * 1000;
  const parts: string[] = [];
  for (const [, size, name] of UNITS) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n > 0) parts.push(`${n} ${name}${n === 1 ? "" : "s"}`);
  }
  return parts.length === 0 ? "0 seconds" : parts.join(" ");
}
