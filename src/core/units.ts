/** A day. Units: milliseconds. */
export const DAY_MS = 86_400_000;

/** An hour. Units: milliseconds. */
export const HOUR_MS = 3_600_000;

/** Units: bytes. */
export const GIB = 1024 ** 3;

/** Bytes for people. Units: binary. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
