import type { InventoryItem } from "../../core/inventory.ts";
import type { AccountRow, DomainRow } from "../api/wire.ts";

/**
 * What in an inventory would make the deletion fail: one sentence each. A template that cannot be extracted is not one of them: its archive
 * entry says so by itself, and a root administrator's key can extract it anyway (recording 11).
 *
 * Source: facts/cloudstack §2.4, §2.5, §5; recordings 09, 11.
 */
export function obstaclesIn(
  items: readonly InventoryItem[],
  domains: readonly DomainRow[],
  strangers: readonly AccountRow[],
): readonly string[] {
  const listed = new Set(domains.map((d) => d.parentdomainid));
  const hidden = domains.filter((d) => d.haschild === true && !listed.has(d.id));
  const [top] = domains;
  return [
    ...hidden.map((d) => `domain ${d.name} has a child domain that is in no list: it is being deleted, or was left Inactive`),
    // By its path not a neighbour's, and yet in no listed domain. A wrong path can only add an obstacle here.
    ...strangers
      .filter((a) => top !== undefined && a.domainpath?.startsWith(`${top.path}/`) === true)
      .map((a) => `account ${a.name} is in a child domain that is in no list: it is being deleted, or was left Inactive`),
    ...items.flatMap((item) => obstacleOf(item) ?? []),
  ];
}

function obstacleOf(item: InventoryItem): string | null {
  const { kind, name, facts } = item;
  if (kind === "child_domain") return `child domain ${name}: it has to be deleted first, with an approval of its own`;
  if (kind === "cloudstack_project") return `CloudStack project ${name}: its owner has to delete it first`;
  if (kind === "kubernetes_cluster") return `Kubernetes cluster ${name}: it has to be deleted first`;
  if (kind === "backup") return `backup ${name}: backups have to be deleted first`;
  if (kind === "machine" && facts["deleteProtection"] === true) return `machine ${name} is protected from deletion`;
  if (kind === "machine" && facts["backupOfferingId"] !== undefined)
    return `machine ${name} has a backup offering: it has to be removed first`;
  if (kind === "volume" && facts["deleteProtection"] === true) return `volume ${name} is protected from deletion`;
  if (kind === "network" && facts["type"] === "Shared") return `shared network ${name}: its owner has to remove it first`;
  return null;
}
