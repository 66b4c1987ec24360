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
  "queryAsyncJobResult",
] as const;

/** Changes of a pass, and Restore. */
export const writeCommands = [
  "createDomain",
  "createAccount",
  "createUser",
  "updateAccount",
  "updateUser",
  "updateResourceLimit",
  "disableAccount",
  "enableAccount",
  "recoverVirtualMachine",
  "startVirtualMachine",
  "attachVolume",
] as const;

/** Lists that are read before and after a change. */
export const writeLists = [
  "listDomains",
  "listAccounts",
  "listUsers",
  "listRoles",
  "listResourceLimits",
  "listVirtualMachines",
  "listVolumes",
  "queryAsyncJobResult",
] as const;

/** What `npx twokey reimport` also sends, with the writing key; the bot itself never does. */
export const reimportCommands = ["listTemplates", "listZones", "listOsTypes", "registerTemplate"] as const;

/** What is sent for each kind that is exported. */
export const exportCommands = {
  template: "extractTemplate",
  iso: "extractIso",
  volume: "extractVolume",
  snapshot: "extractSnapshot",
} as const;

/** The steps of a deletion, in the order that works (recording 06). */
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
  "deleteNetwork",
  "deleteVPC",
  "deleteAccount",
  "deleteDomain",
] as const;

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
