import { z } from "zod";
import type { Vote, Withdrawal } from "../core/votes.ts";
import { Digest, Instant, OperatorId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

/** A vote's columns. */
export const VoteRow = z.object({
  voter: OperatorId,
  voter_name: z.string(),
  verdict: z.enum(["approve", "reject"]),
  digest: Digest,
  reason: z.string().nullable(),
  at: Instant,
});
/** A stored vote, with the voter's name for showing and a rejection's reason. */
export type StoredVote = Vote & { readonly voterName: string; readonly reason: string | null };

/** Stores a vote. Errors: `StoreError` with the rule that refuses it: vote_phase, vote_requester, vote_digest, vote_expired, vote_pkey. */
export async function recordVote(q: Queryable, deletionId: string, v: StoredVote): Promise<void> {
  await q.exec("insert into vote (deletion_id, voter, voter_name, verdict, digest, reason, at) values ($1, $2, $3, $4, $5, $6, $7)", [
    deletionId,
    v.voter,
    v.voterName,
    v.verdict,
    v.digest,
    v.reason,
    v.at,
  ]);
}

/** A vote under the names that the code uses. */
export function asStoredVote({ voter_name, ...v }: z.output<typeof VoteRow>): StoredVote {
  return { ...v, voterName: voter_name };
}

/** Stores that an approval was taken back. */
export async function recordWithdrawal(q: Queryable, deletionId: string, w: Withdrawal): Promise<void> {
  await q.exec("insert into withdrawal (deletion_id, voter, at) values ($1, $2, $3) on conflict do nothing", [deletionId, w.voter, w.at]);
}

/** A withdrawal's columns. */
export const WithdrawalRow = z.object({ voter: OperatorId, at: Instant });

/** SQL that gives the votes of the deletion `$1`, oldest first, as one JSON list. */
export const VOTES_AS_JSON = `coalesce((select json_agg(json_build_object('voter', v.voter, 'voter_name', v.voter_name, 'verdict', v.verdict,
    'digest', v.digest, 'reason', v.reason, 'at', v.at) order by v.at, v.voter) from vote v where v.deletion_id = $1), '[]')`;
/** SQL that gives the withdrawals of the deletion `$1` as one JSON list. */
export const WITHDRAWALS_AS_JSON = `coalesce((select json_agg(json_build_object('voter', w.voter, 'at', w.at) order by w.at)
    from withdrawal w where w.deletion_id = $1), '[]')`;

/** Everything that people said about a deletion. */
export interface Ballot {
  readonly votes: readonly StoredVote[];
  readonly withdrawals: readonly Withdrawal[];
}

const BallotRow = z.object({ votes: z.array(VoteRow), withdrawals: z.array(WithdrawalRow) });

/** Reads a deletion's votes, oldest first, and its withdrawals, as they stand at one moment. */
export async function readBallot(q: Queryable, deletionId: string): Promise<Ballot> {
  const row = await q.one(BallotRow, `select ${VOTES_AS_JSON} as votes, ${WITHDRAWALS_AS_JSON} as withdrawals`, [deletionId]);
  return { votes: row.votes.map(asStoredVote), withdrawals: row.withdrawals };
}
