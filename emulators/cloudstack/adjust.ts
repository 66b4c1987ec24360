import type { Settings } from "./options.ts";

/** What may be changed while the emulator runs; `pageSizeMax` stands for a restart with another `default.page.size`. */
export interface Adjustable {
  readonly pageSizeMax?: number;
  readonly totalsLagMs?: number;
  readonly jobMs?: number;
  readonly jobMsOf?: Readonly<Record<string, number>>;
  readonly zoneHypervisors?: readonly string[];
  readonly lacks?: readonly string[];
}

const NUMBERS = ["pageSizeMax", "totalsLagMs", "jobMs"] as const;

/** Changes settings in place. */
export function adjust(settings: Settings, change: Adjustable): void {
  Object.assign(settings, change);
}

/** Reads changes from JSON that came over the wire. Errors: throws a `TypeError` naming what is wrong. */
export function parseAdjustable(value: unknown): Adjustable {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("an object of settings is wanted");
  const row = value as Record<string, unknown>;
  const known = [...NUMBERS, "jobMsOf", "zoneHypervisors", "lacks"];
  for (const name of Object.keys(row))
    if (!known.includes(name)) throw new TypeError(`${name} cannot be changed; what can: ${known.join(", ")}`);
  for (const name of NUMBERS) {
    if (row[name] !== undefined && !isCount(row[name])) throw new TypeError(`${name} must be a number that is not negative`);
  }
  const { jobMsOf, zoneHypervisors, lacks } = row;
  if (jobMsOf !== undefined && !(typeof jobMsOf === "object" && jobMsOf !== null && Object.values(jobMsOf).every(isCount))) {
    throw new TypeError("jobMsOf must be an object of numbers");
  }
  if (zoneHypervisors !== undefined && !isTexts(zoneHypervisors)) throw new TypeError("zoneHypervisors must be a list of names");
  if (lacks !== undefined && !isTexts(lacks)) throw new TypeError("lacks must be a list of commands");
  return row as Adjustable;
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
