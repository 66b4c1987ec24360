import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import { sourceNatOf } from "../world/create.ts";
import type { Network } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { networkState } from "./network.ts";
import { ownerFields } from "./owner.ts";

/** A router's network cards: the guest network's, the control network's, and the public one. */
function routerNics(network: Network, running: boolean, guest: JsonObject, control: JsonObject, outside: JsonObject): JsonObject[] {
  const uris = (vlan: number): JsonObject => ({ isolationuri: `vlan://${vlan}`, broadcasturi: `vlan://${vlan}` });
  return [
    {
      id: `${network.routerId}-0`,
      ...guest,
      networkname: network.name,
      ...(running ? uris(network.vlan) : {}),
      traffictype: "Guest",
      type: "Isolated",
      isdefault: false,
      mtu: 1500,
    },
    {
      id: `${network.routerId}-1`,
      ...(running ? { ...control, macaddress: "0e:00:a9:fe:cf:e8" } : { networkid: control["networkid"] }),
      traffictype: "Control",
      isdefault: false,
    },
    {
      id: `${network.routerId}-2`,
      ...outside,
      ...uris(50),
      traffictype: "Public",
      isdefault: true,
      macaddress: "1e:00:ab:00:03:ff",
      mtu: 1500,
    },
  ];
}

/** The router of a network. */
export function routerShape(world: World, network: Network): JsonObject {
  const address = sourceNatOf(world, network);
  const running = networkState(world, network) === "Implemented";
  const guest = { networkid: network.id, netmask: "255.255.255.0", ipaddress: "10.1.1.1", macaddress: "02:01:00:d0:00:02" };
  const control = { networkid: world.base.linkLocalNetwork, netmask: "255.255.0.0", gateway: "169.254.0.1", ipaddress: "169.254.1.2" };
  const outside = { networkid: world.base.publicNetwork, netmask: "255.255.0.0", gateway: "192.168.0.1", ipaddress: address?.name };
  return {
    id: network.routerId,
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    dns1: "192.0.2.6",
    networkdomain: "cs.internal",
    gateway: "192.168.0.1",
    name: `r-${network.num}-VM`,
    podid: world.base.pod,
    podname: "POD0",
    ...(running ? runningFields(world, control) : {}),
    linklocalnetworkid: control.networkid,
    publicip: address?.name,
    publicmacaddress: "1e:00:ab:00:03:ff",
    publicnetmask: outside.netmask,
    publicnetworkid: outside.networkid,
    guestipaddress: guest.ipaddress,
    guestmacaddress: guest.macaddress,
    guestnetmask: guest.netmask,
    guestnetworkid: network.id,
    guestnetworkname: network.name,
    templateid: world.base.systemTemplate,
    templatename: NAMED.systemTemplate,
    created: wireTime(address?.created ?? network.created),
    state: running ? "Running" : "Stopped",
    ...ownerFields(world, network),
    serviceofferingid: world.base.routerOffering,
    serviceofferingname: "System Offering For Software Router",
    isredundantrouter: false,
    redundantstate: "UNKNOWN",
    version: "4.10.0",
    scriptsversion: "1d6eb069-988f-403e-b3b7-232b6390275c",
    role: "VIRTUAL_ROUTER",
    nic: routerNics(network, running, guest, control, outside),
    requiresupgrade: false,
    healthchecksfailed: false,
    softwareversion: "4.22.0.0",
    arch: "x86_64",
    hasannotations: false,
  };
}

function runningFields(world: World, control: { ipaddress: string; netmask: string }): JsonObject {
  return {
    hostid: world.base.host,
    hostname: NAMED.host,
    hostcontrolstate: "Enabled",
    hypervisor: NAMED.hypervisor,
    linklocalip: control.ipaddress,
    linklocalmacaddress: "0e:00:a9:fe:cf:e8",
    linklocalnetmask: control.netmask,
  };
}
