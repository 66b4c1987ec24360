import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue, runtimeRefusal } from "../failure.ts";
import { type JsonObject, wireTime } from "../json.ts";
import { RESOURCE_KINDS } from "../limits.ts";
import { pageOf } from "../paging.ts";
import { accountByName, namedDomain, requireReach } from "../scope.ts";
import { shownPath, tagShape } from "../shapes/owner.ts";
import type { Account, Annotation, Domain } from "../world/rows.ts";
import type { TableName, World } from "../world/world.ts";

const ANNOTATED: Readonly<Record<string, TableName>> = {
  DOMAIN: "domains",
  VM: "machines",
  VOLUME: "volumes",
  SNAPSHOT: "snapshots",
  TEMPLATE: "templates",
  NETWORK: "networks",
};
const TAGGED: Readonly<Record<string, TableName>> = {
  uservm: "machines",
  volume: "volumes",
  snapshot: "snapshots",
  template: "templates",
  network: "networks",
  project: "projects",
  account: "accounts",
  user: "users",
};

/** Commands about annotations, tags and limits. Source: recordings 04 and 05. */
export const MARK_COMMANDS: readonly Command[] = [
  {
    name: "addAnnotation",
    params: paramSpecs("entitytype! entityid! annotation! adminsonly"),
    annotated: ["Admin"],
    event: { type: "ANNOTATION.CREATE", resource: "Domain", text: "creating an annotation on an entity" },
    run: addAnnotation,
  },
  { name: "removeAnnotation", params: paramSpecs("id!"), annotated: ["Admin"], run: removeAnnotation },
  { name: "listAnnotations", params: paramSpecs(`entitytype entityid ${LIST_PARAMS}`), annotated: ["Admin"], run: listAnnotations },
  {
    name: "createTags",
    params: paramSpecs("resourceids! resourcetype!"),
    job: { className: "user.tag.CreateTagsCmd", finish: createTags },
  },
  { name: "listTags", params: paramSpecs(`resourceid resourcetype key value account domainid:domains ${LIST_PARAMS}`), run: listTags },
  {
    name: "updateResourceLimit",
    params: paramSpecs("resourcetype! max account domainid:domains projectid:projects tag"),
    run: updateResourceLimit,
  },
  {
    name: "listResourceLimits",
    params: paramSpecs(`resourcetype account domainid:domains projectid:projects tag ${LIST_PARAMS}`),
    run: listResourceLimits,
  },
];

function addAnnotation(call: Call): JsonObject {
  const { world, params, settings, now, caller } = call;
  const table = ANNOTATED[params.must("entitytype")];
  const entity = table === undefined ? undefined : world.tables()[table].live(params.must("entityid"));
  if (entity === undefined) throw invalidValue(`Invalid entity type or id: ${params.must("entitytype")} ${params.must("entityid")}`);
  const row = world.annotations.insert({
    id: settings.newId(),
    entityType: params.must("entitytype"),
    entityId: entity.id,
    text: params.must("annotation"),
    userId: caller.user.id,
    adminsOnly: params.flag("adminsonly"),
    created: now,
  });
  return { annotation: annotationShape(call, row) };
}

function removeAnnotation(call: Call): JsonObject {
  const { world, params, now, caller } = call;
  const row = world.annotations.live(params.must("id"));
  if (row === undefined) throw invalidValue(`Annotation id:${params.must("id")} does not exist`);
  // AnnotationManagerImpl.isCallingUserAllowedToRemoveAnnotation
  if (row.userId !== caller.user.id && caller.role.type !== "Admin")
    throw runtimeRefusal(
      `Only administrators or entity owner users can delete annotations, cannot remove annotation with uuid: ${row.id} - type: ${row.entityType} `,
    );
  world.annotations.remove(row, now);
  return { annotation: annotationShape(call, row) };
}

function listAnnotations(call: Call): JsonObject {
  const { world, params } = call;
  const id = params.text("entityid");
  const type = params.text("entitytype");
  const rows = world.annotations
    .all()
    .filter((a) => (id === undefined || a.entityId === id) && (type === undefined || a.entityType === type));
  return pageOf(call, "annotation", rows, (row) => annotationShape(call, row));
}

function annotationShape(call: Call, row: Annotation): JsonObject {
  const table = ANNOTATED[row.entityType];
  const entity = table === undefined ? undefined : (call.world.tables()[table].find(row.entityId) as { name?: string } | undefined);
  return {
    id: row.id,
    entitytype: row.entityType,
    entityid: row.entityId,
    entityname: entity?.name,
    annotation: row.text,
    userid: row.userId,
    username: call.world.users.need(row.userId).username,
    adminsonly: row.adminsOnly,
    created: wireTime(row.created),
  };
}

function createTags(call: Call): JsonObject {
  const { world, params, settings } = call;
  const type = params.must("resourcetype");
  const table = TAGGED[type.toLowerCase()];
  for (const id of params.list("resourceids")) {
    const row = table === undefined ? undefined : (world.tables()[table].live(id) as { accountId?: string; domainId?: string } | undefined);
    if (row === undefined) throw invalidValue(`Unable to find resource by id ${id} and type ${type}`);
    for (const { key, value } of params.pairs("tags")) {
      const known = world.tags.group(id).some((tag) => tag.key === key);
      if (known) throw invalidValue(`tag ${key} already on ${type} with id ${id}`);
      world.tags.insert({
        id: settings.newId(),
        resourceId: id,
        resourceType: type,
        key,
        value,
        accountId: row.accountId ?? id,
        domainId: row.domainId ?? "",
      });
    }
  }
  return { success: true };
}

function listTags(call: Call): JsonObject {
  const { world, params } = call;
  const wanted = { resourceId: params.text("resourceid"), key: params.text("key"), value: params.text("value") };
  const rows = world.tags
    .all()
    .filter(
      (t) =>
        (wanted.resourceId === undefined || t.resourceId === wanted.resourceId) &&
        (wanted.key === undefined || t.key === wanted.key) &&
        (wanted.value === undefined || t.value === wanted.value),
    );
  return pageOf(call, "tag", rows, (tag) => tagShape(world, tag));
}

function limitOwner(call: Call): { domain: Domain; account: Account | undefined } {
  const { world, params, caller } = call;
  const domain = namedDomain(call);
  const name = params.text("account");
  if (domain === undefined) return { domain: world.domains.need(caller.account.domainId), account: caller.account };
  if (name === undefined) return { domain, account: undefined };
  const account = accountByName(world, domain.id, name);
  if (account === undefined) throw invalidValue(`Unable to find account ${name} in domain ${domain.id}`);
  return { domain, account };
}

function updateResourceLimit(call: Call): JsonObject {
  const { world, params } = call;
  const { domain, account } = limitOwner(call);
  requireReach(call, domain);
  const type = Number(params.must("resourcetype"));
  if (RESOURCE_KINDS[type] === undefined) throw invalidValue("Please specify a valid resource type.");
  const max = Number(params.text("max") ?? "-1");
  if (!Number.isInteger(max)) throw invalidValue(`Invalid value ${params.text("max") ?? ""} for parameter max`);
  if (account === undefined && domain.parentId === "") throw invalidValue("Cannot update resource limit for the ROOT domain");
  if (account !== undefined) {
    world.accounts.update(account, (a) => {
      a.limits = { ...a.limits, [type]: max };
    });
  } else {
    world.domains.update(domain, (d) => {
      d.limits = { ...d.limits, [type]: max };
    });
  }
  return { resourcelimit: limitShape(domain, account, type) };
}

/** Which kinds have a further limit for each tag, listed with the untagged one. Source: `addTaggedResourceLimits` of 4.20. */
const TAGGED_BY: Readonly<Record<string, readonly number[]>> = {
  "resource.limit.host.tags": [0, 8, 9],
  "resource.limit.storage.tags": [2, 10],
};

function tagsOf(world: World, type: number): readonly string[] {
  const named = Object.keys(TAGGED_BY).filter((setting) => TAGGED_BY[setting]?.includes(type));
  return named.flatMap((setting) => (world.configuration[setting] ?? "").split(",").filter((tag) => tag !== ""));
}

function listResourceLimits(call: Call): JsonObject {
  const { domain, account } = limitOwner(call);
  const wanted = call.params.text("resourcetype");
  const types = RESOURCE_KINDS.filter((kind) => wanted === undefined || kind.type === Number(wanted)).map((kind) => kind.type);
  const rows = types.flatMap((type) => [
    limitShape(domain, account, type),
    ...tagsOf(call.world, type).map((tag) => ({ ...limitShape(domain, account, type), max: -1, tag })),
  ]);
  return pageOf(call, "resourcelimit", rows, (row) => row);
}

function limitShape(domain: Domain, account: Account | undefined, type: number): JsonObject {
  const kind = RESOURCE_KINDS[type];
  const fallback = account === undefined ? (kind?.domain ?? -1) : account.type === 1 ? -1 : (kind?.account ?? -1);
  return {
    account: account?.name,
    domainid: domain.id,
    domain: domain.name,
    domainpath: shownPath(domain),
    resourcetype: String(type),
    resourcetypename: kind?.name,
    max: (account ?? domain).limits[type] ?? fallback,
  };
}
