import { type JsonObject, wireTime } from "../json.ts";
import { accountTotals, machineCounts } from "../totals.ts";
import { NAMED } from "../world/base.ts";
import type { KubernetesCluster, Network, Project } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { limitFields } from "./domain.ts";
import { NETWORK_SERVICES } from "./network-services.ts";
import { ownerFields } from "./owner.ts";

const PROJECT_FIELDS = [6, 7, 8, 9, 16, 10, 11, 14, 15, 0, 1, 2, 3, 12, 13, 4];

/** Whether a network is set up on a host (`Implemented`): while a machine in it runs. */
export function networkState(world: World, network: Network): "Implemented" | "Allocated" {
  const running = world.machines.group(network.domainId).some((m) => m.networkId === network.id && m.state === "Running");
  return running ? "Implemented" : "Allocated";
}

/** An isolated network. */
export function networkShape(world: World, network: Network): JsonObject {
  const state = networkState(world, network);
  return {
    id: network.id,
    name: network.name,
    displaytext: network.displayText,
    broadcastdomaintype: "Vlan",
    traffictype: "Guest",
    gateway: "10.1.1.1",
    netmask: "255.255.255.0",
    cidr: "10.1.1.0/24",
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    networkofferingid: world.base.networkOffering,
    networkofferingname: NAMED.networkOffering,
    networkofferingdisplaytext: NAMED.networkOfferingText,
    networkofferingconservemode: true,
    networkofferingavailability: "Required",
    issystem: false,
    state,
    related: network.id,
    ...(state === "Implemented" ? { broadcasturi: `vlan://${network.vlan}`, vlan: String(network.vlan) } : {}),
    dns1: "192.0.2.6",
    ...(network.shared === true ? sharedFields(world, network) : { type: "Isolated", acltype: "Account", ...ownerFields(world, network) }),
    service: NETWORK_SERVICES,
    networkdomain: "cs.internal",
    physicalnetworkid: world.base.physicalNetwork,
    restartrequired: false,
    specifyvlan: false,
    specifyipranges: false,
    canusefordeploy: true,
    ispersistent: false,
    tags: [],
    details: {},
    displaynetwork: true,
    strechedl2subnet: false,
    redundantrouter: false,
    supportsvmautoscaling: true,
    created: wireTime(network.created),
    receivedbytes: 0,
    sentbytes: 0,
    egressdefaultpolicy: false,
    publicmtu: 1500,
    privatemtu: 1500,
    hasannotations: world.annotations.group(network.id).length > 0,
  };
}

/** A shared network is its domain's: it names no account. Source: CloudStack 4.22, ApiResponseHelper.createNetworkResponse. */
function sharedFields(world: World, network: Network): JsonObject {
  const { domainid, domain, domainpath } = ownerFields(world, network);
  return { type: "Shared", acltype: "Domain", subdomainaccess: true, domainid, domain, domainpath } as JsonObject;
}

/** A Kubernetes cluster. Source: CloudStack 4.22, KubernetesClusterResponse; not in the recordings. */
export function kubernetesShape(world: World, cluster: KubernetesCluster): JsonObject {
  return {
    id: cluster.id,
    name: cluster.name,
    description: cluster.name,
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    size: 1,
    controlnodes: 1,
    state: cluster.state,
    ...ownerFields(world, cluster),
    created: wireTime(cluster.created),
  };
}

/** The public address of a network. */
export function addressShape(world: World, network: Network): JsonObject {
  return {
    id: network.addressId,
    ipaddress: network.address,
    allocated: wireTime(network.allocatedAt ?? network.created),
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    issourcenat: true,
    ...ownerFields(world, network),
    forvirtualnetwork: true,
    vlanid: world.base.vlan,
    vlanname: "vlan://50",
    isstaticnat: false,
    issystem: false,
    associatednetworkid: network.id,
    associatednetworkname: network.name,
    networkid: world.base.publicNetwork,
    state: "Allocated",
    physicalnetworkid: world.base.physicalNetwork,
    tags: [],
    isportable: false,
    fordisplay: true,
    hasrules: false,
    forsystemvms: false,
    forprovider: false,
    hasannotations: false,
  };
}

/** A router's network cards: the guest network's, the control network's, and the public one. */
function routerNics(network: Network, guest: JsonObject, control: JsonObject, outside: JsonObject): JsonObject[] {
  const uris = (vlan: number): JsonObject => ({ isolationuri: `vlan://${vlan}`, broadcasturi: `vlan://${vlan}` });
  return [
    {
      id: `${network.routerId}-0`,
      ...guest,
      networkname: network.name,
      ...uris(network.vlan),
      traffictype: "Guest",
      type: "Isolated",
      isdefault: false,
      mtu: 1500,
    },
    { id: `${network.routerId}-1`, ...control, traffictype: "Control", isdefault: false, macaddress: "0e:00:a9:fe:cf:e8" },
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
  const guest = { networkid: network.id, netmask: "255.255.255.0", ipaddress: "10.1.1.1", macaddress: "02:01:00:d0:00:02" };
  const control = { networkid: world.base.linkLocalNetwork, netmask: "255.255.0.0", gateway: "169.254.0.1", ipaddress: "169.254.1.2" };
  const outside = { networkid: world.base.publicNetwork, netmask: "255.255.0.0", gateway: "192.168.0.1", ipaddress: network.address };
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
    hostid: world.base.host,
    hostname: NAMED.host,
    hostcontrolstate: "Enabled",
    hypervisor: NAMED.hypervisor,
    linklocalip: control.ipaddress,
    linklocalmacaddress: "0e:00:a9:fe:cf:e8",
    linklocalnetmask: control.netmask,
    linklocalnetworkid: control.networkid,
    publicip: network.address,
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
    created: wireTime(network.allocatedAt ?? network.created),
    state: "Running",
    ...ownerFields(world, network),
    serviceofferingid: world.base.routerOffering,
    serviceofferingname: "System Offering For Software Router",
    isredundantrouter: false,
    redundantstate: "UNKNOWN",
    version: "4.10.0",
    scriptsversion: "1d6eb069-988f-403e-b3b7-232b6390275c",
    role: "VIRTUAL_ROUTER",
    nic: routerNics(network, guest, control, outside),
    requiresupgrade: false,
    healthchecksfailed: false,
    softwareversion: "4.22.0.0",
    arch: "x86_64",
    hasannotations: false,
  };
}

/** A CloudStack project. */
export function projectShape(world: World, project: Project): JsonObject {
  const account = world.accounts.need(project.accountId);
  const domain = world.domains.need(project.domainId);
  const machines = machineCounts(world, account.id, domain.id);
  return {
    id: project.id,
    name: project.name,
    displaytext: project.displayText,
    domainid: domain.id,
    domain: domain.name,
    owner: [{ account: world.accounts.need(project.ownerId).name }],
    projectaccountname: account.name,
    state: project.state,
    tags: [],
    ...limitFields(PROJECT_FIELDS, (kind) => kind.account, account.limits, accountTotals(world, account.id)),
    vmstopped: machines.stopped,
    vmrunning: machines.running,
    created: wireTime(project.created),
  };
}
