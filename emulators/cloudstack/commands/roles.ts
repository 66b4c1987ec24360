import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { seesRole } from "../rights.ts";
import { like } from "../scope.ts";
import type { Role, RoleRule, RoleType } from "../world/rows.ts";

const ROLE_TYPES: readonly RoleType[] = ["Admin", "ResourceAdmin", "DomainAdmin", "User"];

/** Commands about roles and their rules. Source: recordings 01 and 08. */
export const ROLE_COMMANDS: readonly Command[] = [
  {
    name: "listRoles",
    params: paramSpecs(`id:roles name type ${LIST_PARAMS}`),
    annotated: ["Admin", "ResourceAdmin", "DomainAdmin"],
    run: listRoles,
  },
  { name: "createRole", params: paramSpecs("name! type roleid:roles description ispublic"), annotated: ["Admin"], run: createRole },
  { name: "listRolePermissions", params: paramSpecs("roleid:roles"), annotated: ["Admin"], run: listRolePermissions },
  {
    name: "createRolePermission",
    params: paramSpecs("roleid!:roles rule! permission! description"),
    annotated: ["Admin"],
    run: createRolePermission,
  },
  {
    name: "updateRolePermission",
    params: paramSpecs("roleid!:roles ruleorder:rules*~100000 ruleid:rules permission"),
    annotated: ["Admin"],
    run: updateRolePermission,
  },
  { name: "deleteRolePermission", params: paramSpecs("id!:rules"), annotated: ["Admin"], run: deleteRolePermission },
];

function listRoles(call: Call): JsonObject {
  const { world, params } = call;
  const id = params.text("id");
  const name = params.text("name")?.toLowerCase();
  const type = params.text("type");
  const keyword = params.text("keyword");
  const rows = world.roles
    .all()
    .filter(
      (r) =>
        (id === undefined ? seesRole(call, r) : r.id === id) &&
        (name === undefined || r.name.toLowerCase() === name) &&
        (type === undefined || r.type === type) &&
        (keyword === undefined || like(r.name, keyword)),
    );
  return pageOf(call, "role", rows, (role) => ({ type: role.type, isdefault: role.isDefault, ...roleFields(role) }));
}

function createRole(call: Call): JsonObject {
  const { world, params, settings } = call;
  const name = params.must("name");
  if (world.roles.all().some((role) => role.name === name)) throw invalidValue("A role with the same name already exists.");
  const source = world.roles.live(params.text("roleid"));
  const type = source?.type ?? ROLE_TYPES.find((t) => t === params.text("type"));
  if (type === undefined) throw invalidValue("Invalid role type provided");
  const description = params.text("description");
  const role = world.roles.insert({
    id: settings.newId(),
    name,
    type,
    isDefault: false,
    isPublic: true,
    ...(description === undefined ? {} : { description }),
  });
  for (const { rule, permission } of source === undefined ? [] : world.rules.group(source.id)) {
    world.rules.insert({ id: settings.newId(), roleId: role.id, rule, permission });
  }
  return { role: { type: role.type, ...roleFields(role) } };
}

function roleFields(role: Role): JsonObject {
  return { state: "enabled", id: role.id, name: role.name, description: role.description, ispublic: role.isPublic };
}

function listRolePermissions(call: Call): JsonObject {
  const { world, params } = call;
  const id = params.text("roleid");
  const rules = id === undefined ? world.rules.all() : inOrder(world.rules.group(world.roles.find(id)?.id ?? ""));
  return pageOf(call, "rolepermission", rules, (rule) => ruleShape(rule, world.roles.need(rule.roleId).name));
}

/** As they were given an order, and later ones after them. */
function inOrder(rules: readonly RoleRule[]): readonly RoleRule[] {
  return [...rules].sort((a, b) => (a.place ?? Infinity) - (b.place ?? Infinity) || 0);
}

function createRolePermission(call: Call): JsonObject {
  const { world, params, settings } = call;
  const role = world.roles.live(params.must("roleid"));
  if (role === undefined) throw invalidValue("Invalid role id provided");
  const permission = params.must("permission").toLowerCase();
  if (permission !== "allow" && permission !== "deny") throw invalidValue("Invalid permission provided");
  const rule = params.must("rule");
  const known = world.rules.group(role.id).some((r) => r.rule.toLowerCase() === rule.toLowerCase());
  if (known) throw invalidValue(`The rule ${rule} already exists`);
  const row = world.rules.insert({ id: settings.newId(), roleId: role.id, rule, permission });
  return { rolepermission: ruleShape(row) };
}

function updateRolePermission(call: Call): JsonObject {
  const { world, params } = call;
  if (params.text("ruleorder") !== undefined) return orderRules(call);
  const rule = world.rules.live(params.text("ruleid"));
  const permission = params.must("permission").toLowerCase();
  if (rule === undefined || (permission !== "allow" && permission !== "deny")) throw invalidValue("Invalid rule or permission provided");
  world.rules.update(rule, (r) => {
    r.permission = permission;
  });
  return { success: true };
}

/** Source: CloudStack 4.22, UpdateRolePermissionCmd, RolePermissionsDaoImpl (update): the new order names every rule of the role once. */
function orderRules(call: Call): JsonObject {
  const { world, params } = call;
  if (params.text("ruleid") !== undefined || params.text("permission") !== undefined)
    throw invalidValue("Parameters permission and ruleid must be mutually exclusive with ruleorder");
  const role = world.roles.live(params.must("roleid"));
  if (role === undefined) throw invalidValue("Invalid role id provided");
  const wanted = params.list("ruleorder").map((id) => world.rules.live(id));
  const own = world.rules.group(role.id);
  if (wanted.some((rule) => rule === undefined)) throw invalidValue("Provided role permission(s) do not exist");
  const rules = new Set(wanted.flatMap((rule) => (rule === undefined ? [] : [rule])));
  if (wanted.length !== own.length || own.some((rule) => !rules.has(rule)))
    throw runtimeRefusal(
      "The role's rule permissions list has changed while you were making updates, aborted re-ordering of rules. Please try again.",
    );
  [...rules].forEach((rule, place) => world.rules.update(rule, (r) => (r.place = place)));
  return { success: true };
}

function deleteRolePermission(call: Call): JsonObject {
  const rule = call.world.rules.live(call.params.must("id"));
  if (rule === undefined) throw invalidValue("Invalid role permission id provided");
  call.world.rules.remove(rule, call.now);
  return { success: true };
}

function ruleShape(rule: RoleRule, roleName?: string): JsonObject {
  const { id, roleId, permission, description } = rule;
  return { id, roleid: roleId, rolename: roleName, rule: rule.rule, permission, description };
}
