import { createHash } from "node:crypto";
import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { internalError, invalidValue } from "../failure.ts";
import { type JsonObject, wireTime } from "../json.ts";
import { pageOf } from "../paging.ts";
import { instanceName } from "../shapes/machine.ts";
import { thingShape } from "../shapes/thing.ts";
import { NAMED } from "../world/base.ts";
import type { Machine } from "../world/rows.ts";
import { newOwner } from "./owners.ts";
import { deletesThing, insertThing, listsThings, makesAtOnce, makesByJob, OWNER_PARAMS, type Made } from "./things.ts";

/**
 * Commands about small things: none of them keeps an account or a domain from being deleted, all go with the account, and no total counts
 * them. Source: recording 25.
 */
export const SMALL_THING_COMMANDS: readonly Command[] = [
  makesAtOnce(
    { name: "createSSHKeyPair", params: `name! ${OWNER_PARAMS}`, kind: "key_pair", key: "keypair", make: keyPair },
    { privatekey: "an emulated private key" },
  ),
  listsThings("listSSHKeyPairs", "key_pair", "sshkeypair"),
  makesAtOnce({
    name: "registerUserData",
    params: `name! userdata!~32768 ${OWNER_PARAMS}`,
    kind: "user_data",
    key: "userdata",
    make: userData,
  }),
  listsThings("listUserData", "user_data", "userdata"),
  makesByJob(
    {
      name: "createAffinityGroup",
      params: `name! type! ${OWNER_PARAMS}`,
      kind: "affinity_group",
      key: "affinitygroup",
      make: affinityGroup,
    },
    "user.affinitygroup.CreateAffinityGroupCmd",
    "AffinityGroup",
    false,
  ),
  listsThings("listAffinityGroups", "affinity_group", "affinitygroup"),
  makesAtOnce({
    name: "createInstanceGroup",
    params: `name! ${OWNER_PARAMS}`,
    kind: "instance_group",
    key: "instancegroup",
    make: instanceGroup,
  }),
  listsThings("listInstanceGroups", "instance_group", "instancegroup"),
  makesAtOnce({
    name: "createSecurityGroup",
    params: `name! ${OWNER_PARAMS}`,
    kind: "security_group",
    key: "securitygroup",
    make: securityGroup,
  }),
  listsThings("listSecurityGroups", "security_group", "securitygroup"),
  makesByJob(
    { name: "addVpnUser", params: `username! password! ${OWNER_PARAMS}`, kind: "vpn_user", key: "vpnuser", make: vpnUser },
    "user.vpn.AddVpnUserCmd",
    "None",
    false,
  ),
  listsThings("listVpnUsers", "vpn_user", "vpnuser"),
  makesAtOnce({ name: "createWebhook", params: `name! payloadurl! scope ${OWNER_PARAMS}`, kind: "webhook", key: "webhook", make: webhook }),
  listsThings("listWebhooks", "webhook", "webhook"),
  {
    wrapper: "autoscalevmprofileresponse",
    ...makesByJob(
      {
        name: "createAutoScaleVmProfile",
        params: `serviceofferingid! templateid!:templates zoneid! ${OWNER_PARAMS}`,
        kind: "autoscale_profile",
        key: "autoscalevmprofile",
        make: autoscaleProfile,
      },
      "user.autoscale.CreateAutoScaleVmProfileCmd",
      "AutoScaleVmProfile",
      true,
    ),
  },
  listsThings("listAutoScaleVmProfiles", "autoscale_profile", "autoscalevmprofile"),
  makesByJob(
    { name: "createVMSnapshot", params: "virtualmachineid!:machines name", kind: "vm_snapshot", key: "vmsnapshot", make: vmSnapshot },
    "user.vmsnapshot.CreateVMSnapshotCmd",
    "VmSnapshot",
    false,
  ),
  listsThings("listVMSnapshot", "vm_snapshot", "vmSnapshot"),
  deletesThing("deleteVMSnapshot", "vm_snapshot", "user.vmsnapshot.DeleteVMSnapshotCmd", "vmsnapshotid"),
  makesAtOnce({
    name: "createVMSchedule",
    params: "virtualmachineid!:machines action! schedule! timezone! description",
    kind: "vm_schedule",
    key: "vmschedule",
    make: vmSchedule,
  }),
  { name: "listVMSchedule", params: paramSpecs(`virtualmachineid!:machines ${LIST_PARAMS}`), run: listVmSchedules },
  {
    name: "createSnapshotPolicy",
    params: paramSpecs("volumeid!:volumes intervaltype! schedule! timezone! maxsnaps!"),
    run: createSnapshotPolicy,
  },
  // Recorded: a volume's policy is not listed, not even right after it was made.
  { name: "listSnapshotPolicies", params: paramSpecs(`volumeid:volumes ${OWNER_PARAMS} ${LIST_PARAMS}`), run: () => ({}) },
];

const named = (call: Call, fields: JsonObject): Made => {
  const name = call.params.must("name");
  return { owner: newOwner(call), name, fields: { name, ...fields } };
};

function keyPair(call: Call): Made {
  const print = createHash("md5").update(call.settings.newId()).digest("hex").match(/../g) ?? [];
  return named(call, { fingerprint: print.join(":"), hasannotations: false });
}

function userData(call: Call): Made {
  return named(call, { userdata: call.params.must("userdata"), hasannotations: false });
}

function affinityGroup(call: Call): Made {
  return named(call, { type: call.params.must("type") });
}

function instanceGroup(call: Call): Made {
  return named(call, { created: wireTime(call.now), hasannotations: false });
}

const NO_RULES = { ingressrule: [], egressrule: [], tags: [], virtualmachinecount: 0, virtualmachineids: [] } as const;

/** A security group; an account's first one brings its default group with it, which a real server makes with the account. */
function securityGroup(call: Call): Made {
  const made = named(call, NO_RULES);
  const { world } = call;
  const has = world.things.group(made.owner.domainId).some((t) => t.kind === "security_group" && t.accountId === made.owner.id);
  const fields = { name: "default", description: "Default Security Group", ...NO_RULES };
  if (!has) insertThing(call, "security_group", { owner: made.owner, name: "default", fields });
  return made;
}

function vpnUser(call: Call): Made {
  const username = call.params.must("username");
  return { owner: newOwner(call), name: username, fields: { username, state: "Active" } };
}

function webhook(call: Call): Made {
  return named(call, {
    state: "Enabled",
    payloadurl: call.params.must("payloadurl"),
    sslverification: false,
    scope: call.params.text("scope") ?? "Local",
    created: wireTime(call.now),
  });
}

function autoscaleProfile(call: Call): Made {
  const { params } = call;
  const fields = {
    zoneid: params.must("zoneid"),
    serviceofferingid: params.must("serviceofferingid"),
    templateid: params.must("templateid"),
    otherdeployparams: {},
    expungevmgraceperiod: 120,
    counterparam: {},
  };
  return { owner: newOwner(call), name: "autoscale", fields };
}

function machineOf(call: Call): Machine {
  const machine = call.world.machines.live(call.params.must("virtualmachineid"));
  if (machine === undefined) throw invalidValue("Unable to find the virtual machine by its id");
  return machine;
}

function vmSnapshot(call: Call): Made {
  const { world, now } = call;
  const machine = machineOf(call);
  const name = `${instanceName(world, machine)}_VS_${new Date(now).toISOString().replace(/\D/g, "").slice(0, 14)}`;
  const fields = {
    name,
    state: "Ready",
    displayname: call.params.text("name") ?? name,
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    virtualmachineid: machine.id,
    virtualmachinename: machine.name,
    current: true,
    type: "Disk",
    created: wireTime(now),
    hypervisor: NAMED.hypervisor,
    tags: [],
    hasannotations: false,
  };
  return { owner: world.accounts.need(machine.accountId), name, fields, machineId: machine.id };
}

function vmSchedule(call: Call): Made {
  const { world, params, now } = call;
  const machine = machineOf(call);
  const fields = {
    virtualmachineid: machine.id,
    description: params.text("description") ?? params.must("schedule"),
    schedule: params.must("schedule"),
    timezone: params.must("timezone"),
    action: params.must("action"),
    enabled: true,
    startdate: wireTime(now + 60_000),
    created: wireTime(now),
  };
  return { owner: world.accounts.need(machine.accountId), name: "schedule", fields, machineId: machine.id };
}

function listVmSchedules(call: Call): JsonObject {
  const machine = call.world.machines.live(call.params.must("virtualmachineid"));
  if (machine === undefined) throw internalError('Cannot invoke "com.cloud.vm.VirtualMachine.getUuid()" because "vm" is null');
  const rows = call.world.things.group(machine.domainId).filter((t) => t.kind === "vm_schedule" && t.machineId === machine.id);
  return pageOf(call, "vmschedule", rows, (thing) => thingShape(call.world, thing));
}

const INTERVALS = ["HOURLY", "DAILY", "WEEKLY", "MONTHLY"];

function createSnapshotPolicy(call: Call): JsonObject {
  const { world, params } = call;
  const volume = world.volumes.live(params.must("volumeid"));
  if (volume === undefined) throw invalidValue("Unable to find the volume by its id");
  const fields = {
    volumeid: volume.id,
    volumename: volume.name,
    schedule: params.must("schedule"),
    intervaltype: INTERVALS.indexOf(params.must("intervaltype")),
    maxsnaps: Number(params.must("maxsnaps")),
    timezone: params.must("timezone"),
    fordisplay: true,
    zone: [{ id: world.base.zone, name: NAMED.zone, isnsxenabled: false, ismultiarch: false, routedmodeenabled: false }],
    storage: [{ id: world.base.pool, name: NAMED.pool }],
    tags: [],
  };
  const owner = world.accounts.need(volume.accountId);
  return { snapshotpolicy: thingShape(world, insertThing(call, "snapshot_policy", { owner, name: "policy", fields })) };
}
