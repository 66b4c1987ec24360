import { digestOf } from "../../core/digest.ts";
import type { PlanId } from "../../core/ids.ts";
import type { Undone } from "../../store/undone.ts";
import type { Change } from "../planning/plan.ts";
import type { ChangeOutcome } from "./record.ts";

/** Finds a change among those that earlier passes tried without success; undefined: it is new. */
export function findUndone(undone: readonly Undone[], change: Change): Undone | undefined {
  const digest = digestOf(change);
  return undone.find((u) => u.change === digest);
}

/**
 * Puts the changes that are known to fail after the others of their project, so that they hold up nobody.
 *
 * A project whose domain is to be created keeps its order: the rest depends on it.
 */
export function undoneLast(changes: readonly Change[], undone: readonly Undone[]): readonly Change[] {
  const created = new Set(changes.filter((c) => c.kind === "create_domain").map((c) => c.projectId));
  const isLate = (c: Change): boolean => !created.has(c.projectId) && (findUndone(undone, c)?.problem ?? null) !== null;
  return [...changes.filter((c) => !isLate(c)), ...changes.filter(isLate)];
}

/** What is undone after a pass: what it tried without success, and what it did not try. `plan` tells of those that are new. */
export function undoneAfter(
  before: readonly Undone[],
  plan: PlanId,
  outcomes: readonly ChangeOutcome[],
  o: { readonly forgetsOthers: boolean },
): readonly Undone[] {
  const tried = outcomes.filter((x) => !["held", "waiting", "reported"].includes(x.outcome));
  const now = tried.flatMap(({ change, outcome, problem }): readonly Undone[] => {
    if (outcome === "done") return [];
    const known = findUndone(before, change);
    return [{ change: digestOf(change), plan: known?.plan ?? plan, problem: problem ?? known?.problem ?? null }];
  });
  const planned = new Set(outcomes.map((x) => digestOf(x.change)));
  const ended = new Set(tried.map((x) => digestOf(x.change)));
  return [...now, ...before.filter((u) => !ended.has(u.change) && (planned.has(u.change) || !o.forgetsOthers))];
}
