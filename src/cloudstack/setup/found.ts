import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { keyUses, type KeyUse } from "../api/needs.ts";
import { statusOf, unknownShape } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { AccountRow, fit, RoleRow, RuleRow, UserKeys } from "../api/wire.ts";
import { wantedAccounts } from "../api/wanted-roles.ts";
import { accountsQuery, domainQuery } from "../read/lists.ts";
import { findManagedRoot } from "../read/managed-root.ts";

/** A role that is there, with its rules in the order in which CloudStack lists them. */
export interface FoundRole {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly rules: readonly { readonly id: string; readonly rule: string; readonly isAllowed: boolean }[];
}

/** The account of a key that is there, with its one user. */
export interface FoundAccount {
  readonly id: string;
  readonly roleName: string;
  readonly state: string;
  readonly userId: string;
  readonly hasKeys: boolean;
}

/** What of the roles and accounts is there, as a root administrator sees it. */
export interface Found {
  readonly domains: { readonly root: string; readonly managed: string };
  /** By name; a name that two roles have is left out of `roles` and named in `doubled`. */
  readonly roles: ReadonlyMap<string, FoundRole>;
  readonly doubled: readonly string[];
  readonly accounts: ReadonlyMap<KeyUse, FoundAccount>;
}

/**
 * Reads what is there of the roles `names` and of the four accounts.
 *
 * Errors: `refused` for a key that is no root administrator's, and for a managed root that is not there; what CloudStack says.
 */
export async function findRolesAndAccounts(api: CloudStackApi, names: readonly string[]): Promise<Result<Found, Failure>> {
  const domains = await findDomains(api);
  if (!domains.ok) return domains;
  const listed = await readList(api, listOf("listRoles", "role", RoleRow));
  if (!listed.ok) return listed;
  const named = names.map((name) => ({ name, rows: listed.value.filter((role) => role.name === name) }));
  const roles = new Map<string, FoundRole>();
  for (const { name, rows } of named) {
    const [role] = rows;
    if (role === undefined || rows.length > 1) continue;
    const rules = await readList(api, listOf("listRolePermissions", "rolepermission", RuleRow, { roleid: role.id }));
    if (!rules.ok) return rules;
    const seen = rules.value.map((r) => ({ id: r.id, rule: r.rule, isAllowed: r.permission.toLowerCase() === "allow" }));
    roles.set(name, { ...role, rules: seen });
  }
  const accounts = await findAccounts(api, domains.value);
  if (!accounts.ok) return accounts;
  const doubled = named.flatMap(({ name, rows }) => (rows.length > 1 ? [name] : []));
  return ok({ domains: domains.value, roles, doubled, accounts: accounts.value });
}

/** Only a root administrator sees ROOT itself, and may make roles. */
async function findDomains(api: CloudStackApi): Promise<Result<Found["domains"], Failure>> {
  const own = await readList(api, listOf("listAccounts", "account", AccountRow, { details: "min" }));
  if (!own.ok && statusOf(own.error) !== 432) return own;
  const me = own.ok ? own.value[0] : undefined;
  const tops = await readList(api, domainQuery({ level: "0", listall: "true", details: "min" }));
  if (!tops.ok && statusOf(tops.error) !== 432) return tops;
  const root = tops.ok ? tops.value.find((domain) => domain.level === 0) : undefined;
  if (me?.roletype !== "Admin" || root === undefined || me.domainid !== root.id) {
    const sentence = `The keys of CLOUDSTACK_ADMIN_API_KEY are those of ${me === undefined ? "an account that may not even list itself" : `the account ${me.name}`}, which is no root administrator`;
    return err(
      failure("refused", "cloudstack.no_root_admin", sentence, { remedy: "Give the keys of an account of the type Admin in ROOT." }),
    );
  }
  const managed = await findManagedRoot(api);
  return managed.ok ? ok({ root: root.id, managed: managed.value.root.id }) : managed;
}

async function findAccounts(api: CloudStackApi, domains: Found["domains"]): Promise<Result<Found["accounts"], Failure>> {
  const found = new Map<KeyUse, FoundAccount>();
  for (const use of keyUses) {
    const wanted = wantedAccounts.find((account) => account.use === use);
    if (wanted === undefined) continue;
    const { params, ...query } = accountsQuery(domains[wanted.place], false);
    const rows = await readList(api, { ...query, params: { ...params, name: wanted.name } });
    if (!rows.ok) return rows;
    const account = rows.value.find((row) => row.name === wanted.name && row.domainid === domains[wanted.place]);
    const user = account?.user.find((one) => one.username === wanted.name) ?? account?.user[0];
    if (account === undefined || user === undefined) continue;
    const keys = await readKeys(api, user.id);
    if (!keys.ok) return keys;
    const { id, rolename: roleName, state } = account;
    found.set(use, { id, roleName, state, userId: user.id, hasKeys: keys.value !== null });
  }
  return ok(found);
}

/** The key pair of a user; null: it has none. Source: CloudStack 4.22, GetUserKeysCmd. */
export async function readKeys(
  api: CloudStackApi,
  userId: string,
): Promise<Result<{ readonly apiKey: string; readonly secretKey: string } | null, Failure>> {
  const answer = await api.read("getUserKeys", { id: userId });
  if (!answer.ok) return answer;
  const keys = fit(UserKeys, answer.value);
  if (!keys.ok) return err(unknownShape(keys.what, "getUserKeys"));
  const { apikey: apiKey, secretkey: secretKey } = keys.value.userkeys;
  return ok(apiKey === undefined || secretKey === undefined ? null : { apiKey, secretKey });
}
