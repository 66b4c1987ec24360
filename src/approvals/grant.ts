import { invariant } from "../core/failure.ts";
import type { Digest, Instant, OperatorId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { appearedSince, inventoryDigest, type Inventory } from "../core/inventory.ts";
import { tally, type ApprovalRequest, type Refusal } from "./tally.ts";
import type { Vote } from "../core/votes.ts";

/** A live permission to run one deletion. Made by `grant` only, never stored, never copied: on every resume it is asked for again. */
class Grant {
  readonly #minted = true;
  readonly request: ApprovalRequest;
  readonly approved: Inventory;
  readonly approvers: readonly OperatorId[];
  readonly grantedAt: Instant;
  constructor(request: ApprovalRequest, approved: Inventory, approvers: readonly OperatorId[], grantedAt: Instant) {
    this.request = request;
    this.approved = approved;
    this.approvers = approvers;
    this.grantedAt = grantedAt;
  }
  static is(x: unknown): x is Grant {
    return typeof x === "object" && x !== null && #minted in x;
  }
}

/** A grant, as everybody else knows it: the type leaves this file, the class does not. */
export type ApprovedDeletion = Grant;

/** Whether a value is a grant that `grant` made: casts, copies and clones are not. The deleter asks before every call. */
export function isApprovedDeletion(x: unknown): x is ApprovedDeletion {
  return Grant.is(x);
}

/** All that is weighed for a grant. `approversNow` are the approvers of this moment, not of the time of the votes. */
export interface GrantQuestion {
  readonly request: ApprovalRequest;
  readonly votes: readonly Vote[];
  readonly approversNow: ReadonlySet<OperatorId>;
  /** The inventory that was shown, as stored. */
  readonly approved: Inventory;
  /** The inventory as it is now. Before the dismantling it must be the same; after, nothing may have appeared. */
  readonly fresh: Inventory;
  readonly dismantling: boolean;
  readonly now: Instant;
}

/**
 * Mints a grant, or says which rule refuses it.
 *
 * Errors: every `Refusal`; `stale` when the world is not what was approved.
 * Invariant: INV-2, INV-3 (only the time of votes; waits are the phase's), INV-9.
 */
export function grant(q: GrantQuestion): Result<ApprovedDeletion, Refusal> {
  invariant(q.approved.domainId === q.request.domainId, "the stored inventory is of another domain");
  const shown: Digest = inventoryDigest(q.approved);
  if (shown !== q.request.digest)
    return err({ kind: "stale", appeared: [], sentence: "the stored inventory is not the one that was approved" });
  if (q.fresh.domainId !== q.request.domainId)
    return err({ kind: "stale", appeared: [], sentence: "the fresh inventory is of another domain" });
  const appeared = appearedSince(q.approved, q.fresh).map((i) => `${i.kind} ${i.name}`);
  if (appeared.length > 0) return err({ kind: "stale", appeared, sentence: `${appeared.length} thing(s) appeared since the approval` });
  if (!q.dismantling && inventoryDigest(q.fresh) !== q.request.digest) {
    return err({ kind: "stale", appeared: [], sentence: "what the domain holds changed since the approval" });
  }
  const counted = tally(q.request, q.votes, q.approversNow);
  if (counted.kind !== "approved") return err(counted.refusal);
  return ok(new Grant(q.request, q.approved, counted.approvers, q.now));
}
