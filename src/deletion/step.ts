import { jobIdFor } from "../core/derived-ids.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { JobId } from "../core/ids.ts";
import { itemKinds, type InventoryItem } from "../core/inventory.ts";
import { ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import { updateDeletion, type DeletionRow } from "../store/deletions.ts";
import { countRefusals, openIntents, recordIntent, recordOutcome, type OpenIntent } from "../store/intents.ts";
import { readApprovedInventory } from "../store/inventories.ts";
import type { DeletionContext } from "./context.ts";
import { isFailedRead } from "./reasons.ts";

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
  const found = result.ok ? {} : await foundAfter(row, command, params, result.error, c);
  await c.db.tx(async (q) => {
    const data = result.ok ? null : { code: result.error.code, sentence: result.error.message, ...found };
    await recordOutcome(q, { intentId: id, result: end, data, at: c.now() });
    // A step that was taken ends the wait for whatever kept it back.
    if (result.ok) await updateDeletion(q, row.id, { waiting_for: null, waiting_since: null });
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: `deletion.${command}.${end}`, subject: row.id, data: params });
  });
  return result;
}

/** Steps that are given back, and the one that gives machines back. CloudStack may refuse one, or fail its job, and have carried it out. */
const LOOKED_AT: ReadonlySet<string> = new Set(["quarantine", "destroy", "recover"]);

/** The thing as it is after a step that CloudStack refused; nothing for one that was never sent. */
async function foundAfter(
  row: DeletionRow,
  command: string,
  about: About,
  f: Failure,
  c: DeletionContext,
): Promise<{ readonly found?: string }> {
  const isAnswer = ["rejected", "contract_broken", "stuck"].includes(f.kind) && !isFailedRead(f);
  if (!isAnswer || !LOOKED_AT.has(command)) return {};
  const found = await readById(row, about, c);
  return { found: found.ok ? found.value : "it could not be read" };
}

/** A call that ended in a way that is not known: why not, and what it is about. */
export interface Unsettled {
  readonly item: string | undefined;
  readonly why: Failure;
}

const JOB_RUNS = "deletion.job_running";

/** The things that a job still runs for: nothing is sent about them. */
export function busyIn(open: readonly Unsettled[]): ReadonlySet<string | undefined> {
  return new Set(open.filter(({ why }) => why.code === JOB_RUNS).map(({ item }) => item));
}

/**
 * Settles the intents that a crash or a lost answer left open: looks each job up, and waits while one still runs. Without a job, because
 * the command has none, or it never arrived, or a restart of the server cut it off, the thing is read by its id, wherever its domain is
 * by now; for the domain itself also the event log. One that cannot be settled keeps no other from it.
 *
 * Returns those that are still open: `unavailable` `deletion.job_running`, or why one could not be looked up. A step that takes something
 * waits for all of them; giving back goes on. What remains to be done follows from the next read, it is never guessed. Invariant: INV-5.
 */
export async function settleIntents(row: DeletionRow, c: DeletionContext): Promise<readonly Unsettled[]> {
  const unsettled: Unsettled[] = [];
  for (const intent of await openIntents(c.db, { kind: "deletion", id: row.id })) {
    const about = (intent.params ?? {}) as About;
    const settled = await settle(row, intent, about, c);
    if (!settled.ok) unsettled.push({ item: about.item, why: settled.error });
  }
  return unsettled;
}

/** What an intent keeps of its thing; older ones have no kind. */
type About = Readonly<Partial<Record<"item" | "kind", string | undefined>>>;

async function settle(row: DeletionRow, intent: OpenIntent, about: About, c: DeletionContext): Promise<Result<void, Failure>> {
  const job = await c.reader.findJob(jobIdFor(intent.id));
  if (!job.ok && job.error.code !== "cloudstack.job_cut_off") return job;
  const state = job.ok ? job.value : { state: "cut_off" };
  if (state.state === "running") return fail("unavailable", JOB_RUNS, `${intent.command} is still running in CloudStack`);
  const found = state.state === "succeeded" ? ok(null) : await readById(row, about, c);
  if (!found.ok) return found;
  await recordOutcome(c.db, { intentId: intent.id, result: "looked_up", data: { job: state, found: found.value }, at: c.now() });
  return ok(undefined);
}

/** The state of the thing that a call was about, or that it is gone. */
async function readById(row: DeletionRow, { item: id, kind }: About, c: DeletionContext): Promise<Result<string, Failure>> {
  if (id === row.domain_id) {
    const there = await c.reader.findDomain(row.domain_id);
    if (!there.ok) return there;
    if (there.value !== null) return ok("the domain is there");
    const event = await c.reader.hasDeletionEvent(row.domain_id);
    return event.ok ? ok(event.value ? "the domain is gone, by its event log too" : "the domain is gone") : event;
  }
  const approved = (await readApprovedInventory(c.db, row.id)) ?? { domainId: row.domain_id, items: [] };
  const known = approved.items.find((i) => i.id === id && (kind === undefined || i.kind === kind));
  const parsed = itemKinds.find((one) => one === kind);
  const thing = known ?? (id === undefined || parsed === undefined ? null : { kind: parsed, id, facts: {} });
  if (thing === null) return ok("nothing is known of it");
  const found = await c.reader.findThing(approved, thing);
  if (!found.ok) return found;
  if (found.value === null) return ok("gone");
  return ok(`there: ${found.value.state === "" ? "no state" : found.value.state}`);
}

/** How often a call that CloudStack refuses is sent. */
export const ASKED_MAX = 3;

/** How often giving back asks for a disk on its machine, and for a machine that had run: about half a day, by the pauses between. */
const ASKED_LONG = 100;

/**
 * Whether a refused call is sent again: CloudStack refused it, and not for the third time. A server that just starts, keys that are being
 * changed, a thing still in use: each refuses now and may accept in a minute. A machine is asked for as long as CloudStack keeps it, an
 * account that is to be enabled without end: it never expires. A refusal of our own guards is always final.
 */
export async function isAskedAgain(
  row: DeletionRow,
  call: { readonly command: string; readonly item: Pick<InventoryItem, "id"> },
  f: Failure,
  c: Pick<DeletionContext, "db" | "now">,
): Promise<boolean> {
  if (f.kind !== "rejected" || f.code === "cloudstack.machine_gone") return false;
  if (call.command === "recover" && row.expunge_after !== null && c.now() < row.expunge_after) return true;
  if (call.command === "enable") return true;
  const max = call.command === "attach" || call.command === "start" ? ASKED_LONG : ASKED_MAX;
  return (await countRefusals(c.db, { kind: "deletion", id: row.id }, call.command, call.item.id)) < max;
}
