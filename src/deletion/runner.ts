import { counted } from "../core/plural.ts";
import { DAY_MS } from "../core/units.ts";
import { after } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import {
  countEntered,
  readWaitLeft,
  readDeletion,
  readLiveDeletions,
  recordDeletionEvent,
  takeLease,
  updateDeletion,
  type DeletionRow,
} from "../store/deletions.ts";
import { readEntries } from "../store/archive-entries.ts";
import { recordApprovedInventory, recordLatestInventory } from "../store/inventories.ts";
import { readStop, type StopState } from "../store/stop-switch.ts";
import { inventoryDigest, isDestroyed, type Inventory } from "../core/inventory.ts";
import type { Transaction } from "../store/db.ts";
import { readClocks } from "../approvals/clocks.ts";
import type { DeletionContext } from "./context.ts";
import { requireOwner, type Passage } from "./guard.ts";
import { takePassage } from "./passage.ts";
import { isProtected } from "./protection.ts";
import { assessProject, closedAgain, readProject } from "./question.ts";
import { domainGone, guardRefusal, type Refusal } from "./reasons.ts";
import { buildView, show, showAndTell } from "./build-view.ts";
import { describeHourlySnapshots } from "./schedule.ts";
import { takesLong } from "./long-run.ts";
import { runStep, settleIntents, type Unsettled } from "./step.ts";
import { archiveContents } from "./steps/archive.ts";
import { bringToRest, restoreContents } from "./steps/restore.ts";
import { requireCopies } from "./steps/copies.ts";
import { dismantleSteps, quarantineSteps, removeSteps, teardown } from "./steps/teardown.ts";
import {
  again,
  close,
  endFrozen,
  endTurnWait,
  enter,
  goneWhileGivenBack,
  ifUnchanged,
  leaveToLongRun,
  lookMs,
  move,
  NO_WAIT,
  onRefusal,
  pollMs,
  rest,
  retry,
  setActivity,
  type Next,
} from "./transitions.ts";
import type { ClosedBecause, Phase } from "../core/phases.ts";

/**
 * Runs a deletion as far as possible now. Everything is read from the tables, so it may be called at any time, any number of times,
 * after any crash. The engine never runs it twice at the same time for one deletion.
 */
export async function advance(id: string, c: DeletionContext, signal: AbortSignal): Promise<void> {
  // The process that changed it last may have died before it updated the card.
  await showAndTell(id, c);
  const lease = await takeLease(c.db, id);
  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted();
    const row = await readDeletion(c.db, id);
    // Another run took it over, as when this process was suspended.
    if (row?.lease !== lease) return;
    if (isFirst) await endTurnWait(row, c);
    if (row === null || row.phase === "deleted" || row.phase === "closed") return;
    const stop = c.reported === null ? await readStop(c.db) : standing(c.reported);
    if (row.phase === "frozen" || (stop.stopped && row.restore_by === null)) return stand(row, stop, c);
    const next = await runPhase(row, c);
    if (next.kind !== "rest" && !("keptBack" in next)) await endWait(row, c);
    if (next.kind === "again") continue;
    if (next.kind === "wait") await c.work.enqueue("deletion", id, { delayMs: next.ms });
    return;
  }
}

/** In report mode a deletion that people approved before stands as if all were stopped. Invariant: INV-12. */
function standing(reason: string): StopState {
  return { stopped: true, seq: null, since: null, by: null, reason, stops: [] };
}

/** Stopped or frozen: what CloudStack would expunge meanwhile is brought back first, then it stands. */
async function stand(row: DeletionRow, stop: StopState, c: DeletionContext): Promise<void> {
  // What was on its way when it was stopped is looked up: people are told when everything stands still.
  if (stop.stopped) await settleIntents(row, c);
  const rested = await bringToRest(row, c);
  const late = rested.ok ? "" : `its machines are not back yet: ${rested.error.message}`;
  const sentences = [stop.stopped && row.phase !== "frozen" ? `stopped: ${stop.reason}` : "", late].filter((one) => one !== "");
  if (sentences.length > 0) await setActivity(row, sentences.join("; "), c);
  if (!rested.ok || row.phase !== "frozen") return c.work.enqueue("deletion", row.id, { delayMs: pollMs(row) });
  if (!stop.stopped) await inspectFrozen(row, c);
}

/** Enqueues every deletion that has work to do, so that a lost job cannot lose a deletion; no earlier than it would look by itself. */
export async function sweepDeletions(c: DeletionContext): Promise<void> {
  for (const row of await readLiveDeletions(c.db)) {
    const isProposed = row.phase === "proposed";
    if (isProposed || row.phase === "frozen" || row.until_at === null || row.until_at <= c.now() || row.restore_by !== null)
      await c.work.enqueue("deletion", row.id, { delayMs: isProposed ? lookMs(row, c) : pollMs(row) });
  }
}

/** The step was taken, or is not due: nothing keeps it back any more, and the card says so. */
async function endWait({ id, activity, waiting_for: reason }: DeletionRow, c: DeletionContext): Promise<void> {
  // Only this run would have begun a wait since.
  if (reason === null) return;
  const isOver = await c.db.tx(async (q) => {
    const now = await readDeletion(q, id, true);
    if (now === null || now.waiting_for === null || now.phase === "frozen") return false;
    await updateDeletion(q, id, { ...NO_WAIT, ...(now.activity === activity ? { activity: null } : {}) });
    return true;
  });
  if (isOver) await show(id, c);
}

/** A frozen deletion changes nothing, but it ends when somebody deleted the domain by hand, and says when its project is back. */
async function inspectFrozen(row: DeletionRow, c: DeletionContext): Promise<void> {
  const there = await c.reader.findDomain(row.domain_id);
  if (there.ok && there.value === null && (await endFrozen(row, c))) return;
  const state = await c.evidence.readProjectState(row.project_id);
  if (!state.ok || state.value !== "active") return;
  const way =
    row.frozen_from === "removing" ? "it gets a new domain once this has ended (Look again, Go on)" : "Restore gives it its domain";
  const sentence = `the project ${row.slug} is active again in the CI database: ${way}`;
  if (row.activity === sentence) return;
  await setActivity(row, sentence, c);
  await c.announcer.note(await buildView(row, c), "active again", sentence);
}

async function runPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const open = await settleIntents(row, c);
  if (row.restore_by !== null) return restorePhase(row, open, c);
  const [first] = open;
  if (first !== undefined) return retry(row, first.why, c);
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
  const kept = await endIfKept(row, c);
  if (kept !== null) return kept;
  if (c.isShortRun === true) return leaveToLongRun(row, c);

  const before = await c.reader.readInventory(row.domain_id, row.path);
  if (!before.ok) return onRefusal(row, before.error, c);
  await recordLatestInventory(c.db, row.id, before.value, c.now());
  await show(row.id, c);
  const hourly = describeHourlySnapshots(before.value);
  // Told again each day: a schedule lasts until somebody ends it.
  if (hourly !== null) return retry(row, failure("unavailable", "deletion.hourly_snapshots", hourly), c);
  const notSaved = await saveContents(row, before.value, c);
  if (notSaved !== null) return notSaved;
  const now = await c.reader.readInventory(row.domain_id, row.path, { obstacles: "all", alsoTaken: true });
  if (!now.ok) return onRefusal(row, now.error, c);
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

/** Ends a deletion that nobody has approved, when its domain is protected or its project is back; null: it goes on. */
async function endIfKept(row: DeletionRow, c: DeletionContext): Promise<Next | null> {
  const now = await c.policyNow(c.db);
  const kept = isProtected(row, await c.readOutside(), now);
  if (!kept.ok) return retry(row, kept.error, c);
  if (kept.value) return close(row, "kept", "the domain is protected", c);

  const state = await readProject(row, c);
  if (state.ok && state.value === "closed_again") return close(row, "changed", closedAgain(row), c);
  const isBack = now.scopeIsConfirmed && state.ok && state.value === "active";
  return isBack ? close(row, "came_back", "the project is active again", c) : null;
}

async function proposedPhase(row: DeletionRow, c: DeletionContext): Promise<Next> {
  const clocks = await readClocks(c);
  if (!clocks.ok) return retry(row, clocks.error, c);
  if (row.expires_at !== null && clocks.value.earliest >= row.expires_at) return close(row, "expired", "nobody decided in time", c);
  const kept = await endIfKept(row, c);
  if (kept !== null) return kept;
  const missing = (await readEntries(c.db, { kind: "deletion", id: row.id })).some((e) => e.state !== "verified");
  // Nobody can approve what is not saved; what it holds is compared when that is tried again.
  if (missing && c.isShortRun === true) return leaveToLongRun(row, c);

  const fresh = await c.reader.readInventory(row.domain_id, row.path, { obstacles: "all" });
  if (!fresh.ok) return onRefusal(row, fresh.error, c);
  if (inventoryDigest(fresh.value) !== row.digest) {
    // A list that could not be asked makes things seem gone: it may be there at the next look.
    const unproven = fresh.value.unproven ?? [];
    if (unproven.length > 0)
      return onRefusal(row, guardRefusal("unproven", `it is not proved that all is seen: ${unproven.join("; ")}`), c);
    return close(row, "changed", "what the domain holds has changed; people will be asked again", c);
  }
  await recordLatestInventory(c.db, row.id, fresh.value, c.now());
  const notSaved = missing ? await saveContents(row, fresh.value, c) : null;
  if (notSaved !== null) return notSaved;
  await show(row.id, c);
  const left = row.expires_at === null ? Number.MAX_SAFE_INTEGER : Math.max(1000, row.expires_at - clocks.value.earliest);
  return { kind: "wait", ms: Math.min(lookMs(row, c), left) };
}

/**
 * Saves what a domain holds, where CloudStack bears no other installation's mark; null: it goes on. What people decide ends it. A copy
 * counts as of the time when saving began, by clocks that were compared: whether a volume was saved before its quarantine must not depend
 * on one that jumps.
 *
 * Invariant: INV-3, INV-8.
 */
async function saveContents(row: DeletionRow, inventory: Inventory, c: DeletionContext): Promise<Next | null> {
  const owned = await requireOwner(c);
  if (!owned.ok) return onRefusal(row, owned.error, c);
  const clocks = await readClocks(c);
  if (!clocks.ok) return retry(row, clocks.error, c);
  return (await archiveContents(row, inventory, c, () => show(row.id, c), clocks.value.earliest)) ? null : again;
}

/**
 * A wait that only ends by the clocks, all that are known, and then only with the guard's permission; or as soon as the project no longer
 * stands as people were told. Invariant: INV-3.
 */
async function waitThen(row: DeletionRow, c: DeletionContext, next: "quarantining" | "dismantling"): Promise<Next> {
  const stands = await assessWaiting(row, c);
  if (!stands.ok) return onRefusal(row, stands.error, c);
  const clocks = await readClocks(c);
  if (!clocks.ok) return retry(row, clocks.error, c);
  const byClocks = (row.until_at ?? Number.MAX_SAFE_INTEGER) - clocks.value.earliest;
  const left = Math.max(byClocks, await readWaitLeft(c.db, row.id));
  if (left > 0) return { kind: "wait", ms: Math.min(left + 20, DAY_MS) };

  const passage = await takePassage(row, c);
  if (!passage.ok) return onRefusal(row, passage.error, c);
  if (next === "quarantining") return move(row, { phase: next, until_at: null }, c);
  return enterDismantling(row, passage.value, c);
}

/** Whether the project still stands as people were told. A CI database that cannot be read, or that nobody confirmed, ends no wait. */
async function assessWaiting(row: DeletionRow, c: DeletionContext): Promise<Result<void, Refusal>> {
  const state = await readProject(row, c);
  return state.ok && (await c.policyNow(c.db)).scopeIsConfirmed ? assessProject(row, state.value) : ok(undefined);
}

/** Enters the part that destroys, within the budget, once the archive holds all that is lost. Invariant: INV-8, INV-11. */
async function enterDismantling(row: DeletionRow, { grant, fresh }: Passage, c: DeletionContext): Promise<Next> {
  // The limits frozen into the deletion, or lower ones set since: they count at once.
  const now = await c.policyNow(c.db);
  const perDay = Math.min(row.policy.deletionsPerDay, now.deletionsPerDay);
  const perWeek = Math.min(row.policy.deletionsPerWeek, now.deletionsPerWeek);
  const isUsedUp = async (q: Transaction): Promise<boolean> =>
    (await countEntered(q, c.now() - DAY_MS)) >= perDay || (await countEntered(q, c.now() - 7 * DAY_MS)) >= perWeek;

  // Asked before the archive is read, which may take hours, and again under the lock.
  if (!(await c.db.tx(isUsedUp))) {
    if (takesLong(row, fresh, c)) return leaveToLongRun(row, c);
    const held = await copiesOfAll(row, fresh, c);
    if (!held.ok) return onRefusal(row, held.error, c);
    const entered = await ifUnchanged(row, c, async (q) => {
      if (await isUsedUp(q)) return "used up" as const;
      const at = c.now();
      await updateDeletion(q, row.id, { phase: "dismantling", entered_at: at });
      await recordDeletionEvent(q, row.id, at, "entered dismantling", null);
      const data = { approvers: grant.approvers };
      await recordAudit(q, { at, actor: "twokey", kind: "deletion.dismantling", subject: row.id, data });
      return true;
    });
    if (entered !== "used up") {
      await show(row.id, c);
      return again;
    }
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
  if (machines.length === 0) {
    if (takesLong(row, passage.value.fresh, c)) return leaveToLongRun(row, c);
    const held = await copiesOfAll(row, passage.value.fresh, c);
    if (!held.ok) return onRefusal(row, held.error, c);
    return move(row, { phase: "removing", until_at: null, expunge_after: null }, c);
  }
  const back = machines.filter((i) => !isDestroyed(i));
  // Those that Twokey itself brought to rest are destroyed again; any other is somebody's need.
  if (back.length > 0) {
    const destroyed = await teardown(row, dismantleSteps, c);
    return destroyed.ok ? again : onRefusal(row, destroyed.error, c);
  }
  await setActivity(row, `CloudStack still keeps ${counted(machines.length, "destroyed machine")}; Restore recovers them`, c);
  return { kind: "wait", ms: pollMs(row) };
}

/** The archive's copies of all that a domain holds, read again before a phase that destroys. Errors: those of `requireCopies`. */
function copiesOfAll(row: DeletionRow, fresh: Inventory, c: DeletionContext): ReturnType<typeof requireCopies> {
  return requireCopies(row, fresh.items, fresh, c, (sentence) => setActivity(row, sentence, c));
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
  const said = "CloudStack said that the domain was deleted, and still lists it";
  if (gone.value !== null) return onRefusal(row, failure("contract_broken", "deletion.still_listed", said), c);
  return onRefusal(row, domainGone(row), c);
}

async function restorePhase(row: DeletionRow, open: readonly Unsettled[], c: DeletionContext): Promise<Next> {
  const restored = await restoreContents(row, open, c, (activity) => setActivity(row, activity, c));
  if (!restored.ok && restored.error.code === "cloudstack.domain_gone") return goneWhileGivenBack(row, restored.error, c);
  if (!restored.ok) return retry(row, restored.error, c);
  const because: ClosedBecause = row.closed_because ?? "restored";
  return close(row, because, restored.value, c);
}
