import { listOf, type ListQuery } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";
import { AccountRow, DomainRow, ProjectRow } from "../api/wire.ts";

/** All domains that the key may see; `min` leaves the limits out and is three times as fast (recording 12). */
export function domainsQuery(withLimits: boolean): ListQuery<DomainRow> {
  return domainQuery({ listall: "true", ...(withLimits ? {} : { details: "min" }) });
}

/** Domains by any of `listDomains`'s filters. */
export function domainQuery(params: Params): ListQuery<DomainRow> {
  return listOf("listDomains", "domain", DomainRow, params);
}

/**
 * Accounts, with their users, of a domain and, when `recursive`, of those below it; `withTotals` adds what CloudStack counts for each.
 *
 * CloudStack finds those below by a pattern in which `_` matches anything: the caller filters by domain id (recording 03, fact 8).
 */
export function accountsQuery(domainId: string, recursive: boolean, withTotals = false): ListQuery<AccountRow> {
  const details: Params = withTotals ? {} : { details: "min" };
  const params = { domainid: domainId, listall: "true", isrecursive: String(recursive), ...details };
  return listOf("listAccounts", "account", AccountRow, params);
}

/** The CloudStack projects of a domain and those below it. */
export function projectsQuery(domainId: string): ListQuery<ProjectRow> {
  return listOf("listProjects", "project", ProjectRow, { domainid: domainId, listall: "true", isrecursive: "true" });
}
