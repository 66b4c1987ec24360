import type { JsonObject } from "../json.ts";

/** What every stored object has: its UUID (or whatever text the caller gave), the internal number, and when it was removed. */
export interface Row {
  readonly id: string;
  readonly num: number;
  removed?: number;
}

/** A domain. `path` is kept as the real database keeps it, such as `/a/b/`, because renames corrupt exactly that text. */
export interface Domain extends Row {
  name: string;
  level: number;
  parentId: string;
  path: string;
  state: "Active" | "Inactive";
  created: number;
  networkDomain?: string;
  limits: Record<string, number>;
}

/** An account: the owner of every resource and the bearer of the role. Type 5 is the hidden account of a project. */
export interface Account extends Row {
  name: string;
  type: number;
  roleId: string;
  domainId: string;
  state: "enabled" | "disabled" | "locked";
  created?: number;
  needsCleanup: boolean;
  details: Record<string, string>;
  isDefault: boolean;
  hidden: boolean;
  hasTraffic: boolean;
  projectId?: string;
  networkDomain?: string;
  limits: Record<string, number>;
}

/** A user: a login and a pair of keys. */
export interface User extends Row {
  accountId: string;
  username: string;
  firstname: string;
  lastname: string;
  email: string;
  state: "enabled" | "disabled" | "locked";
  created: number;
  isDefault: boolean;
  timezone?: string;
  apiKey?: string;
  secretKey?: string;
}

/** What every resource has: an owner and the owner's domain. */
export interface Owned extends Row {
  name: string;
  accountId: string;
  domainId: string;
  created: number;
}

/** A virtual machine. */
export interface Machine extends Owned {
  displayName: string;
  state: "Running" | "Stopped" | "Destroyed" | "Expunging" | "Error";
  lastUpdated: number;
  templateId: string;
  networkId: string;
  nicId: string;
  details: Record<string, string>;
  deleteProtection: boolean;
  destroyedAt?: number;
  /** The ISO in its drive. */
  isoId?: string;
  /** The name of the autoscale group that it is in. */
  autoscaleGroup?: string;
  /** True: it serves a shared file system. */
  servesFiles?: boolean;
  /** True: `displayvm=false`, shown only to who asks for such machines and is a root administrator. */
  hidden?: boolean;
  /** True after a clean-up that could not stop the machine. */
  nicReleased?: boolean;
}

/** A disk: the root disk of a machine or a data disk. */
export interface Volume extends Owned {
  type: "ROOT" | "DATADISK";
  size: number;
  state: "Allocated" | "Ready" | "Destroy" | "Expunged";
  /** The snapshot that it was made from. */
  snapshotId?: string;
  /** True: `displayvolume=false`. */
  hidden?: boolean;
  path: string;
  machineId?: string;
  deviceId?: number;
  attachedAt?: number;
  templateId?: string;
  deleteProtection: boolean;
  link?: ExtractLink;
}

/** A snapshot of a volume. */
export interface Snapshot extends Owned {
  volumeId: string;
  state: "BackedUp" | "Creating";
  link?: ExtractLink;
}

/** A download link that an extraction made; `path` is its last component. */
export interface ExtractLink {
  path: string;
  created: number;
}

/** A template. `bytes` is what its extract URL serves; `size` and `physicalSize` are missing for templates made from snapshots. */
export interface Template extends Owned {
  displayText: string;
  format: string;
  type: "USER" | "BUILTIN" | "SYSTEM";
  /** The hypervisor it is for; one that no host of the zone has hides it from every list. Missing: the zone's own. */
  hypervisor?: string;
  /** True: an ISO, which is in lists of its own. */
  isIso?: boolean;
  bootable?: boolean;
  /** Missing: the one that the installation's own templates have. */
  osTypeId?: string;
  /** True: no OS type was given, only an ISO can be so. */
  hasNoOsType?: boolean;
  /** True: no store has it any more; only a root administrator's filter `all` shows it (recording 17). */
  hasNoCopy?: boolean;
  /** Other zones that have a copy: lists show a row for each. */
  otherZones?: readonly ZoneCopy[];
  isPublic: boolean;
  isFeatured: boolean;
  isExtractable: boolean;
  crossZones: boolean;
  requiresHvm: boolean;
  passwordEnabled: boolean;
  readyAt: number;
  failure?: string;
  size?: number;
  physicalSize?: number;
  bytes: number;
  /** How much of it is fetched, while it is being fetched. */
  percent?: number;
  /** Where its fetched bytes lie. */
  file?: string;
  checksum?: string;
  url?: string;
  sourceTemplateId?: string;
  details: Record<string, string>;
  onPrimary: boolean;
  link?: ExtractLink;
}

/** A template's copy in another zone. */
export interface ZoneCopy {
  readonly id: string;
  readonly name: string;
  readonly isReady: boolean;
}

/** An isolated network; its public address and router appear with its first running machine. */
export interface Network extends Owned {
  displayText: string;
  vlan: number;
  /** True: `displaynetwork=false`. */
  hidden?: boolean;
  /** Without addresses of its own; in no total. */
  layer2?: boolean;
  /** True: a shared network of the whole domain, owned by no account of it. */
  shared?: boolean;
  routerId?: string;
  /** The VPC that it is a tier of, and its place in it. */
  vpcId?: string;
  gateway?: string;
}

/**
 * A public address of the installation. It is nobody's (`accountId` and `domainId` empty) until it is allocated, and again after its
 * release: the same row, with the same id, then serves somebody else. `name` is the address itself, `created` when it was allocated.
 */
export interface Address extends Owned {
  isSourceNat: boolean;
  networkId?: string;
  vpcId?: string;
  staticNatMachineId?: string;
}

/** A virtual private cloud; its tiers are networks. */
export interface Vpc extends Owned {
  cidr: string;
  offeringId: string;
}

/** What a `Thing` can be. */
export type ThingKind =
  | "acl_list"
  | "affinity_group"
  | "autoscale_group"
  | "autoscale_profile"
  | "certificate"
  | "disk_offering"
  | "egress_rule"
  | "firewall_rule"
  | "global_rule"
  | "instance_group"
  | "key_pair"
  | "load_balancer"
  | "network_offering"
  | "port_forward"
  | "security_group"
  | "service_offering"
  | "shared_file_system"
  | "snapshot_policy"
  | "user_data"
  | "vm_schedule"
  | "vm_snapshot"
  | "vpc_offering"
  | "vpn"
  | "vpn_customer_gateway"
  | "vpn_gateway"
  | "vpn_user"
  | "webhook";

/** Something small that an account owns and that no other row needs: `fields` is what answers show of it beside id and owner. */
export interface Thing extends Owned {
  kind: ThingKind;
  fields: JsonObject;
  networkId?: string;
  addressId?: string;
  machineId?: string;
  vpcId?: string;
}

/** A zone, pod, cluster or host that was given to a domain alone, or to one account of it. `name` is the zone's, pod's, cluster's or host's. */
export interface Dedication extends Row {
  kind: "zone" | "pod" | "cluster" | "host";
  name: string;
  domainId: string;
  accountId?: string;
}

/** A Kubernetes cluster; its nodes are not emulated. */
export interface KubernetesCluster extends Owned {
  state: "Running" | "Stopped";
}

/** A CloudStack project; `accountId` is its hidden account, `ownerId` the account that manages it. */
export interface Project extends Owned {
  displayText: string;
  ownerId: string;
  state: "Active";
}

/** A role. */
export interface Role extends Row {
  name: string;
  type: RoleType;
  description?: string;
  isDefault: boolean;
  isPublic: boolean;
}

/** The four types of roles. */
export type RoleType = "Admin" | "ResourceAdmin" | "DomainAdmin" | "User";

/** One rule of a role. */
export interface RoleRule extends Row {
  roleId: string;
  rule: string;
  permission: "allow" | "deny";
  /** True: it comes before all that have no such mark. */
  isFirst?: boolean;
  /** Where `updateRolePermission` with an order put it. */
  place?: number;
  description?: string;
}

/** A comment on an object. */
export interface Annotation extends Row {
  entityType: string;
  entityId: string;
  text: string;
  userId: string;
  adminsOnly: boolean;
  created: number;
}

/** A tag of a resource. */
export interface Tag extends Row {
  resourceId: string;
  resourceType: string;
  key: string;
  value: string;
  accountId: string;
  domainId: string;
}

/** One line of the event log. */
export interface EventRow extends Row {
  type: string;
  level: "INFO" | "ERROR" | "WARN";
  state: "Scheduled" | "Started" | "Created" | "Completed";
  description: string;
  userId: string;
  accountId: string;
  created: number;
  resourceId?: string;
  resourceType?: string;
  resourceName?: string;
  parentId?: string;
}

/** An asynchronous job. Its effect happens at the first request after `dueAt`. */
export interface Job extends Row {
  command: string;
  params: Record<string, string>;
  userId: string;
  created: number;
  dueAt: number;
  status: 0 | 1 | 2;
  resultCode: number;
  result?: string;
  completed?: number;
  entityId?: string;
  instanceId?: string;
  startEventId?: string;
  forgotten: boolean;
  /** True: the job ends without any effect, with a plain text in place of a result. */
  cancelled: boolean;
}
