/** How something grows, or that this cannot be told yet. */
export type Growth =
  { readonly known: true; readonly bytesPerDay: number; readonly points: number } | { readonly known: false; readonly points: number };

/** One measured size. Units: `at` is UTC epoch milliseconds. */
export interface SizePoint {
  readonly at: number;
  readonly bytes: number;
}

/** Milliseconds of a day. */
export const DAY_MS = 24 * 3600_000;

/** Fits a line through measured sizes by least squares. Fewer than two instants are not enough history: nothing is guessed. */
export function growthOf(points: readonly SizePoint[]): Growth {
  const { length: n } = points;
  // Around the middle, since the square of an epoch in milliseconds leaves no digits for the difference of two days.
  const atMean = points.reduce((sum, p) => sum + p.at, 0) / n;
  const bytesMean = points.reduce((sum, p) => sum + p.bytes, 0) / n;
  let spread = 0;
  let common = 0;
  for (const p of points) {
    const days = (p.at - atMean) / DAY_MS;
    spread += days * days;
    common += days * (p.bytes - bytesMean);
  }
  if (new Set(points.map((p) => p.at)).size < 2) return { known: false, points: n };
  return { known: true, bytesPerDay: common / spread, points: n };
}
