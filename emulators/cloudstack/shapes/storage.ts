import type { Caller } from "../command.ts";
import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import type { Snapshot, Template, Volume, ZoneCopy } from "../world/rows.ts";
import { osTypes } from "../world/os-types.ts";
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
    ...(volume.snapshotId === undefined ? {} : { snapshotid: volume.snapshotId }),
    ...offeringFields(world, volume),
    ...(placed ? { storage: NAMED.pool } : {}),
    attached: volume.attachedAt === undefined ? undefined : wireTime(volume.attachedAt),
    destroyed: false,
    isextractable: volume.type === "DATADISK",
    displayvolume: volume.hidden !== true,
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
    ...(volume.templateId === undefined ? {} : { ostypeid: world.base.osType }),
    virtualsize: volume.size,
    tags: [],
    hasannotations: world.annotations.group(snapshot.id).length > 0,
  };
}

/** A snapshot as the job of `createSnapshot` shows it. */
export function newSnapshotShape(world: World, snapshot: Snapshot): JsonObject {
  const isOfSystem = world.volumes.need(snapshot.volumeId).templateId !== undefined;
  return { ...snapshotShape(world, snapshot), snapshottype: "MANUAL", ...(isOfSystem ? { osdisplayname: NAMED.osType } : {}) };
}

/** A template as lists and creations show it. Source: recordings 05 and 15. */
export function templateShape(world: World, template: Template, now: number, copy?: ZoneCopy, caller?: Caller): JsonObject {
  const removed = template.removed !== undefined;
  const bare = removed || template.hasNoCopy === true;
  const ready = template.readyAt <= now && template.failure === undefined && copy?.isReady !== false && !bare;
  const running = world.jobs.group("running").find((job) => job.instanceId === template.id && job.command === "deleteTemplate");
  return {
    id: template.id,
    name: template.name,
    displaytext: template.displayText,
    ispublic: template.isPublic,
    ...(bare ? {} : { created: wireTime(template.created) }),
    isready: ready,
    passwordenabled: template.passwordEnabled,
    format: template.format,
    isfeatured: template.isFeatured,
    crossZones: template.crossZones,
    ...osFields(world, template),
    ...ownerFields(world, template),
    ...(removed ? { status: "Inactive" } : zoneFields(world, template, ready, copy, caller)),
    templatetype: template.type,
    hypervisor: template.hypervisor ?? NAMED.hypervisor,
    isextractable: template.isExtractable,
    checksum: template.checksum,
    sourcetemplateid: template.sourceTemplateId,
    details: template.details,
    downloaddetails: bare ? [] : downloadDetails(world, template, ready, caller),
    arch: "x86_64",
    bits: 0,
    sshkeyenabled: false,
    isdynamicallyscalable: false,
    directdownload: false,
    deployasis: false,
    forcks: false,
    requireshvm: template.requiresHvm,
    url: isOwn(template, caller) ? template.url : undefined,
    tags: world.tags.group(template.id).map((tag) => tagShape(world, tag)),
    hasannotations: world.annotations.group(template.id).length > 0,
    ...(running === undefined ? {} : { jobid: running.id, jobstatus: 0 }),
  };
}

function osFields(world: World, template: Template): JsonObject {
  const type = template.osTypeId === undefined ? undefined : osTypes(world).find(({ id }) => id === template.osTypeId);
  return { ostypeid: type?.id ?? world.base.osType, ostypename: type?.name ?? NAMED.osType };
}

function statusOf(template: Template, ready: boolean): string {
  if (template.hasNoCopy === true) return "Active";
  return template.failure ?? (ready ? "Download Complete" : `${template.percent ?? 5}% Downloaded`);
}

/** Who sees the status of a template and where it came from: its account and root administrators (recording 17). */
function isOwn(template: Template, caller: Caller | undefined): boolean {
  return caller === undefined || caller.reach === "all" || caller.account.id === template.accountId;
}

/** What depends on the zone: a copy that is not there yet has no size. */
function zoneFields(world: World, template: Template, ready: boolean, copy: ZoneCopy | undefined, caller: Caller | undefined): JsonObject {
  return {
    zoneid: copy?.id ?? world.base.zone,
    zonename: copy?.name ?? NAMED.zone,
    ...(isOwn(template, caller) ? { status: statusOf(template, ready) } : {}),
    ...(copy?.isReady === false || template.hasNoCopy === true ? {} : { size: template.size, physicalsize: template.physicalSize }),
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

function downloadDetails(world: World, template: Template, ready: boolean, caller: Caller | undefined): JsonObject[] {
  const state = { downloadState: "DOWNLOADED", downloadPercent: "100" };
  const unready = template.failure === undefined ? "DOWNLOAD_IN_PROGRESS" : "DOWNLOAD_ERROR";
  const stands = ready ? state : { downloadState: unready, downloadPercent: String(template.percent ?? 0) };
  const store = { datastoreRole: "Image", datastoreId: world.base.imageStore };
  const image = { ...stands, datastore: NAMED.imageStore, ...((caller?.reach ?? "all") === "all" ? store : {}) };
  if (!template.onPrimary) return [image];
  const pool = { datastoreRole: "Primary", datastoreId: world.base.pool };
  return [image, { ...state, datastore: NAMED.pool, ...((caller?.reach ?? "all") === "all" ? pool : {}) }];
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
