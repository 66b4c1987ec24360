import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import type { Template } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { ownerFields, tagShape } from "./owner.ts";

/** An ISO; `withStore` says whether the answer names where the copy lies. Source: recording 20. */
export function isoShape(world: World, iso: Template, now: number, withStore: boolean): JsonObject {
  const store = withStore ? { datastoreRole: "Image", datastoreId: world.base.imageStore } : {};
  const ready = iso.readyAt <= now && iso.failure === undefined;
  return {
    id: iso.id,
    name: iso.name,
    displaytext: iso.displayText,
    ispublic: iso.isPublic,
    ...(iso.type === "USER" ? { created: wireTime(iso.created) } : {}),
    isready: ready,
    passwordenabled: iso.passwordEnabled,
    format: "ISO",
    bootable: iso.bootable ?? false,
    isfeatured: iso.isFeatured,
    crossZones: iso.crossZones,
    ostypeid: iso.hasNoOsType === true ? `${world.base.osType.slice(0, -1)}0` : world.base.osType,
    ostypename: iso.hasNoOsType === true ? "None" : NAMED.osType,
    ...ownerFields(world, iso),
    ...(iso.type === "USER" ? placeFields(world, iso, ready) : {}),
    isextractable: iso.isExtractable,
    checksum: iso.checksum,
    downloaddetails:
      iso.type === "USER" ? [{ downloadState: "DOWNLOADED", datastore: NAMED.imageStore, downloadPercent: "100", ...store }] : [],
    arch: "x86_64",
    bits: 64,
    isdynamicallyscalable: false,
    directdownload: false,
    url: iso.url,
    tags: world.tags.group(iso.id).map((tag) => tagShape(world, tag)),
    hasannotations: world.annotations.group(iso.id).length > 0,
  };
}

function placeFields(world: World, iso: Template, ready: boolean): JsonObject {
  return {
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    status: iso.failure ?? (ready ? "Successfully Installed" : `${iso.percent ?? 5}% Downloaded`),
    size: iso.size,
    physicalsize: iso.physicalSize,
  };
}
