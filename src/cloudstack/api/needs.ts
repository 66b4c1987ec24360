/**
 * The commands that each key sends, so that its role can be looked at before one of them is missed.
 *
 * `test/cli/doctor/needs.test.ts` compares these lists with what the source sends.
 */

/** The lists of every read; what a plug-in brings (Kubernetes clusters, backups) and what only an Admin may list is left out. */
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
] as const;

/** Lists that only changes need: to look before and after. */
export const writeLists = [
  "listDomains",
  "listAccounts",
  "listUsers",
  "listRoles",
  "listResourceLimits",
  "listVirtualMachines",
  "queryAsyncJobResult",
] as const;

/** What `npx twokey restore` sends besides, with the writing key; the bot itself never does. */
export const restoreCommands = ["listTemplates", "listZones", "listOsTypes", "registerTemplate"] as const;

/** What is sent for each kind that is exported. */
export const exportCommands = {
  template: "extractTemplate",
  iso: "extractIso",
  volume: "extractVolume",
  snapshot: "extractSnapshot",
} as const;

/** The steps of a deletion, in the order of the careful deletion (recording 06). */
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

/** Commands after which something is gone; a key that does not need them must not have them. */
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
