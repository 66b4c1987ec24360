import type { Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, UserId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { limitTypes, type LimitType } from "../../core/managed.ts";
import { isUnknownId, refusal } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList, type ListQuery } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";
import { AccountRow, asDomainId, AvailableRow, MachineRow, ResourceLimitRow, UserRow, VolumeRow } from "../api/wire.ts";
import { notForDisplay } from "./display.ts";

/** Finds an account by id. Null: it is not there, or no longer. */
export function findAccount(api: CloudStackApi, id: AccountId, more?: "with totals"): Promise<Result<AccountRow | null, Failure>> {
  const details: Params = more === "with totals" ? {} : { details: "min" };
  return findOne(api, listOf("listAccounts", "account", AccountRow, { id, listall: "true", ...details }), (a) => a.id === id);
}

/** Finds an account by id, with how much more it may have. Null: it is not there, or no longer. */
export function findAvailable(api: CloudStackApi, id: AccountId): Promise<Result<AvailableRow | null, Failure>> {
  return findOne(api, listOf("listAccounts", "account", AvailableRow, { id, listall: "true" }), (a) => a.id === id);
}

/** Finds a user by id. Null: it is not there, or no longer. */
export function findUser(api: CloudStackApi, id: UserId): Promise<Result<UserRow | null, Failure>> {
  return findOne(api, listOf("listUsers", "user", UserRow, { id, listall: "true" }), (u) => u.id === id);
}

/** CloudStack's number of a resource type, which is its place in our list. Source: facts/cloudstack §6. */
export function limitNumber(type: LimitType): string {
  return String(limitTypes.indexOf(type));
}

/** A domain's own limit of one type. From 4.20 on its limits for tagged hosts and disks are listed with it, under the same type. */
export function findLimit(api: CloudStackApi, domainId: DomainId, type: LimitType): Promise<Result<ResourceLimitRow | null, Failure>> {
  const number = limitNumber(type);
  const query: ListQuery<ResourceLimitRow> = {
    command: "listResourceLimits",
    params: { domainid: domainId, resourcetype: number },
    rows: "resourcelimit",
    row: ResourceLimitRow,
    keyOf: (l) => `${l.resourcetype} ${l.account ?? ""} ${l.tag ?? ""}`,
  };
  const isIt = (l: ResourceLimitRow): boolean => l.resourcetype === number && l.account === undefined && (l.tag ?? "") === "";
  return findOne(api, query, (l) => isIt(l) && l.domainid.toLowerCase() === domainId);
}

/** Finds a machine, a CloudStack project's or one that is not for display included. Null: it is gone. */
export function findMachine(api: CloudStackApi, id: string): Promise<Result<Found<typeof MachineRow> | null, Failure>> {
  return findOwned(api, listOf("listVirtualMachines", "virtualmachine", MachineRow, { id, listall: "true" }), id, notForDisplay.machine);
}

/** Finds a disk, a CloudStack project's or one that is not for display included. Null: it is gone. */
export function findVolume(api: CloudStackApi, id: string): Promise<Result<Found<typeof VolumeRow> | null, Failure>> {
  return findOwned(api, listOf("listVolumes", "volume", VolumeRow, { id, listall: "true" }), id, notForDisplay.volume);
}

/** A row with its domain's id, which is a UUID. */
type Found<S extends typeof MachineRow | typeof VolumeRow> = ReturnType<S["parse"]> & { readonly domainId: DomainId };

async function findOwned<T extends { readonly id: string; readonly domainid: string }>(
  api: CloudStackApi,
  query: ListQuery<T>,
  id: string,
  hidden: Params,
): Promise<Result<(T & { readonly domainId: DomainId }) | null, Failure>> {
  const ofProjects = { projectid: "-1" };
  for (const way of [{}, ofProjects, hidden, { ...ofProjects, ...hidden }]) {
    const rows = await readList(api, { ...query, params: { ...query.params, ...way } });
    if (!rows.ok) return isUnknownId(rows.error) ? ok(null) : rows;
    const found = rows.value.find((row) => row.id === id);
    if (found === undefined) continue;
    const domainId = asDomainId(found.domainid);
    if (domainId === null) return err(refusal("outside_root", "its domain has an id that is not a UUID"));
    return ok({ ...found, domainId });
  }
  return ok(null);
}

async function findOne<T>(api: CloudStackApi, query: ListQuery<T>, isIt: (row: T) => boolean): Promise<Result<T | null, Failure>> {
  const rows = await readList(api, query);
  if (rows.ok) return ok(rows.value.find(isIt) ?? null);
  return isUnknownId(rows.error) ? ok(null) : rows;
}
