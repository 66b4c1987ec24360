import { exportObstacle, itemsToSave } from "../../archive/kinds.ts";
import { shareExistingCopy } from "../../archive/copy.ts";
import { saveEntry, type SaveContext } from "../../archive/entry.ts";
import { fail, sentenceOf, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { insertEntry, isSettled, readEntries, updateEntry, type ArchiveEntryRow } from "../../store/archive-entries.ts";
import type { DeletionRow } from "../../store/deletions.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import type { Instant } from "../../core/ids.ts";
import type { DeletionContext } from "../context.ts";
import { interruptible } from "./interruptible.ts";

/**
 * Saves all that the deletion's policy names and is not saved yet, one after the other; what fails keeps its reason, and blocks approval.
 * A copy counts as of `at`, when saving began. False: somebody decided otherwise meanwhile, and the rest is not saved.
 *
 * Invariant: INV-8. Safe to run again: a verified or waived entry is never touched.
 */
export async function archiveContents(
  row: DeletionRow,
  inventory: Inventory,
  c: DeletionContext,
  progress: () => Promise<void>,
  at: Instant | null = null,
): Promise<boolean> {
  const owner = { kind: "deletion" as const, id: row.id };
  const items = itemsToSave(inventory, row.policy.archiveKinds);
  for (const item of items)
    await insertEntry(c.db, owner, { id: c.newId(), itemKind: item.kind, itemId: item.id, name: item.name, at: c.now() });
  const watched = interruptible(row, c);
  const saving = at === null ? watched : { ...watched, now: () => at };
  for (const entry of await readEntries(c.db, owner)) {
    const item = items.find((i) => i.id === entry.item_id);
    if (item === undefined || isSettled(entry)) continue;
    const saved = await saveOne(row, entry, { item, inventory, mayShare: true }, saving, progress);
    if (saved.ok || (await watched.isUnchanged())) continue;
    // It could be saved: that it was not is no reason to waive it.
    await updateEntry(c.db, entry.id, c.now(), { state: "saving" });
    return false;
  }
  return true;
}

/**
 * Saves one thing, or makes a copy of it that exists and is unchanged at the source count for this deletion too (`mayShare`).
 *
 * Errors: why it cannot be exported now, and those of `saveEntry`; each is the entry's problem from then on.
 */
export async function saveOne(
  row: DeletionRow,
  entry: ArchiveEntryRow,
  { item, inventory, mayShare }: { readonly item: InventoryItem; readonly inventory: Inventory; readonly mayShare: boolean },
  c: SaveContext,
  progress: () => Promise<void> = async () => undefined,
): Promise<Result<unknown, Failure>> {
  const obstacle = exportObstacle(item, inventory);
  if (obstacle !== null) {
    if (entry.problem !== obstacle) {
      await updateEntry(c.db, entry.id, c.now(), { state: "failed", problem: obstacle });
      await progress();
    }
    return fail("unavailable", "archive.obstacle", obstacle);
  }

  // A failed entry stays failed during a retry: its Waive button must not come and go.
  if (entry.state !== "failed") await updateEntry(c.db, entry.id, c.now(), { state: "saving" });
  await progress();
  const thing = { item, domainPath: row.path, savedFor: { kind: "deletion", id: row.id } } as const;
  const shared = mayShare ? await shareExistingCopy(entry.id, thing, c) : ok(false);
  if (!shared.ok) await updateEntry(c.db, entry.id, c.now(), { state: "failed", problem: sentenceOf(shared.error) });
  const saved = shared.ok && !shared.value ? await saveEntry(entry.id, thing, c) : shared;
  await progress();
  return saved;
}
