import type { Clock, NewId } from "../../core/clock.ts";
import type { PassId, PlanId } from "../../core/ids.ts";
import { allowedBy, unrestrictedDomains } from "../planning/build-plan.ts";
import type { Plan } from "../planning/plan.ts";
import type { ChangeOutcome, PlanRecord } from "./record.ts";

/** The record of a plan before anything of it was carried out. */
export function newRecord(
  c: { readonly now: Clock; readonly newId: NewId; readonly reported: string | null },
  plan: Plan,
  startedBy: PlanRecord["startedBy"],
  passId: PassId,
): PlanRecord {
  const allowed = allowedBy(plan);
  const unrestricted = unrestrictedDomains(plan);
  const outcomes = (["additive", "restrictive"] as const).flatMap((side) =>
    plan[side].map((change): ChangeOutcome => {
      const isHeld = !allowed[side] || (side === "restrictive" && unrestricted.has(change.domainId));
      const outcome = isHeld ? "held" : c.reported === null ? "waiting" : "reported";
      return { change, outcome, seen: null, problem: null };
    }),
  );
  const id = c.newId() as PlanId;
  const times = { startedAt: c.now(), endedAt: null };
  const reported = c.reported === null ? {} : { reported: c.reported };
  return { id, passId, plan, state: "applying", startedBy, scope: plan.scope, ...times, outcomes, ...reported, readBack: null };
}

/** Outcomes, with those that came meanwhile in their places. */
export function withOutcomes(all: readonly ChangeOutcome[], applied: readonly ChangeOutcome[]): readonly ChangeOutcome[] {
  const done = new Map(applied.map((o) => [o.change, o]));
  return all.map((o) => done.get(o.change) ?? o);
}

/** What a pass would do with a plan that is only looked at: no word of one that is carried out is true of it. */
export function lookState(record: PlanRecord): "would_apply" | "held" | "reported" | "unchanged" {
  const { outcomes, plan, notAsked = [] } = record;
  const state = finalState(record, 0);
  if (state === "held" || state === "reported") return state;
  const asks = allowedBy(plan).deletions && plan.proposals.length > notAsked.length;
  return asks || outcomes.some((o) => o.outcome === "waiting") ? "would_apply" : "unchanged";
}

/** The state of a plan that had so many changes to make. */
export function finalState({ plan, outcomes }: PlanRecord, changes: number): PlanRecord["state"] {
  const allowed = allowedBy(plan);
  const unrestricted = unrestrictedDomains(plan);
  const isHeld =
    (["additive", "restrictive"] as const).some((side) => !allowed[side] && plan[side].length > 0) ||
    plan.restrictive.some((change) => unrestricted.has(change.domainId));
  if (isHeld || plan.holds.some((h) => h.blocks === "everything")) return "held";
  if (outcomes.some((o) => o.outcome === "reported")) return "reported";
  return changes > 0 ? "applied" : "unchanged";
}
