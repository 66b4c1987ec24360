import { type Call, type Command, paramSpecs } from "../command.ts";
import { invalidValue, permissionDenied, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { NAMED } from "../world/base.ts";
import type { ExtractLink, Owned, Template } from "../world/rows.ts";
import { namedSnapshot, namedVolume } from "./storage.ts";
import { describedTemplate, namedTemplate, requireOwnTemplate } from "./templates.ts";

/**
 * Commands that make download links. A link that is known is given again as it is, its age is not renewed: it may die a moment later,
 * and the API goes on giving it until the clean-up task has run.
 * Source: recordings 05 and 11; facts/cloudstack.md §5.1.
 */
export const EXTRACTION_COMMANDS: readonly Command[] = [
  {
    name: "extractTemplate",
    params: paramSpecs("id!:templates mode! zoneid url~2048"),
    event: { type: "TEMPLATE.EXTRACT", resource: "Template", text: "extracting template" },
    job: {
      className: "user.template.ExtractTemplateCmd",
      instanceType: "Template",
      instance: (call) => call.world.templates.find(call.params.must("id"))?.id,
      finish: extractTemplate,
    },
  },
  {
    name: "extractVolume",
    params: paramSpecs("id!:volumes mode! zoneid! url~2048"),
    event: { type: "VOLUME.EXTRACT", resource: "Volume", text: "extracting volume" },
    job: {
      className: "user.volume.ExtractVolumeCmd",
      instanceType: "Volume",
      instance: (call) => call.world.volumes.find(call.params.must("id"))?.id,
      finish: extractVolume,
    },
  },
  {
    name: "extractSnapshot",
    params: paramSpecs("id!:snapshots zoneid!"),
    event: { type: "SNAPSHOT.EXTRACT", resource: "Snapshot", text: "extracting snapshot" },
    job: {
      className: "user.snapshot.ExtractSnapshotCmd",
      instanceType: "Snapshot",
      instance: (call) => call.world.snapshots.find(call.params.must("id"))?.id,
      finish: extractSnapshot,
    },
  },
];

function extractTemplate(call: Call): JsonObject {
  return { template: extractImage(call, namedTemplate(call)) };
}

/** Makes the download link of a template or an ISO. */
export function extractImage(call: Call, template: Template): JsonObject {
  if (template.readyAt > call.now || template.failure !== undefined) {
    throw invalidValue(`The template ${template.id} has not been downloaded`);
  }
  if (call.caller.reach !== "all" && !template.isExtractable) {
    throw invalidValue(`Unable to extract template ${describedTemplate(template)} as it's not extractable`);
  }
  requireOwnTemplate(call, template);
  const fields = linkFields(
    call,
    template,
    template.format.toLowerCase(),
    template.isIso !== true || call.params.text("zoneid") !== undefined,
  );
  return { ...fields.head, extractMode: call.params.must("mode"), url: fields.url };
}

function extractVolume(call: Call): JsonObject {
  const volume = namedVolume(call);
  if (volume.state === "Allocated") throw invalidValue("The volume doesn't belong to a storage pool so can't extract it");
  const machine = call.world.machines.live(volume.machineId);
  if (machine !== undefined && machine.state !== "Stopped") {
    throw runtimeRefusal(
      "Invalid state of the volume with specified ID. It should be either detached or the VM should be in stopped state.",
    );
  }
  const source = volume.type === "ROOT" ? call.world.templates.find(volume.templateId) : undefined;
  if (source?.isExtractable === false && call.caller.reach !== "all") {
    throw permissionDenied("The volume with specified volumeId is not allowed to be extracted");
  }
  const fields = linkFields(call, volume, "raw");
  return { volume: { ...fields.head, extractMode: call.params.must("mode"), url: fields.url } };
}

function extractSnapshot(call: Call): JsonObject {
  const fields = linkFields(call, namedSnapshot(call), "raw");
  return { snapshot: { ...fields.head, url: fields.url } };
}

function linkFields(call: Call, row: Owned & { link?: ExtractLink }, ending: string, withZone = true): { head: JsonObject; url: string } {
  if (row.link === undefined && call.isOn("no_storage_vm")) throw runtimeRefusal("Failed to extract template");
  row.link ??= { path: `${call.settings.newId()}.${ending}`, created: call.now };
  call.world.touch();
  const head = {
    id: row.id,
    name: row.name,
    accountid: row.accountId,
    state: "DOWNLOAD_URL_CREATED",
    ...(withZone ? { zoneid: call.world.base.zone, zonename: NAMED.zone } : {}),
  };
  return { head, url: `${call.fileBase}/userdata/${row.link.path}` };
}
