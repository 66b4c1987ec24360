import type { Digest, Instant, OperatorId } from "./ids.ts";

/** One person's word on one digest. Stored append-only. */
export interface Vote {
  readonly voter: OperatorId;
  /** The Slack account that clicked; null for votes from before accounts were kept. */
  readonly account: string | null;
  /** `withdraw` takes the voter's approval back. */
  readonly verdict: "approve" | "reject" | "withdraw";
  readonly digest: Digest;
  readonly at: Instant;
}

/** What people decide: a deletion, one thing's waiver, a change of policy, or the end of a stop. */
export type QuestionKind = "deletion" | "waiver" | "policy" | "resume";

/** Which question a vote is on. */
export interface QuestionRef {
  readonly kind: QuestionKind;
  readonly id: string;
}
