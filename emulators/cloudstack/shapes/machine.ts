import type { Caller } from "../command.ts";
import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import type { Machine, Network } from "../world/rows.ts";
import { FREED } from "../world/remove.ts";
import type { World } from "../world/world.ts";
import { vpcFields } from "./network.ts";
import { ownerFields, tagShape } from "./owner.ts";

/** A machine as every command shows it. Source: recordings 05, 06, 09, 14, 15. */
export function machineShape(world: World, machine: Machine, reach: Caller["reach"] = "all"): JsonObject {
  const template = world.templates.need(machine.templateId);
  const network = world.networks.need(machine.networkId);
  const running = machine.state === "Running";
  const owner = ownerFields(world, machine);
  return {
    id: machine.id,
    name: machine.name,
    displayname: machine.displayName,
    account: owner["account"],
    ...userFields(world, machine),
    ...owner,
    created: wireTime(machine.created),
    lastupdated: wireTime(machine.lastUpdated),
    state: machine.state,
    haenable: false,
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    ...(running ? hostFields(world, reach) : {}),
    templateid: template.id,
    templatename: template.name,
    templatetype: template.type,
    templateformat: template.format,
    templatedisplaytext: template.displayText,
    passwordenabled: template.passwordEnabled,
    serviceofferingid: world.base.serviceOffering,
    serviceofferingname: NAMED.serviceOffering,
    ...diskFields(world, machine),
    cpunumber: 1,
    cpuspeed: 500,
    memory: 512,
    guestosid: world.base.osType,
    rootdeviceid: 0,
    rootdevicetype: "ROOT",
    securitygroup: [],
    nic: [nicShape(world, machine, network, running && machine.nicReleased !== true)],
    hypervisor: NAMED.hypervisor,
    ipaddress: guestAddress(world, machine),
    ...staticNatFields(world, machine),
    ...isoFields(world, machine),
    ...(machine.autoscaleGroup === undefined ? {} : { autoscalevmgroupname: machine.autoscaleGroup }),
    ...(machine.servesFiles === true ? { vmtype: "sharedfsvm" } : {}),
    ...detailFields(world, machine, reach),
    affinitygroup: [],
    isdynamicallyscalable: false,
    deleteprotection: machine.deleteProtection,
    ostypeid: world.base.osType,
    osdisplayname: NAMED.osType,
    ...(Object.keys(machine.details).length === 0 ? { bootmode: "legacy", boottype: "Bios" } : {}),
    pooltype: "NetworkFilesystem",
    receivedbytes: 0,
    sentbytes: 0,
    ...(reach === "self" ? {} : { arch: "x86_64" }),
    tags: world.tags.group(machine.id).map((tag) => tagShape(world, tag)),
    hasannotations: world.annotations.group(machine.id).length > 0,
  };
}

/** What a user does not see of its own machine (recording 23). */
function detailFields(world: World, machine: Machine, reach: Caller["reach"]): JsonObject {
  if (reach !== "self") return { instancename: instanceName(world, machine), details: machine.details, displayvm: machine.hidden !== true };
  const shown = Object.entries(machine.details).filter(([name]) => !(name in FREED));
  return { details: Object.fromEntries(shown), readonlydetails: "dataDiskController, rootDiskController" };
}

function hostFields(world: World, reach: Caller["reach"]): JsonObject {
  return { ...(reach === "self" ? {} : { hostid: world.base.host, hostname: NAMED.host }), hostcontrolstate: "Enabled" };
}

function isoFields(world: World, machine: Machine): JsonObject {
  const iso = world.templates.find(machine.isoId);
  return iso === undefined ? {} : { isoid: iso.id, isoname: iso.name, isodisplaytext: iso.displayText };
}

/** A machine as texts of refusals name it. */
export function describedMachine(world: World, machine: Machine): string {
  const { num, state, id } = machine;
  return `VM instance {"id":${num},"instanceName":"${instanceName(world, machine)}","state":"${state}","type":"User","uuid":"${id}"}`;
}

function staticNatFields(world: World, machine: Machine): JsonObject {
  const address = world.addresses.group(machine.domainId).find((row) => row.staticNatMachineId === machine.id);
  return address === undefined ? {} : { publicipid: address.id, publicip: address.name };
}

/** The hypervisor's name of a machine, such as `i-15-9-VM`. */
export function instanceName(world: World, machine: Machine): string {
  return `i-${world.accounts.need(machine.accountId).num}-${machine.num}-VM`;
}

function userFields(world: World, machine: Machine): JsonObject {
  const account = world.accounts.need(machine.accountId);
  const user = account.projectId === undefined ? world.users.group(account.id)[0] : world.users.find(world.base.adminUser);
  return user === undefined ? {} : { userid: user.id, username: user.username };
}

function diskFields(world: World, machine: Machine): JsonObject {
  const hasDisk = world.volumes.group(machine.domainId).some((v) => v.machineId === machine.id && v.type === "DATADISK");
  return hasDisk ? { diskofferingid: world.base.diskOffering, diskofferingname: NAMED.diskOffering } : {};
}

/** The address of a machine in its network. */
export function guestAddress(world: World, machine: Machine): string {
  return gatewayOf(world.networks.need(machine.networkId)).replace(/\d+$/, String(2 + (machine.num % 250)));
}

function gatewayOf(network: Network): string {
  return network.gateway ?? "10.1.1.1";
}

function nicShape(world: World, machine: Machine, network: Network, running: boolean): JsonObject {
  const uri = `vlan://${network.vlan}`;
  return {
    id: machine.nicId,
    networkid: network.id,
    networkname: network.name,
    netmask: "255.255.255.0",
    gateway: gatewayOf(network),
    ipaddress: guestAddress(world, machine),
    ...(running ? { isolationuri: uri, broadcasturi: uri } : {}),
    traffictype: "Guest",
    type: "Isolated",
    isdefault: true,
    macaddress: macAddress(machine.num),
    secondaryip: [],
    extradhcpoption: [],
    deviceid: "0",
    ...vpcFields(world, network),
    ...staticNatFields(world, machine),
  };
}

function macAddress(num: number): string {
  const hex = num.toString(16).padStart(6, "0");
  return `02:01:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}
