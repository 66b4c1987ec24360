import type { Instant } from "../../core/ids.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import { listOf, type ListQuery } from "../api/paging.ts";
import * as wire from "../api/wire.ts";
import { notForDisplay } from "./display.ts";
import { detailsOf, factsOf } from "./item-facts.ts";

/** What the rows of every kind have in common. */
export interface OwnedRow {
  readonly id: string;
  readonly domainid: string;
  readonly account?: string | undefined;
  readonly projectid?: string | undefined;
  readonly zoneid?: string | undefined;
  readonly datastoreid?: string | undefined;
  readonly created?: Instant | undefined;
  readonly name?: string | undefined;
  readonly state?: string | undefined;
}

/** What only the kind knows of an item. */
export type ReadItem = Pick<InventoryItem, "name" | "bytes" | "state" | "parentId" | "createdAt" | "facts">;

/** How the things of one kind are listed, and read off a row. */
export interface ItemList {
  readonly kind: keyof typeof wire.factFields;
  readonly query: ListQuery<OwnedRow>;
  /** Whether a refusal of the list makes the inventory unproven only; that of any other list fails the read. */
  readonly optional: boolean;
  /** By which the list shows what it hides otherwise, to a key that may ask so; null: it hides nothing. */
  readonly otherWay: Hidden | null;
  /** The parameter that names one thing. */
  readonly idParam: string;
  readonly read: (row: OwnedRow) => ReadItem;
}

/** What shows hidden things, and when it is asked: always where no total counts them, else when the totals disagree with the list. */
interface Hidden {
  readonly params: Readonly<Record<string, string>>;
  readonly asked: "always" | "when totals disagree";
  /** Whether it is a display flag, which an administrator can change at any time. */
  readonly isDisplayFlag: boolean;
}

/** Where a kind's row keeps what others keep in `name`, `state` and `created`, and what else it has. */
interface Fields<T> {
  readonly params?: Readonly<Record<string, string>>;
  readonly optional?: boolean;
  readonly otherWay?: Hidden;
  readonly idParam?: string;
  readonly name?: (row: T) => string;
  readonly bytes?: (row: T) => number | undefined;
  readonly state?: (row: T) => string | undefined;
  readonly parent?: (row: T) => string | undefined;
  readonly created?: (row: T) => Instant | undefined;
}

/** Ties a row's type to its schema once, so that lists of different rows fit into one table. */
function define<T extends OwnedRow>(
  kind: ItemList["kind"],
  command: string,
  rows: string,
  row: ListQuery<T>["row"],
  of: Fields<T> = {},
): ItemList {
  const query: ListQuery<T> = {
    ...listOf(command, rows, row, { listall: "true", isrecursive: "true", ...of.params }),
    // A template is listed once for each zone it is in, a snapshot once for each store.
    keyOf: (r) => `${r.id} ${r.zoneid ?? ""} ${r.datastoreid ?? ""}`,
  };
  const read = (r: T): ReadItem => ({
    name: of.name?.(r) ?? r.name ?? r.id,
    bytes: of.bytes?.(r) ?? null,
    state: (of.state ?? ((x) => x.state))(r) ?? "unknown",
    parentId: of.parent?.(r) ?? null,
    createdAt: of.created?.(r) ?? r.created ?? null,
    facts: { ...factsOf(r, Object.keys(wire.factFields[kind])), ...detailsOf(r) },
  });
  return {
    kind,
    query: query as unknown as ListQuery<OwnedRow>,
    optional: of.optional ?? false,
    otherWay: of.otherWay ?? null,
    idParam: of.idParam ?? "id",
    read: read as (row: OwnedRow) => ReadItem,
  };
}

type ImageRow = ReturnType<typeof wire.TemplateRow.parse>;
const image = {
  bytes: (t: ImageRow) => t.physicalsize ?? t.size,
  state: (t: ImageRow) => t.status ?? (t.isready === true ? "ready" : "not ready"),
};
const optional = { optional: true };
const hidden = (flag: keyof typeof notForDisplay, asked: Hidden["asked"] = "when totals disagree") => ({
  otherWay: { params: notForDisplay[flag], asked, isDisplayFlag: true },
});
/** To a root administrator the filter shows the templates of the whole cloud, also those that no store has any more. */
const everyImage = (filter: string) => ({
  otherWay: { params: { [filter]: "all" }, asked: "when totals disagree" as const, isDisplayFlag: false },
});

/**
 * The lists of an inventory, except for domains, accounts and projects, which need more than a row.
 *
 * A volume's or snapshot's bytes are its virtual size, a template's those of its file: they must not change by themselves, since approvers
 * approve them. Source: recordings 05, 09; facts/cloudstack §1.7.
 */
export const itemLists: readonly ItemList[] = [
  define("machine", "listVirtualMachines", "virtualmachine", wire.MachineRow, hidden("machine", "always")),
  define("volume", "listVolumes", "volume", wire.VolumeRow, {
    ...hidden("volume", "always"),
    bytes: (v) => v.size,
    parent: (v) => v.virtualmachineid,
  }),
  define("snapshot", "listSnapshots", "snapshot", wire.SnapshotRow, { bytes: (s) => s.virtualsize, parent: (s) => s.volumeid }),
  define("vm_snapshot", "listVMSnapshot", "vmSnapshot", wire.VmSnapshotRow, {
    ...optional,
    idParam: "vmsnapshotid",
    parent: (s) => s.virtualmachineid,
  }),
  define("template", "listTemplates", "template", wire.TemplateRow, {
    ...image,
    ...everyImage("templatefilter"),
    params: { templatefilter: "self" },
  }),
  define("iso", "listIsos", "iso", wire.TemplateRow, { ...image, ...optional, ...everyImage("isofilter"), params: { isofilter: "self" } }),
  // Only isolated networks of an account are in a total: a hidden layer 2 network is in none.
  define("network", "listNetworks", "network", wire.NetworkRow, { ...hidden("network", "always"), parent: (n) => n.vpcid }),
  define("vpc", "listVPCs", "vpc", wire.VpcRow, { ...optional, ...hidden("other") }),
  define("address", "listPublicIpAddresses", "publicipaddress", wire.AddressRow, {
    ...hidden("other"),
    name: (a) => a.ipaddress,
    parent: (a) => a.associatednetworkid ?? a.vpcid,
    created: (a) => a.allocated,
  }),
  define("kubernetes_cluster", "listKubernetesClusters", "kubernetescluster", wire.KubernetesRow, optional),
  define("backup", "listBackups", "backup", wire.BackupRow, {
    ...optional,
    name: (b) => b.name ?? b.virtualmachinename ?? b.id,
    bytes: (b) => b.size,
    state: (b) => b.status,
    parent: (b) => b.virtualmachineid,
  }),
];
