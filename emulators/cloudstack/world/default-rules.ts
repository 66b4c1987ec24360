/** Commands that the default role `User` allows, of those the emulator knows. */
export const USER_COMMANDS: readonly string[] = [
  "listCapabilities", "listDomains", "listAccounts", "listUsers", "listZones", "listServiceOfferings", "listDiskOfferings",
  "listNetworkOfferings", "listOsTypes", "listHypervisors", "listVirtualMachines", "listVolumes", "listSnapshots", "listVMSnapshot",
  "listSnapshotPolicies", "listTemplates", "listIsos", "listNetworks", "listVPCs", "listPublicIpAddresses", "listRouters", "listProjects",
  "listKubernetesClusters", "listEvents", "listResourceLimits", "listTags", "listAsyncJobs", "queryAsyncJobResult",
  "deployVirtualMachine", "startVirtualMachine", "stopVirtualMachine", "updateVirtualMachine", "destroyVirtualMachine",
  "createVolume", "attachVolume", "detachVolume", "deleteVolume", "createSnapshot", "deleteSnapshot", "createTemplate", "registerTemplate",
  "updateTemplate", "updateTemplatePermissions", "deleteTemplate", "extractTemplate", "extractVolume", "extractSnapshot",
  "createNetwork", "deleteNetwork", "createProject", "createTags", "deleteTags",
];
