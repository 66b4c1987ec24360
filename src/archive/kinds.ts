import type { ArchiveKind } from "../core/archive-kinds.ts";
import type { Inventory, InventoryItem } from "../core/inventory.ts";

/** The things of a domain that must be saved before an approval: templates always, other kinds by policy. */
export function itemsToSave(inventory: Pick<Inventory, "items">, kinds: readonly ArchiveKind[]): readonly InventoryItem[] {
  const wanted = new Set<string>(["template", ...kinds]);
  return inventory.items.filter((i) => wanted.has(i.kind));
}

/**
 * Why CloudStack would refuse to export a thing in its present state, as a sentence; null when an export may succeed.
 *
 * Source: facts/cloudstack §5.3; recording 11 (`extractVolume` of a disk on a running machine is a failed job, 530).
 */
export function exportObstacle(item: InventoryItem, inventory: Pick<Inventory, "items">): string | null {
  if (item.kind === "snapshot" && item.state !== "BackedUp")
    return `A snapshot can be exported once it is backed up; it is ${item.state || "in no known state"}`;
  if (item.kind !== "volume" || item.parentId === null) return null;
  const machine = inventory.items.find((i) => i.kind === "machine" && i.id === item.parentId);
  if (machine === undefined || machine.state === "Stopped") return null;
  return `A volume can be exported once it is detached or its machine is stopped; ${machine.name} is ${machine.state}`;
}

/** Whether a thing's bytes may change while CloudStack lists it as before: a volume's do as long as a machine can write to it. */
export function mayChange({ kind }: Pick<InventoryItem, "kind">): boolean {
  return kind === "volume";
}
