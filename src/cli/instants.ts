import type { Instant } from "../core/ids.ts";

/** How a time is written on the command line. */
export const INSTANT_HINT = "such as 2026-07-01 or 2026-07-02T12:00Z; times without a zone are UTC";

/** Reads `2026-07-01`, `2026-07-01T10:00` or with a zone; null for anything else. Units: UTC epoch milliseconds. */
export function instantOf(text: string): Instant | null {
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/.test(text)) return null;
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(text) || text.length === 10 ? text : `${text}Z`;
  const at = Date.parse(zoned);
  return Number.isNaN(at) ? null : (at as Instant);
}

/** An instant as commands show it; null: a dash. */
export function shownInstant(at: number | null): string {
  return at === null ? "–" : new Date(at).toISOString();
}

/** An instant as scripts read it. */
export function jsonInstant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
