import { OperatorId, Instant, Digest } from "./ids.ts";
/** One person's word on one digest. Stored append-only. */
export interface Vote {
  readonly voter: OperatorId;
  readonly verdict: "approve" | "reject";
  readonly digest: Digest;
  readonly at: Instant;
}

/** An approval taken back before the cool-off ended. */
export interface Withdrawal {
  readonly voter: OperatorId;
  readonly at: Instant;
}
