import { type JsonObject, wireTime } from "../json.ts";
import { accountTotals, machineCounts } from "../totals.ts";
import { NAMED } from "../world/base.ts";
import type { KubernetesCluster, Network, Project } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { limitFields } from "./domain.ts";
import { NETWORK_SERVICES, TIER_SERVICES } from "./network-services.ts";
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
  const tier = network.vpcId !== undefined;
  return {
    id: network.id,
    name: network.name,
    displaytext: network.displayText,
    broadcastdomaintype: "Vlan",
    traffictype: "Guest",
    gateway: network.gateway ?? "10.1.1.1",
    netmask: "255.255.255.0",
    cidr: (network.gateway ?? "10.1.1.1").replace(/\d+$/, "0/24"),
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    ...offeringFields(world, network),
    issystem: false,
    state,
    related: network.id,
    ...(state === "Implemented" ? { broadcasturi: `vlan://${network.vlan}`, vlan: String(network.vlan) } : {}),
    dns1: "192.0.2.6",
    ...(network.shared === true
      ? sharedFields(world, network)
      : { type: network.layer2 === true ? "L2" : "Isolated", acltype: "Account", ...ownerFields(world, network) }),
    service: tier ? TIER_SERVICES : NETWORK_SERVICES,
    networkdomain: "cs.internal",
    physicalnetworkid: world.base.physicalNetwork,
    restartrequired: false,
    specifyvlan: false,
    specifyipranges: false,
    canusefordeploy: true,
    ispersistent: false,
    tags: [],
    details: {},
    displaynetwork: network.hidden !== true,
    strechedl2subnet: false,
    redundantrouter: false,
    supportsvmautoscaling: !tier,
    created: wireTime(network.created),
    receivedbytes: 0,
    sentbytes: 0,
    ...(tier ? vpcFields(world, network) : { egressdefaultpolicy: false }),
    publicmtu: 1500,
    privatemtu: 1500,
    hasannotations: world.annotations.group(network.id).length > 0,
  };
}

function offeringFields(world: World, network: Network): JsonObject {
  if (network.vpcId === undefined) {
    return {
      networkofferingid: world.base.networkOffering,
      networkofferingname: NAMED.networkOffering,
      networkofferingdisplaytext: NAMED.networkOfferingText,
      networkofferingconservemode: true,
      networkofferingavailability: "Required",
    };
  }
  return {
    networkofferingid: world.base.tierOffering,
    networkofferingname: NAMED.tierOffering,
    networkofferingdisplaytext: NAMED.tierOfferingText,
    networkofferingconservemode: false,
    networkofferingavailability: "Optional",
  };
}

/** The VPC that a network is a tier of. */
export function vpcFields(world: World, network: Network): JsonObject {
  const vpc = world.vpcs.find(network.vpcId);
  return vpc === undefined ? {} : { vpcid: vpc.id, vpcname: vpc.name };
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
