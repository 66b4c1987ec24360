import { unconfirmedScope } from "../approvals/ballot.ts";
import { readClocks } from "../approvals/clocks.ts";
import { grant, type ApprovedDeletion, type GrantQuestion } from "../approvals/grant.ts";
import { isComplete, type CompleteInventory } from "../core/complete-inventory.ts";
import type { Failure } from "../core/failure.ts";
import type { Inventory } from "../core/inventory.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isBeforeDismantling, type DeletionRow } from "../store/deletions.ts";
import { sentFor } from "../store/intents.ts";
import { readLatestInventory } from "../store/inventories.ts";
import type { NeighboursRead } from "../store/neighbours.ts";
import { readStop } from "../store/stop-switch.ts";
import { readVotes } from "../store/ballots.ts";
import { isRunning } from "./build-view.ts";
import type { Further, RunningJob } from "./cloud.ts";
import type { DeletionContext } from "./context.ts";
import { differenceOf, type Difference } from "./difference.ts";
import { assessNeighbours } from "./neighbours.ts";
import { isListed } from "./protection.ts";
import { readApproved, type Approved } from "./go-on.ts";
import { assessProject, readProject } from "./question.ts";
import { refusalOf, refuse, type Refusal } from "./reasons.ts";

/** What every step of a deletion needs: a grant and a fresh inventory. */
export interface Passage {
  readonly grant: ApprovedDeletion;
  readonly fresh: CompleteInventory;
}

/** What was read of the domain and its neighbours: stored and shown, whether the step is permitted or not. */
export interface Seen {
  readonly fresh: Inventory;
  /** From the inventory before; null when nothing differs, or there is none. */
  readonly difference: Difference | null;
  /** Null: something is missing there, or they could not be read; the next read is compared with the same one again. */
  readonly neighbours: NeighboursRead | null;
}

/** What permits a step so far; only the grant is missing. */
export type Findings = Pick<GrantQuestion, "approversNow" | "fresh"> & Approved;

/** What an inspection read, and what it found: what the grant needs, or why the step is refused. */
export interface Inspection {
  /** Null: it was refused before the domain was read, or the domain could not be read. */
  readonly seen: Seen | null;
  readonly found: Result<Findings, Refusal>;
}

/**
 * Reads all that must hold before a step, or says why it is refused: stopped, a scope that nobody confirmed, another owner, protected,
 * clocks that disagree, project back, approvers unknown, in the quarantine a job that a user began before, a machine that runs, an account
 * that is enabled, a neighbour that lost something.
 * It writes and shows nothing, but stops everything where another owner is found.
 *
 * Errors: `refused` `deletion.stopped`, `deletion.outside`, `deletion.protected`, `deletion.came_back`, `deletion.alive`,
 *         `deletion.enabled`, `deletion.neighbours`, `deletion.no_quorum`; `unavailable` to be retried, such as `deletion.clock`,
 *         `deletion.root_unknown` and `deletion.unproven`: a second witness disagrees, and may follow in a minute.
 * Invariant: INV-3, INV-4, INV-9.
 */
export async function inspectBeforeStep(row: DeletionRow, c: DeletionContext): Promise<Inspection> {
  const people = await readDecisions(row, c);
  if (!people.ok) return { seen: null, found: people };
  const around = await c.reader.readNeighbours(row.domain_id);
  if (!around.ok) return { seen: null, found: refused(around) };
  const before = await readLatestInventory(c.db, row.id);
  // Before the lists: what a job made that ended in between is in them. And before the quarantine: it must be able to see their end.
  const allAreDisabled = before !== null && (await isEachDisabled(row, before, c));
  const jobs = allAreDisabled || row.phase === "cooling_off" ? await c.reader.readRunningJobs(row.domain_id) : ok([]);
  if (!jobs.ok) return { seen: null, found: refused(jobs) };
  const read = await c.reader.readInventory(row.domain_id, row.path, {
    domains: around.value.domains,
    ...askedAlso(row.phase),
  });
  if (!read.ok) return { seen: null, found: refused(read) };
  const fresh = read.value;

  const seen = { fresh, difference: before === null ? null : differenceOf(before, fresh), neighbours: null };
  const unfinished = describeUnfinished(allAreDisabled ? jobs.value : [], fresh);
  if (unfinished !== null) return { seen, found: refuse("job_running", unfinished) };

  const alive = fresh.items.filter(isRunning);
  if (alive.length > 0) {
    const names = alive.slice(0, 5).map((i) => i.name);
    const sentence = `a machine was started after the approval: ${names.join(", ")}; somebody needs it`;
    return { seen, found: refuse("alive", sentence) };
  }

  const enabled = isQuarantined(row.phase) ? fresh.items.filter((i) => i.kind === "account" && i.state !== "disabled") : [];
  if (enabled.length > 0) {
    const names = enabled.slice(0, 5).map((i) => `${i.name} (${i.state})`);
    return { seen, found: refuse("enabled", `an account is no longer disabled: ${names.join(", ")}; somebody needs it`) };
  }

  // Nobody approves while there is an obstacle: what was one when the question was made, and is one again, is new.
  if (fresh.obstacles.length > 0) {
    const sentence = `CloudStack would refuse the end of it: ${fresh.obstacles.slice(0, 5).join("; ")}; that was not so when it was approved`;
    return { seen, found: refuse("changed", sentence) };
  }

  if (!isComplete(fresh)) {
    const why = fresh.unproven?.join("; ") ?? "nobody compared the lists with CloudStack's totals";
    return { seen, found: refuse("unproven", `it is not proved that all is seen: ${why}`) };
  }

  const neighbours = await assessNeighbours(row, around.value, new Set(people.value.approved.items.map((i) => i.id)), c);
  if (!neighbours.ok) return { seen, found: refused(neighbours) };
  return { seen: { ...seen, neighbours: neighbours.value }, found: ok({ ...people.value, fresh }) };
}

/**
 * What is asked beside the lists of things: the last time before everybody is shut out whether a group keeps machines alive, and then,
 * while nothing is lost yet, whether others use its templates, which they may begin at any time.
 */
function askedAlso(phase: DeletionRow["phase"]): Pick<Further, "obstacles"> {
  if (phase === "cooling_off") return { obstacles: "groups" };
  return phase === "grace" || phase === "expunging" ? { obstacles: "users" } : {};
}

/** Whether the quarantine has come to each account, so that no user can begin a job any more. */
async function isEachDisabled(row: DeletionRow, before: Inventory, c: DeletionContext): Promise<boolean> {
  if (row.phase !== "quarantining") return false;
  const sent = await sentFor(c.db, { kind: "deletion", id: row.id }, "quarantine");
  return before.items.every((i) => i.kind !== "account" || i.state === "disabled" || sent.has(i.id));
}

/**
 * The jobs of accounts that are disabled, in a sentence; null: none runs. CloudStack finishes a snapshot or a template that a user began
 * before (recording 23), so what the domain holds is not known until then. An enabled account may begin others: it is disabled first.
 */
export function describeUnfinished(jobs: readonly RunningJob[], fresh: Inventory): string | null {
  const disabled = new Map(fresh.items.flatMap((i) => (i.kind === "account" && i.state === "disabled" ? [[i.id, i.name]] : [])));
  const running = jobs.flatMap((job) => (disabled.has(job.accountId) ? [`${job.command} of ${disabled.get(job.accountId)}`] : []));
  if (running.length === 0) return null;
  const some = running.toSorted().slice(0, 5).join(", ");
  return `waits for ${running.length === 1 ? "a job" : `${running.length} jobs`} begun before the quarantine, which CloudStack still finishes: ${some}`;
}

/** Whether every account was disabled when the phase began, so that nobody can have changed anything since. */
function isQuarantined(phase: DeletionRow["phase"]): boolean {
  return !isBeforeDismantling(phase) || phase === "grace";
}

/**
 * Makes the grant from what an inspection found. The reads took seconds: what people decided since then, stop, limits and votes, counts.
 *
 * Called before every single call that removes something; nothing of it is kept for the next one.
 * Errors: `refused` `deletion.changed`, `deletion.no_quorum`, and those of `inspectBeforeStep` that people decide. Invariant: INV-2, INV-3, INV-4, INV-9.
 */
export async function grantPassage(row: DeletionRow, found: Findings, c: DeletionContext): Promise<Result<Passage, Refusal>> {
  const still = await mayGoOn(row, c);
  if (!still.ok) return still;
  const granted = grant({
    ...found,
    votes: await readVotes(c.db, found.ref),
    dismantling: !isBeforeDismantling(row.phase),
    seen: { phase: row.phase, version: row.version, lease: row.lease },
    now: c.now(),
  });
  if (granted.ok) return ok({ grant: granted.value, fresh: found.fresh });
  const { kind, sentence } = granted.error;
  const appeared = kind === "stale" && granted.error.appeared.length > 0 ? `: ${granted.error.appeared.slice(0, 5).join(", ")}` : "";
  return refuse(kind === "stale" ? "changed" : "no_quorum", `${sentence}${appeared}`);
}

/** What people and the CI database say now: all that is known without reading the domain. */
async function readDecisions(row: DeletionRow, c: DeletionContext): Promise<Result<Omit<Findings, "fresh">, Refusal>> {
  const before = await mayGoOn(row, c);
  if (!before.ok) return before;
  const owned = await requireOwner(c);
  if (!owned.ok) return owned;
  const clocks = await readClocks(c);
  if (!clocks.ok) return refused(clocks);
  const approved = await readApproved(row, c.db);
  if (approved === null) return refuse("no_quorum", "it was never proposed");
  const { accepted } = approved;
  const state = await readProject(row, c, accepted?.reason === "closed_again" ? accepted : null);
  if (!state.ok) return refused(state);
  const stands = assessProject(row, state.value, accepted?.reason);
  if (!stands.ok) return stands;

  const votes = await readVotes(c.db, approved.ref);
  const approvers = await c.approvers.approversNow(votes.map((v) => v.voter));
  if (!approvers.ok) return refused(approvers);
  return ok({ ...approved, approversNow: new Set(approvers.value.map((a) => a.id)) });
}

/** Errors: `refused` `deletion.stopped`: what is there belongs to another installation, or to a newer database; `unavailable`. */
export async function requireOwner({ ownership }: Pick<DeletionContext, "ownership">): Promise<Result<void, Refusal>> {
  const owned = await ownership.verify();
  if (owned.ok) return owned;
  return owned.error.kind === "refused" ? refuse("stopped", `stopped: ${owned.error.message}`) : refused(owned);
}

/** Errors: `refused` by the stop switch, or by the policy in force. */
async function mayGoOn(row: DeletionRow, c: DeletionContext): Promise<Result<void, Refusal>> {
  const stop = await readStop(c.db);
  if (stop.stopped) return refuse("stopped", `stopped: ${stop.reason}`);
  const now = await c.policyNow(c.db);
  if (!now.scopeIsConfirmed) return err(refusalOf(unconfirmedScope()));
  const outside = await c.readOutside();
  if (!outside.ok) return refused(outside);
  if (outside.value(row.domain_id, row.path)) return refuse("outside", `${row.path} is not below the managed root`);
  return isListed(row, now) ? refuse("protected", `${row.path} is protected by the policy`) : ok(undefined);
}

function refused(failed: { readonly error: Failure }): Result<never, Refusal> {
  return err(refusalOf(failed.error));
}
