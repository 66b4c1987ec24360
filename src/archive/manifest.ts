import type { Instant } from "../core/ids.ts";
import type { InventoryItem } from "../core/inventory.ts";
import type { Saved } from "./save.ts";

/** All that it takes to know what a saved thing is and to register it again. */
export interface Manifest {
  readonly version: 1;
  readonly item: InventoryItem;
  readonly domainPath: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly savedAt: Instant;
  readonly savedFor: { readonly kind: "deletion" | "export"; readonly id: string };
}

/** Writes the manifest of one saved thing. */
export function manifestOf(
  item: InventoryItem,
  domainPath: string,
  saved: Saved,
  savedAt: Instant,
  savedFor: Manifest["savedFor"],
): Manifest {
  return { version: 1, item, domainPath, bytes: saved.bytes, sha256: saved.sha256, savedAt, savedFor };
}
