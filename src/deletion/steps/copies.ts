import { compareCopy } from "../../archive/copy.ts";
import { itemsToSave } from "../../archive/kinds.ts";
import { fail, invariant, type Failure } from "../../core/failure.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { insertEntry, isWaived, readEntries, takeBackEntry, type ArchiveEntryRow } from "../../store/archive-entries.ts";
import { readEnteredAt, type DeletionRow } from "../../store/deletions.ts";
import type { DeletionContext } from "../context.ts";
import { saveOne } from "./archive.ts";
import { interruptible } from "./interruptible.ts";

/** What is lost for good with a thing: itself, and with a machine the disk that CloudStack expunges along. */
export function lostWith(item: InventoryItem, { items }: Pick<Inventory, "items">): readonly InventoryItem[] {
  if (item.kind !== "machine") return [item];
  return items.filter((i) => i.kind === "volume" && i.parentId === item.id && i.facts["type"] !== "DATADISK");
}

/**
 * Proves that the archive holds now what is about to be lost: the stored bytes of each thing are read and compared with what was saved.
 * What counts as saved no longer is saved again, while CloudStack still has it: a copy found damaged earlier, and a volume whose copy is
 * older than its quarantine, since until then its machine could write to it.
 *
 * Errors: `contract_broken` `archive.damaged` for a copy that is missing or damaged, and `archive.not_saved` for what cannot be saved again;
 *         `unavailable` to be tried again. Invariant: INV-8.
 */
export async function requireCopies(
  row: DeletionRow,
  lost: readonly InventoryItem[],
  inventory: Inventory,
  c: DeletionContext,
  progress: (sentence: string) => Promise<void> = async () => undefined,
): Promise<Result<void, Failure>> {
  const items = itemsToSave({ items: lost }, row.policy.archiveKinds);
  if (items.length === 0) return ok(undefined);
  const owner = { kind: "deletion" as const, id: row.id };
  for (const i of items) await insertEntry(c.db, owner, { id: c.newId(), itemKind: i.kind, itemId: i.id, name: i.name, at: c.now() });
  const entries = new Map((await readEntries(c.db, owner)).map((e) => [e.item_id, e]));
  const quarantinedAt = (await readEnteredAt(c.db, row.id, "grace")) ?? Number.MAX_SAFE_INTEGER;
  const watched = interruptible(row, c);

  for (const [n, item] of items.entries()) {
    const entry = entries.get(item.id);
    invariant(entry !== undefined, "an entry that was just made is there");
    // An older waiver does not give up what was saved after it.
    if (isWaived(entry) && entry.store_key === null) continue;
    await progress(`reading the archive again: ${item.kind} ${item.name}, ${n + 1} of ${items.length}`);
    const isOlder = item.kind === "volume" && (entry.saved_at ?? 0) < quarantinedAt;
    if (isCopy(entry) && !isOlder) {
      const checked = await compareCopy(entry, watched);
      if (!checked.ok) return checked;
      continue;
    }

    if (isCopy(entry))
      await takeBackEntry(c.db, entry.id, c.now(), "It was saved before the quarantine, when it could still be written to");
    const saved = await saveOne(row, entry, { item, inventory, mayShare: item.kind !== "volume" }, watched);
    if (saved.ok) continue;
    const kind = saved.error.kind === "rejected" ? "contract_broken" : saved.error.kind;
    return fail(kind, "archive.not_saved", `the ${item.kind} ${item.name} could not be saved again: ${saved.error.message}`, {
      remedy: "Nothing is deleted without a copy. It is saved when CloudStack can export it.",
    });
  }
  return ok(undefined);
}

function isCopy(
  e: ArchiveEntryRow,
): e is ArchiveEntryRow & { readonly store_key: string; readonly sha256: string; readonly bytes: number } {
  return e.state === "verified" && e.store_key !== null && e.sha256 !== null && e.bytes !== null;
}
