import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { isShown, like, ownedRows, requireOwner } from "../scope.ts";
import { newSnapshotShape, snapshotShape, volumeShape } from "../shapes/storage.ts";
import { attachDisk, insertSnapshot, insertVolume } from "../world/create.ts";
import { detachDisk, removeVolume } from "../world/remove.ts";
import type { Snapshot, Volume } from "../world/rows.ts";
import { newOwner, requireRoom } from "./owners.ts";

const volumeInstance = (call: Call): string | undefined => call.world.volumes.find(call.params.must("id"))?.id;
const snapshotInstance = (call: Call): string | undefined => call.world.snapshots.find(call.params.must("id"))?.id;

/** Commands about disks and snapshots. Source: recordings 05, 06, 11. */
export const STORAGE_COMMANDS: readonly Command[] = [
  {
    name: "createVolume",
    params: paramSpecs("name zoneid diskofferingid snapshotid:snapshots size account domainid:domains projectid:projects"),
    event: { type: "VOLUME.CREATE", resource: "Volume", text: "creating volume" },
    job: {
      className: "admin.volume.CreateVolumeCmdByAdmin",
      instanceType: "Volume",
      start: startVolume,
      finish: (call, id, jobId) => withJob(call, call.world.volumes.need(id ?? ""), jobId),
    },
  },
  {
    name: "attachVolume",
    params: paramSpecs("id!:volumes virtualmachineid!:machines"),
    event: { type: "VOLUME.ATTACH", resource: "Volume", text: "attaching volume" },
    job: { className: "admin.volume.AttachVolumeCmdByAdmin", instanceType: "Volume", instance: volumeInstance, finish: attachVolume },
  },
  {
    name: "detachVolume",
    params: paramSpecs("id!:volumes"),
    event: { type: "VOLUME.DETACH", resource: "Volume", text: "detaching volume" },
    job: { className: "admin.volume.DetachVolumeCmdByAdmin", instanceType: "Volume", instance: volumeInstance, finish: detachVolume },
  },
  {
    name: "listVolumes",
    params: paramSpecs(
      "id:volumes ids:volumes* name type virtualmachineid:machines account domainid:domains projectid:projects " + LIST_PARAMS,
    ),
    run: listVolumes,
  },
  {
    name: "deleteVolume",
    params: paramSpecs("id!:volumes"),
    event: { type: "VOLUME.DELETE", resource: "Volume", text: "deleting volume" },
    run: deleteVolume,
  },
  {
    name: "destroyVolume",
    params: paramSpecs("id!:volumes expunge"),
    annotated: ["Admin", "ResourceAdmin", "DomainAdmin", "User"],
    event: { type: "VOLUME.DESTROY", resource: "Volume", text: "destroying a volume" },
    job: {
      className: "admin.volume.DestroyVolumeCmdByAdmin",
      instanceType: "Volume",
      instance: volumeInstance,
      finish: (call) => {
        const volume = namedVolume(call);
        deleteVolume(call);
        return { volume: volumeShape(call.world, volume) };
      },
    },
  },
  {
    name: "createSnapshot",
    params: paramSpecs("volumeid!:volumes name account domainid:domains"),
    event: { type: "SNAPSHOT.CREATE", resource: "Snapshot", text: "taking snapshot" },
    job: {
      className: "user.snapshot.CreateSnapshotCmd",
      instanceType: "Snapshot",
      start: startSnapshot,
      finish: finishSnapshot,
    },
  },
  {
    name: "listSnapshots",
    params: paramSpecs(`id:snapshots ids:snapshots* name volumeid:volumes account domainid:domains projectid:projects ${LIST_PARAMS}`),
    run: listSnapshots,
  },
  {
    name: "deleteSnapshot",
    params: paramSpecs("id!:snapshots zoneid"),
    event: { type: "SNAPSHOT.DELETE", resource: "Snapshot", text: "deleting snapshot" },
    job: {
      className: "user.snapshot.DeleteSnapshotCmd",
      instanceType: "Snapshot",
      instance: snapshotInstance,
      finish: (call) => {
        call.world.snapshots.remove(namedSnapshot(call), call.now);
        return { success: true };
      },
    },
  },
];

/** The live volume that a command names. */
export function namedVolume(call: Call): Volume {
  const volume = call.world.volumes.live(call.params.must("id"));
  if (volume === undefined) throw invalidValue("Unable to find volume with ID: " + call.params.must("id"));
  requireOwner(call, volume);
  return volume;
}

/** The live snapshot that a command names. */
export function namedSnapshot(call: Call): Snapshot {
  const snapshot = call.world.snapshots.live(call.params.must("id"));
  if (snapshot === undefined) throw invalidValue(`unable to find a snapshot with id ${call.params.must("id")}`);
  requireOwner(call, snapshot);
  return snapshot;
}

function startVolume(call: Call): string {
  const { world, settings, now, params } = call;
  const owner = newOwner(call);
  requireRoom(call, owner, 2);
  const snapshot = world.snapshots.live(params.text("snapshotid"));
  const gib = params.text("size");
  const size = gib === undefined ? undefined : Number(gib) * 1_073_741_824;
  const volume = insertVolume({ world, settings, now }, owner, params.text("name") ?? "DATA", size);
  if (snapshot !== undefined) {
    world.volumes.update(volume, (v) => {
      v.state = "Ready";
      v.path = settings.newId();
      v.snapshotId = snapshot.id;
      v.size = world.volumes.need(snapshot.volumeId).size;
    });
  }
  return volume.id;
}

function attachVolume(call: Call, _entityId: string | undefined, jobId: string): JsonObject {
  const { world, settings, now } = call;
  const volume = namedVolume(call);
  const machine = world.machines.live(call.params.must("virtualmachineid"));
  if (volume.machineId !== undefined) throw invalidValue("Please specify a volume that is not attached to any VM.");
  if (machine === undefined || machine.state === "Destroyed") throw invalidValue("Please specify a User VM with the correct state.");
  attachDisk({ world, settings, now }, volume, machine);
  return withJob(call, volume, jobId);
}

function withJob(call: Call, volume: Volume, jobId: string): JsonObject {
  return { volume: { ...volumeShape(call.world, volume), jobid: jobId, jobstatus: 0 } };
}

function detachVolume(call: Call, _entityId: string | undefined, jobId: string): JsonObject {
  const volume = namedVolume(call);
  if (volume.machineId === undefined) throw invalidValue("The specified volume is not attached to a virtual machine.");
  const machine = call.world.machines.live(volume.machineId);
  if (volume.type === "ROOT" && machine?.state === "Running") {
    throw invalidValue("Root volume detach can happen only when vm is in states: Stopped or Destroyed");
  }
  detachDisk(call.world, volume);
  return withJob(call, volume, jobId);
}

function listVolumes(call: Call): JsonObject {
  const { world, params } = call;
  const machine = params.text("virtualmachineid");
  const type = params.text("type");
  const name = params.text("name");
  const keyword = params.text("keyword");
  const rows = ownedRows(call, world.volumes).filter(
    (v) =>
      isShown(call, v.hidden, "displayvolume") &&
      (machine === undefined || v.machineId === machine) &&
      (type === undefined || v.type === type) &&
      (name === undefined || v.name === name) &&
      (keyword === undefined || like(v.name, keyword)),
  );
  return pageOf(call, "volume", rows, (volume) => volumeShape(world, volume));
}

function deleteVolume(call: Call): JsonObject {
  const volume = namedVolume(call);
  if (volume.machineId !== undefined) throw invalidValue("Please specify a volume that is not attached to any VM.");
  if (volume.deleteProtection) {
    throw invalidValue(`Volume [id = ${volume.id}, name = ${volume.name}] has delete protection enabled and cannot be deleted.`);
  }
  removeVolume(call.world, volume, call.now);
  return { success: true };
}

function startSnapshot(call: Call): string {
  const { world, settings, now, params } = call;
  const volume = world.volumes.live(params.must("volumeid"));
  if (volume === undefined) throw invalidValue(`Can't find zone by id ${params.must("volumeid")}`);
  requireOwner(call, volume);
  if (volume.state === "Allocated") throw runtimeRefusal("VolumeId: is not in Ready state but Allocated. Cannot take snapshot.");
  requireRoom(call, world.accounts.need(volume.accountId), 3);
  const snapshot = insertSnapshot({ world, settings, now }, volume, params.text("name"));
  snapshot.state = "Creating";
  return snapshot.id;
}

function finishSnapshot(call: Call, id: string | undefined): JsonObject {
  const { world } = call;
  const snapshot = world.snapshots.need(id ?? "");
  world.snapshots.update(snapshot, (s) => {
    s.state = "BackedUp";
  });
  return { snapshot: newSnapshotShape(world, snapshot) };
}

function listSnapshots(call: Call): JsonObject {
  const { world, params } = call;
  const volume = params.text("volumeid");
  const name = params.text("name");
  const rows = ownedRows(call, world.snapshots).filter(
    (s) => (volume === undefined || s.volumeId === volume) && (name === undefined || s.name === name),
  );
  return pageOf(call, "snapshot", rows, (snapshot) => snapshotShape(world, snapshot));
}
