import { AccountRow, DomainRow } from "../api/wire.ts";
import type { ListQuery } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";

/** All domains that the key may see; `min` leaves the limits out and is three times as fast (recording 12). */
export function domainsQuery(withLimits: boolean): ListQuery<DomainRow> {
  return domainQuery({ listall: "true", ...(withLimits ? {} : { details: "min" }) });
}

/** Domains by any of `listDomains`'s filters. */
export function domainQuery(params: Params): ListQuery<DomainRow> {
  return { command: "listDomains", params, rows: "domain", row: DomainRow, keyOf: (row) => row.id };
}

/**
 * Accounts, with their users, of a domain and, when `recursive`, of those below it.
 *
 * CloudStack finds those below by a pattern in which `_` matches anything: the caller filters by domain id (recording 03, fact 8).
 */
export function accountsQuery(domainId: string, recursive: boolean): ListQuery<AccountRow> {
  const params = { domainid: domainId, listall: "true", isrecursive: String(recursive), details: "min" };
  return { command: "listAccounts", params, rows: "account", row: AccountRow, keyOf: (row) => row.id };
}
