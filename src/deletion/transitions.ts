import { after } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import type { ClosedBecause, Phase } from "../core/phases.ts";
import { DAY_MS } from "../core/units.ts";
import { recordAudit } from "../store/audit.ts";
import type { Transaction } from "../store/db.ts";
import {
  countDeletionEvents,
  readDeletion,
  readEnteredAt,
  recordDeletionEvent,
  updateDeletion,
  type DeletionChange,
  type DeletionRow,
} from "../store/deletions.ts";
import { recordGoOn } from "../store/go-on.ts";
import { sentFor } from "../store/intents.ts";
import { readLatestInventory } from "../store/inventories.ts";
import { recordDomainDeleted } from "../store/managed.ts";
import { buildView, isRunning, show, showAndTell } from "./build-view.ts";
import type { DeletionContext } from "./context.ts";
import { readApproved, readQuestion } from "./go-on.ts";
import { enqueueLong, WAITS_FOR_TURN } from "./long-run.ts";
import { closedBecause, domainGone, effectOf, refusalOf, RESTS_UNTOLD, type Reason, type Refusal } from "./reasons.ts";
import { bringToRest } from "./steps/restore.ts";

/** What follows: run the next phase at once, run again after a while, or nothing until something happens. */
export type Next =
  | { readonly kind: "again" }
  /** `keptBack`: the step is due, and something keeps it back. */
  | { readonly kind: "wait"; readonly ms: number; readonly keptBack?: true }
  | { readonly kind: "rest" };
/** Run the next phase at once. */
export const again: Next = { kind: "again" };
/** Nothing until something happens. */
export const rest: Next = { kind: "rest" };

/** A deletion that nothing keeps back. */
export const NO_WAIT = { waiting_for: null, waiting_since: null } as const;

/** The longest time between two tries of what is kept back. Units: milliseconds. */
const RETRY_MS_MAX = 10 * 60_000;

/** The longest time between two reads of what a deletion waits for. Units: milliseconds. */
const POLL_MS_MAX = 30_000;
/** Between two looks that nothing was changed for: each asks for all that the domain holds. Units: milliseconds. */
const LOOK_MS_MAX = 5 * 60_000;

/** A small part of a deletion's grace period, and no more than `longest`. Units: milliseconds. */
function partOfGrace({ policy }: DeletionRow, longest: number): number {
  return Math.min(longest, Math.max(1000, policy.graceMs / 20));
}

/** How often a deletion that waits for something reads it again. Units: milliseconds. */
export function pollMs(row: DeletionRow): number {
  return partOfGrace(row, POLL_MS_MAX);
}

/**
 * How often a deletion that waits for approvals looks at its domain again. Where quick passes say what was changed, that is what a look
 * waits for, and without one it is rare: what an approval rests on is read at the click. Units: milliseconds.
 */
export function lookMs(row: DeletionRow, { followsChanges = false }: Pick<DeletionContext, "followsChanges">): number {
  return partOfGrace(row, followsChanges ? LOOK_MS_MAX : POLL_MS_MAX);
}

/**
 * Changes a deletion only if its state is still the one that was read: a click may have come between, and people have priority.
 *
 * Returns null, with nothing changed, when the state is another one now.
 */
export async function ifUnchanged<T>(
  row: DeletionRow,
  c: DeletionContext,
  change: (q: Transaction, now: DeletionRow) => Promise<T>,
): Promise<T | null> {
  return c.db.tx(async (q) => {
    const now = await readDeletion(q, row.id, true);
    return now === null || now.phase !== row.phase || now.restore_by !== row.restore_by ? null : change(q, now);
  });
}

/** Enters a phase, with its event and its entry in the audit log, and shows it; false: the state is another one now, nothing changed. */
export async function enter(
  row: DeletionRow,
  change: DeletionChange & { readonly phase: Phase },
  c: DeletionContext,
  { at = c.now(), event = null, audit = null }: { readonly at?: Instant; readonly event?: unknown; readonly audit?: unknown } = {},
  alsoRecord: (q: Transaction, at: Instant) => Promise<unknown> = async () => undefined,
): Promise<boolean> {
  const entered = await ifUnchanged(row, c, async (q) => {
    await updateDeletion(q, row.id, { ...(change.phase === "frozen" ? {} : NO_WAIT), ...change, entered_at: at });
    await alsoRecord(q, at);
    await recordDeletionEvent(q, row.id, at, `entered ${change.phase}`, event);
    await recordAudit(q, { at, actor: "twokey", kind: `deletion.${change.phase}`, subject: row.id, data: audit });
    return true;
  });
  if (entered === true) await showAndTell(row.id, c);
  return entered === true;
}

/** Enters a phase and runs it. */
export async function move(row: DeletionRow, change: DeletionChange & { readonly phase: Phase }, c: DeletionContext): Promise<Next> {
  await enter(row, { activity: null, ...change }, c);
  return again;
}

/** Ends a deletion with nothing lost. */
export async function close(
  row: DeletionRow,
  because: ClosedBecause,
  reason: string,
  c: DeletionContext,
  alsoRecord?: (q: Transaction, at: Instant) => Promise<unknown>,
): Promise<Next> {
  const change = { closed_because: because, closed_reason: reason, activity: reason, closed_by: row.closed_by };
  const log = { event: { because, reason }, audit: { because, reason } };
  return (await enter(row, { phase: "closed", until_at: null, ...change }, c, log, alsoRecord)) ? rest : again;
}

/** What follows a refusal of the guard or of CloudStack, by the table in `reasons.ts`; none of it deletes. */
export async function onRefusal(row: DeletionRow, failed: Failure | Refusal, c: DeletionContext): Promise<Next> {
  const f = await withEvent(row, refusalOf(failed), c);
  // Steps done since the phase began have ended the wait for them: the row says since when this one lasts.
  const now = (await readDeletion(c.db, row.id)) ?? row;
  const wait = waitOf(now, f.reason, c.now());
  const since = wait.waiting_since;
  const left = now.expunge_after === null ? undefined : now.expunge_after - c.now();
  switch (effectOf(f.reason, row.phase, c.now() - since, left)) {
    case "wait":
      return keepBack(row, f, wait, c);
    case "rest":
      return keepBack(row, row.restore_by === null ? await atRest(now, f, c) : f, wait, c);
    case "close":
      return end(row, f, c);
    case "give_back":
      return giveBack(row, f, c);
    case "ask_people":
    case "freeze":
      return freeze(row, f, since, c);
  }
}

/** A failure to read what a phase needs: it is read again later, whatever the phase. */
export async function retry(row: DeletionRow, f: Failure, c: DeletionContext): Promise<Next> {
  return onRefusal(row, { ...f, reason: "unavailable" }, c);
}

type Wait = Pick<DeletionRow, "waits"> & { readonly waiting_since: Instant };

/**
 * Since when a reason keeps the step back. One that comes back after another has lasted as long as it did before: reasons that take turns
 * each last on, and one that was there for a moment long ago has lasted for that moment.
 */
function waitOf({ waiting_for, waiting_since, waits }: DeletionRow, reason: Reason, now: Instant): Wait {
  if (waiting_for === null || waiting_since === null) return { waiting_since: now, waits: {} };
  // A clock that was ahead has written a time to come: counted from there, the wait would last as much longer.
  const since = after(waiting_since, Math.min(0, now - waiting_since));
  if (waiting_for === reason) return { waiting_since: since, waits };
  const lasted = { ...waits, [waiting_for]: now - since };
  return { waiting_since: after(now, -(lasted[reason] ?? 0)), waits: lasted };
}

/** Recovers the machines that CloudStack would expunge while this reason lasts; the sentence says whether they are back. */
async function atRest(row: DeletionRow, f: Refusal, c: DeletionContext): Promise<Refusal> {
  const rested = await bringToRest(row, c);
  if (rested.ok && row.expunge_after !== null) await tellRests(row, f, c);
  const how = rested.ok ? "CloudStack expunges none of its machines meanwhile" : `its machines are not back yet: ${rested.error.message}`;
  return { ...f, message: `${f.message}; ${how}` };
}

/** Tells people when machines are recovered and destroyed again and again: nothing is lost, and it does not end. */
async function tellRests(row: DeletionRow, f: Refusal, c: DeletionContext): Promise<void> {
  const times = await countDeletionEvents(c.db, row.id, "at rest");
  if (times <= RESTS_UNTOLD) return;
  const sentence = `Its machines were recovered ${times} times before CloudStack expunged them, and that starts their time again: ${f.message}`;
  await c.announcer.note(await buildView(row, c), `rests ${times}`, sentence);
}

/** Ends a frozen deletion whose domain is gone; false: nothing says that it was deleted. */
export async function endFrozen(row: DeletionRow, c: DeletionContext): Promise<boolean> {
  const phase = row.frozen_from ?? row.phase;
  const f = await withEvent({ ...row, phase }, refusalOf(domainGone(row)), c);
  if (f.reason !== "domain_deleted") return false;
  // A crash between the two leaves a deletion that goes on, finds no domain, and ends.
  await ifUnchanged(row, c, (q) => updateDeletion(q, row.id, { phase, entered_at: c.now() }));
  await end({ ...row, phase }, f, c);
  return true;
}

/**
 * A domain that is gone while it was to be given back: it ends as a domain that somebody deleted, so that its project can get another one.
 * Where CloudStack's event log does not confirm it, people are asked first; who then asks for it back again takes it for deleted.
 */
export async function goneWhileGivenBack(row: DeletionRow, gone: Failure, c: DeletionContext): Promise<Next> {
  const f = await withEvent(row, refusalOf(gone), c);
  const frozenAt = f.reason === "domain_gone" ? await readEnteredAt(c.db, row.id, "frozen") : null;
  const isAsked = frozenAt !== null && row.waiting_for === f.reason && frozenAt >= (row.waiting_since ?? 0);
  if (f.reason !== "domain_deleted" && !isAsked) return onRefusal(row, f, c);
  const why = isAsked ? `${f.message}, and it was asked for again after people had been told so` : f.message;
  const message = `${why}; nothing could be brought back, what was saved is in the archive`;
  return end({ ...row, closed_by: null }, { ...f, reason: "domain_deleted", message }, c);
}

/** Has a long run do what takes long. Until that has a slot, this deletion is looked at as before, and says that it waits. */
export async function leaveToLongRun(row: DeletionRow, c: DeletionContext): Promise<Next> {
  await enqueueLong(row, c);
  // Mostly there is a slot, and the sentence would be gone at once.
  const isNew = c.now() - (row.entered_at ?? row.opened_at) < pollMs(row);
  if (!isNew && row.phase !== "proposed") await setActivity(row, WAITS_FOR_TURN, c);
  return { kind: "wait", ms: pollMs(row) };
}

/** A long run has its slot: the deletion waits for it no longer. */
export async function endTurnWait(row: DeletionRow, c: DeletionContext): Promise<void> {
  if (c.isShortRun === true || row.activity !== WAITS_FOR_TURN) return;
  await ifUnchanged(row, c, (q) => updateDeletion(q, row.id, { ...NO_WAIT, activity: null }));
}

/** Shows what a deletion is doing. */
export async function setActivity(row: DeletionRow, activity: string, c: DeletionContext): Promise<void> {
  if (row.activity === activity) return;
  await ifUnchanged(row, c, async (q) => updateDeletion(q, row.id, { activity }));
  await show(row.id, c);
}

/** A domain that is gone: whether that is its deletion, by the event log, by our own call, or because two people said so. */
async function withEvent(row: DeletionRow, f: Refusal, c: DeletionContext): Promise<Refusal> {
  if (f.reason !== "domain_gone") return f;
  const deleted = { ...f, reason: "domain_deleted" } as const;
  const event = await c.reader.hasDeletionEvent(row.domain_id);
  if (event.ok && event.value) return { ...deleted, message: "CloudStack's event log confirms it", details: { event: true } };
  if (row.phase === "removing" && (await isOurEnd(row, c))) return { ...deleted, message: "CloudStack no longer lists it" };
  if (!event.ok) return refusalOf(event.error);
  return { ...f, message: `${row.path} is gone, and CloudStack's event log has no deletion of it` };
}

/** Whether the domain is gone because we deleted it, or two people took it for gone. */
async function isOurEnd(row: DeletionRow, c: DeletionContext): Promise<boolean> {
  const accepted = (await readApproved(row, c.db))?.acceptsGone === true;
  return accepted || (await sentFor(c.db, { kind: "deletion", id: row.id }, "delete_domain")).size > 0;
}

async function keepBack(row: DeletionRow, f: Refusal, wait: Wait, c: DeletionContext): Promise<Next> {
  const since = wait.waiting_since;
  const changed = await ifUnchanged(row, c, async (q, now) => {
    if (now.activity === f.message && now.waiting_for === f.reason && now.waiting_since === since) return false;
    await updateDeletion(q, row.id, { activity: f.message, waiting_for: f.reason, ...wait });
    return true;
  });
  // People decided something meanwhile: that comes first.
  if (changed === null) return again;
  if (changed) await show(row.id, c);
  const waited = c.now() - since;
  const hours = Math.floor(waited / 3600_000);
  const now = hours < 1 ? null : await readDeletion(c.db, row.id);
  if (now !== null) {
    const key = `waits ${since} ${Math.floor(waited / DAY_MS)}`;
    await c.announcer.note(await buildView(now, c), key, `It has waited for ${hours} h: ${f.message}`);
  }
  // What lasts is tried less often.
  return { kind: "wait", ms: Math.max(pollMs(row), Math.min(Math.floor(waited / 10), RETRY_MS_MAX)), keptBack: true };
}

/** It ends. What somebody else deleted is recorded as deleted, so that its project can get a domain again. */
async function end(row: DeletionRow, f: Refusal, c: DeletionContext): Promise<Next> {
  const isDeleted = f.reason === "domain_deleted";
  const forget = (q: Transaction, at: Instant) => recordDomainDeleted(q, row.domain_id, at);
  if (row.phase === "removing") {
    const log = { event: { event: f.details?.["event"] === true }, audit: { path: row.path, domainId: row.domain_id } };
    await enter(row, { phase: "deleted", until_at: null, activity: f.message }, c, log, forget);
    return rest;
  }
  const because = closedBecause(f.reason);
  return close(row, because, sentenceOf(f), c, isDeleted ? forget : undefined);
}

async function giveBack(row: DeletionRow, f: Refusal, c: DeletionContext): Promise<Next> {
  const running = (await readLatestInventory(c.db, row.id))?.items.filter(isRunning).map((i) => i.id) ?? [];
  await ifUnchanged(row, c, async (q) => {
    const ran_machines = [...new Set([...row.ran_machines, ...running])];
    const ends = { restore_by: "twokey", closed_because: closedBecause(f.reason), activity: sentenceOf(f), ran_machines };
    await updateDeletion(q, row.id, { ...NO_WAIT, ...ends });
    await recordDeletionEvent(q, row.id, c.now(), "restore asked", { by: "twokey", code: f.code, sentence: sentenceOf(f) });
    return true;
  });
  return again;
}

/** Nothing that people did not see is deleted: this question is closed, and the next pass opens a new one. */
function sentenceOf(f: Refusal): string {
  if (f.reason === "domain_deleted") return `somebody else deleted the domain: ${f.message}`;
  return closedBecause(f.reason) === "changed" ? `${f.message}; people will be asked again` : f.message;
}

/** Freezes it. In `removing` people are asked whether it goes on, in the same transaction: no card shows the one without the other. */
async function freeze(row: DeletionRow, f: Refusal, since: Instant, c: DeletionContext): Promise<Next> {
  const asks = effectOf(f.reason, row.phase, Number.POSITIVE_INFINITY) === "ask_people" && row.phase === "removing";
  // What was found is saved before people are asked.
  if (asks && c.isShortRun === true) return leaveToLongRun(row, c);
  const question = asks ? await readQuestion(row, f, c) : null;
  const log = { event: { reason: f.message, why: f.reason }, audit: { reason: f.message, from: row.phase } };
  const frozen = { phase: "frozen", frozen_reason: question?.sentence ?? f.message, waiting_for: f.reason, waiting_since: since } as const;
  // By this instant the question belongs to this freeze: reading it took a while.
  const put = async (q: Transaction, at: Instant) =>
    question === null ? undefined : recordGoOn(q, { ...question, openedAt: at, expiresAt: after(at, row.policy.approvalMs) });
  await enter(row, frozen, c, log, put);
  return again;
}
