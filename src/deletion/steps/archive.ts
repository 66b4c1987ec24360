import { exportObstacle, itemsToSave } from "../../archive/kinds.ts";
import { saveItem } from "../../archive/save.ts";
import { manifestOf } from "../../archive/manifest.ts";
import { insertEntry, isSettled, readEntries, updateEntry } from "../../store/archive-entries.ts";
import type { DeletionRow } from "../../store/deletions.ts";
import type { Inventory } from "../../core/inventory.ts";
import type { DeletionContext } from "../context.ts";

/**
 * Saves all that the deletion's policy names and is not saved yet, one after the other; what fails stays failed with its reason, and keeps
 * the buttons away.
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
    if (obstacle !== null && entry.problem === obstacle) continue;
    if (obstacle !== null) {
      await updateEntry(c.db, entry.id, c.now(), { state: "failed", problem: obstacle });
      await progress();
      continue;
    }
    // What failed stays so while it is tried again: its Waive button must not come and go.
    if (entry.state !== "failed") await updateEntry(c.db, entry.id, c.now(), { state: "saving" });
    await progress();
    const saved = await saveItem(item, entry.id, c.exports, c.archive, () => undefined);
    if (!saved.ok) await updateEntry(c.db, entry.id, c.now(), { state: "failed", problem: saved.error.message });
    else
      await updateEntry(c.db, entry.id, c.now(), {
        state: "verified",
        ...saved.value,
        manifest: manifestOf(item, row.path, saved.value, c.now(), owner),
      });
    await progress();
  }
}
