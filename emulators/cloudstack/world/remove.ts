import type { Account, Address, Domain, Machine, Network, Thing, Volume, Vpc } from "./rows.ts";
import type { World } from "./world.ts";

/** What the real server leaves in a machine's details once it was stopped. */
export const FREED = { "Message.ReservedCapacityFreed.Flag": "false" };

/** Disks of a machine. */
export function disksOf(world: World, machine: Machine): readonly Volume[] {
  return world.volumes.group(machine.domainId).filter((volume) => volume.machineId === machine.id);
}

/** Shows a machine, or takes it from sight, with its disks. Source: CloudStack 4.22, UserVmManagerImpl.updateDisplayVmFlag. */
export function showMachine(world: World, machine: Machine, shown: boolean): void {
  world.machines.update(machine, (m) => {
    m.hidden = !shown;
  });
  for (const disk of disksOf(world, machine)) {
    world.volumes.update(disk, (v) => {
      v.hidden = !shown;
    });
  }
}

/** Marks a machine as Destroyed: it waits for the expunge delay, its data disks are detached. A failed one is expunged without a delay. */
export function destroyMachine(world: World, machine: Machine, now: number, state: "Destroyed" | "Expunging" = "Destroyed"): void {
  world.machines.update(machine, (m) => {
    m.details = { ...m.details, ...FREED };
    m.state = state;
    m.destroyedAt = now;
    m.lastUpdated = now;
  });
  for (const disk of disksOf(world, machine)) if (disk.type === "DATADISK") detachDisk(world, disk);
}

/** Removes a machine for good, with its root disk; data disks stay. */
export function expungeMachine(world: World, machine: Machine, now: number): void {
  for (const disk of disksOf(world, machine)) {
    if (disk.type === "DATADISK") detachDisk(world, disk);
    else removeVolume(world, disk, now);
  }
  removeThings(world, machine.domainId, now, (thing) => thing.machineId === machine.id);
  world.machines.remove(machine, now);
}

function removeThings(world: World, domainId: string, now: number, which: (thing: Thing) => boolean): void {
  for (const thing of world.things.group(domainId)) if (which(thing)) world.things.remove(thing, now);
}

/** Gives an address back to the installation, with the rules on it; whoever is next gets it under the same id. */
export function releaseAddress(world: World, address: Address, now: number): void {
  removeThings(world, address.domainId, now, (thing) => thing.addressId === address.id);
  world.addresses.update(address, (row) => {
    row.accountId = row.domainId = "";
    row.isSourceNat = false;
    delete row.networkId;
    delete row.vpcId;
    delete row.staticNatMachineId;
  });
}

/** Removes a network with its rules and addresses. */
export function removeNetwork(world: World, network: Network, now: number): void {
  for (const address of world.addresses.group(network.domainId)) if (address.networkId === network.id) releaseAddress(world, address, now);
  removeThings(world, network.domainId, now, (thing) => thing.networkId === network.id);
  world.networks.remove(network, now);
}

/** Removes a VPC with its gateways, lists and addresses. */
export function removeVpc(world: World, vpc: Vpc, now: number): void {
  for (const address of world.addresses.group(vpc.domainId)) if (address.vpcId === vpc.id) releaseAddress(world, address, now);
  removeThings(world, vpc.domainId, now, (thing) => thing.vpcId === vpc.id);
  world.vpcs.remove(vpc, now);
}

/** Stops a machine. */
export function stopMachine(world: World, machine: Machine, now: number): void {
  world.machines.update(machine, (m) => {
    m.state = "Stopped";
    m.lastUpdated = now;
    m.details = { ...m.details, ...FREED };
  });
}

/** Takes a disk off its machine; a root disk is a data disk from then on and outlives the machine (recording 16). */
export function detachDisk(world: World, volume: Volume): void {
  world.volumes.update(volume, (v) => {
    v.type = "DATADISK";
    delete v.machineId;
    delete v.deviceId;
    delete v.attachedAt;
  });
}

/** Removes a disk for good. */
export function removeVolume(world: World, volume: Volume, now: number): void {
  world.volumes.update(volume, (v) => {
    v.state = "Expunged";
    v.removed = now;
  });
}

/**
 * Deletes an account and at once everything it owns, as `deleteAccount` and `cleanup=true` do: users, snapshots, templates, machines
 * without any expunge delay, disks, networks. The account row goes first. A machine that cannot be stopped stays, and so does what
 * needs it. Returns false where the account still needs cleaning: also after any template (the recorded version's defect).
 * Source: recordings 07, 11, 14; facts/cloudstack.md §2.4.
 */
export function deleteAccountWithContents(world: World, account: Account, now: number, machinesStuck: boolean): boolean {
  if (account.removed === undefined) world.accounts.remove(account, now);
  for (const user of world.users.group(account.id)) world.users.remove(user, now);
  const owned = <T extends { accountId: string }>(rows: readonly T[]): T[] => rows.filter((row) => row.accountId === account.id);
  for (const snapshot of owned(world.snapshots.group(account.domainId))) world.snapshots.remove(snapshot, now);
  const templates = owned(world.templates.group(account.domainId));
  for (const template of templates) world.templates.remove(template, now);
  const machines = owned(world.machines.group(account.domainId));
  const stuck = machines.filter((machine) => machinesStuck && machine.state === "Running");
  for (const machine of stuck) {
    world.machines.update(machine, (m) => {
      m.lastUpdated = now;
      m.nicReleased = true;
    });
  }
  for (const machine of machines) if (!stuck.includes(machine)) expungeMachine(world, machine, now);
  // A machine under delete protection goes all the same, a protected disk that hangs on none stays (recording 24).
  const disks = owned(world.volumes.group(account.domainId)).filter((volume) => volume.machineId === undefined);
  for (const volume of disks) if (!volume.deleteProtection) removeVolume(world, volume, now);
  const kept = disks.some((volume) => volume.deleteProtection);
  const busy = new Set(stuck.map((machine) => machine.networkId));
  for (const network of owned(world.networks.group(account.domainId))) if (!busy.has(network.id)) removeNetwork(world, network, now);
  if (busy.size === 0) {
    for (const vpc of owned(world.vpcs.group(account.domainId))) removeVpc(world, vpc, now);
    for (const address of owned(world.addresses.group(account.domainId))) releaseAddress(world, address, now);
    removeThings(world, account.domainId, now, (thing) => thing.accountId === account.id);
  }
  for (const cluster of owned(world.kubernetesClusters.group(account.domainId))) world.kubernetesClusters.remove(cluster, now);
  for (const dedication of world.dedications.group(account.domainId)) {
    if (dedication.accountId === account.id) world.dedications.remove(dedication, now);
  }
  const clean = stuck.length === 0 && templates.length === 0 && !kept;
  world.accounts.update(account, (a) => {
    a.needsCleanup = !clean;
  });
  return clean;
}

/** Removed accounts of a domain that the clean-up task has still to come back to. */
export function accountsToClean(world: World, domainId: string): number {
  let count = 0;
  for (const account of world.accounts.everything()) {
    if (account.domainId === domainId && account.removed !== undefined && account.needsCleanup) count += 1;
  }
  return count;
}

/** Removes the row of a domain, and its annotations. */
export function removeDomain(world: World, domain: Domain, now: number): void {
  for (const annotation of world.annotations.group(domain.id)) world.annotations.remove(annotation, now);
  world.domains.remove(domain, now);
}

/**
 * `cleanup=true`: children first, then every account with all it owns, then the row. False where anything is left to clean; the domain
 * and its children are Inactive then, and everything that could be destroyed is gone all the same.
 */
export function cleanUpDomain(world: World, domain: Domain, now: number, machinesStuck: boolean): boolean {
  world.domains.update(domain, (d) => {
    d.state = "Inactive";
  });
  let clean = true;
  for (const child of world.domains.group(domain.id)) {
    if (clean && !cleanUpDomain(world, child, now, machinesStuck)) clean = false;
  }
  for (const account of world.accounts.group(domain.id)) {
    if (!deleteAccountWithContents(world, account, now, machinesStuck)) clean = false;
  }
  for (const project of world.projects.group(domain.id)) world.projects.remove(project, now);
  for (const network of world.networks.group(domain.id)) if (network.shared === true) removeNetwork(world, network, now);
  for (const dedication of world.dedications.group(domain.id)) world.dedications.remove(dedication, now);
  if (!clean || accountsToClean(world, domain.id) > 0) return false;
  removeDomain(world, domain, now);
  return true;
}
