/**
 * The commands that each key sends, so that its role can be examined before one of them is refused.
 *
 * `test/cli/doctor/needs.test.ts` compares these lists with what the source sends.
 */

/** Lists that the server has with a plug-in only: allowed in a role, they do no harm where it is not there. */
export const plugInLists = ["listKubernetesClusters", "listBackups"] as const;

/** The lists of every read; without those that only an Admin may send. */
export const readCommands = [
  "listCapabilities",
  "listDomains",
  "listDomainChildren",
  "listAccounts",
  "listUsers",
  "listProjects",
  "listVirtualMachines",
  "listVolumes",
  "listSnapshots",
  "listVMSnapshot",
  "listTemplates",
  "listIsos",
  "listNetworks",
  "listVPCs",
  "listPublicIpAddresses",
  ...plugInLists,
  "listEvents",
  "listAnnotations",
  "queryAsyncJobResult",
] as const;

/** What is read where the role allows it. */
const readIfPossible = ["listConfigurations"] as const;

/** Changes of a pass. */
export const writeCommands = [
  "createDomain",
  "createAccount",
  "createUser",
  "updateAccount",
  "updateUser",
  "updateResourceLimit",
  "disableAccount",
  "enableAccount",
  "addAnnotation",
  "removeAnnotation",
] as const;

/** Lists that are read before and after a change. */
export const writeLists = [
  "listDomains",
  "listAccounts",
  "listUsers",
  "listRoles",
  "listRolePermissions",
  "listResourceLimits",
  "queryAsyncJobResult",
] as const;

/** What `npx twokey reimport` sends, with the exporting key; the bot itself never does. */
export const reimportCommands = ["listTemplates", "listZones", "listOsTypes", "registerTemplate"] as const;

/** What the button "Make a template" sends with the writing key. Nothing of it takes anything away. */
export const templateCommands = ["createSnapshot", "createTemplate"] as const;

/** What is read around it, with the same key. */
export const templateLists = ["listVirtualMachines", "listVolumes", "listSnapshots", "listTemplates"] as const;

/** What `npx twokey doctor` reads with the exporting key. */
const exportLists = ["listDomains", "listAccounts", "queryAsyncJobResult"] as const;

/** What is sent for each kind that is exported. */
export const exportCommands = {
  template: "extractTemplate",
  iso: "extractIso",
  volume: "extractVolume",
  snapshot: "extractSnapshot",
} as const;

/** The steps of a deletion, in the order that works (recording 06), with the rules that go before a network (recording 32). */
export const deleteCommands = [
  "disableAccount",
  "destroyVirtualMachine",
  "detachVolume",
  "deleteVolume",
  "deleteVMSnapshot",
  "deleteSnapshot",
  "deleteTemplate",
  "deleteIso",
  "disassociateIpAddress",
  "deleteRemoteAccessVpn",
  "deleteLoadBalancerRule",
  "deletePortForwardingRule",
  "deleteFirewallRule",
  "deleteEgressFirewallRule",
  "deleteNetwork",
  "deleteVPC",
  "deleteAccount",
  "deleteDomain",
] as const;

/** Running jobs, rules of networks, and what hinders a deletion and is in no list of things. Read with the deleting key. */
export const deleteLists = [
  "listAsyncJobs",
  "listAutoScaleVmGroups",
  "listSharedFileSystems",
  "listRemoteAccessVpns",
  "listLoadBalancerRules",
  "listPortForwardingRules",
  "listFirewallRules",
  "listEgressFirewallRules",
] as const;

/** Restore sends these with the deleting key: it alone may enable every account that it disabled (recording 29). */
export const restoreCommands = ["enableAccount", "disableAccount", "recoverVirtualMachine", "startVirtualMachine", "attachVolume"] as const;

/** Commands that destroy something; a key that does not need them must not have them. */
export const destructiveCommands = [
  "deleteDomain",
  "deleteAccount",
  "deleteUser",
  "expungeVirtualMachine",
  "destroyVirtualMachine",
  "deleteVolume",
  "deleteSnapshot",
  "deleteVMSnapshot",
  "deleteTemplate",
  "deleteIso",
  "deleteNetwork",
  "deleteVPC",
  "deleteProject",
] as const;

/** Destructive commands that no role for members may allow: then the writing key would have to be allowed to send them. */
export const neverForMembers: ReadonlySet<string> = new Set(["deleteDomain", "deleteAccount", "deleteUser", "expungeVirtualMachine"]);

/** What a key pair is for. */
export const keyUses = ["read", "write", "export", "delete"] as const;
/** One of `keyUses`. */
export type KeyUse = (typeof keyUses)[number];

/**
 * The type that the role of each key has. Only a role of the type Admin, and so an account in ROOT, may touch the accounts and templates
 * of accounts that may do more than itself. Source: recording 29.
 */
export const roleTypes = { read: "DomainAdmin", write: "DomainAdmin", export: "Admin", delete: "Admin" } as const;

/** What the needs of a key depend on. */
export interface Asked {
  /** Kinds of things that are exported. */
  readonly kinds: ReadonlySet<string>;
  /** What the roles allow that the writing key hands out: CloudStack lets nobody hand out a role that may do more (recording 19). */
  readonly members: readonly string[];
}

/** The commands that a key's role must allow: those that are sent with it, and `listApis`, by which the doctor knows. */
export function needsOf(use: KeyUse, { kinds, members }: Asked): readonly string[] {
  const exports = Object.entries(exportCommands).flatMap(([kind, command]) => (kinds.has(kind) ? [command] : []));
  const commands: Readonly<Record<KeyUse, readonly string[]>> = {
    read: readCommands,
    write: [...writeLists, ...writeCommands, ...members],
    export: [...exportLists, ...exports],
    delete: [...readCommands, ...deleteLists, ...restoreCommands, ...deleteCommands],
  };
  return [...new Set(["listApis", ...commands[use]])];
}

/** What goes with an account or a domain without a copy: what of it the role does not allow, the card says it does not know. */
export const alongLists = [
  "listSSHKeyPairs",
  "listUserData",
  "listAffinityGroups",
  "listSecurityGroups",
  "listInstanceGroups",
  "listSnapshotPolicies",
  "listVpnUsers",
  "listVpnCustomerGateways",
  "listSslCerts",
  "listWebhooks",
  "listAutoScaleVmProfiles",
  "listGlobalLoadBalancerRules",
  "listServiceOfferings",
  "listDiskOfferings",
  "listNetworkOfferings",
  "listVPCOfferings",
] as const;

const dedications = ["listDedicatedHosts", "listDedicatedClusters", "listDedicatedPods", "listDedicatedZones"];

/** The commands that a key's role may allow as well: what they are for works only with them, but the bot runs without it. */
export const usefulTo: Readonly<Record<KeyUse, readonly string[]>> = {
  read: readIfPossible,
  write: [...templateCommands, ...templateLists],
  export: [...Object.values(exportCommands), ...reimportCommands],
  delete: [...readIfPossible, ...dedications, ...alongLists],
};
