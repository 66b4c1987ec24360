import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import type { Vpc } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { networkShape } from "./network.ts";
import { ownerFields } from "./owner.ts";

/** A VPC as texts of refusals name it. */
export function describedVpc(vpc: Vpc): string {
  return `VPC {"id":${vpc.num},"name":"${vpc.name}","uuid":"${vpc.id}"}`;
}

/** A VPC as commands show it. Source: recording 33. */
export function vpcShape(world: World, vpc: Vpc): JsonObject {
  const offering = world.things.need(vpc.offeringId);
  return {
    id: vpc.id,
    name: vpc.name,
    displaytext: vpc.name,
    state: "Enabled",
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    service: offering.fields["service"],
    cidr: vpc.cidr,
    vpcofferingid: offering.id,
    vpcofferingname: offering.name,
    created: wireTime(vpc.created),
    ...ownerFields(world, vpc),
    network: world.networks
      .group(vpc.domainId)
      .filter((network) => network.vpcId === vpc.id)
      .map((network) => networkShape(world, network)),
    restartrequired: false,
    networkdomain: "cs.internal",
    tags: [],
    fordisplay: true,
    distributedvpcrouter: false,
    regionlevelvpc: false,
    redundantvpcrouter: false,
    publicmtu: 1500,
    hasannotations: false,
  };
}
