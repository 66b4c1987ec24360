import type { Clock } from "../core/clock.ts";
import { sentenceOf, type Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import type { InventoryItem } from "../core/inventory.ts";
import type { Result } from "../core/result.ts";
import { updateEntry, type EntryOwner } from "../store/archive-entries.ts";
import type { Database, Transaction } from "../store/db.ts";
import type { ArchiveStore, ExportSource } from "./ports.ts";
import { saveItem, type Saved } from "./save.ts";

/** All that it takes to know what a saved thing is and to register it again. */
interface Manifest {
  readonly version: 1;
  readonly item: InventoryItem;
  readonly domainPath: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly savedAt: number;
  readonly savedFor: EntryOwner;
}

/** What is saved, and for whom. */
export type SavedThing = Pick<Manifest, "item" | "domainPath" | "savedFor">;

/** What saving needs. */
export interface SaveContext {
  readonly db: Database;
  readonly source: ExportSource;
  readonly store: ArchiveStore;
  readonly now: Clock;
}

/**
 * Saves one thing and records how that ended: the entry is verified, with its manifest, or failed, with the reason.
 *
 * `whenSaved` runs in the transaction that makes the entry verified. Errors: those of `saveItem`. Invariant: INV-8.
 */
export async function saveEntry(
  entryId: string,
  thing: SavedThing,
  c: SaveContext,
  progress: Parameters<typeof saveItem>[4] = () => undefined,
  whenSaved: (q: Transaction, saved: Saved, at: Instant) => Promise<void> = async () => undefined,
): Promise<Result<Saved, Failure>> {
  const saved = await saveItem(thing.item, entryId, c.source, c.store, progress);
  if (!saved.ok) {
    await updateEntry(c.db, entryId, c.now(), { state: "failed", problem: sentenceOf(saved.error) });
    return saved;
  }
  const at = c.now();
  const manifest = manifestOf(thing, saved.value, at);
  await c.db.tx(async (q) => {
    await updateEntry(q, entryId, at, { state: "verified", ...saved.value, manifest });
    await whenSaved(q, saved.value, at);
  });
  return saved;
}

/** The manifest of a copy; `savedAt` is when its bytes were taken from their source. */
export function manifestOf(thing: SavedThing, { bytes, sha256 }: Pick<Saved, "bytes" | "sha256">, savedAt: number): Manifest {
  return { version: 1, ...thing, bytes, sha256, savedAt };
}
