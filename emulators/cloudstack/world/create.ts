import { createHash } from "node:crypto";
import type { Settings } from "../options.ts";
import { BUILTIN_BYTES, DISK_BYTES } from "./base.ts";
import type { Account, Address, Domain, Machine, Network, Project, Snapshot, Template, User, Volume } from "./rows.ts";
import type { World } from "./world.ts";

/** What creating a row needs: the world, the clock's reading, and the source of ids. */
export interface Making {
  readonly world: World;
  readonly now: number;
  readonly settings: Settings;
}

/** Adds a domain below another one. */
export function insertDomain(making: Making, parent: Domain, name: string, id: string = making.settings.newId()): Domain {
  return making.world.domains.insert({
    id,
    name,
    level: parent.level + 1,
    parentId: parent.id,
    path: `${parent.path}${name}/`,
    state: "Active",
    created: making.now,
    limits: {},
  });
}

/** What an account needs beyond its defaults. */
export interface NewAccount {
  readonly id?: string | undefined;
  readonly name: string;
  readonly domainId: string;
  readonly roleId?: string | undefined;
  readonly type?: number | undefined;
  readonly details?: Record<string, string>;
  readonly projectId?: string;
}

/** Adds an account, without users. */
export function insertAccount(making: Making, fields: NewAccount): Account {
  const { world, settings } = making;
  return world.accounts.insert({
    id: fields.id ?? settings.newId(),
    name: fields.name,
    type: fields.type ?? 0,
    roleId: fields.roleId ?? world.base.userRole,
    domainId: fields.domainId,
    state: "enabled",
    created: making.now,
    needsCleanup: false,
    details: fields.details ?? {},
    isDefault: false,
    hidden: fields.projectId !== undefined,
    hasTraffic: false,
    limits: {},
    ...(fields.projectId === undefined ? {} : { projectId: fields.projectId }),
  });
}

/** What a user needs beyond its defaults. */
export interface NewUser {
  readonly id?: string | undefined;
  readonly username: string;
  readonly email?: string | undefined;
  readonly firstname?: string | undefined;
  readonly lastname?: string | undefined;
  readonly timezone?: string | undefined;
}

/** Adds a user to an account. */
export function insertUser(making: Making, account: Account, fields: NewUser): User {
  return making.world.users.insert({
    id: fields.id ?? making.settings.newId(),
    accountId: account.id,
    username: fields.username,
    firstname: fields.firstname ?? fields.username,
    lastname: fields.lastname ?? "User",
    email: fields.email ?? `${fields.username}@example.org`,
    state: "enabled",
    created: making.now,
    isDefault: false,
    ...(fields.timezone === undefined ? {} : { timezone: fields.timezone }),
  });
}

/** Gives a user a new pair of keys, worked out from new ids. */
export function giveKeys(making: Making, user: User): { apiKey: string; secretKey: string } {
  const key = (): string => createHash("sha512").update(`${making.settings.newId()}${making.settings.newId()}`).digest("base64url");
  const keys = { apiKey: key(), secretKey: key() };
  making.world.setKeys(user, keys.apiKey, keys.secretKey);
  return keys;
}

/** The address that an isolated network has for itself. */
export function sourceNatOf(world: World, network: Network): Address | undefined {
  return world.addresses.group(network.domainId).find((address) => address.networkId === network.id && address.isSourceNat);
}

/** Gives an account the first public address that is nobody's, as the real server does: its id may have been another account's before. */
export function allocateAddress(
  making: Making,
  owner: Account,
  fields: { networkId?: string; vpcId?: string; isSourceNat: boolean },
): Address {
  const { world, settings, now } = making;
  const given = { accountId: owner.id, domainId: owner.domainId, created: now, ...fields };
  const free = [...world.addresses.group("")].sort((a, b) => a.num - b.num)[0];
  if (free === undefined) {
    const count = world.addresses.all().length + 11;
    return world.addresses.insert({ id: settings.newId(), name: `192.168.${(count >> 8) % 256}.${count % 256}`, ...given });
  }
  world.addresses.update(free, (row) => Object.assign(row, given));
  return free;
}

/** Adds an isolated network, or a tier of a VPC. */
export function insertNetwork(
  making: Making,
  owner: Account,
  name: string,
  displayText = name,
  tier: { vpcId?: string; gateway?: string } = {},
): Network {
  const { world, settings } = making;
  const network = world.networks.insert({
    id: settings.newId(),
    name,
    displayText,
    accountId: owner.id,
    domainId: owner.domainId,
    created: making.now,
    vlan: 0,
    ...tier,
  });
  world.networks.update(network, (n) => {
    n.vlan = 100 + (network.num % 1900);
  });
  return network;
}

/** Adds a stopped machine with its root disk. */
export function insertMachine(
  making: Making,
  owner: Account,
  fields: { name: string; displayName?: string | undefined; template: Template; network: Network; volumeName?: string },
): Machine {
  const { world, settings, now } = making;
  const machine = world.machines.insert({
    id: settings.newId(),
    name: fields.name,
    displayName: fields.displayName ?? fields.name,
    accountId: owner.id,
    domainId: owner.domainId,
    created: now,
    lastUpdated: now,
    state: "Stopped",
    templateId: fields.template.id,
    networkId: fields.network.id,
    nicId: settings.newId(),
    details: { ...fields.template.details },
    deleteProtection: false,
  });
  world.volumes.insert({
    id: settings.newId(),
    name: `ROOT-${machine.num}`,
    accountId: owner.id,
    domainId: owner.domainId,
    created: now,
    type: "ROOT",
    size: fields.template.size ?? BUILTIN_BYTES,
    state: "Ready",
    path: settings.newId(),
    machineId: machine.id,
    deviceId: 0,
    templateId: fields.template.id,
    deleteProtection: false,
  });
  return machine;
}

/** Puts a key pair into a machine's details, as CloudStack writes them: with a line feed. Templates made of it take them over. */
export function putKeyPair(machine: Machine, name: string): void {
  machine.details = { ...machine.details, "SSH.PublicKey": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDemulated \n", "SSH.KeyPairNames": name };
}

/** Starts a machine: its network gets an address and a router, its template a copy on primary storage. */
export function startMachine(making: Making, machine: Machine): void {
  const { world, settings, now } = making;
  world.machines.update(machine, (m) => {
    m.state = "Running";
    m.lastUpdated = now;
  });
  const network = world.networks.need(machine.networkId);
  if (network.vpcId === undefined && network.routerId === undefined) {
    world.networks.update(network, (n) => {
      n.routerId = settings.newId();
    });
  }
  if (network.vpcId === undefined && sourceNatOf(world, network) === undefined) {
    allocateAddress(making, world.accounts.need(network.accountId), { networkId: network.id, isSourceNat: true });
  }
  const template = world.templates.need(machine.templateId);
  if (!template.onPrimary) {
    world.templates.update(template, (t) => {
      t.onPrimary = true;
    });
  }
}

/** Adds a data disk that is attached to nothing. */
export function insertVolume(making: Making, owner: Account, name: string, size = DISK_BYTES): Volume {
  return making.world.volumes.insert({
    id: making.settings.newId(),
    name,
    accountId: owner.id,
    domainId: owner.domainId,
    created: making.now,
    type: "DATADISK",
    size,
    state: "Allocated",
    path: name,
    deleteProtection: false,
  });
}

/** Attaches a disk to a machine. */
export function attachDisk(making: Making, volume: Volume, machine: Machine): void {
  const used = making.world.volumes.group(machine.domainId).filter((v) => v.machineId === machine.id).length;
  making.world.volumes.update(volume, (v) => {
    v.machineId = machine.id;
    v.deviceId = used;
    v.attachedAt = making.now;
    v.state = "Ready";
  });
}

/** Adds a snapshot of a volume; it belongs to the volume's owner. */
export function insertSnapshot(making: Making, volume: Volume, name?: string): Snapshot {
  const { world, settings, now } = making;
  const machine = volume.machineId === undefined ? undefined : world.machines.find(volume.machineId);
  const stamp = new Date(now).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return world.snapshots.insert({
    id: settings.newId(),
    name: name ?? `${machine?.name ?? "detached"}_${volume.name}_${stamp}`,
    accountId: volume.accountId,
    domainId: volume.domainId,
    created: now,
    volumeId: volume.id,
    state: "BackedUp",
  });
}

/** Adds a template; what is not given is as `createTemplate` makes it. */
export function insertTemplate(
  making: Making,
  owner: Account,
  fields: Partial<Omit<Template, "num" | "accountId" | "domainId">> & { name: string },
): Template {
  return making.world.templates.insert({
    id: making.settings.newId(),
    displayText: fields.name,
    accountId: owner.id,
    domainId: owner.domainId,
    created: making.now,
    format: "RAW",
    type: "USER",
    isPublic: false,
    isFeatured: false,
    isExtractable: false,
    crossZones: false,
    requiresHvm: true,
    passwordEnabled: false,
    readyAt: making.now,
    bytes: making.settings.templateBytes,
    details: {},
    onPrimary: false,
    ...fields,
  });
}

/** Adds a CloudStack project with its hidden account. */
export function insertProject(making: Making, owner: Account, name: string, displayText: string): Project {
  const { world, settings, now } = making;
  const id = settings.newId();
  const { domainId } = owner;
  const account = insertAccount(making, { name: `PrjAcct-${name}-${world.domains.need(domainId).num}`, domainId, type: 5, projectId: id });
  return world.projects.insert({
    id,
    name,
    displayText,
    accountId: account.id,
    domainId,
    ownerId: owner.id,
    created: now,
    state: "Active",
  });
}
