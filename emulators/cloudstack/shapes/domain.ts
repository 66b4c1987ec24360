import { type JsonObject, wireTime } from "../json.ts";
import { RESOURCE_KINDS, type ResourceKind, type Totals } from "../limits.ts";
import { domainTotals } from "../totals.ts";
import type { Domain } from "../world/rows.ts";
import type { World } from "../world/world.ts";
import { shownPath } from "./owner.ts";

const DOMAIN_FIELDS = [0, 1, 2, 3, 12, 13, 4, 5, 6, 7, 8, 9, 16, 10, 11, 14, 15];

/** A domain as `createDomain` answers: no state, no time. */
export function newDomainShape(world: World, domain: Domain): JsonObject {
  return { ...head(world, domain), secondarystoragetotal: 0 };
}

/** A domain as `updateDomain`, `moveDomain` and `listDomainChildren` answer: no state. */
export function plainDomainShape(world: World, domain: Domain): JsonObject {
  return { ...head(world, domain), ...createdField(world, domain), secondarystoragetotal: 0 };
}

/** A domain as `listDomains` answers; `min` leaves the limits and totals out. */
export function listedDomainShape(world: World, domain: Domain, min: boolean): JsonObject {
  return {
    ...head(world, domain),
    state: domain.state,
    ...createdField(world, domain),
    ...(min ? { secondarystoragetotal: 0 } : limitFields(DOMAIN_FIELDS, () => -1, domain.limits, domainTotals(world, domain.id))),
    hasannotations: world.annotations.group(domain.id).length > 0,
  };
}

/**
 * The `<x>limit`, `<x>total` and `<x>available` fields of domains, accounts and projects: limits are texts, totals numbers.
 * Source: facts/cloudstack.md §1.3.
 */
export function limitFields(
  types: readonly number[],
  fallback: (kind: ResourceKind) => number,
  limits: Readonly<Record<string, number>>,
  totals: Totals,
): JsonObject {
  const fields: Record<string, string | number> = {};
  for (const type of types) {
    const kind = RESOURCE_KINDS[type];
    if (kind === undefined) continue;
    const limit = limits[type] ?? fallback(kind);
    const total = totals[type] ?? 0;
    fields[`${kind.field}limit`] = limit < 0 ? "Unlimited" : String(limit);
    fields[`${kind.field}total`] = total;
    fields[`${kind.field}available`] = limit < 0 ? "Unlimited" : String(Math.max(0, limit - total));
  }
  return fields;
}

function head(world: World, domain: Domain): JsonObject {
  const parent = domain.parentId === "" ? undefined : world.domains.need(domain.parentId);
  return {
    id: domain.id,
    name: domain.name,
    level: domain.level,
    parentdomainid: parent?.id,
    parentdomainname: parent?.name,
    haschild: hasActiveChild(world, domain),
    path: shownPath(domain),
  };
}

function hasActiveChild(world: World, domain: Domain): boolean {
  return world.domains.group(domain.id).some((child) => child.state === "Active");
}

function createdField(world: World, domain: Domain): JsonObject {
  return domain.id === world.base.rootDomain ? {} : { created: wireTime(domain.created) };
}
