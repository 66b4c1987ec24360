import { z } from "zod";
import type { Vote, Withdrawal } from "../approvals/tally.ts";
import { Digest, Instant, OperatorId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

const VoteRow = z.object({
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

/** Reads a deletion's votes, oldest first. */
export async function readVotes(q: Queryable, deletionId: string): Promise<readonly StoredVote[]> {
  const rows = await q.many(
    VoteRow,
    "select voter, voter_name, verdict, digest, reason, at from vote where deletion_id = $1 order by at, voter",
    [deletionId],
  );
  return rows.map(({ voter_name, ...v }) => ({ ...v, voterName: voter_name }));
}

/** Stores that an approval was taken back. */
export async function recordWithdrawal(q: Queryable, deletionId: string, w: Withdrawal): Promise<void> {
  await q.exec("insert into withdrawal (deletion_id, voter, at) values ($1, $2, $3) on conflict do nothing", [deletionId, w.voter, w.at]);
}

/** Reads a deletion's withdrawals. */
export async function readWithdrawals(q: Queryable, deletionId: string): Promise<readonly Withdrawal[]> {
  return q.many(z.object({ voter: OperatorId, at: Instant }), "select voter, at from withdrawal where deletion_id = $1 order by at", [
    deletionId,
  ]);
}
