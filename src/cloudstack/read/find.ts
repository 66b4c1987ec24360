import { failure, type Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, UserId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { LimitType } from "../../core/managed.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { readList, type ListQuery, type Paging } from "../api/paging.ts";
import { AccountRow, ResourceLimitRow, RoleRow, UserRow } from "../api/wire.ts";

/** Finds an account by id. Null: it is not there (any more). */
export function findAccount(api: CloudStackApi, paging: Paging, id: AccountId): Promise<Result<AccountRow | null, Failure>> {
  const params = { id, listall: "true", details: "min" };
  return findOne(
    api,
    paging,
    { command: "listAccounts", params, rows: "account", row: AccountRow, keyOf: (a) => a.id },
    (a) => a.id === id,
  );
}

/** Finds a user by id. Null: it is not there (any more). */
export function findUser(api: CloudStackApi, paging: Paging, id: UserId): Promise<Result<UserRow | null, Failure>> {
  const query: ListQuery<UserRow> = {
    command: "listUsers",
    params: { id, listall: "true" },
    rows: "user",
    row: UserRow,
    keyOf: (u) => u.id,
  };
  return findOne(api, paging, query, (u) => u.id === id);
}

/** CloudStack's numbers of the resource types. Source: facts/cloudstack §6. */
export const limitNumbers: Readonly<Record<LimitType, number>> = {
  user_vm: 0,
  public_ip: 1,
  volume: 2,
  snapshot: 3,
  template: 4,
  project: 5,
  network: 6,
  vpc: 7,
  cpu: 8,
  memory: 9,
  primary_storage: 10,
  secondary_storage: 11,
};

/** A domain's own limit of one type. */
export function findLimit(
  api: CloudStackApi,
  paging: Paging,
  domainId: DomainId,
  type: LimitType,
): Promise<Result<ResourceLimitRow | null, Failure>> {
  const number = String(limitNumbers[type]);
  const query: ListQuery<ResourceLimitRow> = {
    command: "listResourceLimits",
    params: { domainid: domainId, resourcetype: number },
    rows: "resourcelimit",
    row: ResourceLimitRow,
    keyOf: (l) => `${l.resourcetype} ${l.account ?? ""}`,
  };
  return findOne(api, paging, query, (l) => l.resourcetype === number && l.account === undefined && l.domainid.toLowerCase() === domainId);
}

/** The id of the role of that exact name. Errors: `refused` when there is none, or more than one. */
export async function findRoleId(api: CloudStackApi, paging: Paging, name: string): Promise<Result<string, Failure>> {
  const roles = await readList(api, paging, { command: "listRoles", params: {}, rows: "role", row: RoleRow, keyOf: (role) => role.id });
  if (!roles.ok) return roles;
  const named = roles.value.filter((role) => role.name === name);
  const [role] = named;
  if (role !== undefined && named.length === 1) return ok(role.id);
  const sentence = role === undefined ? `CloudStack has no role "${name}"` : `CloudStack has ${named.length} roles "${name}"`;
  return err(failure("refused", "cloudstack.no_role", sentence, { remedy: "Make the role, or mend CLOUDSTACK_ROLES." }));
}

async function findOne<T>(
  api: CloudStackApi,
  paging: Paging,
  query: ListQuery<T>,
  isIt: (row: T) => boolean,
): Promise<Result<T | null, Failure>> {
  const rows = await readList(api, paging, query);
  if (rows.ok) return ok(rows.value.find(isIt) ?? null);
  // An id that CloudStack does not know, or whose row is removed, is answered with 431.
  return statusOf(rows.error) === 431 ? ok(null) : rows;
}
