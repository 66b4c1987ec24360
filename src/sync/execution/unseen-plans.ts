import { DAY_MS } from "../../core/units.ts";
import type { Queryable } from "../../store/db.ts";
import { readUnseenPlan } from "../../store/plans.ts";
import type { PlanAnnouncer, PlanRecord } from "./record.ts";

/** A pass shows its plan itself: a look so soon after it could post the message a second time. Units: milliseconds. */
const SHOWN_BY_ITSELF_MS = 60_000;
/** Older plans are not shown any more. Units: milliseconds. */
const SHOWN_MS = 7 * DAY_MS;
/** How many are shown at a time. */
const AT_ONCE = 10;

/**
 * Shows the plans whose message never got into the channel, oldest first: it was archived, or the bot was not in it. While the first one
 * still does not get there, the others are not tried.
 */
export async function sweepPlans(q: Queryable, announcer: PlanAnnouncer, now: number): Promise<void> {
  let before: string | null = null;
  for (let n = 0; n < AT_ONCE; n += 1) {
    const next = await readUnseenPlan(q, now - SHOWN_MS, now - SHOWN_BY_ITSELF_MS);
    if (next === null || next.id === before) return;
    before = next.id;
    await announcer.showPlan(next.record as PlanRecord);
  }
}
