import type { ItemKind } from "../../core/inventory.ts";
import * as wire from "../api/wire.ts";
import type { ListQuery } from "../api/paging.ts";
import { detailsOf, factsOf, type Facts } from "./item-facts.ts";

/** What the rows of every kind have in common. */
export interface OwnedRow {
  readonly id: string;
  readonly domainid: string;
  readonly account?: string | undefined;
  readonly projectid?: string | undefined;
  readonly zoneid?: string | undefined;
  readonly datastoreid?: string | undefined;
  readonly created?: number | undefined;
}

/** How the things of one kind are listed, and read off a row. */
export interface ItemList {
  readonly kind: ItemKind;
  readonly query: ListQuery<OwnedRow>;
  /** Commands that a server offers only with a plug-in are asked for first. */
  readonly optional: boolean;
  readonly read: (row: OwnedRow) => ReadItem;
}

/** What only the kind knows of an item. */
export interface ReadItem {
  readonly name: string;
  readonly bytes: number | null;
  readonly state: string;
  readonly parentId: string | null;
  readonly createdAt: number | null;
  readonly facts: Facts;
}

interface Definition<T extends OwnedRow> {
  readonly kind: ItemKind;
  readonly command: string;
  readonly rows: string;
  readonly row: Parameters<typeof wire.fit<T>>[0];
  readonly params?: Readonly<Record<string, string>>;
  readonly optional?: boolean;
  readonly name: (row: T) => string;
  readonly bytes?: (row: T) => number | undefined;
  readonly state: (row: T) => string | undefined;
  readonly parent?: (row: T) => string | undefined;
  readonly created?: (row: T) => number | undefined;
  readonly facts: readonly (keyof T & string)[];
}

/** Ties a definition's row type to its schema once, so that the lists can stand side by side. */
function define<T extends OwnedRow>(d: Definition<T>): ItemList {
  const query: ListQuery<T> = {
    command: d.command,
    params: { listall: "true", isrecursive: "true", ...d.params },
    rows: d.rows,
    row: d.row,
    // A template is listed once for each zone it is in, a snapshot once for each store.
    keyOf: (row) => `${row.id} ${row.zoneid ?? ""} ${row.datastoreid ?? ""}`,
  };
  const read = (row: T): ReadItem => ({
    name: d.name(row),
    bytes: d.bytes?.(row) ?? null,
    state: d.state(row) ?? "unknown",
    parentId: d.parent?.(row) ?? null,
    createdAt: d.created?.(row) ?? row.created ?? null,
    facts: { ...factsOf(row, d.facts), ...detailsOf(row) },
  });
  return {
    kind: d.kind,
    query: query as unknown as ListQuery<OwnedRow>,
    optional: d.optional ?? false,
    read: read as (row: OwnedRow) => ReadItem,
  };
}

/** Enough to make a machine like it again. */
const MACHINE_FACTS = [
  "displayname",
  "hypervisor",
  "templateid",
  "templatename",
  "serviceofferingid",
  "serviceofferingname",
  "cpunumber",
  "memory",
  "ostypeid",
  "osdisplayname",
  "deleteprotection",
  "backupofferingid",
] as const;
const TEMPLATE_FACTS = [
  "displaytext",
  "format",
  "hypervisor",
  "ostypeid",
  "ostypename",
  "templatetype",
  "isready",
  "isextractable",
  "ispublic",
  "isfeatured",
  "size",
  "physicalsize",
  "checksum",
  "arch",
  "bits",
  "passwordenabled",
  "sshkeyenabled",
  "isdynamicallyscalable",
  "requireshvm",
  "deployasis",
  "directdownload",
  "bootable",
] as const;

/**
 * The lists of an inventory, but for domains, accounts and projects, which need more than a row.
 *
 * A volume's or snapshot's bytes are its virtual size, a template's those of its file: they must not change by themselves, since approvers
 * approve them. Source: recordings 05, 09; facts/cloudstack §1.7.
 */
export const itemLists: readonly ItemList[] = [
  define({
    kind: "machine",
    command: "listVirtualMachines",
    rows: "virtualmachine",
    row: wire.MachineRow,
    name: (m) => m.name,
    state: (m) => m.state,
    parent: () => undefined,
    facts: MACHINE_FACTS,
  }),
  define({
    kind: "volume",
    command: "listVolumes",
    rows: "volume",
    row: wire.VolumeRow,
    name: (v) => v.name,
    bytes: (v) => v.size,
    state: (v) => v.state,
    parent: (v) => v.virtualmachineid,
    facts: ["type", "vmname", "isextractable", "deleteprotection", "hypervisor", "diskofferingid"],
  }),
  define({
    kind: "snapshot",
    command: "listSnapshots",
    rows: "snapshot",
    row: wire.SnapshotRow,
    name: (s) => s.name,
    bytes: (s) => s.virtualsize,
    state: (s) => s.state,
    parent: (s) => s.volumeid,
    facts: ["physicalsize", "volumetype", "intervaltype"],
  }),
  define({
    kind: "vm_snapshot",
    command: "listVMSnapshot",
    rows: "vmSnapshot",
    row: wire.VmSnapshotRow,
    optional: true,
    name: (s) => s.name,
    state: (s) => s.state,
    parent: (s) => s.virtualmachineid,
    facts: ["type"],
  }),
  define({
    kind: "template",
    command: "listTemplates",
    rows: "template",
    row: wire.TemplateRow,
    params: { templatefilter: "self" },
    name: (t) => t.name,
    bytes: (t) => t.physicalsize ?? t.size,
    state: (t) => t.status ?? (t.isready === true ? "ready" : "not ready"),
    facts: TEMPLATE_FACTS,
  }),
  define({
    kind: "iso",
    command: "listIsos",
    rows: "iso",
    row: wire.TemplateRow,
    params: { isofilter: "self" },
    optional: true,
    name: (t) => t.name,
    bytes: (t) => t.physicalsize ?? t.size,
    state: (t) => t.status ?? (t.isready === true ? "ready" : "not ready"),
    facts: TEMPLATE_FACTS,
  }),
  define({
    kind: "network",
    command: "listNetworks",
    rows: "network",
    row: wire.NetworkRow,
    name: (n) => n.name,
    state: (n) => n.state,
    parent: (n) => n.vpcid,
    facts: ["type", "acltype", "cidr"],
  }),
  define({
    kind: "vpc",
    command: "listVPCs",
    rows: "vpc",
    row: wire.VpcRow,
    optional: true,
    name: (v) => v.name,
    state: (v) => v.state,
    facts: ["cidr"],
  }),
  define({
    kind: "address",
    command: "listPublicIpAddresses",
    rows: "publicipaddress",
    row: wire.AddressRow,
    name: (a) => a.ipaddress,
    state: (a) => a.state,
    parent: (a) => a.associatednetworkid ?? a.vpcid,
    created: (a) => a.allocated,
    facts: ["issourcenat", "isstaticnat", "virtualmachineid"],
  }),
  define({
    kind: "kubernetes_cluster",
    command: "listKubernetesClusters",
    rows: "kubernetescluster",
    row: wire.KubernetesRow,
    optional: true,
    name: (k) => k.name,
    state: (k) => k.state,
    facts: [],
  }),
  define({
    kind: "backup",
    command: "listBackups",
    rows: "backup",
    row: wire.BackupRow,
    optional: true,
    name: (b) => b.name ?? b.virtualmachinename ?? b.id,
    bytes: (b) => b.size,
    state: (b) => b.status,
    parent: (b) => b.virtualmachineid,
    facts: ["virtualmachinename"],
  }),
];
