import type { Failure } from "../core/failure.ts";
import type { Digest, Instant } from "../core/ids.ts";
import { isOneOf, type Operator } from "../core/people.ts";
import type { Result } from "../core/result.ts";
import type { QuestionRef } from "../core/votes.ts";
import { readVotes } from "../store/ballots.ts";
import type { Queryable } from "../store/db.ts";
import { readIdentities } from "../store/known-accounts.ts";

/** What a card shows of the vote on a change of policy or a table of adoption, whatever is asked. */
export interface VotingView {
  readonly digest: Digest;
  readonly proposedBy: string;
  readonly quorum: number;
  readonly approvals: readonly { readonly name: string; readonly at: Instant }[];
  /** Names of those who may approve now; empty when the list could not be read. */
  readonly mayApprove: readonly string[];
  readonly proposedAt: Instant;
  readonly expiresAt: Instant;
  readonly endedAt: Instant | null;
  readonly endedBy: string | null;
  readonly endedReason: string | null;
}

/** What the row of such a question says of its vote. */
interface VotingRow {
  readonly digest: Digest;
  readonly proposed_by_name: string;
  readonly quorum: number;
  readonly proposed_at: Instant;
  readonly expires_at: Instant;
  readonly ended_at: Instant | null;
  readonly ended_by: string | null;
  readonly ended_reason: string | null;
}

/** Reads the votes on a question. `approvers`: who may approve now, requesters among them; null when the question has ended. */
export async function readVotingView(
  ref: QuestionRef,
  row: VotingRow,
  asked: { readonly requesters: readonly string[]; readonly approvers: Result<readonly Operator[], Failure> | null },
  db: Queryable,
): Promise<VotingView> {
  const votes = await readVotes(db, ref);
  const { identities } = await readIdentities(db, asked.requesters);
  const may = asked.approvers?.ok === true ? asked.approvers.value : [];
  return {
    digest: row.digest,
    proposedBy: row.proposed_by_name,
    quorum: row.quorum,
    approvals: votes.filter((v) => v.verdict === "approve").map((v) => ({ name: v.voterName, at: v.at })),
    mayApprove: may.filter((a) => !isOneOf(a, identities)).map((a) => a.name),
    proposedAt: row.proposed_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    endedBy: row.ended_by,
    endedReason: row.ended_reason,
  };
}
