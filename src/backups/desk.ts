import type { Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import { readMeasurements } from "../store/backup-sizes.ts";
import { DAY_MS } from "./growth.ts";
import { measureFleet, type MeasureContext } from "./measure.ts";
import { comparePolicies, type Comparison } from "./model.ts";
import type { BackupTerms } from "./policy.ts";

/** How far back growth is measured: long enough to see it, short enough to notice that it changed. Units: days. */
const HISTORY_DAYS = 365;

/** Compares the policies on the history; a fleet that was never measured is measured first. Errors: the failure of that read. */
export async function compareNow(c: MeasureContext, terms: BackupTerms): Promise<Result<Comparison, Failure>> {
  const since = c.now() - HISTORY_DAYS * DAY_MS;
  const history = await readMeasurements(c.db, since);
  if (history.length > 0) return ok(comparePolicies(history, terms));
  const measured = await measureFleet(c);
  return measured.ok ? ok(comparePolicies(await readMeasurements(c.db, since), terms)) : measured;
}
