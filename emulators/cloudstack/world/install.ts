import type { Settings } from "../options.ts";
import { BUILTIN_BYTES, NAMED, newBase } from "./base.ts";
import { giveKeys, insertAccount, insertTemplate, insertUser } from "./create.ts";
import { USER_COMMANDS } from "./default-rules.ts";
import type { RoleType } from "./rows.ts";
import { World } from "./world.ts";

const DEFAULT_ROLES: readonly (readonly [name: string, type: RoleType, text: string, isDefault?: false])[] = [
  ["Root Admin", "Admin", "Default root admin role"],
  ["Resource Admin", "ResourceAdmin", "Default resource admin role"],
  ["Domain Admin", "DomainAdmin", "Default domain admin role"],
  ["User", "User", "Default user role"],
  ["Read-Only Admin - Default", "Admin", "Default read-only admin role"],
  ["Read-Only User - Default", "User", "Default read-only user role"],
  ["Support Admin - Default", "Admin", "Default support admin role"],
  ["Support User - Default", "User", "Default support user role"],
  ["Project Kubernetes Service Role", "User", "Project Kubernetes Service Role", false],
];

/** A new installation: ROOT, its two hidden or default accounts, the root administrator with keys, roles, two templates. */
export function installWorld(settings: Settings): World {
  const base = newBase(settings.newId);
  const world = new World(base);
  const now = settings.now();
  const making = { world, settings, now };
  world.domains.insert({
    id: base.rootDomain,
    name: "ROOT",
    level: 0,
    parentId: "",
    path: "/",
    state: "Active",
    created: now,
    limits: {},
  });
  installRoles(world, settings);
  const asRoot = { domainId: base.rootDomain, type: 1, roleId: base.rootAdminRole };
  const system = insertAccount(making, { ...asRoot, id: base.systemAccount, name: "system" });
  const admin = insertAccount(making, { ...asRoot, id: base.adminAccount, name: "admin" });
  world.accounts.update(system, (a) => {
    a.hidden = true;
  });
  world.accounts.update(admin, (a) => {
    a.isDefault = true;
    delete a.created;
  });
  const user = insertUser(making, admin, { id: base.adminUser, username: "admin", firstname: "Admin", lastname: "User" });
  world.users.update(user, (u) => {
    u.isDefault = true;
  });
  giveKeys(making, user);
  // A real installation has this account too; it shows that not every account in a list is somebody's.
  const bareMetal = insertAccount(making, { name: "baremetal-system-account", domainId: base.rootDomain });
  giveKeys(making, insertUser(making, bareMetal, { username: bareMetal.name, email: "" }));
  const builtin = {
    type: "BUILTIN",
    format: "VHD",
    isPublic: true,
    isFeatured: true,
    crossZones: true,
    requiresHvm: false,
    onPrimary: true,
    size: BUILTIN_BYTES,
    physicalSize: settings.templateBytes,
    checksum: "",
    url: "http://192.0.2.7/templates/builtin.vhd.bz2",
  } as const;
  insertTemplate(making, system, {
    ...builtin,
    id: base.systemTemplate,
    name: NAMED.systemTemplate,
    type: "SYSTEM",
    isPublic: false,
    isFeatured: false,
  });
  insertTemplate(making, system, { ...builtin, id: base.builtinTemplate, name: NAMED.builtinTemplate });
  insertTemplate(making, system, {
    name: "xs-tools.iso",
    displayText: "XenServer Tools Installer ISO (xen-pv-drv-iso)",
    format: "ISO",
    type: "BUILTIN",
    isIso: true,
    isPublic: true,
    isFeatured: true,
    size: 0,
    bytes: 0,
  });
  return world;
}

function installRoles(world: World, settings: Settings): void {
  const ids: Record<string, string> = {
    "Root Admin": world.base.rootAdminRole,
    "Domain Admin": world.base.domainAdminRole,
    User: world.base.userRole,
  };
  for (const [name, type, description, isDefault = true] of DEFAULT_ROLES) {
    const id = ids[name] ?? settings.newId();
    world.roles.insert({ id, name, type, description, isDefault, isPublic: isDefault });
    const rules = name === "Root Admin" ? [] : rulesFor(name, type);
    for (const rule of rules) world.rules.insert({ id: settings.newId(), roleId: id, rule, permission: "allow" });
  }
}

function rulesFor(name: string, type: RoleType): readonly string[] {
  if (name.startsWith("Read-Only") || name.startsWith("Support")) return ["list*", "query*"];
  if (type === "DomainAdmin" || type === "ResourceAdmin") return DOMAIN_ADMIN_RULES;
  return USER_COMMANDS;
}

const DOMAIN_ADMIN_RULES: readonly string[] = [
  ...USER_COMMANDS,
  "createAccount",
  "deleteAccount",
  "updateAccount",
  "disableAccount",
  "enableAccount",
  "lockAccount",
  "createUser",
  "updateUser",
  "disableUser",
  "enableUser",
  "lockUser",
  "deleteUser",
  "registerUserKeys",
  "updateDomain",
  "updateResourceLimit",
  "listDomainChildren",
  "expungeVirtualMachine",
  "recoverVirtualMachine",
];
