import { unconfirmedScope } from "../approvals/ballot.ts";
import { readClocks } from "../approvals/clocks.ts";
import { grant, type ApprovedDeletion } from "../approvals/grant.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isBeforeDismantling, type DeletionRow } from "../store/deletions.ts";
import { readApprovedInventory } from "../store/inventories.ts";
import { readStop } from "../store/stop-switch.ts";
import { readVotes } from "../store/ballots.ts";
import type { Inventory, InventoryItem } from "../core/inventory.ts";

import type { DeletionContext } from "./context.ts";
import { recordObservation } from "./difference.ts";
import { assessNeighbours } from "./neighbours.ts";
import { isListed } from "./protection.ts";
import { requestOf } from "./question.ts";

/** What stands before every step of a deletion: a live grant and a fresh look. */
export interface Passage {
  readonly grant: ApprovedDeletion;
  readonly fresh: Inventory;
}

/**
 * Lets a step through, or says what keeps it: stopped, a scope that nobody confirmed, protected, clocks that disagree, project back,
 * a machine that runs, a neighbour that lost something, approvers gone, votes withdrawn, something that appeared. Its look shows what the
 * step before came to.
 *
 * Called before every single call that takes away; nothing of it is kept for the next one.
 * Errors: `refused` `deletion.stopped`, `deletion.outside`, `deletion.protected`, `deletion.came_back`, `deletion.alive`,
 *         `deletion.neighbours`, `deletion.changed`, `deletion.no_quorum`; `unavailable` to be tried again, such as `deletion.clock`
 *         and `deletion.root_unknown`.
 * Invariant: INV-2, INV-3, INV-4, INV-9.
 */
export async function readPassage(row: DeletionRow, c: DeletionContext): Promise<Result<Passage, Failure>> {
  const stop = await readStop(c.db);
  if (stop.stopped) return err(failure("refused", "deletion.stopped", `stopped: ${stop.reason}`));
  const before = await stayWithinLimits(row, c);
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
  const fresh = await c.reader.readInventory(row.domain_id, row.path);
  if (!fresh.ok) return fresh;
  await recordObservation(row, fresh.value, c);
  const alive = fresh.value.items.filter(isRunning);
  if (alive.length > 0)
    return err(failure("refused", "deletion.alive", `a machine was started after the approval: ${namesOf(alive)}; somebody needs it`));
  const neighbours = await assessNeighbours(row, new Set(approved.items.map((i) => i.id)), c);
  if (!neighbours.ok) return neighbours;
  // Those reads take seconds; what people decided meanwhile counts.
  const still = await stayWithinLimits(row, c);
  if (!still.ok) return still;
  const granted = grant({
    request,
    votes: await readVotes(c.db, { kind: "deletion", id: row.id }),
    approversNow: new Set(approvers.value.map((a) => a.id)),
    approved,
    fresh: fresh.value,
    dismantling: !isBeforeDismantling(row.phase),
    now: c.now(),
  });
  if (granted.ok) return ok({ grant: granted.value, fresh: fresh.value });
  const { kind, sentence } = granted.error;
  const appeared = kind === "stale" && granted.error.appeared.length > 0 ? `: ${granted.error.appeared.slice(0, 5).join(", ")}` : "";
  return err(failure("refused", kind === "stale" ? "deletion.changed" : "deletion.no_quorum", `${sentence}${appeared}`));
}

async function stayWithinLimits(row: DeletionRow, c: DeletionContext): Promise<Result<void, Failure>> {
  const limits = await c.limits(c.db);
  if (!limits.scopeIsConfirmed) return err(unconfirmedScope());
  const outside = await c.isProtected(row.domain_id, row.path);
  if (!outside.ok) return outside;
  if (outside.value) return err(failure("refused", "deletion.outside", `${row.path} is not below the managed root`));
  return isListed(row, limits) ? err(failure("refused", "deletion.protected", `${row.path} is protected by the policy`)) : ok(undefined);
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
