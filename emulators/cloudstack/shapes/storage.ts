import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import type { Snapshot, Template, Volume } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { ownerFields, tagShape } from "./owner.ts";

/** A volume as every command shows it; a disk that was never attached has no place yet. */
export function volumeShape(world: World, volume: Volume): JsonObject {
  const machine = volume.machineId === undefined ? undefined : world.machines.find(volume.machineId);
  const placed = volume.state !== "Allocated";
  return {
    id: volume.id,
    name: volume.name,
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    type: volume.type,
    ...(machine === undefined ? {} : { deviceid: volume.deviceId ?? 0, virtualmachineid: machine.id }),
    ...templateFields(world, volume),
    ...(machine === undefined ? {} : { vmname: machine.name, vmdisplayname: machine.displayName, vmstate: machine.state, vmtype: "User" }),
    provisioningtype: "thin",
    size: volume.size,
    created: wireTime(volume.created),
    state: volume.state,
    ...ownerFields(world, volume),
    storagetype: "shared",
    ...(machine === undefined ? {} : { diskkbsread: 0, diskkbswrite: 0, diskioread: 0, diskiowrite: 0 }),
    hypervisor: placed ? NAMED.hypervisor : "None",
    ...offeringFields(world, volume),
    ...(placed ? { storage: NAMED.pool } : {}),
    attached: volume.attachedAt === undefined ? undefined : wireTime(volume.attachedAt),
    destroyed: false,
    isextractable: volume.type === "DATADISK",
    displayvolume: true,
    ...(placed ? { path: volume.path, storageid: world.base.pool } : {}),
    quiescevm: false,
    supportsstoragesnapshot: false,
    deleteprotection: volume.deleteProtection,
    ...(placed ? { clusterid: world.base.cluster, clustername: "C0", podid: world.base.pod, podname: "POD0" } : {}),
    tags: [],
    hasannotations: world.annotations.group(volume.id).length > 0,
  };
}

/** A snapshot as `listSnapshots` shows it. */
export function snapshotShape(world: World, snapshot: Snapshot): JsonObject {
  const volume = world.volumes.need(snapshot.volumeId);
  return {
    id: snapshot.id,
    ...ownerFields(world, snapshot),
    volumeid: volume.id,
    volumename: volume.name,
    volumetype: volume.type,
    volumestate: volume.removed === undefined ? volume.state : "Expunged",
    created: wireTime(snapshot.created),
    name: snapshot.name,
    intervaltype: "MANUAL",
    state: snapshot.state,
    physicalsize: 0,
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    revertable: false,
    ostypeid: world.base.osType,
    virtualsize: volume.size,
    tags: [],
    hasannotations: world.annotations.group(snapshot.id).length > 0,
  };
}

/** A snapshot as the job of `createSnapshot` shows it. */
export function newSnapshotShape(world: World, snapshot: Snapshot): JsonObject {
  return { ...snapshotShape(world, snapshot), snapshottype: "MANUAL", osdisplayname: NAMED.osType };
}

/** A template as lists and creations show it. Source: recordings 05 and 15. */
export function templateShape(world: World, template: Template, now: number): JsonObject {
  const ready = template.readyAt <= now && template.failure === undefined;
  const running = world.jobs.group("running").find((job) => job.instanceId === template.id && job.command === "deleteTemplate");
  return {
    id: template.id,
    name: template.name,
    displaytext: template.displayText,
    ispublic: template.isPublic,
    created: wireTime(template.created),
    isready: ready,
    passwordenabled: template.passwordEnabled,
    format: template.format,
    isfeatured: template.isFeatured,
    crossZones: template.crossZones,
    ostypeid: world.base.osType,
    ostypename: NAMED.osType,
    ...ownerFields(world, template),
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    status: template.failure ?? (ready ? "Download Complete" : `${template.percent ?? 5}% Downloaded`),
    size: template.size,
    physicalsize: template.physicalSize,
    templatetype: template.type,
    hypervisor: NAMED.hypervisor,
    isextractable: template.isExtractable,
    checksum: template.checksum,
    sourcetemplateid: template.sourceTemplateId,
    details: template.details,
    downloaddetails: downloadDetails(world, template, ready),
    arch: "x86_64",
    bits: 0,
    sshkeyenabled: false,
    isdynamicallyscalable: false,
    directdownload: false,
    deployasis: false,
    forcks: false,
    requireshvm: template.requiresHvm,
    url: template.url,
    tags: world.tags.group(template.id).map((tag) => tagShape(world, tag)),
    hasannotations: world.annotations.group(template.id).length > 0,
    ...(running === undefined ? {} : { jobid: running.id, jobstatus: 0 }),
  };
}

/** A template as `updateTemplate` answers: fewer fields, and `isready` is false whatever is true. */
export function updatedTemplateShape(world: World, template: Template): JsonObject {
  return {
    id: template.id,
    name: template.name,
    displaytext: template.displayText,
    ispublic: template.isPublic,
    created: wireTime(template.created),
    isready: false,
    format: template.format,
    bootable: true,
    isfeatured: template.isFeatured,
    crossZones: template.crossZones,
    ostypeid: world.base.osType,
    ostypename: NAMED.osType,
    ...ownerFields(world, template),
    templatetype: template.type,
    hypervisor: NAMED.hypervisor,
    details: template.details,
    bits: 0,
    isdynamicallyscalable: false,
    tags: [],
  };
}

function downloadDetails(world: World, template: Template, ready: boolean): JsonObject[] {
  const state = { downloadState: "DOWNLOADED", downloadPercent: "100" };
  const unready = template.failure === undefined ? "DOWNLOAD_IN_PROGRESS" : "DOWNLOAD_ERROR";
  const stands = ready ? state : { downloadState: unready, downloadPercent: String(template.percent ?? 0) };
  const image = { ...stands, datastore: NAMED.imageStore, datastoreRole: "Image", datastoreId: world.base.imageStore };
  if (!template.onPrimary) return [image];
  return [image, { ...state, datastore: NAMED.pool, datastoreRole: "Primary", datastoreId: world.base.pool }];
}

function templateFields(world: World, volume: Volume): JsonObject {
  if (volume.templateId === undefined) return {};
  const template = world.templates.need(volume.templateId);
  return { templateid: template.id, templatename: template.name, templatedisplaytext: template.displayText };
}

function offeringFields(world: World, volume: Volume): JsonObject {
  if (volume.templateId !== undefined) {
    return {
      serviceofferingid: "1",
      serviceofferingname: NAMED.serviceOffering,
      serviceofferingdisplaytext: NAMED.serviceOffering,
    };
  }
  return {
    diskofferingid: world.base.diskOffering,
    diskofferingname: NAMED.diskOffering,
    diskofferingdisplaytext: NAMED.diskOfferingText,
  };
}
