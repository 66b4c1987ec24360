import type { CloudStackEmulator, Keys } from "../emulators/cloudstack/server.ts";
import { exportCommands, keyUses, needsOf, roleTypes, usefulTo, type KeyUse } from "../src/cloudstack/api/needs.ts";

/** The role that members' accounts have: the default of `CLOUDSTACK_ROLES`. */
export const memberRole = "CI Member";

/** What members may do by it, as docs/cloudstack-keys.sh has it. */
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

/** A key pair for each use. */
export type FourKeys = Readonly<Record<KeyUse, Keys>>;

/** The rules of a role that allows these commands and nothing else. */
export function rulesOf(commands: readonly string[]): readonly string[] {
  return [...commands.map((command) => `allow ${command}`), "deny *"];
}

/** The rules of each key's role, as docs/cloudstack-keys.sh makes them. */
export const keyRules = Object.fromEntries(
  keyUses.map((use) => {
    const needed = needsOf(use, { kinds: new Set(Object.keys(exportCommands)), members: memberCommands });
    return [use, rulesOf([...new Set([...needed, ...usefulTo[use]])])];
  }),
) as Readonly<Record<KeyUse, readonly string[]>>;

/**
 * Sets an emulated CloudStack up as docs/cloudstack-keys.sh does: a role for members, which accounts have that are added from now on, and a
 * role, an account and keys for each use. `replica` gives a process keys of its own. What is there already is taken.
 */
export function setUpKeys(cloud: CloudStackEmulator, root: string, replica = ""): FourKeys {
  cloud.setDefaultRole(cloud.findRole(memberRole) ?? cloud.addRole({ name: memberRole, type: "User", rules: rulesOf(memberCommands) }));
  const pairs = keyUses.map((use) => {
    const name = `twokey-${use}${replica}`;
    const role = cloud.findRole(`Twokey ${use}`) ?? cloud.addRole({ name: `Twokey ${use}`, type: roleTypes[use], rules: keyRules[use] });
    const domain = roleTypes[use] === "Admin" ? cloud.ids.rootDomain : root;
    const keys = cloud.findKeys(name) ?? cloud.addAccount({ domain, name, role, keys: true }).keys;
    if (keys === undefined) throw new Error(`the emulator gave ${name} no keys`);
    return [use, keys];
  });
  return Object.fromEntries(pairs) as FourKeys;
}

/** Adds the managed root ROOT/ci, and sets its keys up. Returns its id. */
export function addManagedRoot(cloud: CloudStackEmulator): string {
  const root = cloud.addDomain({ name: "ci" });
  setUpKeys(cloud, root);
  return root;
}

/** The keys of an emulator that `addManagedRoot` prepared. */
export function keysOf(cloud: Pick<CloudStackEmulator, "findKeys">): FourKeys {
  const pairs = keyUses.map((use) => {
    const keys = cloud.findKeys(`twokey-${use}`);
    if (keys === undefined) throw new Error(`there are no keys of twokey-${use}: call addManagedRoot first`);
    return [use, keys];
  });
  return Object.fromEntries(pairs) as FourKeys;
}

/** The variables that give the bot the keys of an emulator. */
export function keyVariables(cloud: Pick<CloudStackEmulator, "findKeys">): Readonly<Record<string, string>> {
  const keys = keysOf(cloud);
  const pairs = keyUses.map((use) => {
    const prefix = use === "read" ? "CLOUDSTACK" : `CLOUDSTACK_${use.toUpperCase()}`;
    return { [`${prefix}_API_KEY`]: keys[use].apiKey, [`${prefix}_SECRET_KEY`]: keys[use].secretKey };
  });
  return Object.assign({}, ...pairs) as Readonly<Record<string, string>>;
}
