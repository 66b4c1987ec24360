import { unconfirmedScope } from "../approvals/ballot.ts";
import { readClocks } from "../approvals/clocks.ts";
import { grant, type ApprovedDeletion, type GrantQuestion } from "../approvals/grant.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Inventory, InventoryItem } from "../core/inventory.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isBeforeDismantling, type DeletionRow } from "../store/deletions.ts";
import { readApprovedInventory, readLatestInventory } from "../store/inventories.ts";
import type { NeighboursRead } from "../store/neighbours.ts";
import { readStop } from "../store/stop-switch.ts";
import { readVotes } from "../store/ballots.ts";
import type { DeletionContext } from "./context.ts";
import { differenceOf, type Difference } from "./difference.ts";
import { assessNeighbours } from "./neighbours.ts";
import { isListed } from "./protection.ts";
import { requestOf } from "./question.ts";

/** What stands before every step of a deletion: a live grant and a fresh look. */
export interface Passage {
  readonly grant: ApprovedDeletion;
  readonly fresh: Inventory;
}

/** What was seen in the domain and beside it: to be kept and shown, whether the step may go on or not. */
export interface Seen {
  readonly fresh: Inventory;
  /** From the look before; null when nothing differs, or nobody looked before. */
  readonly difference: Difference | null;
  /** Null: something is missing there, or it could not be seen; the next look is compared with the same one again. */
  readonly neighbours: NeighboursRead | null;
}

/** What speaks for a step so far; only the last word is still to be asked for. */
export type Findings = Pick<GrantQuestion, "request" | "approversNow" | "approved" | "fresh">;

/** What an inspection saw, and what it found: enough to ask for the grant, or what keeps the step back. */
export interface Inspection {
  /** Null: it was refused before anybody looked, or nobody could. */
  readonly seen: Seen | null;
  readonly found: Result<Findings, Failure>;
}

/**
 * Looks at all that must hold before a step, or says what keeps it back: stopped, a scope that nobody confirmed, protected, clocks that
 * disagree, project back, approvers unknown, a machine that runs, a neighbour that lost something. It writes and shows nothing.
 *
 * Errors: `refused` `deletion.stopped`, `deletion.outside`, `deletion.protected`, `deletion.came_back`, `deletion.alive`,
 *         `deletion.neighbours`, `deletion.no_quorum`; `unavailable` to be tried again, such as `deletion.clock` and
 *         `deletion.root_unknown`.
 * Invariant: INV-3, INV-4, INV-9.
 */
export async function inspectBeforeStep(row: DeletionRow, c: DeletionContext): Promise<Inspection> {
  const people = await readPeoplesWill(row, c);
  if (!people.ok) return { seen: null, found: people };
  const read = await c.reader.readInventory(row.domain_id, row.path);
  if (!read.ok) return { seen: null, found: read };
  const fresh = read.value;
  const before = await readLatestInventory(c.db, row.id);
  const seen = { fresh, difference: before === null ? null : differenceOf(before, fresh), neighbours: null };
  const alive = fresh.items.filter(isRunning);
  if (alive.length > 0) {
    const sentence = `a machine was started after the approval: ${namesOf(alive)}; somebody needs it`;
    return { seen, found: err(failure("refused", "deletion.alive", sentence)) };
  }
  const neighbours = await assessNeighbours(row, new Set(people.value.approved.items.map((i) => i.id)), c);
  if (!neighbours.ok) return { seen, found: neighbours };
  return { seen: { ...seen, neighbours: neighbours.value }, found: ok({ ...people.value, fresh }) };
}

/**
 * Gives the grant on what an inspection found. The looks took seconds: what people decided meanwhile, stop, limits and votes, counts.
 *
 * Called before every single call that takes away; nothing of it is kept for the next one.
 * Errors: `refused` `deletion.changed`, `deletion.no_quorum`, and those of `inspectBeforeStep` that people decide. Invariant: INV-2, INV-3, INV-4, INV-9.
 */
export async function grantPassage(row: DeletionRow, found: Findings, c: DeletionContext): Promise<Result<Passage, Failure>> {
  const still = await mayGoOn(row, c);
  if (!still.ok) return still;
  const granted = grant({
    ...found,
    votes: await readVotes(c.db, { kind: "deletion", id: row.id }),
    dismantling: !isBeforeDismantling(row.phase),
    now: c.now(),
  });
  if (granted.ok) return ok({ grant: granted.value, fresh: found.fresh });
  const { kind, sentence } = granted.error;
  const appeared = kind === "stale" && granted.error.appeared.length > 0 ? `: ${granted.error.appeared.slice(0, 5).join(", ")}` : "";
  return err(failure("refused", kind === "stale" ? "deletion.changed" : "deletion.no_quorum", `${sentence}${appeared}`));
}

/** What people, the CI database among them, want now: all that can be asked without a look at the domain. */
async function readPeoplesWill(row: DeletionRow, c: DeletionContext): Promise<Result<Omit<Findings, "fresh">, Failure>> {
  const before = await mayGoOn(row, c);
  if (!before.ok) return before;
  const clocks = await readClocks(c);
  if (!clocks.ok) return clocks;
  const state = await c.evidence.readProjectState(row.project_id);
  if (!state.ok) return state;
  const stillGone = row.evidence.kind === "closed" ? state.value === "closed" : state.value === "absent";
  if (!stillGone) return err(failure("refused", "deletion.came_back", `the project ${row.slug} is ${state.value} in the CI database`));
  const approvers = await c.approvers.approversNow();
  if (!approvers.ok) return approvers;
  const request = requestOf(row);
  const approved = await readApprovedInventory(c.db, row.id);
  if (request === null || approved === null) return err(failure("refused", "deletion.no_quorum", "it was never proposed"));
  return ok({ request, approversNow: new Set(approvers.value.map((a) => a.id)), approved });
}

/** Whether neither the stop switch nor a limit of now keeps it back. */
async function mayGoOn(row: DeletionRow, c: DeletionContext): Promise<Result<void, Failure>> {
  const stop = await readStop(c.db);
  if (stop.stopped) return err(failure("refused", "deletion.stopped", `stopped: ${stop.reason}`));
  const now = await c.policyNow(c.db);
  if (!now.scopeIsConfirmed) return err(unconfirmedScope());
  const outside = await c.isProtected(row.domain_id, row.path);
  if (!outside.ok) return outside;
  if (outside.value) return err(failure("refused", "deletion.outside", `${row.path} is not below the managed root`));
  return isListed(row, now) ? err(failure("refused", "deletion.protected", `${row.path} is protected by the policy`)) : ok(undefined);
}

/** Whether a machine runs, or is about to. */
export function isRunning(item: InventoryItem): boolean {
  return item.kind === "machine" && ["Running", "Starting", "Migrating"].includes(item.state);
}

function namesOf(items: readonly InventoryItem[]): string {
  return items
    .slice(0, 5)
    .map((i) => i.name)
    .join(", ");
}
