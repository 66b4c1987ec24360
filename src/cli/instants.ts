/** How a time is written on the command line. */
export const INSTANT_HINT = "such as 2026-07-01 or 2026-07-02T12:00Z; times without a zone are UTC";

/** An instant as commands show it; null: a dash. */
export function shownInstant(at: number | null): string {
  return at === null ? "–" : new Date(at).toISOString();
}

/** An instant as scripts read it. */
export function jsonInstant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
