/**
 * The phases of a deletion, in order; a phase is left only by a recorded transition.
 *
 * archiving → proposed → cooling_off → quarantining → grace → dismantling → expunging → removing → deleted, or → closed.
 * `frozen` can follow most of them: something unexpected happened, and a person must decide.
 */
export const phases = [
  "archiving",
  "proposed",
  "cooling_off",
  "quarantining",
  "grace",
  "dismantling",
  "expunging",
  "removing",
  "deleted",
  "closed",
  "frozen",
] as const;
/** One phase of a deletion. */
export type Phase = (typeof phases)[number];

/** Ends by which people said no: they are not asked again at once. */
export const refusals = ["rejected", "cancelled", "restored", "kept"] as const satisfies readonly ClosedBecause[];

/** Whether people said no. */
export function isRefusal(because: string | null): boolean {
  return refusals.some((one) => one === because);
}

/** Why a deletion was closed; `gone`: somebody else deleted the domain. */
export type ClosedBecause = "rejected" | "expired" | "cancelled" | "restored" | "changed" | "came_back" | "kept" | "gone";
