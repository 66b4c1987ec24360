import type { Digest, Instant, OperatorId } from "./ids.ts";
import { DAY_MS } from "./units.ts";

/** No question is decided by fewer distinct people, whatever the policy says; PostgreSQL holds the same. Invariant: INV-2. */
export const APPROVALS_MIN = 2;

/** With fewer approvers, one absence stops every deletion. */
export const APPROVERS_MIN = 3;

/** How long people's reasons may be. Units: characters. */
export const reasonLength = { rejection: { min: 5, max: 3000 }, change: { min: 5, max: 500 } } as const;

/** How long after people refused a question Twokey does not ask the same again. Units: milliseconds. */
export const ASK_AGAIN_MS = DAY_MS;

/** The reason as it is kept; null: too short or too long. */
export function readReason(text: string, { min, max }: { readonly min: number; readonly max: number }): string | null {
  const reason = text.trim();
  return reason.length >= min && reason.length <= max ? reason : null;
}

/** One person's vote on one digest; never changed once stored. */
export interface Vote {
  readonly voter: OperatorId;
  /** The Slack account that clicked; null for votes from before accounts were stored. */
  readonly account: string | null;
  /** All that the voter is known as: ids and Slack accounts that lead to each other, these two among them. */
  readonly identities: readonly string[];
  /** `withdraw` withdraws the voter's approval. */
  readonly verdict: "approve" | "reject" | "withdraw";
  readonly digest: Digest;
  readonly at: Instant;
}

/** What people vote on: a deletion, a waiver, a change of policy, the end of a stop, whether a frozen deletion goes on, an adoption. */
export type QuestionKind = "deletion" | "waiver" | "policy" | "resume" | "go_on" | "adoption";

/** Which question a vote is on. */
export interface QuestionRef {
  readonly kind: QuestionKind;
  readonly id: string;
}
