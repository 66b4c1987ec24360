import type { Inventory } from "../core/inventory.ts";

/** An hourly schedule that made nothing for so long is gone. Units: milliseconds. */
const QUIET_MS = 2 * 3_600_000;

/**
 * The volumes whose contents change faster than people can decide: CloudStack makes a snapshot of each every hour, until the account is
 * disabled. Null: there are none. Daily and rarer ones leave time for two votes and a cool-off.
 *
 * Only the snapshots tell: `listSnapshotPolicies` lists no schedule, though there is one. Source: recording 25.
 */
export function describeHourlySnapshots({ items, asOf }: Inventory): string | null {
  const recent = items.filter(
    (i) => i.kind === "snapshot" && i.facts["intervalType"] === "HOURLY" && i.createdAt !== null && asOf - i.createdAt < QUIET_MS,
  );
  const names = new Set(recent.map((s) => items.find((i) => i.id === s.parentId)?.name ?? `of snapshot ${s.name}`));
  if (names.size === 0) return null;
  const volumes = `volume${names.size === 1 ? "" : "s"} ${[...names].slice(0, 5).join(", ")}`;
  return `CloudStack makes a snapshot every hour of ${volumes}: delete the snapshot schedule; people are asked once none was made for two hours`;
}
