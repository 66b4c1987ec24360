import { err, ok, type Result } from "../../core/result.ts";
import { isSameScope } from "../../core/scope.ts";
import type { CompleteDesired, PartialDesired } from "./desired.ts";
import type { KnownState } from "../../core/managed.ts";
import type { CompleteObserved, PartialObserved } from "./observed.ts";

/** Both sides, one scope, both complete: the only input from which deletions may be planned. Only `join` makes one. */
class CompletePlanningInput {
  readonly #minted = true;
  readonly coverage = "complete";
  readonly desired: CompleteDesired;
  readonly observed: CompleteObserved;
  readonly known: KnownState;
  constructor(desired: CompleteDesired, observed: CompleteObserved, known: KnownState) {
    this.desired = desired;
    this.observed = observed;
    this.known = known;
  }
  static is(x: unknown): boolean {
    return typeof x === "object" && x !== null && #minted in x;
  }
}

/** Two complete sides of one scope. */
export type CompleteInput = CompletePlanningInput;

/** Two sides, at least one of them partial: changes may be planned from it, deletions do not compile. */
export interface PartialInput {
  readonly coverage: "partial";
  readonly desired: PartialDesired | CompleteDesired;
  readonly observed: PartialObserved | CompleteObserved;
  readonly known: KnownState;
}

/** Joins two complete sides of one scope. Errors: `scope_mismatch`. Invariant: INV-1. */
export function join(
  desired: CompleteDesired,
  observed: CompleteObserved,
  known: KnownState,
): Result<CompleteInput, { readonly kind: "scope_mismatch" }> {
  return isSameScope(desired.scope, observed.scope)
    ? ok(new CompletePlanningInput(desired, observed, known))
    : err({ kind: "scope_mismatch" });
}
