import type { Clock } from "../core/clock.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { OperatorId } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";
import { readReason, reasonLength } from "../core/votes.ts";
import { recordAudit, type AuditEntry } from "../store/audit.ts";
import type { Database, Transaction } from "../store/db.ts";
import { isConstraintError } from "../store/store-error.ts";

/** What one person does: `deletion.cancel`, `policy.reject`, `resume` …, and on what. */
export interface Act {
  readonly kind: string;
  readonly subject: string;
  readonly by: OperatorId;
}

/** The result of an act, and what the audit log keeps of it. */
export interface Done<T> {
  readonly value: T;
  readonly data: unknown;
  /** What came of it, as the audit log keeps it: after the act, since that is the order of what happened. Left out: nothing. */
  readonly results?: readonly AuditEntry[];
}

/** Where acts are recorded. */
type ActContext = { readonly db: Database; readonly now: Clock };

/**
 * Runs one person's act in one transaction with its audit row; a refusal, also one of PostgreSQL, is recorded with who and why.
 *
 * Errors: what `run` returns; `refused` `ballot.database` with the database's rule: then nothing was written.
 */
export async function recordAct<T>(
  act: Act,
  c: ActContext,
  run: (q: Transaction) => Promise<Result<Done<T>, Failure>>,
): Promise<Result<T, Failure>> {
  let result: Result<Done<T>, Failure>;
  try {
    result = await c.db.tx(async (q) => {
      const done = await run(q);
      if (!done.ok) return done;
      const { data, results = [] } = done.value;
      await recordAudit(q, { at: c.now(), actor: act.by, kind: act.kind, subject: act.subject, data });
      for (const entry of results) await recordAudit(q, entry);
      return done;
    });
  } catch (thrown) {
    if (!isConstraintError(thrown)) throw thrown;
    const details = { rule: thrown.constraint ?? "" };
    result = fail("refused", "ballot.database", "A rule of the database refused this; nothing was done", { details });
  }
  if (result.ok) return ok(result.value.value);
  await recordRefusal(act, result.error, c);
  return result;
}

/** Records that an act was refused, with the rule and the sentence that the person was shown. */
export async function recordRefusal(act: Act, f: Failure, c: ActContext): Promise<void> {
  const data = { code: f.code, sentence: f.message };
  await c.db.tx((q) => recordAudit(q, { at: c.now(), actor: act.by, kind: `refused.${act.kind}`, subject: act.subject, data }));
}

/** Parses the reason of a rejection. Errors: `invalid`. */
export function parseReason(text: string): Result<string, Failure> {
  const { min, max } = reasonLength.rejection;
  const reason = readReason(text, { min, max });
  return reason === null ? fail("invalid", "ballot.reason", `A rejection needs a reason of ${min} to ${max} characters`) : ok(reason);
}
