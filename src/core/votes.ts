import type { Digest, Instant, OperatorId } from "./ids.ts";

/** One person's vote on one digest; never changed once stored. */
export interface Vote {
  readonly voter: OperatorId;
  /** The Slack account that clicked; null for votes from before accounts were stored. */
  readonly account: string | null;
  /** `withdraw` withdraws the voter's approval. */
  readonly verdict: "approve" | "reject" | "withdraw";
  readonly digest: Digest;
  readonly at: Instant;
}

/** What people vote on: a deletion, a waiver of one thing, a change of policy, the end of a stop, or whether a frozen deletion goes on. */
export type QuestionKind = "deletion" | "waiver" | "policy" | "resume" | "go_on";

/** Which question a vote is on. */
export interface QuestionRef {
  readonly kind: QuestionKind;
  readonly id: string;
}
