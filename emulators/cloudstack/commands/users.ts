import { hasFourByteLetter, sameName } from "../collation.ts";
import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { internalError, invalidValue, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { rememberRows } from "../remember.ts";
import { refuseHigherAccount } from "../rights.ts";
import { accountByName, like, likeWhole, namedDomain, requireOwner, subtreeByPath } from "../scope.ts";
import { describedDomain } from "../shapes/owner.ts";
import { listedUserShape, nestedUserShape } from "../shapes/account.ts";
import { giveKeys, insertUser } from "../world/create.ts";
import type { Account, User } from "../world/rows.ts";

/** Commands about users. Source: recording 04; facts/cloudstack.md §3. */
export const USER_COMMANDS: readonly Command[] = [
  {
    name: "createUser",
    params: paramSpecs("account! email! firstname! lastname! password! username! domainid:domains timezone userid"),
    event: { type: "USER.CREATE", resource: "User", text: "creating User" },
    run: createUser,
  },
  { name: "listUsers", params: paramSpecs(`id:users username account domainid:domains state accounttype ${LIST_PARAMS}`), run: listUsers },
  {
    name: "updateUser",
    params: paramSpecs("id!:users email firstname lastname username timezone password currentpassword apikeyaccess"),
    event: { type: "USER.UPDATE", resource: "User", text: "updating User" },
    run: updateUser,
  },
  {
    name: "disableUser",
    params: paramSpecs("id!:users"),
    event: { type: "USER.DISABLE", resource: "User", text: "disabling User" },
    job: { className: "admin.user.DisableUserCmd", finish: (call) => setState(call, "disabled") },
  },
  {
    name: "enableUser",
    params: paramSpecs("id!:users"),
    event: { type: "USER.ENABLE", resource: "User", text: "enabling User" },
    run: enableUser,
  },
  {
    name: "lockUser",
    params: paramSpecs("id!:users"),
    event: { type: "USER.LOCK", resource: "User", text: "locking User" },
    run: (call) => setState(call, "locked"),
  },
  {
    name: "deleteUser",
    params: paramSpecs("id!:users"),
    event: { type: "USER.DELETE", resource: "User", text: "deleting User" },
    run: deleteUser,
  },
  { name: "registerUserKeys", params: paramSpecs("id!:users"), run: registerUserKeys },
  {
    name: "getUserKeys",
    params: paramSpecs("id!:users"),
    annotated: ["Admin", "ResourceAdmin", "DomainAdmin", "User"],
    run: getUserKeys,
  },
];

function createUser(call: Call): JsonObject {
  const { world, params, settings, now } = call;
  const domain = namedDomain(call) ?? world.domains.need(world.base.rootDomain);
  const account = accountByName(world, domain.id, params.must("account"));
  if (account === undefined) {
    throw invalidValue(`Unable to find account ${params.must("account")} in domain ${describedDomain(domain)} to create user`);
  }
  requireOwner(call, { accountId: account.id, domainId: domain.id });
  refuseHigherAccount(call, account);
  if (account.state !== "enabled") throw runtimeRefusal("The account is not in enabled state");
  const username = params.must("username");
  refuseFourByteLetters(username, params.must("email"));
  const others = world.accounts.group(domain.id).flatMap((a) => world.users.group(a.id));
  if (others.some((u) => sameName(u.username, username))) {
    throw runtimeRefusal(`The user ${username} already exists in domain ${domain.num}`);
  }
  const id = params.text("userid");
  if (id !== undefined && world.users.find(id) !== undefined) throw internalError("Entity already exists ");
  const user = insertUser({ world, settings, now }, account, {
    id,
    username,
    email: params.must("email"),
    firstname: params.must("firstname"),
    lastname: params.must("lastname"),
    timezone: params.text("timezone"),
  });
  return { user: nestedUserShape(call, user) };
}

function listUsers(call: Call): JsonObject {
  const { world, params } = call;
  const username = params.text("username");
  const state = params.text("state");
  const keyword = params.text("keyword");
  const rows = rememberRows(call, () => usersInScope(call)).filter(
    (u) =>
      (username === undefined || likeWhole(u.username, username)) &&
      (state === undefined || u.state === state) &&
      (keyword === undefined || like(u.username, keyword)) &&
      !world.accounts.need(u.accountId).hidden,
  );
  return pageOf(call, "user", rows, (user) => listedUserShape(call, user));
}

function usersInScope(call: Call): readonly User[] {
  const { world, params, caller } = call;
  const id = params.text("id");
  if (id !== undefined) {
    const user = world.users.live(id);
    if (user === undefined) return [];
    requireOwner(call, ownerOf(call, user));
    return [user];
  }
  const domain = namedDomain(call);
  const inAccounts = (accounts: readonly Account[]): readonly User[] => accounts.flatMap((account) => world.users.group(account.id));
  const account = params.text("account");
  if (domain !== undefined && account !== undefined) {
    const owner = accountByName(world, domain.id, account);
    return owner === undefined ? [] : world.users.group(owner.id);
  }
  if (caller.reach === "self" || (domain === undefined && !params.flag("listall"))) return world.users.group(caller.account.id);
  if (domain !== undefined && !params.flag("isrecursive")) return inAccounts(world.accounts.group(domain.id));
  if (domain === undefined && caller.reach === "all") return world.users.all();
  const ids = subtreeByPath(world, domain ?? world.domains.need(caller.account.domainId));
  return world.users.all().filter((user) => ids.has(world.accounts.need(user.accountId).domainId));
}

function updateUser(call: Call): JsonObject {
  const { world, params } = call;
  const user = changeableUser(call);
  const username = params.text("username");
  refuseFourByteLetters(username ?? "", params.text("email") ?? "");
  const { domainId } = world.accounts.need(user.accountId);
  const others = world.accounts
    .group(domainId)
    .flatMap((a) => world.users.group(a.id))
    .filter((u) => u !== user);
  if (username !== undefined && others.some((u) => sameName(u.username, username))) {
    throw invalidValue(`Username [${username}] already exists.`);
  }
  world.users.update(user, (u) => {
    if (username !== undefined) u.username = username;
    u.email = params.text("email") ?? u.email;
    u.firstname = params.text("firstname") ?? u.firstname;
    u.lastname = params.text("lastname") ?? u.lastname;
    const timezone = params.text("timezone");
    if (timezone !== undefined) u.timezone = timezone;
  });
  return { user: nestedUserShape(call, user) };
}

function setState(call: Call, state: User["state"]): JsonObject {
  const { world } = call;
  const user = changeableUser(call);
  world.users.update(user, (u) => {
    u.state = state;
  });
  const siblings = world.users.group(user.accountId);
  if (state === "locked" && siblings.every((u) => u.state !== "enabled")) {
    world.accounts.update(world.accounts.need(user.accountId), (a) => {
      a.state = "locked";
    });
  }
  return { user: nestedUserShape(call, user) };
}

/** Enables a user, and the account with it: the real server does both. */
function enableUser(call: Call): JsonObject {
  const answer = setState(call, "enabled");
  call.world.accounts.update(call.world.accounts.need(namedUser(call).accountId), (a) => {
    a.state = "enabled";
  });
  return answer;
}

function deleteUser(call: Call): JsonObject {
  const user = changeableUser(call);
  if (user.id === call.caller.user.id) throw invalidValue("Unable to delete the caller's own user");
  call.world.users.remove(user, call.now);
  return { success: true };
}

function registerUserKeys(call: Call): JsonObject {
  const { world, settings, now } = call;
  const keys = giveKeys({ world, settings, now }, changeableUser(call));
  return { userkeys: { apikey: keys.apiKey, secretkey: keys.secretKey } };
}

/** Source: CloudStack 4.22, GetUserKeysCmd: a user without keys has an empty object. */
function getUserKeys(call: Call): JsonObject {
  const { apiKey, secretKey } = changeableUser(call);
  return { userkeys: { apikey: apiKey, secretkey: secretKey } };
}

/** Refuses what the database cannot hold in a user's name or e-mail; a first or last name may be anything. Source: recording 27. */
export function refuseFourByteLetters(username: string, email: string): void {
  if (hasFourByteLetter(username)) {
    const mix = "Illegal mix of collations (utf8mb3_general_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE) for operation '='";
    throw runtimeRefusal(`Unable to find on DB, due to: ${mix}`);
  }
  if (!hasFourByteLetter(email)) return;
  const bytes = [...Buffer.from(email.slice(email.search(/[\u{10000}-\u{10ffff}]/u)), "utf8").subarray(0, 6)];
  const shown = bytes.map((byte) => (byte < 128 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`)).join("");
  const text = `Data truncation: Incorrect string value: '${shown}...' for column \`cloud\`.\`user\`.\`email\` at row 1`;
  throw runtimeRefusal(`Unable to persist on DB, due to: ${text}`);
}

/** The named user, unless its account may do more than the caller. */
function changeableUser(call: Call): User {
  const user = namedUser(call);
  refuseHigherAccount(call, call.world.accounts.need(user.accountId));
  return user;
}

function namedUser(call: Call): User {
  const user = call.world.users.live(call.params.must("id"));
  if (user === undefined) throw invalidValue(`Unable to find user by id ${call.params.must("id")}`);
  requireOwner(call, ownerOf(call, user));
  return user;
}

function ownerOf(call: Call, user: User): { accountId: string; domainId: string } {
  return { accountId: user.accountId, domainId: call.world.accounts.need(user.accountId).domainId };
}
