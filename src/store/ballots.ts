import { z } from "zod";
import { Digest, Instant, OperatorId } from "../core/ids.ts";
import type { QuestionRef, Vote } from "../core/votes.ts";
import { insertRow, type Queryable } from "./db.ts";

const VoteRow = z.object({
  voter: OperatorId,
  voterName: z.string(),
  account: z.string().nullable(),
  identities: z.array(z.string()),
  verdict: z.enum(["approve", "reject", "withdraw"]),
  digest: Digest,
  reason: z.string().nullable(),
  at: Instant,
});
/** The result of `votesAsJson`. */
export const VoteRows = z.array(VoteRow);
/** A stored vote, with the voter's name as shown and the reason of a rejection. */
export type StoredVote = Vote & { readonly voterName: string; readonly reason: string | null };
/** A vote as it is cast; what else its voter is known as is read with it. */
export type CastVote = Omit<StoredVote, "identities">;

/** SQL for the votes on a question, oldest first, as one JSON list; `id` is SQL for the question's id. */
export function votesAsJson(kind: QuestionRef["kind"], id: string): string {
  return `coalesce((select json_agg(json_build_object('voter', b.voter, 'voterName', b.voter_name, 'account', b.slack_account,
    'identities', identities_of(array[b.voter, b.slack_account]), 'verdict', b.verdict, 'digest', b.digest, 'reason', b.reason, 'at', b.at) order by b.seq)
    from ballot b where b.kind = '${kind}' and b.question = ${id}), '[]')`;
}

/** Stores a vote. Errors: `StoreError` with the rule that refuses it: ballot_open, ballot_requester, ballot_digest, ballot_once … */
export async function recordVote(q: Queryable, on: QuestionRef, v: CastVote, itemName: string | null = null): Promise<void> {
  const { account, ...vote } = v;
  await insertRow(q, "ballot", { ...vote, kind: on.kind, question: on.id, slackAccount: account, itemName });
}

const SELECT = `select voter, voter_name as "voterName", slack_account as account, identities_of(array[voter, slack_account]) as identities,
  verdict, digest, reason, at from ballot`;

/** Reads the votes on a question, oldest first. */
export async function readVotes(q: Queryable, on: QuestionRef): Promise<readonly StoredVote[]> {
  return q.many(VoteRow, `${SELECT} where kind = $1 and question = $2 order by seq`, [on.kind, on.id]);
}

/** Reads who need not vote on a question, by every name that is known of them: who asked, and whose approval was not taken back. */
export async function readDoneWith(q: Queryable, on: QuestionRef): Promise<readonly string[]> {
  const row = z.object({ names: z.array(z.string()) });
  const done = await q.one(
    row,
    `with vote as (select verdict, identities_of(array[voter, slack_account]) as names from ballot where kind = $1 and question = $2)
     select identities_of(coalesce((select q.requesters from question_of($1, $2) q), '{}') || array(
       select unnest(a.names) from vote a where a.verdict = 'approve'
         and not exists (select from vote w where w.verdict = 'withdraw' and w.names && a.names))) as names`,
    [on.kind, on.id],
  );
  return done.names;
}

/** Reads the newest vote that a Slack account cast as somebody else since an instant, on whatever question. */
export async function readVoteAsAnother(q: Queryable, account: string, than: OperatorId, since: number): Promise<StoredVote | null> {
  return q.maybe(VoteRow, `${SELECT} where slack_account = $1 and voter <> $2 and at > $3 order by seq desc limit 1`, [
    account,
    than,
    since,
  ]);
}
