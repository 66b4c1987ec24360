import { DAY_MS } from "../../core/units.ts";

/** One measured size. Units: `at` is UTC epoch milliseconds. */
export interface SizePoint {
  readonly at: number;
  readonly bytes: number;
}

/** Fits a line through measured sizes by least squares. Units: bytes per day; null: fewer than two instants are not enough history. */
export function growthOf(points: readonly SizePoint[]): number | null {
  if (new Set(points.map((p) => p.at)).size < 2) return null;
  const { length: n } = points;
  // Centred on the means: the square of an epoch in milliseconds leaves no digits for the difference of two days.
  const atMean = points.reduce((sum, p) => sum + p.at, 0) / n;
  const bytesMean = points.reduce((sum, p) => sum + p.bytes, 0) / n;
  let [spread, common] = [0, 0];
  for (const p of points) {
    const days = (p.at - atMean) / DAY_MS;
    spread += days * days;
    common += days * (p.bytes - bytesMean);
  }
  return common / spread;
}
