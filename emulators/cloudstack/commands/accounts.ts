import { sameName } from "../collation.ts";
import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { internalError, invalidValue, malformed, permissionDenied, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { rememberRows } from "../remember.ts";
import { refuseEscalation, refuseHigherAccount } from "../rights.ts";
import { accountByName, like, namedDomain, requireOwner, requireReach, subtreeByPath } from "../scope.ts";
import { accountShape } from "../shapes/account.ts";
import { describedDomain } from "../shapes/owner.ts";
import { insertAccount, insertUser } from "../world/create.ts";
import { deleteAccountWithContents, stopMachine } from "../world/remove.ts";
import type { Account, Domain, Role, RoleType } from "../world/rows.ts";
import { refuseFourByteLetters } from "./users.ts";

const WHICH = "id:accounts account domainid:domains";
const TYPES: Readonly<Record<RoleType, number>> = { User: 0, Admin: 1, DomainAdmin: 2, ResourceAdmin: 3 };

/** Commands about accounts. Source: recordings 03, 04, 06, 08, 09, 11, 13; facts/cloudstack.md §3. */
export const ACCOUNT_COMMANDS: readonly Command[] = [
  {
    name: "createAccount",
    params: paramSpecs(
      "email! firstname! lastname! password! username! account accounttype roleid:roles domainid:domains networkdomain timezone " +
        "accountid userid",
    ),
    event: { type: "ACCOUNT.CREATE", resource: "Account", text: "creating Account" },
    run: createAccount,
  },
  {
    name: "listAccounts",
    params: paramSpecs(`id:accounts domainid:domains name accounttype state details iscleanuprequired ${LIST_PARAMS}`),
    run: listAccounts,
  },
  {
    name: "updateAccount",
    params: paramSpecs(`${WHICH} newname networkdomain roleid:roles apikeyaccess`),
    event: { type: "ACCOUNT.UPDATE", resource: "Account", text: "updating Account" },
    run: updateAccount,
  },
  { name: "lockAccount", params: paramSpecs("account! domainid!:domains"), run: lockAccount },
  {
    name: "enableAccount",
    params: paramSpecs(WHICH),
    event: { type: "ACCOUNT.ENABLE", resource: "Account", text: "enabling Account" },
    run: enableAccount,
  },
  {
    name: "disableAccount",
    params: paramSpecs(`${WHICH} lock!`),
    event: { type: "ACCOUNT.DISABLE", resource: "Account", text: "disabling Account" },
    job: {
      className: "admin.account.DisableAccountCmd",
      instanceType: "Account",
      instance: (call) => call.world.accounts.find(call.params.text("id"))?.id,
      finish: (call, _entityId, jobId) => disableAccount(call, jobId),
    },
  },
  {
    name: "deleteAccount",
    params: paramSpecs("id!:accounts"),
    event: { type: "ACCOUNT.DELETE", resource: "Account", text: "deleting Account" },
    job: {
      className: "admin.account.DeleteAccountCmd",
      instanceType: "Account",
      instance: (call) => call.world.accounts.find(call.params.must("id"))?.id,
      finish: deleteAccount,
    },
  },
];

function createAccount(call: Call): JsonObject {
  const { world, params, settings, now } = call;
  for (const name of ["email", "firstname", "lastname", "username"]) {
    if (params.must(name).trim() === "") throw invalidValue(`Invalid value provided for API arg: ${name}`);
  }
  const domain = world.domains.need(world.domains.find(params.text("domainid") ?? world.base.rootDomain)?.id ?? "");
  if (domain.removed !== undefined) throw invalidValue(`The domain ${domain.num} does not exist; unable to create account`);
  requireReach(call, domain);
  if (domain.state !== "Active") throw runtimeRefusal("The user cannot be created as domain is being deleted");
  const role = roleFor(call);
  if (role.type === "Admin" && domain.parentId !== "") {
    throw invalidValue(`Invalid account role type=Admin specified for the domain ${domain.name}`);
  }
  refuseEscalation(call, role);
  const name = params.text("account") ?? params.must("username");
  refuseFourByteLetters(params.must("username"), params.must("email"));
  refuseTakenNames(call, domain, name, params.must("username"));
  for (const [table, id] of [
    [world.accounts, params.text("accountid")],
    [world.users, params.text("userid")],
  ] as const) {
    if (id !== undefined && table.find(id) !== undefined) throw internalError("Entity already exists ");
  }
  const making = { world, settings, now };
  const account = insertAccount(making, {
    id: params.text("accountid"),
    name,
    domainId: domain.id,
    roleId: role.id,
    type: TYPES[role.type],
    details: params.map("accountdetails"),
  });
  insertUser(making, account, {
    id: params.text("userid"),
    username: params.must("username"),
    email: params.must("email"),
    firstname: params.must("firstname"),
    lastname: params.must("lastname"),
    timezone: params.text("timezone"),
  });
  return { account: { ...accountShape(call, account), apikeyaccess: "INHERIT" } };
}

function roleFor(call: Call): Role {
  const { world, params } = call;
  const asked = world.roles.live(params.text("roleid"));
  if (asked !== undefined) return asked;
  const type = params.text("accounttype");
  if (type === undefined) throw malformed("Neither accounttype and roleid can be null");
  const id = { "0": world.base.userRole, "1": world.base.rootAdminRole, "2": world.base.domainAdminRole }[type];
  if (id === undefined) throw invalidValue(`Invalid account type ${type}`);
  return world.roles.need(id);
}

function refuseTakenNames(call: Call, domain: Domain, account: string, username: string): void {
  const { world } = call;
  const described = describedDomain(domain);
  const names = world.accounts.group(domain.id).flatMap((a) => world.users.group(a.id).map((u) => u.username));
  if (names.some((name) => sameName(name, username))) throw invalidValue(`The user ${username} already exists in domain ${described}`);
  if (accountByName(world, domain.id, account) !== undefined) throw invalidValue(`The specified account: ${account} already exists`);
}

function listAccounts(call: Call): JsonObject {
  const min = call.params.list("details").includes("min");
  return pageOf(
    call,
    "account",
    rememberRows(call, () => accountsToList(call)),
    (account) => accountShape(call, account, min),
  );
}

function accountsToList(call: Call): readonly Account[] {
  const { world, params, caller } = call;
  const name = params.text("name");
  const state = params.text("state");
  const type = params.text("accounttype");
  const keyword = params.text("keyword");
  const matches = (a: Account): boolean =>
    !a.hidden &&
    (name === undefined || sameName(a.name, name)) &&
    (state === undefined || a.state === state) &&
    (type === undefined || a.type === Number(type)) &&
    (keyword === undefined || like(a.name, keyword));
  const id = params.text("id");
  if (id !== undefined) {
    const account = world.accounts.find(id);
    if (account === undefined || account.removed !== undefined) throw invalidValue(`Unable to find account by id ${account?.num ?? id}`);
    requireOwner(call, { accountId: account.id, domainId: account.domainId });
    return [account].filter(matches);
  }
  const listAll = params.flag("listall");
  const domain = namedDomain(call);
  if (caller.reach === "self" || (domain === undefined && !listAll)) return [caller.account].filter(matches);
  if (domain !== undefined && !listAll && !params.flag("isrecursive")) return world.accounts.group(domain.id).filter(matches);
  if (domain === undefined && caller.reach === "all") return world.accounts.all().filter(matches);
  const ids = subtreeByPath(world, domain ?? world.domains.need(caller.account.domainId));
  return world.accounts.all().filter((account) => ids.has(account.domainId) && matches(account));
}

/** The live account that a command names, by `id` or by `account` and `domainid`. */
export function namedAccount(call: Call): Account {
  const { world, params } = call;
  const domain = params.text("id") === undefined ? namedDomain(call) : undefined;
  const byName = domain === undefined ? undefined : accountByName(world, domain.id, params.must("account"));
  const account = params.text("id") === undefined ? byName : world.accounts.live(params.text("id"));
  if (account === undefined) {
    throw invalidValue(`Unable to find account by accountId: ${params.text("id") ?? ""} or account name: ${params.text("account") ?? ""}`);
  }
  requireOwner(call, { accountId: account.id, domainId: account.domainId });
  return account;
}

function updateAccount(call: Call): JsonObject {
  const { world, params } = call;
  const account = namedAccount(call);
  refuseHigherAccount(call, account);
  const newName = params.text("newname");
  if (newName !== undefined) {
    const other = accountByName(world, account.domainId, newName);
    if (other !== undefined && other !== account) throw invalidValue(`Can't update account: account with name ${newName} already exists`);
  }
  const role = world.roles.live(params.text("roleid"));
  if (role !== undefined) refuseRoleChange(call, role);
  world.accounts.update(account, (a) => {
    if (newName !== undefined) a.name = newName;
    if (role !== undefined) a.roleId = role.id;
    const networkDomain = params.text("networkdomain");
    if (networkDomain !== undefined) a.networkDomain = networkDomain;
    a.details = { ...a.details, ...params.map("accountdetails") };
  });
  const { apikeyaccess: _access, ...shape } = accountShape(call, account);
  return { account: shape };
}

function refuseRoleChange(call: Call, role: Role): void {
  if (call.params.text("domainid") === undefined) {
    throw internalError('Cannot invoke "java.lang.Long.longValue()" because "domainId" is null');
  }
  refuseEscalation(call, role);
}

function lockAccount(): never {
  throw runtimeRefusal("LockAccount does not lock accounts. Its implementation is disabled. Use DisableAccount instead");
}

function enableAccount(call: Call): JsonObject {
  const account = namedAccount(call);
  refuseHigherAccount(call, account);
  call.world.accounts.update(account, (a) => {
    a.state = "enabled";
  });
  return { account: accountShape(call, account) };
}

function disableAccount(call: Call, jobId: string): JsonObject {
  const { world, params, now } = call;
  const account = namedAccount(call);
  refuseHigherAccount(call, account);
  const lock = params.flag("lock");
  if (account.id === world.base.adminAccount || account.id === world.base.systemAccount) {
    throw permissionDenied(`Account id : ${account.num} is a system account, can't disable it`);
  }
  if (lock && account.state === "disabled") throw runtimeRefusal("Only enabled accounts can be locked");
  world.accounts.update(account, (a) => {
    a.state = lock ? "locked" : "disabled";
  });
  if (!lock && !call.machinesStuck) {
    const running = world.machines.group(account.domainId).filter((m) => m.accountId === account.id && m.state === "Running");
    for (const machine of running) stopMachine(world, machine, now);
  }
  const job = params.text("id") === undefined ? {} : { jobid: jobId, jobstatus: 0 };
  return { account: { ...accountShape(call, account), ...job } };
}

function deleteAccount(call: Call): JsonObject {
  const { world, params, now, caller } = call;
  const account = world.accounts.find(params.must("id"));
  if (account === undefined || account.removed !== undefined) return { success: true };
  requireOwner(call, { accountId: account.id, domainId: account.domainId });
  refuseHigherAccount(call, account);
  if (account.id === caller.account.id) throw invalidValue("Unable to delete the account as it is the caller's own one");
  if (account.isDefault || account.hidden) throw invalidValue(`The account: ${account.name} is not allowed to be deleted`);
  const managed = world.projects.group(account.domainId).filter((project) => project.ownerId === account.id);
  if (managed.length > 0) {
    const numbers = managed.map((project) => project.num).join(", ");
    throw invalidValue(
      `Unable to delete account [${account.num}], because it manages the following project(s): [${numbers}]. ` +
        "Please, remove the account from these projects or demote it to a regular project role first.",
    );
  }
  deleteAccountWithContents(world, account, now, call.machinesStuck);
  return { success: true };
}
