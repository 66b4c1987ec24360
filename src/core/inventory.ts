import { digestOf } from "./digest.ts";
import type { AccountId, Digest, DomainId, DomainPath, Instant } from "./ids.ts";

/** The kinds of things a domain can hold; the order is the order in which they are shown. */
export const itemKinds = [
  "child_domain",
  "account",
  "user",
  "cloudstack_project",
  "machine",
  "volume",
  "snapshot",
  "vm_snapshot",
  "template",
  "iso",
  "network",
  "vpc",
  "address",
  "kubernetes_cluster",
  "backup",
] as const;
/** One kind of thing a domain can hold. */
export type ItemKind = (typeof itemKinds)[number];

/** What some servers cannot have: only the configuration may say so, since CloudStack's answers do not (recording 18). */
export const absentKinds = ["kubernetes_cluster", "backup", "shared_file_system"] as const;
/** One of `absentKinds`. */
export type AbsentKind = (typeof absentKinds)[number];

/** One thing found in a domain. `state` and `note` are shown but are not part of the digest: quarantine changes them. */
export interface InventoryItem {
  readonly kind: ItemKind;
  readonly id: string;
  readonly name: string;
  /** Owner's account id, when it has one; for an account its own id. */
  readonly accountId: AccountId | null;
  readonly accountName: string | null;
  /** Bytes, when CloudStack has the number; part of the digest. */
  readonly bytes: number | null;
  readonly state: string;
  readonly createdAt: Instant | null;
  readonly zoneId: string | null;
  /** The machine of a volume, the volume of a snapshot, and so on. */
  readonly parentId: string | null;
  /** Further facts that the archive and the steps need: format, hypervisor, osType, isExtractable, deleteProtection, type… */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

/**
 * What goes with the accounts and the domain, without a call of its own and without a copy. `names` is null where the key may not ask.
 *
 * It is no part of the digest: nothing in it is the work of a machine, and CloudStack itself makes and removes some of it.
 */
export interface AlsoTaken {
  /** One of them in words, such as `key pair`. */
  readonly what: string;
  readonly names: readonly string[] | null;
}

/**
 * All that a domain holds, with child domains and CloudStack projects, sorted by kind and id.
 *
 * Shape: every list was read to its end, and every row belongs to the domain or to one below it.
 */
export interface Inventory {
  readonly domainId: DomainId;
  readonly path: DomainPath;
  readonly items: readonly InventoryItem[];
  /** Why CloudStack would refuse the deletion: shared networks, dedicated resources, delete protection… */
  readonly obstacles: readonly string[];
  /** Why this does not show for certain all that there is; left out when that is proved (`CompleteInventory`), or was never asked. */
  readonly unproven?: readonly string[];
  /** Read once, when the card is made; left out otherwise. */
  readonly alsoTaken?: readonly AlsoTaken[];
  readonly asOf: Instant;
}

/** The digest that approvers approve: of domain, path, and the sorted (kind, id, bytes) of every item. Invariant: INV-9. */
export function inventoryDigest(inventory: Pick<Inventory, "domainId" | "path" | "items">): Digest {
  const items = inventory.items.map((i) => [i.kind, i.id, i.bytes] as const);
  const sorted = items.toSorted((a, b) => (a[0] === b[0] ? compare(a[1], b[1]) : compare(a[0], b[0])));
  return digestOf({ domainId: inventory.domainId, path: inventory.path, items: sorted });
}

/** The items of `fresh` that `approved` does not list. Invariant: INV-9. */
export function appearedSince(approved: Pick<Inventory, "items">, fresh: Pick<Inventory, "items">): readonly InventoryItem[] {
  const listed = new Set(approved.items.map((i) => `${i.kind} ${i.id}`));
  return fresh.items.filter((i) => !listed.has(`${i.kind} ${i.id}`));
}

/** Whether a machine is destroyed: CloudStack keeps it for a while, then expunges it. */
export function isDestroyed({ state }: { readonly state?: string | undefined }): boolean {
  return state === "Destroyed" || state === "Expunging";
}

/** Whether an address is released with its network, and in no other way. Source: `releaseIpAddress` in CloudStack's NetworkServiceImpl. */
export function goesWithNetwork({ isSourceNat, isSystem }: InventoryItem["facts"]): boolean {
  return isSourceNat === true || isSystem === true;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
