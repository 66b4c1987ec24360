import type { Call } from "../command.ts";
import { type JsonObject, wireTime } from "../json.ts";
import { isWithin } from "../scope.ts";
import { accountTotals, machineCounts } from "../totals.ts";
import type { Account, User } from "../world/rows.ts";
import { limitFields } from "./domain.ts";
import { shownPath } from "./owner.ts";

const ACCOUNT_FIELDS = [0, 1, 2, 3, 12, 13, 4, 5, 6, 7, 8, 9, 16, 10, 11, 14, 15];

/** An account with its users; `min` leaves the limits and totals out, domain administrators see less. */
export function accountShape(call: Call, account: Account, min = false): JsonObject {
  const { world, caller } = call;
  const domain = world.domains.need(account.domainId);
  const details = Object.keys(account.details).length === 0 || caller.reach !== "all" ? undefined : account.details;
  return {
    id: account.id,
    name: account.name,
    accounttype: account.type,
    ...roleFields(call, account),
    domainid: domain.id,
    domain: domain.name,
    domainpath: shownPath(domain),
    ...(account.hasTraffic ? { receivedbytes: 100, sentbytes: 100 } : {}),
    ...(min ? { secondarystoragetotal: 0 } : resourceFields(call, account)),
    state: account.state,
    created: account.created === undefined ? undefined : wireTime(account.created),
    networkdomain: account.networkDomain,
    user: world.users.group(account.id).map((user) => nestedUserShape(call, user)),
    accountdetails: details,
    isdefault: account.isDefault,
    groups: [],
    apikeyaccess: caller.reach === "all" ? "INHERIT" : undefined,
  };
}

/** A user as accounts and the answers of user commands show it. */
export function nestedUserShape(call: Call, user: User): JsonObject {
  return userFields(call, user, false);
}

/** A user as `listUsers` shows it. */
export function listedUserShape(call: Call, user: User): JsonObject {
  const account = call.world.accounts.need(user.accountId);
  const domain = call.world.domains.need(account.domainId);
  const callerDomain = call.caller.account.domainId;
  const isChild = domain.id !== callerDomain && isWithin(call.world, domain, callerDomain);
  return { ...userFields(call, user, isChild), apikeyaccess: "INHERIT" };
}

function userFields(call: Call, user: User, isChild: boolean): JsonObject {
  const account = call.world.accounts.need(user.accountId);
  const domain = call.world.domains.need(account.domainId);
  return {
    id: user.id,
    username: user.username,
    firstname: user.firstname,
    lastname: user.lastname,
    email: user.email === "" ? undefined : user.email,
    created: wireTime(user.created),
    state: user.state,
    account: account.name,
    accounttype: account.type,
    usersource: "native",
    ...roleFields(call, account),
    domainid: domain.id,
    domain: domain.name,
    timezone: user.timezone,
    apikey: user.apiKey,
    accountid: account.id,
    iscallerchilddomain: isChild,
    isdefault: user.isDefault,
    is2faenabled: false,
    is2famandated: false,
  };
}

function roleFields(call: Call, account: Account): JsonObject {
  const role = call.world.roles.need(account.roleId);
  return { roleid: role.id, roletype: role.type, rolename: role.name };
}

function resourceFields(call: Call, account: Account): JsonObject {
  const machines = machineCounts(call.world, account.id, account.domainId);
  const unlimited = account.type === 1;
  return {
    ...limitFields(ACCOUNT_FIELDS, (kind) => (unlimited ? -1 : kind.account), account.limits, accountTotals(call.world, account.id)),
    vmstopped: machines.stopped,
    vmrunning: machines.running,
  };
}
