/**
 * Votes on every kind of question (`QuestionKind`): one way to refuse a vote, one table to record it, one way to count.
 * PostgreSQL checks the same rules again (migrations/0030_ballot.sql, 0047_one_person_in_every_vote.sql).
 */
import { after, type Clock, type SkewMeter } from "../core/clock.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import { OperatorId, type Digest, type Instant } from "../core/ids.ts";
import { type ApproverDirectory, type Asker, type Operator } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import { DAY_MS } from "../core/units.ts";
import type { QuestionRef } from "../core/votes.ts";
import { readVoteAsAnother, readVotes, recordVote, type CastVote, type StoredVote } from "../store/ballots.ts";
import type { Database, Queryable, Transaction } from "../store/db.ts";
import { recordAct, type Done } from "./act.ts";
import { readClocks, type Clocks } from "./clocks.ts";
import { isOf, neededOf, tally, type VoteQuestion } from "./tally.ts";

/** A question at the moment of a click. */
export interface Question extends VoteQuestion {
  readonly ref: QuestionRef;
  /** The question is whether to confirm the scope, so it is open while the scope is not confirmed. */
  readonly settlesScope: boolean;
  /** Why a requester may not vote, such as "You proposed this change". */
  readonly askedBy: string;
  /** Those who asked and have no known Slack account. */
  readonly withoutAccount: readonly string[];
  /** The name of what a waiver is about. */
  readonly itemName?: string;
}

/** A click on a question; `digest` is what the card showed. */
export interface VoteClick {
  readonly by: Asker;
  readonly digest: Digest | string | null;
}

/** What the ballot works with. */
export interface BallotContext {
  readonly db: Database;
  readonly now: Clock;
  readonly clockSkew: SkewMeter;
  readonly approvers: Pick<ApproverDirectory, "approversNow" | "listedNow">;
  /** Whether two people confirmed the scope of this process. */
  readonly scopeIsConfirmed: () => Promise<boolean>;
}

/** The count before a vote that would count. */
export interface Standing {
  readonly have: number;
  readonly need: number;
  readonly approvers: readonly Operator[];
  readonly clocks: Clocks;
}

/** One approval: its question, further rules, and what follows from it. */
export interface Decision<Q extends Question, T> {
  /** For the audit log. */
  readonly act: { readonly kind: string; readonly subject: string };
  readonly click: VoteClick;
  readonly ref: QuestionRef;
  /** Locks the question and reads it. Errors: why nobody may vote on it now: there is none, it has ended, its domain is protected. */
  open(q: Transaction): Promise<Result<Q, Failure>>;
  /** Rules besides those of every vote. Errors: the refusal. */
  examine?(question: Q, standing: Standing, q: Transaction): Promise<Result<void, Failure>>;
  /** Applies what follows, in the same transaction; `decided`: this was the deciding approval. */
  follow(question: Q, counted: Counted, q: Transaction): Promise<Done<T>>;
}

/** The count with the new vote. */
export interface Counted extends Standing {
  readonly decided: boolean;
  /** Those whose approvals count, in the order of their votes. */
  readonly voters: readonly OperatorId[];
  readonly at: Instant;
}

/**
 * How old the list of approvers, the clocks and the scope may be when a vote is recorded: a click that waited longer for its question, or a
 * process that slept, reads them again. Units: milliseconds.
 */
const ELECTORATE_MS_MAX = 10_000;

/**
 * Records one approval, and what follows from it, or the refusal.
 *
 * Approvers, clocks and scope are read before the question is locked: no lock is held while Slack answers.
 * Errors: as for `open`, `standingOf` and `examine`; `refused` `ballot.database` when PostgreSQL refuses. Invariant: INV-2.
 */
export async function decide<Q extends Question, T>(d: Decision<Q, T>, c: BallotContext): Promise<Result<T, Failure>> {
  const asked = c.now();
  const electorate = await readElectorate(d.ref, c);
  return recordAct({ ...d.act, by: d.click.by.operator.id }, c, async (q) => {
    const question = await d.open(q);
    if (!question.ok) return question;

    const votes = await readVotes(q, question.value.ref);
    const standing = standingOf(question.value, d.click, electorate, votes, await readOtherIdentity(d.click.by, asked, q));
    if (!standing.ok) return standing;
    const at = c.now();
    if (Math.abs(at - asked) > ELECTORATE_MS_MAX)
      return fail("unavailable", "ballot.slow", "This took too long; nothing was done", { remedy: "Click again." });
    const examined = (await d.examine?.(question.value, standing.value, q)) ?? ok(undefined);
    if (!examined.ok) return examined;

    await recordVote(q, question.value.ref, voteOf(d.click, "approve", question.value.digest, at), question.value.itemName);
    const ids = new Set(standing.value.approvers.map((a) => a.id));
    const { kind, approvers: voters } = tally(question.value, await readVotes(q, question.value.ref), ids);
    const { clocks } = standing.value;
    const counted = { ...standing.value, clocks: { ...clocks, latest: after(clocks.latest, Math.max(0, at - asked)) }, voters, at };
    return ok(await d.follow(question.value, { ...counted, have: voters.length, decided: kind === "approved" }, q));
  });
}

/** Whether a click would count now; locks and records nothing. Errors: as for `standingOf`. */
export async function assessVote(question: Question, click: VoteClick, c: BallotContext): Promise<Result<Standing, Failure>> {
  const electorate = await readElectorate(question.ref, c);
  const other = await readOtherIdentity(click.by, c.now(), c.db);
  return standingOf(question, click, electorate, await readVotes(c.db, question.ref), other);
}

/** Records a rejection as a vote, unless its voter is a requester or has voted; the rejection is valid in any case. */
export async function recordRejection(
  question: VoteQuestion & Pick<Question, "ref">,
  by: Asker,
  reason: string,
  at: Instant,
  q: Queryable,
): Promise<void> {
  const isSpent = (await readVotes(q, question.ref)).some((v) => hasVoted(v, by));
  if (isSpent || isRequester(question, by)) return;
  await recordVote(q, question.ref, { ...voteOf({ by, digest: question.digest }, "reject", question.digest, at), reason });
}

/** Withdraws an approval. Errors: `refused` when there is none. */
export async function recordWithdrawal(on: QuestionRef, by: Asker, at: Instant, q: Queryable): Promise<Result<void, Failure>> {
  const votes = (await readVotes(q, on)).filter((v) => isOf(v, namesOf(by)));
  const [vote] = votes.filter((v) => v.verdict === "approve");
  if (vote === undefined || votes.some((v) => v.verdict === "withdraw"))
    return fail("refused", `${on.kind}.no_vote`, "You have not approved this, or have already withdrawn it");
  await recordVote(q, on, voteOf({ by, digest: vote.digest }, "withdraw", vote.digest, at));
  return ok(undefined);
}

interface Electorate {
  readonly clocks: Result<Clocks, Failure>;
  readonly approvers: Result<readonly Operator[], Failure>;
  readonly listed: Awaited<ReturnType<ApproverDirectory["listedNow"]>>;
  readonly scopeIsConfirmed: boolean;
}

async function readElectorate(on: QuestionRef, c: BallotContext): Promise<Electorate> {
  const counted = (await readVotes(c.db, on)).map((v) => v.voter);
  const [clocks, approvers, listed, scopeIsConfirmed] = await Promise.all([
    readClocks(c),
    c.approvers.approversNow(counted),
    c.approvers.listedNow(),
    c.scopeIsConfirmed(),
  ]);
  return { clocks, approvers, listed, scopeIsConfirmed };
}

/**
 * The count for a click, or why the click does not count: the same rules for every question.
 *
 * Errors: `stale` for another digest; `unavailable` for an unconfirmed scope, clocks that disagree, and an unknown list of
 *         approvers; `refused` after the expiry, for a requester, for a person who is no approver now, for a second vote of one person, and for
 *         a Slack account that voted as somebody else.
 * Invariant: INV-2.
 */
function standingOf(
  question: Question,
  click: VoteClick,
  e: Electorate,
  votes: readonly StoredVote[],
  other: StoredVote | null,
): Result<Standing, Failure> {
  const { kind } = question.ref;
  const refused = (rule: string, sentence: string, more: { readonly remedy?: string } = {}): Result<never, Failure> =>
    fail("refused", `${kind}.${rule}`, sentence, more);

  if (click.digest !== question.digest) return err(staleCard(kind));
  if (!e.scopeIsConfirmed && !question.settlesScope) return err(unconfirmedScope());
  if (!e.clocks.ok) return e.clocks;
  if (e.clocks.value.latest >= question.expiresAt) return refused("expired", "The time to decide has run out; nothing was done");

  const me = click.by.operator;
  if (isRequester(question, click.by))
    return refused("requester", `${question.askedBy}, so you may not approve it`, { remedy: "Two other approvers decide." });
  const { listed } = e;
  // Without that list nobody is an approver either.
  const unknown = listed.ok ? question.withoutAccount.filter((id) => !listed.value(OperatorId.parse(id))) : [];
  if (unknown.length > 0) return err(unknownRequester(kind, unknown));
  if (me.id.startsWith("slack:") && question.withoutAccount.length > 0)
    return refused(
      "unknown_requester",
      `It is not known whose Slack account is that of ${nameIds(question.withoutAccount)}, who asked; it could be yours`,
      {
        remedy: "Approvers whom the CI database knows may approve. To change that, set slack_id in the CI database, yours or theirs.",
      },
    );
  if (other !== null && !votes.some((v) => hasVoted(v, click.by)))
    return refused(
      "identity",
      `Your Slack account voted as ${other.voterName} (${nameIds([other.voter])}) before, and is ${nameIds([me.id])} now`,
      {
        remedy: `One account votes for one person: correct slack_id or the e-mail in the CI database; else it may vote again ${IDENTITY_DAYS} days after that vote.`,
      },
    );
  if (!e.approvers.ok) {
    const sentence = `The list of approvers could not be read, so nobody may approve now: ${e.approvers.error.message}`;
    return fail("unavailable", `${kind}.directory`, sentence, { remedy: e.approvers.error.remedy ?? "Try again in a minute." });
  }
  const names = e.approvers.value.map((a) => a.name).join(", ");
  if (!e.approvers.value.some((a) => a.id === me.id))
    return refused("not_approver", "You are not one of the approvers", { remedy: `Approvers now: ${names}.${unknownNote(me)}` });

  const have = tally(question, votes, new Set(e.approvers.value.map((a) => a.id))).approvers.length;
  const need = neededOf(question);
  const missing = Math.max(1, need - have);
  const mine = votes.find((v) => hasVoted(v, click.by));
  if (mine !== undefined) {
    const name = mine.voter === me.id ? "" : ` as ${mine.voterName}: that and you are known as one person`;
    return refused("voted", `You already voted${name}; ${missing} more ${missing === 1 ? "person is" : "people are"} needed`);
  }
  return ok({ have, need, approvers: e.approvers.value, clocks: e.clocks.value });
}

/**
 * The refusal while who asked has neither a row in the CI database nor a known Slack account: it could be anybody who may approve.
 * Invariant: INV-2.
 */
export function unknownRequester(kind: QuestionRef["kind"], people: readonly string[]): Failure {
  const sentence = `Nobody knows who asked: the CI database lists no ${nameIds(people).replace(/^the /, "")}, and no Slack account of theirs is known, so it could be any of the approvers`;
  return failure("refused", `${kind}.unknown_requester`, sentence, {
    remedy: "Correct closed_by of the project in the CI database, or give that person their row in the users view again.",
  });
}

/** For how long an account that voted as one person may not vote as another; PostgreSQL says the same. Units: days. */
const IDENTITY_DAYS = 30;

/** The vote by which this Slack account acted as somebody else; null where there is none. */
async function readOtherIdentity(by: Asker, now: Instant, q: Queryable): Promise<StoredVote | null> {
  return by.account === undefined ? null : readVoteAsAnother(q, by.account, by.operator.id, after(now, -IDENTITY_DAYS * DAY_MS));
}

/** Whether this person asked, under whatever name. */
function isRequester(question: Pick<VoteQuestion, "requesters">, by: Asker): boolean {
  return namesOf(by).some((name) => question.requesters.includes(name));
}

function namesOf({ operator: { id, accounts = [] }, account }: Asker): readonly string[] {
  return [id, ...accounts, ...(account === undefined ? [] : [account])];
}

function unknownNote(me: Operator): string {
  return me.id.startsWith("slack:") ? " Whom the CI database does not know counts only when the policy names their Slack id." : "";
}

function nameIds(people: readonly string[]): string {
  return people.map((id) => (id.startsWith("ci:") ? `the CI user ${id.slice(3)}` : "nobody of the CI database")).join(" and ");
}

/** Whether this person cast a vote, under whatever name. */
function hasVoted(v: StoredVote, by: Asker): boolean {
  return v.verdict !== "withdraw" && isOf(v, namesOf(by));
}

function voteOf(click: VoteClick, verdict: CastVote["verdict"], digest: Digest, at: Instant): CastVote {
  const { operator, account = null } = click.by;
  return { voter: operator.id, voterName: operator.name, account, verdict, digest, reason: null, at };
}

/** The refusal for a click on a card that is not the newest. */
export function staleCard(kind: QuestionRef["kind"]): Failure {
  const command =
    { policy: "/ci-policy shows what is open", adoption: "/ci-adopt shows it again" }[kind as string] ?? "/ci-deletions leads to it";
  return failure("stale", `${kind}.stale`, "This card is not the newest; nothing was done", {
    remedy: `Use the newest message: ${command}.`,
  });
}

/** The refusal while two people have not confirmed the scope of this process: its reads prove nothing. Invariant: INV-1. */
export function unconfirmedScope(): Failure {
  return failure("unavailable", "deletion.scope_unconfirmed", "waits: this process reads a different scope from the confirmed one", {
    remedy: "Two approvers confirm it on its card (/ci-policy), or somebody restores the old configuration.",
  });
}
