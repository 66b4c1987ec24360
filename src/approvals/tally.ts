import { APPROVALS_MIN, type Vote } from "../core/votes.ts";
import type { DeletionId, Digest, DomainId, DomainPath, Instant, OperatorId } from "../core/ids.ts";

/** What people vote on, with the policy frozen into it: a later change of policy does not alter a running vote. */
export interface ApprovalRequest {
  readonly deletionId: DeletionId;
  readonly domainId: DomainId;
  readonly path: DomainPath;
  readonly digest: Digest;
  /** Who asked for it (closed the project, started the pass), by every name that is known of them, Slack accounts too. None may approve. */
  readonly requesters: readonly string[];
  /** Distinct approvers needed by the policy; `neededOf` never goes below `APPROVALS_MIN`. */
  readonly quorum: number;
  readonly openedAt: Instant;
  readonly expiresAt: Instant;
}

/** What counting needs of any question. */
export type VoteQuestion = Pick<ApprovalRequest, "digest" | "requesters" | "quorum" | "openedAt" | "expiresAt">;

/** How many distinct approvers a question needs. Invariant: INV-2. */
export function neededOf(question: Pick<VoteQuestion, "quorum">): number {
  return Math.max(APPROVALS_MIN, question.quorum);
}

/** Why there is no grant. */
export type Refusal =
  | { readonly kind: "quorum_not_met"; readonly have: number; readonly need: number; readonly sentence: string }
  | { readonly kind: "rejected"; readonly by: OperatorId; readonly sentence: string }
  | { readonly kind: "stale"; readonly appeared: readonly string[]; readonly sentence: string };

/** The outcome of counting. */
export type Tally =
  | { readonly kind: "approved"; readonly approvers: readonly OperatorId[]; readonly at: Instant }
  | { readonly kind: "open"; readonly approvers: readonly OperatorId[]; readonly refusal: Refusal };

/**
 * Counts votes: distinct persons, none a requester, each an approver now, all on the request's digest and in its time.
 *
 * Any rejection in time decides. `at` is when the deciding vote was cast. Invariant: INV-2.
 */
export function tally(request: VoteQuestion, votes: readonly Vote[], approversNow: ReadonlySet<OperatorId>): Tally {
  const need = neededOf(request);
  const inTime = votes.filter((v) => v.digest === request.digest && v.at >= request.openedAt && v.at < request.expiresAt);
  const rejection = inTime.find((v) => v.verdict === "reject");
  if (rejection !== undefined) {
    return { kind: "open", approvers: [], refusal: { kind: "rejected", by: rejection.voter, sentence: "it was rejected" } };
  }

  const counted: Vote[] = [];
  const timely = new Set(inTime);
  for (const v of standingApprovals(votes)
    .filter((one) => timely.has(one))
    .toSorted((x, y) => x.at - y.at)) {
    if (isOf(v, request.requesters) || !approversNow.has(v.voter)) continue;
    // One person has one vote, whatever names and Slack accounts they are known by.
    if (!counted.some((c) => isOf(v, c.identities))) counted.push(v);
  }

  const approvers = counted.map((v) => v.voter);
  const deciding = counted[need - 1];
  if (deciding === undefined) {
    const have = approvers.length;
    return { kind: "open", approvers, refusal: { kind: "quorum_not_met", have, need, sentence: `${have} of ${need} approvals count` } };
  }
  return { kind: "approved", approvers, at: deciding.at };
}

/** The approvals that their voters did not take back, under whatever name. */
export function standingApprovals<V extends Vote>(votes: readonly V[]): readonly V[] {
  const withdrawn = votes.filter((v) => v.verdict === "withdraw").flatMap((v) => v.identities);
  return votes.filter((v) => v.verdict === "approve" && !isOf(v, withdrawn));
}

/** Whether a vote's person is known by one of these names. Invariant: INV-2. */
export function isOf(v: Pick<Vote, "identities">, names: readonly string[]): boolean {
  return v.identities.some((name) => names.includes(name));
}
