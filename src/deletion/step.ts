import { jobIdFor } from "../core/derived-ids.ts";
import type { Failure } from "../core/failure.ts";
import { failure } from "../core/failure.ts";
import type { JobId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import type { DeletionRow } from "../store/deletions.ts";
import { openIntents, recordIntent, recordOutcome } from "../store/intents.ts";
import type { DeletionContext } from "./context.ts";

/**
 * Runs one call with its intent before and its outcome after; `jobId` follows from the intent, so a lost answer can be looked up.
 *
 * Errors: the call's own; `indeterminate` leaves the intent open, for `settleIntents`. Invariant: INV-5.
 */
export async function runStep(
  row: DeletionRow,
  command: string,
  item: { readonly id: string; readonly name: string },
  c: DeletionContext,
  call: (jobId: JobId) => Promise<Result<void, Failure>>,
): Promise<Result<void, Failure>> {
  const id = c.newId();
  const jobId = jobIdFor(id);
  await recordIntent(c.db, {
    id,
    owner: { kind: "deletion", id: row.id },
    command,
    params: { item: item.id, name: item.name, jobId },
    at: c.now(),
  });
  const result = await call(jobId);
  const end = result.ok ? "done" : result.error.kind === "indeterminate" ? "indeterminate" : "refused";
  await c.db.tx(async (q) => {
    await recordOutcome(q, {
      intentId: id,
      result: end,
      data: result.ok ? null : { code: result.error.code, sentence: result.error.message },
      at: c.now(),
    });
    await recordAudit(q, {
      at: c.now(),
      actor: "twokey",
      kind: `deletion.${command}.${end}`,
      subject: row.id,
      data: { item: item.id, name: item.name, jobId },
    });
  });
  return result;
}

/**
 * Settles what a crash or a lost answer left open: looks each job up, and waits while one still runs.
 *
 * Errors: `unavailable` `deletion.job_running` while one runs. What remains to be done is told by the next fresh inventory, never guessed.
 */
export async function settleIntents(row: DeletionRow, c: DeletionContext): Promise<Result<void, Failure>> {
  for (const intent of await openIntents(c.db, { kind: "deletion", id: row.id })) {
    const job = await c.reader.findJob(jobIdFor(intent.id));
    if (!job.ok) return job;
    if (job.value.state === "running")
      return err(failure("unavailable", "deletion.job_running", `${intent.command} is still running in CloudStack`));
    await recordOutcome(c.db, { intentId: intent.id, result: "looked_up", data: job.value, at: c.now() });
  }
  return ok(undefined);
}
