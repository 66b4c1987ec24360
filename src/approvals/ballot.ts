/**
 * Where people decide. Deletions, waivers, changes of policy and resumes are four questions put to the same ballot: one way to refuse a
 * vote, one table to record it in, one way to count. PostgreSQL refuses the same once more (migrations/0030_ballot.sql).
 */
import type { Clock, SkewMeter } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Digest, Instant, OperatorId } from "../core/ids.ts";
import type { ApproverDirectory, Asker, Operator } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { QuestionRef } from "../core/votes.ts";
import { readVotes, recordVote, type StoredVote } from "../store/ballots.ts";
import type { Database, Queryable, Transaction } from "../store/db.ts";
import { recordAct } from "./act.ts";
import { readClocks, type Clocks } from "./clocks.ts";
import { tally, type VoteQuestion } from "./tally.ts";

/** A question as it stands at the moment of a click. */
export interface Question extends VoteQuestion {
  readonly ref: QuestionRef;
  /** Why nobody may vote on it now, whoever it is: it has ended, its domain is protected. */
  readonly objection: Failure | null;
  /** It asks whether the scope is right, so it is decided while the scope is not confirmed. */
  readonly settlesScope: boolean;
  /** How to tell a requester why they may not, such as "You proposed this change". */
  readonly askedBy: string;
  /** What a waiver gives up, by name. */
  readonly itemName?: string;
}

/** A click on a question; `digest` is what the card showed. */
export interface VoteClick {
  readonly by: Asker;
  readonly digest: Digest | string | null;
}

/** What every question needs besides itself. */
export interface BallotContext {
  readonly db: Database;
  readonly now: Clock;
  readonly clockSkew: SkewMeter;
  readonly approvers: ApproverDirectory;
  /** Whether two people confirmed what this process reads. */
  readonly scopeIsConfirmed: () => Promise<boolean>;
}

/** How the count stands before a vote that would count. */
export interface Standing {
  readonly have: number;
  readonly need: number;
  readonly approvers: readonly Operator[];
  readonly clocks: Clocks;
}

/** One approval: which question it is on, what else must hold, and what follows from it. */
export interface Decision<Q extends Question, T> {
  /** For the audit log. */
  readonly act: { readonly kind: string; readonly subject: string };
  readonly click: VoteClick;
  /** Locks the question and reads it. Errors: there is no such question. */
  open(q: Transaction): Promise<Result<Q, Failure>>;
  /** What must hold besides the rules of every vote. Errors: the refusal. */
  examine?(question: Q, standing: Standing, q: Transaction): Promise<Result<void, Failure>>;
  /** What follows, in the same transaction; `decided`: this was the deciding approval. */
  follow(question: Q, counted: Counted, q: Transaction): Promise<{ readonly value: T; readonly data: unknown }>;
}

/** The count with a vote in it. */
export interface Counted extends Standing {
  readonly decided: boolean;
  /** Those whose approvals count, in the order of their votes. */
  readonly voters: readonly OperatorId[];
  readonly at: Instant;
}

/**
 * Records one approval, and what follows from it, or the refusal.
 *
 * Who may approve, the clocks and the scope are asked before the question is locked: nobody waits for Slack behind a lock.
 * Errors: as for `standingOf` and `examine`; `refused` `ballot.database` when PostgreSQL refuses. Invariant: INV-2.
 */
export async function decide<Q extends Question, T>(d: Decision<Q, T>, c: BallotContext): Promise<Result<T, Failure>> {
  const electorate = await readElectorate(c);
  return recordAct({ ...d.act, by: d.click.by.operator.id }, c, async (q) => {
    const question = await d.open(q);
    if (!question.ok) return question;
    const votes = await readVotes(q, question.value.ref);
    const standing = standingOf(question.value, d.click, electorate, votes);
    if (!standing.ok) return standing;
    const examined = (await d.examine?.(question.value, standing.value, q)) ?? ok(undefined);
    if (!examined.ok) return examined;
    const at = c.now();
    const vote = voteOf(d.click, "approve", question.value.digest, at);
    await recordVote(q, question.value.ref, vote, question.value.itemName);
    const ids = new Set(standing.value.approvers.map((a) => a.id));
    const { kind, approvers: voters } = tally(question.value, [...votes, vote], ids);
    return ok(await d.follow(question.value, { ...standing.value, have: voters.length, decided: kind === "approved", voters, at }, q));
  });
}

/** Whether a click would count now, without a lock and without a trace. Errors: as for `standingOf`. */
export async function assessVote(question: Question, click: VoteClick, c: BallotContext): Promise<Result<Standing, Failure>> {
  const electorate = await readElectorate(c);
  return standingOf(question, click, electorate, await readVotes(c.db, question.ref));
}

/** Records a rejection as a vote, unless its voter asked for the thing or has voted: the rejection itself counts all the same. */
export async function recordRejection(question: Question, by: Asker, reason: string, at: Instant, q: Queryable): Promise<void> {
  const isSpent = (await readVotes(q, question.ref)).some((v) => isOf(v, by));
  if (question.objection !== null || isSpent || question.requesters.includes(by.operator.id)) return;
  await recordVote(q, question.ref, { ...voteOf({ by, digest: question.digest }, "reject", question.digest, at), reason });
}

/** Takes an approval back. Errors: `refused` when there is none. */
export async function recordWithdrawal(on: QuestionRef, by: Asker, at: Instant, q: Queryable): Promise<Result<void, Failure>> {
  const votes = (await readVotes(q, on)).filter((v) => v.voter === by.operator.id);
  const [vote] = votes.filter((v) => v.verdict === "approve");
  if (vote === undefined || votes.some((v) => v.verdict === "withdraw"))
    return err(failure("refused", `${on.kind}.no_vote`, "You have not approved this, or have taken it back already"));
  await recordVote(q, on, voteOf({ by, digest: vote.digest }, "withdraw", vote.digest, at));
  return ok(undefined);
}

interface Electorate {
  readonly clocks: Result<Clocks, Failure>;
  readonly approvers: Result<readonly Operator[], Failure>;
  readonly scopeIsConfirmed: boolean;
}

async function readElectorate(c: BallotContext): Promise<Electorate> {
  const [clocks, approvers, scopeIsConfirmed] = await Promise.all([readClocks(c), c.approvers.approversNow(), c.scopeIsConfirmed()]);
  return { clocks, approvers, scopeIsConfirmed };
}

/**
 * How the count stands for a click, or why the click does not count: the same rules for every question.
 *
 * Errors: `objection`'s; `stale` for another digest; `unavailable` for an unconfirmed scope, clocks that disagree, and approvers that nobody
 *         can name; `refused` after the expiry, for a requester, for who is no approver now, and for a second vote of one person.
 * Invariant: INV-2.
 */
function standingOf(question: Question, click: VoteClick, e: Electorate, votes: readonly StoredVote[]): Result<Standing, Failure> {
  const { kind } = question.ref;
  const refused = (rule: string, sentence: string, remedy?: string): Result<never, Failure> =>
    err(failure("refused", `${kind}.${rule}`, sentence, remedy === undefined ? {} : { remedy }));
  if (question.objection !== null) return err(question.objection);
  if (click.digest !== question.digest) return err(staleCard(kind));
  if (!e.scopeIsConfirmed && !question.settlesScope) return err(unconfirmedScope());
  if (!e.clocks.ok) return e.clocks;
  if (e.clocks.value.latest >= question.expiresAt) return refused("expired", "The time to decide has run out; nothing was done");
  const me = click.by.operator;
  if (question.requesters.includes(me.id))
    return refused("requester", `${question.askedBy}, so you may not approve it`, "Two other approvers decide.");
  if (!e.approvers.ok)
    return err(
      failure(
        "unavailable",
        `${kind}.directory`,
        `Who may approve could not be found out, so nobody may now: ${e.approvers.error.message}`,
        {
          remedy: "Try again in a minute.",
        },
      ),
    );
  if (!e.approvers.value.some((a) => a.id === me.id))
    return refused(
      "not_approver",
      "You are not one of the approvers",
      `Approvers now: ${e.approvers.value.map((a) => a.name).join(", ")}.`,
    );
  const have = tally(question, votes, new Set(e.approvers.value.map((a) => a.id))).approvers.length;
  const need = Math.max(2, question.quorum);
  const missing = Math.max(1, need - have);
  if (votes.some((v) => isOf(v, click.by)))
    return refused("voted", `You already voted; ${missing} more ${missing === 1 ? "person is" : "people are"} needed`);
  return ok({ have, need, approvers: e.approvers.value, clocks: e.clocks.value });
}

/** Whether a vote was cast by this person, or through this Slack account. */
function isOf(v: StoredVote, by: Asker): boolean {
  return v.verdict !== "withdraw" && (v.voter === by.operator.id || (v.account !== null && v.account === by.account));
}

function voteOf(click: VoteClick, verdict: StoredVote["verdict"], digest: Digest, at: Instant): StoredVote {
  const { operator, account = null } = click.by;
  return { voter: operator.id, voterName: operator.name, account, verdict, digest, reason: null, at };
}

/** The refusal for a click on a card that is not the newest. */
export function staleCard(kind: QuestionRef["kind"]): Failure {
  const remedy =
    kind === "policy" ? "Use the newest message: /ci-policy shows what is open." : "Use the newest message: /ci-deletions leads to it.";
  return failure("stale", `${kind}.stale`, "This card is not the newest; nothing was done", { remedy });
}

/** What this process reads is not what two people confirmed: it says nothing about what may be deleted. Invariant: INV-1. */
export function unconfirmedScope(): Failure {
  return failure("unavailable", "deletion.scope_unconfirmed", "waits: this process reads another scope than the confirmed one", {
    remedy: "Two approvers confirm it on its card, or the old configuration comes back: /ci-policy.",
  });
}
