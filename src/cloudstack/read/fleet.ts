import type { Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { FleetScope } from "../../core/scope.ts";
import { nothingObserved, type ObservedAccount, type ObservedReport, type PartialObserved } from "../../sync/planning/observed.ts";
import { growTree } from "./domain-tree.ts";
import type { CloudStackApi } from "../api/http.ts";
import { accountsQuery, domainsQuery } from "./lists.ts";
import { readList } from "../api/paging.ts";
import { asDomainId, type AccountRow } from "../api/wire.ts";

/**
 * Reads everything below the managed root: domains, then accounts with their users, then the domains again.
 *
 * Errors: a `PartialObserved` with nothing in it: no plan can be built on a read that failed.
 * Source: facts/cloudstack §1.6. Invariant: INV-1, INV-6.
 */
export async function readFleet(api: CloudStackApi, o: { readonly withLimits: boolean }): Promise<Result<ObservedReport, PartialObserved>> {
  const asOf = api.settings.now();
  const scope: FleetScope = { kind: "fleet", root: api.settings.rootPath };
  const failed = (f: Failure): Result<never, PartialObserved> => err(nothingObserved(scope, asOf, f.message));
  const rows = await readList(api, domainsQuery(o.withLimits));
  if (!rows.ok) return failed(rows.error);
  const tree = growTree(rows.value, api.settings.rootPath);
  if (!tree.ok) return failed(tree.error);
  const { root, below, nonUuid } = tree.value;
  const accounts = await readList(api, accountsQuery(root.id, true));
  if (!accounts.ok) return failed(accounts.error);
  const rowsAgain = await readList(api, domainsQuery(false));
  if (!rowsAgain.ok) return failed(rowsAgain.error);
  const again = growTree(rowsAgain.value, api.settings.rootPath);
  if (!again.ok) return failed(again.error);
  const ids = new Set([root, ...below].map((d) => d.id));
  return ok({
    scope,
    root,
    domains: below,
    listedAgain: again.value.below.map((d) => d.id),
    accounts: observedAccounts(accounts.value, ids),
    nonUuid,
    asOf,
  });
}

/** The accounts of the given domains, as observed; rows of a neighbour are dropped. */
export function observedAccounts(rows: readonly AccountRow[], domains: ReadonlySet<DomainId>): readonly ObservedAccount[] {
  return rows.flatMap((row) => {
    const domainId = asDomainId(row.domainid);
    if (domainId === null || !domains.has(domainId)) return [];
    const users = row.user.map((u) => ({
      id: u.id,
      username: u.username,
      email: u.email,
      firstName: u.firstname,
      lastName: u.lastname,
      state: u.state,
    }));
    return [{ id: row.id, name: row.name, domainId, state: row.state, roleName: row.rolename, users }];
  });
}
