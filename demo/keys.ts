import type { CloudStackEmulator, Keys } from "../emulators/cloudstack/server.ts";
import { keyUses, roleTypes, type KeyUse } from "../src/cloudstack/api/needs.ts";
import { keyVariablesOf, memberCommands, memberRole, wantedKeyRole } from "../src/cloudstack/api/wanted-roles.ts";

/** A key pair for each use. */
export type FourKeys = Readonly<Record<KeyUse, Keys>>;

/** The rules of a role that allows these commands and nothing else. */
export function rulesOf(commands: readonly string[]): readonly string[] {
  return [...commands.map((command) => `allow ${command}`), "deny *"];
}

/** The rules of each key's role, as `twokey roles` makes them. */
export const keyRules = Object.fromEntries(keyUses.map((use) => [use, rulesOf(wantedKeyRole(use, memberCommands).commands)])) as Readonly<
  Record<KeyUse, readonly string[]>
>;

/**
 * Sets an emulated CloudStack up as `twokey roles --apply` does: a role for members, which accounts have that are added from now on, and a
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
    const [apiKey, secretKey] = keyVariablesOf(use);
    return { [apiKey]: keys[use].apiKey, [secretKey]: keys[use].secretKey };
  });
  return Object.assign({}, ...pairs) as Readonly<Record<string, string>>;
}
