import { sameName } from "../collation.ts";
import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { ApiFault, internalError, invalidValue, malformed, permissionDenied, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { rememberRows } from "../remember.ts";
import { isWithin, like, reaches, requireReach, subtreeByPath } from "../scope.ts";
import { describedDomain } from "../shapes/owner.ts";
import { listedDomainShape, newDomainShape, plainDomainShape } from "../shapes/domain.ts";
import { insertDomain } from "../world/create.ts";
import { accountsToClean, cleanUpDomain, removeDomain } from "../world/remove.ts";
import type { Domain } from "../world/rows.ts";
import type { World } from "../world/world.ts";

/** Commands about domains. Source: recordings 02, 03, 06, 07, 10, 13, 14; facts/cloudstack.md §2. */
export const DOMAIN_COMMANDS: readonly Command[] = [
  {
    name: "createDomain",
    params: paramSpecs("name! parentdomainid:domains domainid networkdomain"),
    annotated: ["Admin", "DomainAdmin"],
    event: { type: "DOMAIN.CREATE", resource: "Domain", text: "creating Domain" },
    run: createDomain,
  },
  { name: "listDomains", params: paramSpecs("id:domains name level details page pagesize keyword listall"), run: listDomains },
  { name: "listDomainChildren", params: paramSpecs(`id:domains name ${LIST_PARAMS}`), run: listDomainChildren },
  {
    name: "updateDomain",
    params: paramSpecs("id!:domains name networkdomain"),
    event: { type: "DOMAIN.UPDATE", resource: "Domain", text: "updating Domain" },
    run: updateDomain,
  },
  {
    name: "moveDomain",
    params: paramSpecs("domainid!:domains parentdomainid!:domains"),
    annotated: ["Admin"],
    event: { type: "DOMAIN.MOVE", resource: "Domain", text: "moving Domain" },
    run: moveDomain,
  },
  {
    name: "deleteDomain",
    params: paramSpecs("id!:domains cleanup"),
    annotated: ["Admin", "DomainAdmin"],
    event: { type: "DOMAIN.DELETE", resource: "Domain", text: "deleting Domain" },
    job: { className: "admin.domain.DeleteDomainCmd", instanceType: "Domain", start: startDeletion, finish: finishDeletion },
  },
];

function createDomain(call: Call): JsonObject {
  const { world, params, now, settings } = call;
  const name = params.must("name");
  if (name.includes("/")) {
    throw malformed("Domain name contains one or more invalid characters.  Please enter a name without '/' characters.");
  }
  const parent = world.domains.find(params.text("parentdomainid") ?? world.base.rootDomain);
  if (parent === undefined || parent.removed !== undefined) throw invalidValue("Unable to create domain, parent domain not found");
  requireReach(call, parent);
  if (parent.state !== "Active") throw runtimeRefusal(`The domain cannot be created as the parent domain ${parent.name} is being deleted`);
  refuseTakenName(world, parent, name);
  const id = params.text("domainid");
  if (id !== undefined && world.domains.find(id)?.id === id) {
    throw internalError('Cannot invoke "com.cloud.domain.DomainVO.getId()" because "domain" is null');
  }
  const domain = insertDomain({ world, settings, now }, parent, name, id ?? settings.newId());
  return { domain: newDomainShape(world, domain) };
}

function refuseTakenName(world: World, parent: Domain, name: string, except?: Domain): void {
  const taken = world.domains.group(parent.id).some((d) => d !== except && sameName(d.name, name));
  if (taken) throw invalidValue(`Domain with name [${name}] already exists for the parent with ID [${parent.num}].`);
}

function listDomains(call: Call): JsonObject {
  const min = call.params.list("details").includes("min");
  return pageOf(
    call,
    "domain",
    rememberRows(call, () => domainsToList(call)),
    (domain) => listedDomainShape(call.world, domain, min),
  );
}

function domainsToList(call: Call): readonly Domain[] {
  const { world, params, caller } = call;
  const id = params.text("id");
  const name = params.text("name");
  const keyword = params.text("keyword");
  const level = params.text("level");
  const matches = (domain: Domain): boolean =>
    domain.state === "Active" &&
    (name === undefined || sameName(domain.name, name)) &&
    (keyword === undefined || like(domain.name, keyword)) &&
    (level === undefined || domain.level === Number(level));
  if (id !== undefined) {
    const domain = world.domains.find(id);
    if (domain === undefined || domain.removed !== undefined) throw invalidValue(`Domain id=${domain?.num ?? id} doesn't exist`);
    requireReach(call, domain);
    return [domain].filter(matches);
  }
  if (caller.reach === "all") return world.domains.all().filter(matches);
  const own = world.domains.need(caller.account.domainId);
  if (!params.flag("listall") || caller.reach === "self") return [own].filter(matches);
  const ids = subtreeByPath(world, own);
  return world.domains.all().filter((domain) => ids.has(domain.id) && matches(domain));
}

function listDomainChildren(call: Call): JsonObject {
  const { world, params } = call;
  const parent = world.domains.find(params.text("id") ?? call.caller.account.domainId);
  if (parent === undefined || parent.removed !== undefined) {
    throw invalidValue(`Domain id=${parent?.num ?? params.text("id") ?? ""} doesn't exist`);
  }
  requireReach(call, parent);
  const name = params.text("name") ?? params.text("keyword");
  const below = params.flag("isrecursive")
    ? [...subtreeByPath(world, parent)].map((id) => world.domains.need(id)).filter((d) => d.removed === undefined && d !== parent)
    : world.domains.group(parent.id);
  const rows = below.filter((d) => d.state === "Active" && (name === undefined || like(d.name, name)));
  return pageOf(
    call,
    "domain",
    [...rows].sort((a, b) => a.num - b.num),
    (domain) => plainDomainShape(world, domain),
  );
}

function updateDomain(call: Call): JsonObject {
  const { world, params } = call;
  const domain = liveDomain(call, "id");
  const name = params.text("name");
  if (name !== undefined && name !== "") renameDomain(world, domain, name);
  const networkDomain = params.text("networkdomain");
  if (networkDomain !== undefined) {
    world.domains.update(domain, (d) => {
      if (networkDomain === "") delete d.networkDomain;
      else d.networkDomain = networkDomain;
    });
  }
  return { domain: plainDomainShape(world, domain) };
}

function renameDomain(world: World, domain: Domain, name: string): void {
  if (domain.parentId === "") throw invalidValue("ROOT domain can not be edited with a new name");
  const parent = world.domains.need(domain.parentId);
  refuseTakenName(world, parent, name, domain);
  const oldPath = domain.path;
  const newPath = `${oldPath.slice(0, oldPath.length - domain.name.length - 1)}${name}/`;
  for (const child of world.domains.all()) {
    if (child === domain || !isWithin(world, child, domain.id)) continue;
    world.domains.update(child, (d) => {
      d.path = javaReplaceFirst(d.path, oldPath, newPath);
    });
  }
  world.domains.update(domain, (d) => {
    d.name = name;
    d.path = newPath;
  });
}

/** The real server replaces a child's path with Java's `replaceFirst`: the old path is taken as a regular expression (recording 03). */
function javaReplaceFirst(text: string, pattern: string, replacement: string): string {
  try {
    return text.replace(new RegExp(pattern), replacement.replaceAll("$", "$$$$"));
  } catch {
    // A name such as "a(b" is no regular expression: the real server fails there too, and here the path simply stays.
    return text;
  }
}

function moveDomain(call: Call): JsonObject {
  const { world } = call;
  const domain = liveDomain(call, "domainid");
  const parent = liveDomain(call, "parentdomainid");
  if (domain.parentId === "") throw invalidValue("The domain to be moved can not be the ROOT domain");
  if (isWithin(world, parent, domain.id)) throw invalidValue("A domain can not be moved to one of its children");
  refuseTakenName(world, parent, domain.name, domain);
  const oldPath = domain.path;
  for (const below of world.domains.all().filter((d) => isWithin(world, d, domain.id))) {
    world.domains.update(below, (d) => {
      d.path = `${parent.path}${domain.name}/${d.path.slice(oldPath.length)}`;
      d.level += parent.level + 1 - domain.level;
      if (d === domain) d.parentId = parent.id;
    });
  }
  return { domain: plainDomainShape(world, domain) };
}

function liveDomain(call: Call, parameter: string): Domain {
  const domain = call.world.domains.find(call.params.must(parameter));
  if (domain === undefined || domain.removed !== undefined) {
    throw invalidValue(`Unable to find domain with id ${call.params.must(parameter)}`);
  }
  requireReach(call, domain);
  return domain;
}

function startDeletion(call: Call): undefined {
  const domain = call.world.domains.find(call.params.must("id"));
  if (domain === undefined || domain.removed !== undefined || domain.parentId === "") return undefined;
  if (!reaches(call, domain)) return undefined;
  call.world.domains.update(domain, (d) => {
    d.state = "Inactive";
  });
  return undefined;
}

function finishDeletion(call: Call): JsonObject {
  const { world, params, now } = call;
  const domain = world.domains.find(params.must("id"));
  if (domain === undefined || domain.removed !== undefined) {
    throw invalidValue(`Failed to delete domain ${domain?.num ?? params.must("id")}, domain not found`);
  }
  if (domain.parentId === "") throw permissionDenied("Can't delete ROOT domain");
  requireReach(call, domain);
  const fail = (text: string): ApiFault => {
    world.domains.update(domain, (d) => {
      d.state = "Active";
    });
    return runtimeRefusal(text);
  };
  const described = describedDomain(domain);
  if (params.flag("cleanup")) {
    if (cleanUpDomain(world, domain, now, call.machinesStuck)) return { success: true };
    throw fail(`Failed to clean up domain resources and sub domains, delete failed on domain ${described}`);
  }
  const toClean = accountsToClean(world, domain.id);
  if (toClean > 0) throw fail(`Can't delete the domain yet because it has ${toClean} accounts to cleanup`);
  const shared = world.networks.group(domain.id).filter((network) => network.shared === true).length;
  if (shared > 0) throw fail(`Can't delete the domain yet because it has ${shared} non-removed networks`);
  if (world.dedications.group(domain.id).length > 0) throw fail("Can't delete the domain yet because it has dedicated resources.");
  if (world.accounts.group(domain.id).length > 0 || world.domains.group(domain.id).length > 0) {
    throw fail(
      `Delete failed on domain ${described}; Please make sure all users and sub domains have been removed from the domain before deleting`,
    );
  }
  removeDomain(world, domain, now);
  return { success: true };
}
