import { exportCommands, keyUses, needsOf, roleTypes, usefulTo, type KeyUse } from "./needs.ts";

/** The role that members' accounts have: the default of `CLOUDSTACK_ROLES`. */
export const memberRole = "CI Member";

/** What members may do by it. Each of these is a right of the writing key too, so what destroys is left out. */
export const memberCommands: readonly string[] = [
  "listApis",
  "listCapabilities",
  "listZones",
  "listServiceOfferings",
  "listDiskOfferings",
  "listNetworkOfferings",
  "listOsTypes",
  "listVirtualMachines",
  "listVolumes",
  "listSnapshots",
  "listTemplates",
  "listIsos",
  "listNetworks",
  "listPublicIpAddresses",
  "listEvents",
  "listResourceLimits",
  "queryAsyncJobResult",
  "deployVirtualMachine",
  "startVirtualMachine",
  "stopVirtualMachine",
  "rebootVirtualMachine",
  "createVolume",
  "attachVolume",
  "detachVolume",
  "createSnapshot",
  "createTemplate",
  "createNetwork",
  "createEgressFirewallRule",
];

/** A role as Twokey wants it: it allows these commands and ends in `deny *`. */
export interface WantedRole {
  readonly name: string;
  readonly type: "User" | "DomainAdmin" | "Admin";
  readonly commands: readonly string[];
}

/** The account of a key, and where it is made: an account of the type Admin can only be in ROOT. */
export interface WantedAccount {
  readonly use: KeyUse;
  readonly name: string;
  readonly place: "managed" | "root";
  readonly role: string;
}

/** The role that members get in CloudStack, with `memberCommands` and nothing else. */
export function wantedMemberRole(name: string): WantedRole {
  return { name, type: "User", commands: memberCommands };
}

/** The role of a key; `members` is what the roles allow that the writing key hands out. */
export function wantedKeyRole(use: KeyUse, members: readonly string[]): WantedRole {
  const needed = needsOf(use, { kinds: new Set(Object.keys(exportCommands)), members });
  return { name: `Twokey ${use}`, type: roleTypes[use], commands: [...new Set([...needed, ...usefulTo[use]])] };
}

/** The accounts of the four keys. */
export const wantedAccounts: readonly WantedAccount[] = keyUses.map((use) => ({
  use,
  name: `twokey-${use}`,
  place: roleTypes[use] === "Admin" ? "root" : "managed",
  role: `Twokey ${use}`,
}));

/** The variables that have a key pair. */
export function keyVariablesOf(use: KeyUse): readonly [apiKey: string, secretKey: string] {
  const prefix = use === "read" ? "CLOUDSTACK" : `CLOUDSTACK_${use.toUpperCase()}`;
  return [`${prefix}_API_KEY`, `${prefix}_SECRET_KEY`];
}
