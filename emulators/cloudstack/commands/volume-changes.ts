import { type Call, type Command, paramSpecs } from "../command.ts";
import { invalidValue } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { volumeShape } from "../shapes/storage.ts";
import { newOwner } from "./owners.ts";
import { namedVolume } from "./storage.ts";
import { OWNER_PARAMS } from "./things.ts";

/** The hypervisor that CloudStack takes a format of an uploaded disk for. */
const HYPERVISOR_OF: Readonly<Record<string, string>> = { VHD: "Hyperv", QCOW2: "KVM", OVA: "VMware", RAW: "KVM" };

/** Commands that change a disk's properties or bring one in. Source: recordings 21 and 24. */
export const VOLUME_CHANGE_COMMANDS: readonly Command[] = [
  {
    name: "updateVolume",
    params: paramSpecs("id:volumes name deleteprotection displayvolume"),
    event: { type: "VOLUME.UPDATE", resource: "Volume", text: "updating volume" },
    job: {
      className: "admin.volume.UpdateVolumeCmdByAdmin",
      instanceType: "Volume",
      instance: (call) => call.world.volumes.find(call.params.text("id"))?.id,
      finish: updateVolume,
    },
  },
  {
    name: "uploadVolume",
    params: paramSpecs(`name! url!~2048 zoneid! format! checksum ${OWNER_PARAMS}`),
    event: { type: "VOLUME.UPLOAD", resource: "Volume", text: "uploading volume" },
    job: { className: "admin.volume.UploadVolumeCmdByAdmin", finish: refuseUpload },
  },
];

function updateVolume(call: Call, _entityId: string | undefined, jobId: string): JsonObject {
  const { world, params, caller } = call;
  const volume = namedVolume(call);
  world.volumes.update(volume, (v) => {
    v.name = params.text("name") ?? v.name;
    if (params.text("deleteprotection") !== undefined) v.deleteProtection = params.flag("deleteprotection");
    if (params.text("displayvolume") !== undefined && caller.reach === "all") v.hidden = !params.flag("displayvolume");
  });
  return { volume: { ...volumeShape(world, volume), jobid: jobId, jobstatus: 0 } };
}

/** Only the recorded refusal: the simulated zone has no host of any hypervisor that takes an uploaded disk. */
function refuseUpload(call: Call): never {
  newOwner(call);
  const format = call.params.must("format").toUpperCase();
  throw invalidValue(`The ${HYPERVISOR_OF[format] ?? "KVM"} hypervisor supported for ${format} file format, is not found on the zone`);
}
