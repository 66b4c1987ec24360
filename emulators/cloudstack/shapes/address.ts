import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import type { Address } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { ownerFields } from "./owner.ts";

/** A public address that is allocated. Source: recordings 05, 25 and 33. */
export function addressShape(world: World, address: Address): JsonObject {
  const machine = world.machines.find(address.staticNatMachineId);
  return {
    id: address.id,
    ipaddress: address.name,
    allocated: wireTime(address.created),
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    issourcenat: address.isSourceNat,
    ...ownerFields(world, address),
    forvirtualnetwork: true,
    vlanid: world.base.vlan,
    vlanname: "vlan://50",
    isstaticnat: machine !== undefined,
    ...(machine === undefined ? {} : { virtualmachineid: machine.id, virtualmachinename: machine.name }),
    issystem: false,
    ...placeFields(world, address),
    networkid: world.base.publicNetwork,
    state: "Allocated",
    physicalnetworkid: world.base.physicalNetwork,
    tags: [],
    isportable: false,
    fordisplay: true,
    hasrules: world.things.group(address.domainId).some((thing) => thing.addressId === address.id),
    forsystemvms: false,
    forprovider: false,
    hasannotations: false,
  };
}

function placeFields(world: World, address: Address): JsonObject {
  const network = world.networks.find(address.networkId);
  if (network !== undefined) return { associatednetworkid: network.id, associatednetworkname: network.name };
  const vpc = world.vpcs.find(address.vpcId);
  return vpc === undefined ? {} : { vpcid: vpc.id, vpcname: vpc.name };
}
