/** The messages of earlier plans, as things stand now. */
import { readPlanRecord } from "../../store/plans.ts";
import type { Database } from "../../store/db.ts";
import { holdKey, isUndone, mattersOf, scopeOf, undoneKey } from "./matters.ts";
import type { ChangeOutcome, PlanAnnouncer, PlanRecord, Standing } from "./record.ts";
import { isCounted, type ToldByKey } from "./told.ts";

/** The messages, besides that of `record`, that say something that still holds, or no longer does. */
export function touchedBy(record: PlanRecord, before: ToldByKey, after: ToldByKey): readonly string[] {
  const present = new Set(mattersOf(record).map((m) => m.key));
  const plans = [...after.values()].flatMap((now) => {
    const was = before.get(now.key);
    if (was === undefined || (was === now && !present.has(now.key))) return [];
    return [was.plan, now.plan, ...(was.overPlan === null ? [] : [was.overPlan])];
  });
  return [...new Set(plans)].filter((plan) => plan !== record.id);
}

/** Corrects those messages in place; one that is not there is not posted again. */
export async function correctMessages(
  plans: readonly string[],
  now: PlanRecord,
  told: ToldByKey,
  c: { readonly db: Database; readonly announcer: PlanAnnouncer },
): Promise<void> {
  for (const plan of plans) {
    const stored = (await readPlanRecord(c.db, plan)) as PlanRecord | null;
    if (stored !== null) await c.announcer.correctPlan(asItStands(stored, now, told));
  }
}

/** A plan as its message shows it now: what it told in today's words, without what ended. */
export function asItStands(stored: PlanRecord, now: PlanRecord, told: ToldByKey): PlanRecord {
  const { plan } = stored;
  const hasEnded = (key: string): boolean => (told.get(key)?.endedAt ?? null) !== null;
  // By key: the holds of a fleet that is not adopted yet are as many as its domains.
  const holdsNow = new Map(now.plan.holds.map((h) => [holdKey(h, scopeOf(now)), h] as const).toReversed());
  const holds = plan.holds.flatMap((hold) => {
    const key = holdKey(hold, scopeOf(stored));
    if (key === null) return [hold];
    if (hasEnded(key)) return [];
    return [holdsNow.get(key) ?? hold];
  });
  const heldRows = plan.heldRows.flatMap((row) =>
    hasEnded(`row:${row.view}:${row.key}`) ? [] : [now.plan.heldRows.find((r) => r.view === row.view && r.key === row.key) ?? row],
  );
  const drift = plan.drift.flatMap((d) =>
    hasEnded(`drift:${d.kind}:${d.path}`) ? [] : [now.plan.drift.find((x) => x.kind === d.kind && x.path === d.path) ?? d],
  );
  const outcomesNow = new Map(
    now.outcomes
      .filter((x) => isUndone(x) || x.outcome === "done")
      .map((x) => [undoneKey(x.change), x] as const)
      .toReversed(),
  );
  const outcomes = stored.outcomes.flatMap((o): readonly ChangeOutcome[] => {
    if (!isUndone(o)) return [o];
    const key = undoneKey(o.change);
    const present = outcomesNow.get(key);
    return present !== undefined ? [present] : hasEnded(key) ? [] : [o];
  });
  const ended = (stored.ended ?? []).map((e) => ({ ...e, isBack: told.get(e.key)?.endedAt === null }));
  return {
    ...stored,
    plan: { ...plan, holds, heldRows, drift },
    outcomes,
    ...(ended.length === 0 ? {} : { ended }),
    standing: standingOf(stored, now, told),
  };
}

function standingOf(stored: PlanRecord, now: PlanRecord, told: ToldByKey): Standing {
  const mine = [...told.values()].filter((t) => t.plan === stored.id);
  const counted = mine.filter((t) => t.endedAt === null && isCounted(t));
  const over = stored.plan.holds.flatMap((hold) => {
    const row = told.get(holdKey(hold, scopeOf(stored)) ?? "");
    return row?.kind === "hold" && row.plan === stored.id && row.endedAt !== null
      ? [{ since: row.since, until: row.endedAt, sentence: hold.sentence }]
      : [];
  });
  const moved = mattersOf(stored).some(({ key }) => told.get(key)?.plan === now.id);
  return {
    since: counted.length === 0 ? null : (Math.min(...counted.map((t) => t.since)) as Standing["since"]),
    tries: Math.max(0, ...counted.map((t) => t.tries)),
    over,
    toldAnew: stored.id !== now.id && moved && mine.every((t) => t.endedAt !== null) ? now.startedAt : null,
  };
}
