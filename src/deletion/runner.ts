import { DAY_MS } from "../core/units.ts";
import type { Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import { after } from "../core/clock.ts";
import { recordAudit } from "../store/audit.ts";
import type { Transaction } from "../store/db.ts";
import {
  countEntered,
  readWaitLeft,
  readDeletion,
  readLiveDeletions,
  recordDeletionEvent,
  updateDeletion,
  type DeletionChange,
  type DeletionRow,
} from "../store/deletions.ts";
import { readEntries } from "../store/archive-entries.ts";
import { readLatestInventory, recordApprovedInventory, recordLatestInventory } from "../store/inventories.ts";
import { recordDomainDeleted } from "../store/managed.ts";
import { readStop } from "../store/stop-switch.ts";
import { inventoryDigest } from "../core/inventory.ts";
import { readClocks } from "../approvals/clocks.ts";
import type { DeletionContext } from "./context.ts";
import { takePassage } from "./passage.ts";
import { isProtected } from "./protection.ts";
import { isRunning, show, showAndTell } from "./build-view.ts";
import { isAskedAgain, isFailedRead, isStopped, runStep, settleIntents } from "./step.ts";
import { archiveContents } from "./steps/archive.ts";
import { restoreContents } from "./steps/restore.ts";
import { dismantleSteps, quarantineSteps, removeSteps, teardown } from "./steps/teardown.ts";
import type { ClosedBecause, Phase } from "../core/phases.ts";

/** How often a deletion that waits for something reads it again: a small part of its grace period. Units: milliseconds. */
function pollMs({ policy }: DeletionRow): number {
  return Math.min(30_000, Math.max(1000, policy.graceMs / 20));
}

/** What follows: run the next phase at once, run again after a while, or nothing until something happens. */
type Next = { readonly kind: "again" } | { readonly kind: "wait"; readonly ms: number } | { readonly kind: "rest" };
const again: Next = { kind: "again" };
const rest: Next = { kind: "rest" };

/**
 * Runs a deletion as far as possible now. Everything is read from the tables, so it may be called at any time, any number of times,
 * after any crash. The engine never runs it twice at the same time for one deletion.
 */
export async function advance(id: string, c: DeletionContext, signal: AbortSignal): Promise<void> {
  // The process that changed it last may have died before it updated the card.
  await showAndTell(id, c);
  for (;;) {
    signal.throwIfAborted();
    const row = await readDeletion(c.db, id);
    if (row === null || ["deleted", "closed", "frozen"].includes(row.phase)) return;
    const stop = await readStop(c.db);
    if (stop.stopped) {
      await setActivity(row, `stopped: ${stop.reason}`, c);
      return c.work.enqueue("deletion", id, { delayMs: 2000 });
    }
    const next = await runPhase(row, c);
    if (next.kind === "again") continue;
    if (next.kind === "wait") await c.work.enqueue("deletion", id, { delayMs: next.ms });
    return;
  }
}

/** Enqueues every deletion that has work to do, so that a lost job cannot lose a deletion. */
export async function sweepDeletions(c: DeletionContext): Promise<void> {
  for (const row of await readLiveDeletions(c.db)) {
    if (row.phase === "frozen") continue;
    if (row.until_at === null || row.until_at <= c.now() || row.phase === "proposed" || row.restore_by !== null)
      await c.work.enqueue("deletion", row.id);
  }
}

async function runPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const settled = await settleIntents(row, c);
  if (!settled.ok) return retry(row, settled.error, c);
  if (row.restore_by !== null) return restorePhase(row, c);
  switch (row.phase) {
    case "archiving":
      return archivingPhase(row, c);
    case "proposed":
      return proposedPhase(row, c);
    case "cooling_off":
      return waitThen(row, c, "quarantining");
    case "quarantining":
      return quarantiningPhase(row, c);
    case "grace":
      return waitThen(row, c, "dismantling");
    case "dismantling":
      return teardownPhase(row, c, dismantleSteps, "expunging");
    case "expunging":
      return expungingPhase(row, c);
    case "removing":
      return removingPhase(row, c);
    default:
      return rest;
  }
}

async function archivingPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const kept = isProtected(row, await c.readOutside(), await c.policyNow(c.db));
  if (!kept.ok) return retry(row, kept.error, c);
  if (kept.value) return close(row, "kept", "the domain is protected", c);

  const before = await c.reader.readInventory(row.domain_id, row.path);
  if (!before.ok) return retry(row, before.error, c);
  await recordLatestInventory(c.db, row.id, before.value, c.now());
  await show(row.id, c);
  await archiveContents(row, before.value, c, () => show(row.id, c));
  const now = await c.reader.readInventory(row.domain_id, row.path);
  if (!now.ok) return retry(row, now.error, c);
  const digest = inventoryDigest(now.value);
  if (digest !== inventoryDigest(before.value)) return again;
  await recordLatestInventory(c.db, row.id, now.value, c.now());

  const clocks = await readClocks(c);
  if (!clocks.ok) return retry(row, clocks.error, c);
  const opened = c.now();
  const change = { digest, proposed_at: opened, expires_at: after(opened, row.policy.approvalMs), activity: null };
  await enter(row, { phase: "proposed", ...change }, c, { at: opened, event: { digest }, audit: { digest, path: row.path } }, (q) =>
    recordApprovedInventory(q, row.id, now.value, opened),
  );
  return again;
}

async function proposedPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const clocks = await readClocks(c);
  if (!clocks.ok) return retry(row, clocks.error, c);
  if (row.expires_at !== null && clocks.value.earliest >= row.expires_at) return close(row, "expired", "nobody decided in time", c);
  const now = await c.policyNow(c.db);
  const kept = isProtected(row, await c.readOutside(), now);
  if (!kept.ok) return retry(row, kept.error, c);
  if (kept.value) return close(row, "kept", "the domain is protected", c);

  const state = await c.evidence.readProjectState(row.project_id);
  if (now.scopeIsConfirmed && state.ok && state.value === "active") return close(row, "came_back", "the project is active again", c);

  const fresh = await c.reader.readInventory(row.domain_id, row.path);
  if (fresh.ok) {
    if (inventoryDigest(fresh.value) !== row.digest)
      return close(row, "changed", "what the domain holds has changed; people will be asked again", c);
    await recordLatestInventory(c.db, row.id, fresh.value, c.now());
    const missing = (await readEntries(c.db, { kind: "deletion", id: row.id })).some((e) => e.state !== "verified");
    if (missing) await archiveContents(row, fresh.value, c, () => show(row.id, c));
    await show(row.id, c);
  }
  return { kind: "wait", ms: pollMs(row) };
}

/** A wait that only ends by the clocks, all that are known, and then only with the guard's permission. Invariant: INV-3. */
async function waitThen(row: DeletionRow, c: DeletionContext, next: "quarantining" | "dismantling"): Promise<Next> {
  const clocks = await readClocks(c);
  if (!clocks.ok) return retry(row, clocks.error, c);
  const byClocks = (row.until_at ?? Number.MAX_SAFE_INTEGER) - clocks.value.earliest;
  const left = Math.max(byClocks, await readWaitLeft(c.db, row.id));
  if (left > 0) return { kind: "wait", ms: Math.min(left + 20, DAY_MS) };

  const passage = await takePassage(row, c);
  if (!passage.ok) return onRefusal(row, passage.error, c);
  if (next === "quarantining") return move(row, { phase: next, until_at: null }, c);

  // The limits frozen into the deletion, or lower ones set since: they count at once.
  const now = await c.policyNow(c.db);
  const perDay = Math.min(row.policy.deletionsPerDay, now.deletionsPerDay);
  const perWeek = Math.min(row.policy.deletionsPerWeek, now.deletionsPerWeek);
  const entered = await ifUnchanged(row, c, async (q) => {
    const at = c.now();
    if ((await countEntered(q, at - DAY_MS)) >= perDay || (await countEntered(q, at - 7 * DAY_MS)) >= perWeek) return "used up" as const;
    await updateDeletion(q, row.id, { phase: "dismantling", entered_at: at });
    await recordDeletionEvent(q, row.id, at, "entered dismantling", null);
    const data = { approvers: passage.value.grant.approvers };
    await recordAudit(q, { at, actor: "twokey", kind: "deletion.dismantling", subject: row.id, data });
    return true;
  });
  if (entered !== "used up") {
    await show(row.id, c);
    return again;
  }
  await setActivity(row, `waiting: the limit of ${perDay} a day and ${perWeek} a week is used up`, c);
  return { kind: "wait", ms: 30_000 };
}

async function quarantiningPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const done = await teardown(row, quarantineSteps, c);
  if (!done.ok) return onRefusal(row, done.error, c);
  const clocks = await readClocks(c);
  if (!clocks.ok) return retry(row, clocks.error, c);
  const until = after(clocks.value.latest, Math.max(row.policy.graceMs, (await c.policyNow(c.db)).graceMs));
  return move(row, { phase: "grace", until_at: until }, c);
}

async function teardownPhase(row: DeletionRow, c: DeletionContext, steps: Parameters<typeof teardown>[1], next: Phase): Promise<Next> {
  const done = await teardown(row, steps, c);
  if (!done.ok) return onRefusal(row, done.error, c);
  return move(row, { phase: next, until_at: null }, c);
}

async function expungingPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const passage = await takePassage(row, c);
  if (!passage.ok) return onRefusal(row, passage.error, c);
  const machines = passage.value.fresh.items.filter((i) => i.kind === "machine");
  if (machines.length === 0) return move(row, { phase: "removing", until_at: null }, c);
  await setActivity(row, `CloudStack still keeps ${machines.length} destroyed machine(s); Restore brings them back`, c);
  return { kind: "wait", ms: pollMs(row) };
}

/** The point of no return: what is removed now is only in the archive. */
async function removingPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const there = await c.reader.findDomain(row.domain_id);
  if (!there.ok) return retry(row, there.error, c);
  if (there.value !== null) {
    const emptied = await teardown(row, removeSteps, c);
    if (!emptied.ok) return onRefusal(row, emptied.error, c);
    const passage = await takePassage(row, c);
    if (!passage.ok) return onRefusal(row, passage.error, c);
    const deleted = await runStep(row, "delete_domain", { id: row.domain_id, name: row.name }, c, (jobId) =>
      c.deleter.deleteDomain(passage.value.grant, jobId),
    );
    if (!deleted.ok) return onRefusal(row, deleted.error, c);
  }

  const gone = await c.reader.findDomain(row.domain_id);
  if (!gone.ok) return retry(row, gone.error, c);
  if (gone.value !== null) return freeze(row, "CloudStack said that the domain was deleted, and still lists it", c);
  const event = await c.reader.hasDeletionEvent(row.domain_id);
  const isConfirmed = event.ok && event.value;
  const activity = isConfirmed ? "CloudStack's event log confirms it" : "CloudStack no longer lists it";
  const log = { event: { event: isConfirmed }, audit: { path: row.path, domainId: row.domain_id } };
  await enter(row, { phase: "deleted", until_at: null, activity }, c, log, (q, at) => recordDomainDeleted(q, row.domain_id, at));
  return rest;
}

async function restorePhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const restored = await restoreContents(row, c, (activity) => setActivity(row, activity, c));
  if (!restored.ok) return retry(row, restored.error, c);
  const because: ClosedBecause = row.closed_because ?? "restored";
  const end = restored.value.length === 0 ? "everything is back as it was" : `could not be brought back: ${restored.value.join(", ")}`;
  return close(row, because, end, c);
}

/**
 * Changes a deletion only if its state is still the one that was read: a click may have come between, and people have priority.
 *
 * Returns null, with nothing changed, when the state is another one now.
 */
async function ifUnchanged<T>(row: DeletionRow, c: DeletionContext, change: (q: Transaction) => Promise<T>): Promise<T | null> {
  return c.db.tx(async (q) => {
    const now = await readDeletion(q, row.id, true);
    return now === null || now.phase !== row.phase || now.restore_by !== row.restore_by ? null : change(q);
  });
}

/** Enters a phase, with its event and its entry in the audit log, and shows it; false: the state is another one now, nothing changed. */
async function enter(
  row: DeletionRow,
  change: DeletionChange & { readonly phase: Phase },
  c: DeletionContext,
  { at = c.now(), event = null, audit = null }: { readonly at?: Instant; readonly event?: unknown; readonly audit?: unknown } = {},
  alsoRecord: (q: Transaction, at: Instant) => Promise<unknown> = async () => undefined,
): Promise<boolean> {
  const entered = await ifUnchanged(row, c, async (q) => {
    await alsoRecord(q, at);
    await updateDeletion(q, row.id, { ...change, entered_at: at });
    await recordDeletionEvent(q, row.id, at, `entered ${change.phase}`, event);
    await recordAudit(q, { at, actor: "twokey", kind: `deletion.${change.phase}`, subject: row.id, data: audit });
    return true;
  });
  if (entered === true) await showAndTell(row.id, c);
  return entered === true;
}

async function move(row: DeletionRow, change: DeletionChange & { readonly phase: Phase }, c: DeletionContext): Promise<Next> {
  await enter(row, { activity: null, ...change }, c);
  return again;
}

async function close(row: DeletionRow, because: ClosedBecause, reason: string, c: DeletionContext): Promise<Next> {
  const change = { closed_because: because, closed_reason: reason, activity: reason, closed_by: row.closed_by };
  const log = { event: { because, reason }, audit: { because, reason } };
  return (await enter(row, { phase: "closed", until_at: null, ...change }, c, log)) ? rest : again;
}

/** What follows a refusal of the guard or of CloudStack, by its reason; none of it deletes. */
async function onRefusal(row: DeletionRow, f: Failure, c: DeletionContext): Promise<Next> {
  const touched = !["proposed", "cooling_off"].includes(row.phase);
  if (f.kind === "unavailable" || f.kind === "indeterminate" || isStopped(f) || isFailedRead(f)) return retry(row, f, c);
  if (await isAskedAgain(row, f, c)) return retry(row, f, c);
  if (row.phase === "removing") return freeze(row, f.message, c);

  if (["deletion.came_back", "deletion.no_quorum", "deletion.changed", "deletion.alive", "deletion.protected"].includes(f.code)) {
    const because: ClosedBecause = f.code === "deletion.came_back" ? "came_back" : f.code === "deletion.protected" ? "kept" : "changed";
    // Nothing that people did not see is deleted: this question is closed, and the next pass opens a new one.
    const sentence = because === "changed" ? `${f.message}; people will be asked again` : f.message;
    if (!touched) return close(row, because, sentence, c);

    const running = (await readLatestInventory(c.db, row.id))?.items.filter(isRunning).map((i) => i.id) ?? [];
    await ifUnchanged(row, c, async (q) => {
      const ran_machines = [...new Set([...row.ran_machines, ...running])];
      await updateDeletion(q, row.id, { restore_by: "twokey", closed_because: because, activity: sentence, ran_machines });
      await recordDeletionEvent(q, row.id, c.now(), "restore asked", { by: "twokey", code: f.code, sentence });
      return true;
    });
    return again;
  }
  return freeze(row, f.message, c);
}

async function freeze(row: DeletionRow, reason: string, c: DeletionContext): Promise<Next> {
  const log = { event: { reason }, audit: { reason, from: row.phase } };
  return (await enter(row, { phase: "frozen", frozen_reason: reason }, c, log)) ? rest : again;
}

async function retry(row: DeletionRow, f: Failure, c: DeletionContext): Promise<Next> {
  await setActivity(row, f.message, c);
  return { kind: "wait", ms: pollMs(row) };
}

async function setActivity(row: DeletionRow, activity: string, c: DeletionContext): Promise<void> {
  if (row.activity === activity) return;
  await ifUnchanged(row, c, async (q) => updateDeletion(q, row.id, { activity }));
  await show(row.id, c);
}
