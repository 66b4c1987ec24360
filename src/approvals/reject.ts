import type { Clock } from "../core/clock.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import { teamOnly } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { QuestionRef } from "../core/votes.ts";
import type { Database, Transaction } from "../store/db.ts";
import { parseReason, recordAct } from "./act.ts";
import { recordRejection, staleCard, type Question, type VoteClick } from "./ballot.ts";

/** One rejection: its question, and how that question ends. */
interface Rejection<Q extends Question> {
  readonly ref: QuestionRef;
  /** What is rejected, for people: "a change of policy". */
  readonly what: string;
  readonly click: VoteClick & { readonly reason: string };
  /** Locks the question and reads it. Errors: there is none, or it has ended. */
  open(q: Transaction): Promise<Result<Q, Failure>>;
  /** Ends the question, in the same transaction. Gives what the audit log keeps. */
  end(
    question: Q,
    ended: { readonly state: "rejected"; readonly at: Instant; readonly by: string; readonly reason: string },
    q: Transaction,
  ): Promise<unknown>;
}

/** Ends a question without any effect; every team member may do so. Errors: `refused`, `stale`, `invalid` for a reason too short. */
export async function rejectQuestion<Q extends Question>(
  r: Rejection<Q>,
  c: { readonly db: Database; readonly now: Clock },
): Promise<Result<void, Failure>> {
  const { kind, id } = r.ref;
  const { by } = r.click;
  return recordAct({ kind: `${kind}.reject`, subject: id, by: by.operator.id }, c, async (q) => {
    const question = await r.open(q);
    if (!question.ok) return question;
    const { digest, expiresAt } = question.value;
    if (c.now() >= expiresAt) return fail("refused", `${kind}.expired`, "The time to decide has run out; nothing was done");
    if (r.click.digest !== digest) return err(staleCard(kind));
    if (!by.isTeam) return err(teamOnly(`reject ${r.what}`));
    const reason = parseReason(r.click.reason);
    if (!reason.ok) return reason;
    const at = c.now();
    await recordRejection(question.value, by, reason.value, at, q);
    const data = await r.end(question.value, { state: "rejected", at, by: by.operator.name, reason: reason.value }, q);
    return ok({ value: undefined, data });
  });
}
