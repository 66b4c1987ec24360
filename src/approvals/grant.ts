import { counted as inNumbers } from "../core/plural.ts";
import { invariant } from "../core/failure.ts";
import { isComplete, type CompleteInventory } from "../core/complete-inventory.ts";
import type { Instant, OperatorId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { appearedSince, inventoryDigest, type Inventory } from "../core/inventory.ts";
import { tally, type ApprovalRequest, type Refusal } from "./tally.ts";
import type { Phase } from "../core/phases.ts";
import type { Vote } from "../core/votes.ts";

/** A deletion as the guard saw it: the phase, the number of its transition, and of the run that holds it. */
export interface SeenDeletion {
  readonly phase: Phase;
  readonly version: number;
  readonly lease: number;
}

/** A permission to run one deletion. Made by `grant` only, never stored, never copied: before every step a new one is made. */
class Grant {
  readonly #minted = true;
  readonly request: ApprovalRequest;
  readonly approved: Inventory;
  readonly approvers: readonly OperatorId[];
  readonly grantedAt: Instant;
  /** Asked of the database again immediately before each call: `mayDelete`. */
  readonly seen: SeenDeletion;
  constructor(request: ApprovalRequest, approved: Inventory, approvers: readonly OperatorId[], grantedAt: Instant, seen: SeenDeletion) {
    this.request = request;
    this.approved = approved;
    this.approvers = approvers;
    this.grantedAt = grantedAt;
    this.seen = seen;
  }
  static is(x: unknown): x is Grant {
    return typeof x === "object" && x !== null && #minted in x;
  }
}

/** A grant as a type; the class stays in this file. */
export type ApprovedDeletion = Grant;

/** Whether `grant` made this value: casts, copies and clones are refused. Called before every call that deletes. */
export function isApprovedDeletion(x: unknown): x is ApprovedDeletion {
  return Grant.is(x);
}

/** What a grant depends on. `approversNow` are the approvers of this moment, not of the time of the votes. */
export interface GrantQuestion {
  readonly request: ApprovalRequest;
  readonly votes: readonly Vote[];
  readonly approversNow: ReadonlySet<OperatorId>;
  /** The inventory that was shown, as stored. */
  readonly approved: Inventory;
  /** The inventory as it is now. Before the dismantling it must be the same; after, nothing may have appeared. */
  readonly fresh: CompleteInventory;
  readonly dismantling: boolean;
  readonly seen: SeenDeletion;
  readonly now: Instant;
}

/**
 * Makes a grant, or says which rule refuses it.
 *
 * Errors: every `Refusal`; `stale` when the world is not what was approved.
 * Invariant: INV-2, INV-3 (only the time of votes; the phase has the waits), INV-9.
 */
export function grant(q: GrantQuestion): Result<ApprovedDeletion, Refusal> {
  invariant(q.approved.domainId === q.request.domainId, "the stored inventory is of another domain");
  const stale = (sentence: string): Result<never, Refusal> => err({ kind: "stale", appeared: [], sentence });
  if (inventoryDigest(q.approved) !== q.request.digest) return stale("the stored inventory is not the one that was approved");
  if (!isComplete(q.fresh)) return stale("what the domain holds now is not proved by a second witness");
  if (q.fresh.domainId !== q.request.domainId) return stale("the fresh inventory is of another domain");
  const appeared = appearedSince(q.approved, q.fresh).map((i) => `${i.kind} ${i.name}`);
  const sentence = `${inNumbers(appeared.length, "thing")} appeared since the approval`;
  if (appeared.length > 0) return err({ kind: "stale", appeared, sentence });
  if (!q.dismantling && inventoryDigest(q.fresh) !== q.request.digest) return stale("what the domain holds changed since the approval");

  const counted = tally(q.request, q.votes, q.approversNow);
  if (counted.kind !== "approved") return err(counted.refusal);
  return ok(new Grant(q.request, q.approved, counted.approvers, q.now, q.seen));
}
