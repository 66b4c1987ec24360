import type { Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, UserId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { limitTypes, type LimitType } from "../../core/managed.ts";
import { refusal, statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList, type ListQuery } from "../api/paging.ts";
import { AccountRow, asDomainId, MachineRow, ResourceLimitRow, UserRow } from "../api/wire.ts";

/** Finds an account by id. Null: it is not there, or no longer. */
export function findAccount(api: CloudStackApi, id: AccountId): Promise<Result<AccountRow | null, Failure>> {
  return findOne(api, listOf("listAccounts", "account", AccountRow, { id, listall: "true", details: "min" }), (a) => a.id === id);
}

/** Finds a user by id. Null: it is not there, or no longer. */
export function findUser(api: CloudStackApi, id: UserId): Promise<Result<UserRow | null, Failure>> {
  return findOne(api, listOf("listUsers", "user", UserRow, { id, listall: "true" }), (u) => u.id === id);
}

/** CloudStack's number of a resource type, which is its place in our list. Source: facts/cloudstack §6. */
export function limitNumber(type: LimitType): string {
  return String(limitTypes.indexOf(type));
}

/** A domain's own limit of one type. */
export function findLimit(api: CloudStackApi, domainId: DomainId, type: LimitType): Promise<Result<ResourceLimitRow | null, Failure>> {
  const number = limitNumber(type);
  const query: ListQuery<ResourceLimitRow> = {
    command: "listResourceLimits",
    params: { domainid: domainId, resourcetype: number },
    rows: "resourcelimit",
    row: ResourceLimitRow,
    keyOf: (l) => `${l.resourcetype} ${l.account ?? ""}`,
  };
  return findOne(api, query, (l) => l.resourcetype === number && l.account === undefined && l.domainid.toLowerCase() === domainId);
}

/** Finds a machine, a CloudStack project's included. Null: it is gone. */
export async function findMachine(api: CloudStackApi, id: string): Promise<Result<FoundMachine | null, Failure>> {
  for (const owner of [{}, { projectid: "-1" }]) {
    const query = listOf("listVirtualMachines", "virtualmachine", MachineRow, { id, listall: "true", ...owner });
    const rows = await readList(api, query);
    if (!rows.ok) return statusOf(rows.error) === 431 ? ok(null) : rows;
    const machine = rows.value.find((row) => row.id === id);
    if (machine === undefined) continue;
    const domainId = asDomainId(machine.domainid);
    if (domainId === null) return err(refusal("outside_root", "the machine's domain has an id that is not a UUID"));
    return ok({ state: machine.state, domainId });
  }
  return ok(null);
}

/** A machine's state and domain. */
interface FoundMachine {
  readonly state: string;
  readonly domainId: DomainId;
}

async function findOne<T>(api: CloudStackApi, query: ListQuery<T>, isIt: (row: T) => boolean): Promise<Result<T | null, Failure>> {
  const rows = await readList(api, query);
  if (rows.ok) return ok(rows.value.find(isIt) ?? null);
  // An id that CloudStack does not know, or whose row is removed, is answered with 431.
  return statusOf(rows.error) === 431 ? ok(null) : rows;
}
