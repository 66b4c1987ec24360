/** Holds that grew since their message: who read that 3 accounts are held does not know that it is 300 now. */
import type { Instant } from "../../core/ids.ts";
import { DAY_MS } from "../../core/units.ts";
import type { Queryable } from "../../store/db.ts";
import { readPlanRecord } from "../../store/plans.ts";
import { heldBack, holdKey, scopeOf } from "./matters.ts";
import type { PlanRecord } from "./record.ts";
import type { ToldByKey } from "./told.ts";

/** A hold that keeps back more than its message told. */
export type Grown = NonNullable<PlanRecord["grown"]>[number];

/** What is a little more is told this long after the last message, and not at each pass. Units: milliseconds. */
const TOLD_AGAIN_MS = DAY_MS;

/**
 * The holds of a plan that are to be told by a new message, as they keep back what none told: at once when that is as much as was told, so
 * that a hold that grows at every pass is told a few times only; else a day after its message. A hold with less or the same is not among
 * them, whatever its words; nor is one of another scope's message.
 */
export async function findGrown(q: Queryable, record: PlanRecord, told: ToldByKey, now: Instant): Promise<readonly Grown[]> {
  const grown: Grown[] = [];
  for (const hold of record.plan.holds) {
    const key = holdKey(hold, scopeOf(record));
    const known = key === null ? undefined : told.get(key);
    const ids = new Set(heldBack(hold, record.plan));
    if (key === null || known === undefined || known.endedAt !== null || ids.size === 0) continue;
    const before = (await readPlanRecord(q, known.plan)) as PlanRecord | null;
    const was = before?.plan.holds.find((h) => holdKey(h, scopeOf(before)) === key);
    if (before === null || was === undefined) continue;
    const toldIds = new Set(heldBack(was, before.plan));
    const untold = [...ids].filter((id) => !toldIds.has(id)).length;
    const isMuch = untold >= toldIds.size || now - before.startedAt >= TOLD_AGAIN_MS;
    if (untold > 0 && isMuch) grown.push({ key, toldAt: before.startedAt, told: toldIds.size, now: ids.size, untold });
  }
  return grown;
}
