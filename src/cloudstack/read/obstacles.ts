import { goesWithNetwork, type InventoryItem, type ItemKind } from "../../core/inventory.ts";
import type { AccountRow, DomainRow } from "../api/wire.ts";

/**
 * What in an inventory would make the deletion fail: one sentence each. A template that cannot be extracted is not one of them: its archive
 * entry says so by itself, and a root administrator's key can extract it anyway (recording 11).
 *
 * Source: facts/cloudstack §2.4, §2.5, §5; recordings 09, 11, 24.
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
    ...items.flatMap((item) => OBSTACLES[item.kind](item) ?? []),
  ];
}

/** A step takes it, or it goes with what a step takes. */
const taken = (): null => null;

/** Templates of these types are CloudStack's own, whoever's account they are in. */
const OWN_TEMPLATES: ReadonlySet<unknown> = new Set(["SYSTEM", "BUILTIN", "ROUTING", "PERHOST"]);

/** Why a thing of a kind cannot be taken, or null. `test/deletion/nothing-left.test.ts` runs it against the steps. */
const OBSTACLES: Readonly<Record<ItemKind, (item: InventoryItem) => string | null>> = {
  child_domain: ({ name }) => `child domain ${name}: it has to be deleted first, with an approval of its own`,
  account: taken,
  user: taken,
  cloudstack_project: ({ name }) => `CloudStack project ${name}: its owner has to delete it first`,
  machine: obstacleOfMachine,
  volume: ({ name, facts }) => (facts["deleteProtection"] === true ? `volume ${name} is protected from deletion` : null),
  snapshot: taken,
  vm_snapshot: taken,
  template: obstacleOfImage,
  iso: obstacleOfImage,
  network: ({ name, facts }) => (facts["type"] === "Shared" ? `shared network ${name}: its owner has to remove it first` : null),
  vpc: ({ name }) => `VPC ${name}: it has to be deleted first, with its networks and gateways`,
  address: taken,
  kubernetes_cluster: ({ name }) => `Kubernetes cluster ${name}: it has to be deleted first`,
  backup: ({ name }) => `backup ${name}: backups have to be deleted first`,
};

/** Source: `destroyVirtualMachine` in CloudStack 4.22, UserVmManagerImpl, refuses each of these; recordings 11, 24. */
function obstacleOfMachine({ name, facts }: InventoryItem): string | null {
  if (facts["deleteProtection"] === true) return `machine ${name} is protected from deletion`;
  if (facts["backupOfferingId"] !== undefined) return `machine ${name} has a backup offering: it has to be removed first`;
  const group = facts["autoscaleGroup"];
  if (group !== undefined) return `machine ${name} is in the autoscale group ${String(group)}: the group has to be deleted first`;
  return String(facts["machineType"]).toLowerCase() === "sharedfsvm"
    ? `machine ${name} serves a shared file system: that has to be deleted first`
    : null;
}

function obstacleOfImage({ kind, name, facts }: InventoryItem): string | null {
  const type = facts["templateType"];
  return OWN_TEMPLATES.has(type) ? `${kind} ${name} is one of CloudStack's own (${String(type)}): give it to another account first` : null;
}

/**
 * What shows that lists leave something out: a thing of an account that is in no list, or one that goes with a machine or network that is
 * in none. `counted`: the accounts with totals. A shared network belongs to a domain, and is an obstacle anyway.
 */
export function looseEnds(items: readonly InventoryItem[], counted: ReadonlySet<string>): readonly string[] {
  const ids = new Set(items.map((i) => i.id));
  return items.flatMap(({ kind, name, accountId, accountName, parentId, facts }) => {
    const isOwned = !["child_domain", "cloudstack_project", "account", "user"].includes(kind);
    const isLoose = isOwned && !counted.has(accountId ?? "") && facts["projectId"] === undefined && facts["type"] !== "Shared";
    if (isLoose) return [`${kind} ${name} belongs to ${accountName ?? "an account without a name"}, which is in no list`];
    if (kind === "volume" && parentId !== null && !ids.has(parentId)) return [`volume ${name} is attached to a machine that is in no list`];
    return kind === "address" && goesWithNetwork(facts) && !ids.has(parentId ?? "")
      ? [`address ${name} is the network's own, and that network is in no list`]
      : [];
  });
}
