import { jobIdFor } from "../core/derived-ids.ts";
import { type Failure, failure } from "../core/failure.ts";
import type { JobId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import type { DeletionRow } from "../store/deletions.ts";
import { countRefusals, openIntents, recordIntent, recordOutcome, type OpenIntent } from "../store/intents.ts";
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
 * Settles what a crash or a lost answer left open: looks each job up, and waits while one still runs. Where no job can tell, because the
 * command has none, or it never arrived, or a restart of the server cut it off, the lists tell what became of the thing; for the domain
 * itself also the event log.
 *
 * Errors: `unavailable` `deletion.job_running` while one runs, or what keeps it from being looked up: nothing is sent before that is known.
 * What remains to be done is told by the next fresh inventory, never guessed. Invariant: INV-5.
 */
export async function settleIntents(row: DeletionRow, c: DeletionContext): Promise<Result<void, Failure>> {
  for (const intent of await openIntents(c.db, { kind: "deletion", id: row.id })) {
    const job = await c.reader.findJob(jobIdFor(intent.id));
    if (!job.ok && job.error.code !== "cloudstack.job_cut_off") return job;
    const state = job.ok ? job.value : { state: "cut_off" };
    if (state.state === "running")
      return err(failure("unavailable", "deletion.job_running", `${intent.command} is still running in CloudStack`));
    const found = state.state === "succeeded" ? ok(null) : await readFromLists(row, intent, c);
    if (!found.ok) return found;
    await recordOutcome(c.db, { intentId: intent.id, result: "looked_up", data: { job: state, found: found.value }, at: c.now() });
  }
  return ok(undefined);
}

/** What the lists say of the thing that a call was about: its state, or that it is gone. */
async function readFromLists(row: DeletionRow, intent: OpenIntent, c: DeletionContext): Promise<Result<string, Failure>> {
  const there = await c.reader.findDomain(row.domain_id);
  if (!there.ok) return there;
  if (there.value === null) {
    const event = await c.reader.hasDeletionEvent(row.domain_id);
    return event.ok ? ok(event.value ? "the domain is gone, by its event log too" : "the domain is gone") : event;
  }
  const item = (intent.params as { readonly item?: string } | null)?.item;
  if (item === row.domain_id) return ok("the domain is there");
  const fresh = await c.reader.readInventory(row.domain_id, row.path);
  if (!fresh.ok) return fresh;
  const thing = fresh.value.items.find((i) => i.id === item);
  return ok(thing === undefined ? "gone" : `there: ${thing.state === "" ? "no state" : thing.state}`);
}

/** Whether only the stop switch kept a step back, before it or between two of its calls: it goes on after a resume. Invariant: INV-3. */
export function isStopped(f: Failure): boolean {
  return f.code === "deletion.stopped" || f.code === "cloudstack.stopped";
}

/** How often CloudStack is asked the same thing that it refuses. */
const ASKED_MAX = 3;

/**
 * Whether a refusal may be no last word: CloudStack's own no to the newest step, and not its third. A server that just starts, keys that are
 * being changed, a thing still in use: each says no today and yes in a minute. Our own guards' no is always the last word.
 */
export async function isAskedAgain(row: DeletionRow, f: Failure, c: Pick<DeletionContext, "db">): Promise<boolean> {
  if (f.kind !== "rejected" || f.code === "cloudstack.machine_gone") return false;
  return (await countRefusals(c.db, { kind: "deletion", id: row.id })) < ASKED_MAX;
}

/** Whether it was a look that failed, however it failed: then nothing was done, and nothing is known that speaks against going on later. */
export function isFailedLook(f: Failure): boolean {
  return /^(?:list|query)/.test(String(f.details?.["command"] ?? ""));
}
