import { type Call, type Command, type JobSpec, LIST_PARAMS, paramSpecs } from "../command.ts";
import { ApiFault, invalidValue, permissionDenied, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { mayCall } from "../rights.ts";
import { isShown, like, ownedRows, requireOwner } from "../scope.ts";
import { describedMachine, instanceName, machineShape } from "../shapes/machine.ts";
import { describedAccount } from "../shapes/owner.ts";
import { insertMachine, insertNetwork, putKeyPair, startMachine } from "../world/create.ts";
import { destroyMachine, expungeMachine, showMachine, stopMachine } from "../world/remove.ts";
import type { Account, Machine, Network } from "../world/rows.ts";
import { newOwner, requireRoom } from "./owners.ts";

const instance = (call: Call): string | undefined => call.world.machines.find(call.params.must("id"))?.id;

/** Commands about virtual machines. Source: recordings 04, 05, 06, 07, 09, 11, 14, 15; facts/cloudstack.md §4. */
export const MACHINE_COMMANDS: readonly Command[] = [
  {
    name: "deployVirtualMachine",
    params: paramSpecs(
      "zoneid! serviceofferingid! templateid:templates account domainid:domains projectid:projects networkids:networks* name displayname " +
        "keypair",
    ),
    event: { type: "VM.CREATE", resource: "VirtualMachine", text: "deploying Vm" },
    job: {
      className: "admin.vm.DeployVMCmdByAdmin",
      instanceType: "VirtualMachine",
      start: startDeployment,
      finish: finishDeployment,
    },
  },
  {
    name: "listVirtualMachines",
    params: paramSpecs(
      "id:machines ids:machines* name state account domainid:domains projectid:projects networkid:networks templateid:templates isoid:templates " +
        `details ${LIST_PARAMS}`,
    ),
    run: listVirtualMachines,
  },
  {
    name: "startVirtualMachine",
    params: paramSpecs("id!:machines"),
    event: { type: "VM.START", resource: "VirtualMachine", text: "starting Vm" },
    job: machineJob("admin.vm.StartVMCmdByAdmin", (call, machine, jobId) => {
      refuseDisabledOwner(call, machine);
      if (machine.state === "Destroyed" || machine.state === "Error")
        throw runtimeRefusal("Unable to start a machine that is destroyed or failed");
      return begun(call, machine, jobId);
    }),
  },
  {
    name: "stopVirtualMachine",
    params: paramSpecs("id!:machines forced"),
    event: { type: "VM.STOP", resource: "VirtualMachine", text: "stopping Vm" },
    job: machineJob("admin.vm.StopVMCmdByAdmin", stop),
  },
  {
    name: "rebootVirtualMachine",
    params: paramSpecs("id!:machines forced"),
    event: { type: "VM.REBOOT", resource: "VirtualMachine", text: "rebooting Vm" },
    job: machineJob("admin.vm.RebootVMCmdByAdmin", reboot),
  },
  {
    name: "updateVirtualMachine",
    params: paramSpecs("id!:machines displayname name deleteprotection"),
    run: updateVirtualMachine,
  },
  {
    name: "destroyVirtualMachine",
    params: paramSpecs("id!:machines expunge volumeids:volumes*"),
    event: { type: "VM.DESTROY", resource: "VirtualMachine", text: "destroying Vm" },
    job: machineJob("admin.vm.DestroyVMCmdByAdmin", destroy),
  },
  {
    name: "recoverVirtualMachine",
    params: paramSpecs("id!:machines"),
    event: { type: "VM.RECOVER", resource: "VirtualMachine", text: "Recovering VM" },
    run: recoverVirtualMachine,
  },
  {
    name: "expungeVirtualMachine",
    params: paramSpecs("id!:machines"),
    event: { type: "VM.EXPUNGE", resource: "VirtualMachine", text: "Expunging Vm" },
    job: machineJob("admin.vm.ExpungeVMCmd", (call, machine) => {
      if (machine.state !== "Destroyed" && machine.state !== "Error")
        throw runtimeRefusal("Please destroy vm with specified vmId before expunge");
      expungeMachine(call.world, machine, call.now);
      return { success: true };
    }),
  },
];

function machineJob(className: string, finish: (call: Call, machine: Machine, jobId: string) => JsonObject): JobSpec {
  return {
    className,
    instanceType: "VirtualMachine",
    instance,
    finish: (call, _entityId, jobId) => finish(call, namedMachine(call), jobId),
  };
}

function namedMachine(call: Call): Machine {
  const machine = call.world.machines.find(call.params.must("id"));
  if (machine === undefined || machine.removed !== undefined) {
    throw invalidValue(`unable to find a virtual machine with id ${machine?.num ?? call.params.must("id")}`);
  }
  requireOwner(call, machine);
  return machine;
}

function startDeployment(call: Call): string {
  const { world, params, settings, now } = call;
  const owner = newOwner(call);
  const template = world.templates.live(params.text("templateid"));
  if (template === undefined) throw invalidValue(`Unable to use template ${params.text("templateid") ?? ""}`);
  if (template.readyAt > now || template.failure !== undefined) throw invalidValue(`Template ${template.id} is not ready`);
  requireRoom(call, owner, 0);
  requireRoom(call, owner, 2);
  const making = { world, settings, now };
  const network = networkFor(call, owner) ?? insertNetwork(making, owner, `${owner.name}-network`);
  const name = params.text("name");
  const displayName = params.text("displayname");
  const machine = insertMachine(making, owner, { name: name ?? `VM-${settings.newId()}`, displayName, template, network });
  const keyPair = params.text("keypair");
  if (keyPair !== undefined) putKeyPair(machine, keyPair);
  return machine.id;
}

function networkFor(call: Call, owner: Account): Network | undefined {
  const id = call.params.list("networkids")[0];
  if (id !== undefined) {
    const network = call.world.networks.live(id);
    if (network !== undefined && network.accountId !== owner.id && network.shared !== true) {
      throw permissionDenied(`Unable to use network with id= ${id}, permission denied`);
    }
    return network;
  }
  return call.world.networks.group(owner.domainId).find((network) => network.accountId === owner.id);
}

/** A machine starts as it is deployed; where no host has room for it, it stays in the state Error (facts/cloudstack.md §4). */
function finishDeployment(call: Call, id: string | undefined, jobId: string): JsonObject {
  const machine = call.world.machines.live(id);
  if (machine === undefined || !call.isOn("failed_deployments")) return begun(call, machine, jobId);
  call.world.machines.update(machine, (m) => {
    m.state = "Error";
  });
  throw new ApiFault(533, "Unable to create a deployment for VM instance due to insufficient capacity");
}

/** Source: recording 23. */
function refuseDisabledOwner(call: Call, machine: Machine): void {
  const owner = call.world.accounts.need(machine.accountId);
  if (owner.state !== "disabled") return;
  throw permissionDenied(`The owner of ${describedMachine(call.world, machine)} is disabled: Account ${describedAccount(owner)}`);
}

function begun(call: Call, machine: Machine | undefined, jobId: string): JsonObject {
  const { world, settings, now } = call;
  if (machine === undefined) throw runtimeRefusal("Unable to start a VM that is gone");
  const account = world.accounts.need(machine.accountId);
  startMachine({ world, settings, now }, machine);
  world.accounts.update(account, (a) => {
    a.hasTraffic = true;
  });
  return withJob(call, machine, jobId);
}

function withJob(call: Call, machine: Machine, jobId: string): JsonObject {
  return { virtualmachine: { ...machineShape(call.world, machine), jobid: jobId, jobstatus: 0 } };
}

function listVirtualMachines(call: Call): JsonObject {
  const { world, params, caller } = call;
  const state = params.text("state")?.toLowerCase();
  const name = params.text("name");
  const keyword = params.text("keyword");
  const network = params.text("networkid");
  const [template, iso] = [params.text("templateid"), params.text("isoid")];
  const rows = ownedRows(call, world.machines).filter(
    (m) =>
      (state === undefined || (state === "present" ? m.state !== "Destroyed" : m.state.toLowerCase() === state)) &&
      isShown(call, m.hidden, "displayvm") &&
      (m.state !== "Destroyed" || caller.reach !== "self") &&
      (name === undefined || like(m.name, name)) &&
      (keyword === undefined || like(m.name, keyword)) &&
      (network === undefined || m.networkId === network) &&
      (template === undefined || m.templateId === template) &&
      (iso === undefined || m.isoId === iso),
  );
  return pageOf(call, "virtualmachine", rows, (machine) => machineShape(world, machine, caller.reach));
}

function stop(call: Call, machine: Machine, jobId: string): JsonObject {
  if (machine.state === "Destroyed") throw runtimeRefusal("Unable to stop a machine that is destroyed");
  if (call.machinesStuck) throw runtimeRefusal("Failed to stop user vm");
  stopMachine(call.world, machine, call.now);
  return withJob(call, machine, jobId);
}

/** Source: facts/cloudstack.md; not recorded. */
function reboot(call: Call, machine: Machine, jobId: string): JsonObject {
  if (machine.state !== "Running") throw runtimeRefusal(`Unable to reboot vm: it is in the state ${machine.state}`);
  return withJob(call, machine, jobId);
}

function updateVirtualMachine(call: Call): JsonObject {
  const { world, params } = call;
  const machine = namedMachine(call);
  world.machines.update(machine, (m) => {
    m.displayName = params.text("displayname") ?? m.displayName;
    m.name = params.text("name") ?? m.name;
    if (params.text("deleteprotection") !== undefined) m.deleteProtection = params.flag("deleteprotection");
  });
  if (params.text("displayvm") !== undefined && call.caller.reach === "all") showMachine(world, machine, params.flag("displayvm"));
  return { virtualmachine: machineShape(world, machine) };
}

function destroy(call: Call, machine: Machine, jobId: string): JsonObject {
  const { world, now } = call;
  if (machine.deleteProtection) {
    const described = `[id = ${machine.id}, name = ${instanceName(world, machine)}]`;
    throw invalidValue(`Instance ${described} has delete protection enabled and cannot be deleted.`);
  }
  if (machine.autoscaleGroup !== undefined) throw invalidValue(`VM ${machine.id} is in AutoScale VM Group ${machine.autoscaleGroup}`);
  if (machine.servesFiles === true) throw invalidValue("Operation not supported on Shared FileSystem Instance");
  const expunges = call.params.flag("expunge");
  if (expunges && !mayCall(call, "expungeVirtualMachine")) throw permissionDenied("Parameter expunge can be passed by Admin only");
  if (call.machinesStuck && machine.state === "Running") throw runtimeRefusal("Failed to destroy vm");
  const failed = machine.state === "Error";
  if (machine.state !== "Destroyed") destroyMachine(world, machine, now, failed ? "Expunging" : "Destroyed");
  if (!expunges) return withJob(call, machine, jobId);
  expungeMachine(world, machine, now);
  // Nothing of a machine that is gone is in the answer (recording 16).
  return { virtualmachine: { securitygroup: [], nic: [], affinitygroup: [], deleteprotection: false, tags: [] } };
}

function recoverVirtualMachine(call: Call): JsonObject {
  const { world } = call;
  const machine = namedMachine(call);
  if (machine.state !== "Destroyed") throw invalidValue(`Vm is not in the right state: ${machine.state}`);
  world.machines.update(machine, (m) => {
    m.state = "Stopped";
    delete m.destroyedAt;
  });
  return { virtualmachine: machineShape(world, machine) };
}
