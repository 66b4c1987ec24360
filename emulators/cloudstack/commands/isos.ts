import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { like } from "../scope.ts";
import { isoShape } from "../shapes/iso.ts";
import { machineShape } from "../shapes/machine.ts";
import { insertTemplate } from "../world/create.ts";
import type { Machine, Template } from "../world/rows.ts";
import { extractImage } from "./extraction.ts";
import { newOwner, requireRoom } from "./owners.ts";
import { refuseUrl, REGISTERED_BYTES, requireOwnTemplate, templatesToList } from "./templates.ts";
import { OWNER_PARAMS } from "./things.ts";

const instance = (call: Call): string | undefined => call.world.templates.find(call.params.must("id"))?.id;
const machineInstance = (call: Call): string | undefined => call.world.machines.find(call.params.must("virtualmachineid"))?.id;

/** Commands about ISOs: rows of the same table as templates, in lists of their own, counted together. Source: recordings 20 and 21. */
export const ISO_COMMANDS: readonly Command[] = [
  {
    name: "registerIso",
    params: paramSpecs(`name! url!~2048 zoneid! displaytext ostypeid bootable isextractable ispublic isfeatured checksum ${OWNER_PARAMS}`),
    event: { type: "ISO.CREATE", resource: "Template", text: "creating iso" },
    run: registerIso,
  },
  {
    name: "listIsos",
    params: paramSpecs(`id:templates isofilter name bootable zoneid ${OWNER_PARAMS} ${LIST_PARAMS}`),
    run: listIsos,
  },
  {
    name: "extractIso",
    params: paramSpecs("id!:templates mode! zoneid url~2048"),
    event: { type: "ISO.EXTRACT", resource: "Template", text: "extracting ISO" },
    job: {
      className: "user.iso.ExtractIsoCmd",
      instanceType: "Iso",
      instance,
      finish: (call) => ({ iso: extractImage(call, namedIso(call)) }),
    },
  },
  {
    name: "deleteIso",
    params: paramSpecs("id!:templates zoneid"),
    event: { type: "ISO.DELETE", resource: "Template", text: "deleting iso" },
    job: { className: "user.iso.DeleteIsoCmd", instanceType: "Iso", instance, finish: deleteIso },
  },
  {
    name: "attachIso",
    params: paramSpecs("id!:templates virtualmachineid!:machines"),
    event: { type: "ISO.ATTACH", resource: "VirtualMachine", text: "attaching ISO" },
    job: {
      className: "admin.iso.AttachIsoCmdByAdmin",
      instanceType: "VirtualMachine",
      instance: machineInstance,
      finish: (call, _id, jobId) => insert(call, namedIso(call).id, jobId),
    },
  },
  {
    name: "detachIso",
    params: paramSpecs("virtualmachineid!:machines"),
    event: { type: "ISO.DETACH", resource: "VirtualMachine", text: "detaching ISO" },
    job: {
      className: "admin.iso.DetachIsoCmdByAdmin",
      instanceType: "VirtualMachine",
      instance: machineInstance,
      finish: (call, _id, jobId) => insert(call, undefined, jobId),
    },
  },
];

function namedIso(call: Call): Template {
  const iso = call.world.templates.live(call.params.must("id"));
  if (iso?.isIso !== true) throw invalidValue(`unable to find iso with id ${call.params.must("id")}`);
  return iso;
}

function registerIso(call: Call): JsonObject {
  const { world, params, settings, now } = call;
  const url = params.must("url");
  refuseUrl(url, "iso");
  const owner = newOwner(call);
  requireRoom(call, owner, 4);
  const checksum = params.text("checksum")?.replace(/^\{[^}]*\}/, "");
  const iso = insertTemplate({ world, settings, now }, owner, {
    name: params.must("name"),
    displayText: params.text("displaytext") ?? params.must("name"),
    format: "ISO",
    isIso: true,
    bootable: params.text("bootable") === undefined || params.flag("bootable"),
    hasNoOsType: params.text("ostypeid") === undefined,
    isPublic: params.flag("ispublic"),
    isFeatured: params.flag("isfeatured"),
    isExtractable: params.flag("isextractable"),
    size: REGISTERED_BYTES,
    physicalSize: REGISTERED_BYTES,
    bytes: REGISTERED_BYTES,
    url,
    readyAt: now + settings.registerMs,
    ...(checksum === undefined ? {} : { checksum }),
  });
  call.downloads?.begin(iso, params.text("checksum"));
  return { count: 1, iso: [isoShape(world, iso, now, false)] };
}

function listIsos(call: Call): JsonObject {
  const { world, params, now, caller } = call;
  const [name, bootable, keyword] = [params.text("name"), params.text("bootable"), params.text("keyword")];
  const rows = templatesToList(call, params.text("isofilter") ?? "selfexecutable", true).filter(
    (iso) =>
      (name === undefined || iso.name === name) &&
      (keyword === undefined || like(iso.name, keyword)) &&
      (bootable === undefined || String(iso.bootable ?? false) === bootable),
  );
  return pageOf(call, "iso", rows, (iso) => isoShape(world, iso, now, caller.reach !== "self"));
}

/** An ISO stays while any machine has it in its drive, also one that is destroyed and not yet expunged. */
function deleteIso(call: Call): JsonObject {
  const iso = namedIso(call);
  requireOwnTemplate(call, iso);
  if (call.world.machines.all().some((machine) => machine.isoId === iso.id)) {
    throw invalidValue("Unable to delete iso, as it's used by other vms");
  }
  call.world.templates.remove(iso, call.now);
  return { success: true };
}

function insert(call: Call, isoId: string | undefined, jobId: string): JsonObject {
  const { world } = call;
  const machine = world.machines.live(call.params.must("virtualmachineid"));
  if (machine === undefined) throw invalidValue("Unable to find the virtual machine by its id");
  world.machines.update(machine, (m: Machine) => {
    if (isoId === undefined) delete m.isoId;
    else m.isoId = isoId;
  });
  return { virtualmachine: { ...machineShape(world, machine), jobid: jobId, jobstatus: 0 } };
}
