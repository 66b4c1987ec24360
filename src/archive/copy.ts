import { fail, type Failure } from "../core/failure.ts";
import type { InventoryItem } from "../core/inventory.ts";
import { err, ok, type Result } from "../core/result.ts";
import { readCopiesToShare, shareCopy, takeBackCopy, type CopyToShare } from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import { readInstallation } from "../store/installation.ts";
import { mayChange } from "./kinds.ts";
import { manifestOf, type SavedThing, type SaveContext } from "./entry.ts";
import { createHeadCopy } from "./head-copy.ts";
import type { ArchiveStore } from "./ports.ts";
import { readBack } from "./save.ts";

/** What is known of a copy since it was saved. */
export type KnownCopy = Pick<CopyToShare, "store_key" | "sha256" | "bytes" | "item_kind" | "name">;

/**
 * Reads the stored bytes of a copy and compares them with what was saved.
 *
 * No store is asked for a checksum instead: S3 computes its own when the bytes arrive and keeps it beside them, so it says nothing of
 * the bytes of today, and of an object in parts it has no SHA-256 of the whole. Source: AWS, "Checking object integrity".
 * Errors: `contract_broken` `archive.damaged` for a copy that is missing or is not what was saved; otherwise
 *         `unavailable`, why it could not be read.
 */
export async function compareBytes(copy: KnownCopy, store: Pick<ArchiveStore, "open">): Promise<Result<void, Failure>> {
  const back = await readBack(store, copy.store_key);
  if (back.ok && back.value.sha256 === copy.sha256 && back.value.bytes === copy.bytes) return ok(undefined);
  const thing = `the copy of ${copy.item_kind} ${copy.name} in the archive (key ${copy.store_key})`;
  // Whatever keeps it from being read can end, and CloudStack refused nothing.
  if (!back.ok && back.error.code !== "archive.missing")
    return err({ ...back.error, kind: "unavailable", message: `${thing} cannot be read now: ${back.error.message}` });
  const seen = back.ok ? "is damaged: its bytes are not those that were saved" : "is missing";
  return fail("contract_broken", "archive.damaged", `${thing} ${seen}; it must be saved again before anything is deleted`, {
    remedy: "Find out what happened to the archive. Going on, or asking again, saves the thing again from CloudStack.",
  });
}

/**
 * Checks a copy, and takes back what counts as saved by it when it is missing or damaged.
 *
 * Errors: those of `compareBytes`; `unavailable` `archive.unknown` when the archive lacks our audit log's head, too: its disk may not be
 * mounted, or it is another bucket, and then it says nothing of its copies. Invariant: INV-8.
 */
export async function compareCopy(copy: KnownCopy, c: Omit<SaveContext, "source">): Promise<Result<void, Failure>> {
  const checked = await compareBytes(copy, c.store);
  if (checked.ok || checked.error.code !== "archive.damaged") return checked;
  const head = await createHeadCopy(c.store).read((await readInstallation(c.db)).id);
  if (!head.ok) return head;
  if (head.value === null) return otherArchive(checked.error.message);
  const at = c.now();
  await c.db.tx(async (q) => {
    await takeBackCopy(q, copy.store_key, at, checked.error.message);
    const data = { key: copy.store_key, kind: copy.item_kind, name: copy.name, sha256: copy.sha256, bytes: copy.bytes };
    await recordAudit(q, { at, actor: "twokey", kind: "archive.damaged", subject: copy.store_key, data });
  });
  return checked;
}

function otherArchive(seen: string): Result<never, Failure> {
  const why = "nor does the archive have the copy of the audit log's head: its disk is not mounted, or it is another archive";
  return fail("unavailable", "archive.unknown", `${seen}; ${why}`, {
    remedy:
      "Mount the archive's disk, or correct TWOKEY_ARCHIVE_DIR, or the bucket and the prefix. Until then every copy counts as before.",
  });
}

/**
 * Makes an entry verified by a copy of the same thing that exists already, if the source is unchanged and the bytes are still whole:
 * they are read, not downloaded again. `since`: no older copy will do. False: there is no such copy.
 *
 * Of a thing that may change without a trace only the newest copy will do.
 * Errors: the newest copy that would do cannot be read now: that is no reason to take an older one. Invariant: INV-8.
 */
export async function shareExistingCopy(
  entryId: string,
  thing: SavedThing,
  c: SaveContext,
  since = Number.NEGATIVE_INFINITY,
): Promise<Result<boolean, Failure>> {
  for (const copy of await readCopiesToShare(c.db, thing.item.kind, thing.item.id)) {
    if (!copy.isNewest && mayChange(thing.item)) break;
    if (copy.savedAt < since) continue;
    if (!isUnchanged(copy.item, thing.item)) continue;
    const whole = await compareCopy(copy, c);
    if (!whole.ok && whole.error.code !== "archive.damaged") return whole;
    const manifest = manifestOf(thing, copy, copy.savedAt);
    if (whole.ok && (await shareCopy(c.db, entryId, copy.id, c.now(), manifest))) return ok(true);
  }
  return ok(false);
}

/** Whether CloudStack lists a thing as it did when it was saved: the same id, state and creation, and the same checksum or size. */
export function isUnchanged(saved: InventoryItem, now: InventoryItem): boolean {
  const of = ({ kind, id, state, createdAt, bytes, facts }: InventoryItem) =>
    JSON.stringify([kind, id, state, createdAt, bytes, facts["physicalBytes"] ?? null, facts["checksum"] ?? null]);
  return of(saved) === of(now) && (now.bytes !== null || now.facts["checksum"] !== undefined);
}
