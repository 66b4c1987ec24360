import { readClocks } from "../../approvals/clocks.ts";
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

/**
 * How long CloudStack may give the bytes of an earlier export of a volume again: it keeps that copy until its link is cleaned up, and asks
 * only whether there is one. Source: `orchestrateExtractVolume` in CloudStack's VolumeApiServiceImpl; `extract.url.expiration.interval` and
 * `extract.url.cleanup.interval`, 4 and 2 hours. Units: milliseconds.
 */
const EXPORT_LIFE_MS = 6 * 3_600_000;

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
  const clocks = await readClocks(c);
  if (!clocks.ok) return clocks;
  const quarantinedAt = (await readEnteredAt(c.db, row.id, "grace")) ?? row.entered_at ?? row.opened_at;
  const watched = interruptible(row, c);

  const isOlder = (e: ArchiveEntryRow): boolean => e.item_kind === "volume" && (e.saved_at ?? 0) < quarantinedAt;
  // An older waiver does not give up what was saved after it.
  const needed = items.flatMap((item) => {
    const entry = entries.get(item.id);
    invariant(entry !== undefined, "an entry that was just made is there");
    return isWaived(entry) && entry.store_key === null ? [] : [{ item, entry }];
  });

  // What must be saved comes first: while it cannot be, nothing else is read again and again.
  for (const { item, entry } of needed) {
    if (isCopy(entry) && !isOlder(entry)) continue;
    if (item.kind === "volume" && clocks.value.earliest - quarantinedAt < EXPORT_LIFE_MS) return tooEarly(item);
    await progress(`saving the ${item.kind} ${item.name} again`);
    if (isCopy(entry)) await takeBackEntry(c.db, entry.id, c.now(), "It was saved before the quarantine, when its machine could write");
    const saved = await saveOne(row, entry, { item, inventory, mayShare: item.kind !== "volume" }, watched);
    if (!saved.ok) return notSaved(item, saved.error);
  }
  for (const { item, entry } of needed) {
    if (!isCopy(entry) || isOlder(entry)) continue;
    await progress(`reading the copy of ${item.kind} ${item.name} in the archive again`);
    const checked = await compareCopy(entry, watched);
    if (!checked.ok) return checked;
  }
  return ok(undefined);
}

function tooEarly({ name }: InventoryItem): Result<never, Failure> {
  const why = "until then CloudStack may give a copy that it made before";
  return fail("unavailable", "archive.too_early", `the volume ${name} is saved again six hours after its account was disabled: ${why}`);
}

function notSaved({ kind, name }: InventoryItem, why: Failure): Result<never, Failure> {
  // CloudStack refused an export, not a step of the deletion.
  const failureKind = why.kind === "rejected" ? "contract_broken" : why.kind;
  return fail(failureKind, "archive.not_saved", `the ${kind} ${name} could not be saved again: ${why.message}`, {
    remedy:
      "Nothing is deleted without a copy. It is saved when CloudStack can export it; " +
      "if it never will, remove it in CloudStack yourself and press Look again.",
  });
}

function isCopy(
  e: ArchiveEntryRow,
): e is ArchiveEntryRow & { readonly store_key: string; readonly sha256: string; readonly bytes: number } {
  return e.state === "verified" && e.store_key !== null && e.sha256 !== null && e.bytes !== null;
}
