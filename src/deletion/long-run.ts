/**
 * What takes long, reading and saving copies, is done by runs that have slots of their own: else deletions that save for hours would keep
 * one waiting that is to be given back, brought to rest or stopped.
 */
import { itemsToSave } from "../archive/kinds.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Inventory } from "../core/inventory.ts";
import type { DeletionRow } from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";

/** What a deletion says while all slots of long runs are taken. */
export const WAITS_FOR_TURN = "waits for its turn to read and save copies: a few deletions do so at a time";

/** Whether this run is to leave to a long one what must be done before these things go: their copies are read. */
export function takesLong(row: DeletionRow, lost: Pick<Inventory, "items">, c: DeletionContext): boolean {
  return c.isShortRun === true && itemsToSave(lost, row.policy.archiveKinds).length > 0;
}

/** Has a long run do it. */
export function enqueueLong({ id }: Pick<DeletionRow, "id">, c: Pick<DeletionContext, "work">): Promise<void> {
  return c.work.enqueue("deletion", id, { isLong: true });
}

/** Has a long run take a step. The step is kept back until then, by the table of reasons: no destroyed machine expires while it waits. */
export async function leaveStep(row: DeletionRow, c: DeletionContext): Promise<Failure> {
  await enqueueLong(row, c);
  return failure("unavailable", "deletion.takes_long", WAITS_FOR_TURN);
}
