import { jobIdFor } from "../core/derived-ids.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { JobId } from "../core/ids.ts";
import type { InventoryItem } from "../core/inventory.ts";
import { ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import { updateDeletion, type DeletionRow } from "../store/deletions.ts";
import { countRefusals, openIntents, recordIntent, recordOutcome, type OpenIntent } from "../store/intents.ts";
import type { DeletionContext } from "./context.ts";

/**
 * Runs one call, recording its intent before and its outcome after; `jobId` is derived from the intent, so a lost answer can be looked up.
 * The intent keeps the thing's state right before the call: that is what is given back.
 *
 * Errors: the call's own; `indeterminate` leaves the intent open, for `settleIntents`. Invariant: INV-5.
 */
export async function runStep(
  row: DeletionRow,
  command: string,
  item: Pick<InventoryItem, "id" | "name"> & Partial<Pick<InventoryItem, "kind" | "state">>,
  c: DeletionContext,
  call: (jobId: JobId) => Promise<Result<void, Failure>>,
): Promise<Result<void, Failure>> {
  const id = c.newId();
  const jobId = jobIdFor(id);
  const params = { item: item.id, name: item.name, kind: item.kind, was: item.state, jobId };
  await recordIntent(c.db, { id, owner: { kind: "deletion", id: row.id }, command, params, at: c.now() });
  const result = await call(jobId);
  const end = result.ok ? "done" : result.error.kind === "indeterminate" ? "indeterminate" : "refused";
  await c.db.tx(async (q) => {
    const data = result.ok ? null : { code: result.error.code, sentence: result.error.message };
    await recordOutcome(q, { intentId: id, result: end, data, at: c.now() });
    // A step that was taken ends the wait for whatever kept it back.
    if (result.ok) await updateDeletion(q, row.id, { waiting_for: null, waiting_since: null });
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: `deletion.${command}.${end}`, subject: row.id, data: params });
  });
  return result;
}

/**
 * Settles the intents that a crash or a lost answer left open: looks each job up, and waits while one still runs. Without a job, because
 * the command has none, or it never arrived, or a restart of the server cut it off, the lists are read; for the domain itself also the
 * event log.
 *
 * Errors: `unavailable` `deletion.job_running` while one runs, or why it could not be looked up: nothing is sent before that is known.
 * What remains to be done follows from the next inventory, it is never guessed. Invariant: INV-5.
 */
export async function settleIntents(row: DeletionRow, c: DeletionContext): Promise<Result<void, Failure>> {
  for (const intent of await openIntents(c.db, { kind: "deletion", id: row.id })) {
    const job = await c.reader.findJob(jobIdFor(intent.id));
    if (!job.ok && job.error.code !== "cloudstack.job_cut_off") return job;
    const state = job.ok ? job.value : { state: "cut_off" };
    if (state.state === "running") return fail("unavailable", "deletion.job_running", `${intent.command} is still running in CloudStack`);
    const found = state.state === "succeeded" ? ok(null) : await readFromLists(row, intent, c);
    if (!found.ok) return found;
    await recordOutcome(c.db, { intentId: intent.id, result: "looked_up", data: { job: state, found: found.value }, at: c.now() });
  }
  return ok(undefined);
}

/** The state of the thing that a call was about, as the lists have it, or that it is gone. */
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

/** How often a call that CloudStack refuses is sent. */
const ASKED_MAX = 3;

/**
 * Whether a refused call is sent again: CloudStack refused the newest step, and not for the third time. A server that just starts, keys
 * that are being changed, a thing still in use: each refuses now and may accept in a minute. A refusal of our own guards is always final.
 */
export async function isAskedAgain(row: DeletionRow, f: Failure, c: Pick<DeletionContext, "db">): Promise<boolean> {
  if (f.kind !== "rejected" || f.code === "cloudstack.machine_gone") return false;
  return (await countRefusals(c.db, { kind: "deletion", id: row.id })) < ASKED_MAX;
}
