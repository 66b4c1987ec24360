import type { JsonObject } from "../json.ts";
import type { Thing, ThingKind } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { ownerFields } from "./owner.ts";

/** Kinds whose answers name no owner. */
const WITHOUT_OWNER: ReadonlySet<ThingKind> = new Set([
  "acl_list",
  "disk_offering",
  "egress_rule",
  "firewall_rule",
  "network_offering",
  "port_forward",
  "service_offering",
  "snapshot_policy",
  "vm_schedule",
  "vpc_offering",
]);

/** A thing as commands show it. Source: recordings 25, 31, 32 and 33. */
export function thingShape(world: World, thing: Thing): JsonObject {
  const shape = { id: thing.id, ...thing.fields };
  if (WITHOUT_OWNER.has(thing.kind)) return shape;
  const { domainpath, ...owner } = ownerFields(world, thing);
  return { ...shape, ...owner, ...(thing.kind === "key_pair" ? {} : { domainpath }) };
}
