import { exportObstacle, itemsToSave } from "../../archive/kinds.ts";
import { saveEntry } from "../../archive/entry.ts";
import { insertEntry, isSettled, readEntries, updateEntry } from "../../store/archive-entries.ts";
import type { DeletionRow } from "../../store/deletions.ts";
import type { Inventory } from "../../core/inventory.ts";
import type { DeletionContext } from "../context.ts";

/**
 * Saves all that the deletion's policy names and is not saved yet, one after the other; what fails keeps its reason, and blocks approval.
 *
 * Invariant: INV-8. Safe to run again: a verified or waived entry is never touched.
 */
export async function archiveContents(
  row: DeletionRow,
  inventory: Inventory,
  c: DeletionContext,
  progress: () => Promise<void>,
): Promise<void> {
  const owner = { kind: "deletion" as const, id: row.id };
  const items = itemsToSave(inventory, row.policy.archiveKinds);
  for (const item of items)
    await insertEntry(c.db, owner, { id: c.newId(), itemKind: item.kind, itemId: item.id, name: item.name, at: c.now() });
  for (const entry of await readEntries(c.db, owner)) {
    const item = items.find((i) => i.id === entry.item_id);
    if (item === undefined || isSettled(entry)) continue;
    const obstacle = exportObstacle(item, inventory);
    if (obstacle !== null) {
      if (entry.problem === obstacle) continue;
      await updateEntry(c.db, entry.id, c.now(), { state: "failed", problem: obstacle });
      await progress();
      continue;
    }
    // A failed entry stays failed during a retry: its Waive button must not come and go.
    if (entry.state !== "failed") await updateEntry(c.db, entry.id, c.now(), { state: "saving" });
    await progress();
    await saveEntry(entry.id, { item, domainPath: row.path, savedFor: owner }, { ...c, source: c.exports, store: c.archive });
    await progress();
  }
}
