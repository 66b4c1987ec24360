import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { FleetScope } from "../../core/scope.ts";
import type { ObservedReport, PartialObserved } from "../../sync/planning/observed.ts";
import { observedAccounts } from "./accounts.ts";
import { growTree } from "./domain-tree.ts";
import type { CloudStackApi } from "../api/http.ts";
import { accountsQuery, domainsQuery } from "./lists.ts";
import type { Settings } from "../api/options.ts";
import { readList } from "../api/paging.ts";

/**
 * Reads everything below the managed root: domains, then accounts with their users, then the domains again.
 *
 * Errors: a `PartialObserved` with nothing in it: after a failed read there is nothing that a plan could be built on.
 * Source: facts/cloudstack §1.6. Invariant: INV-1, INV-6.
 */
export async function readFleet(
  api: CloudStackApi,
  s: Settings,
  o: { readonly withLimits: boolean },
): Promise<Result<ObservedReport, PartialObserved>> {
  const asOf = s.now();
  const scope: FleetScope = { kind: "fleet", root: s.rootPath };
  const failed = (f: Failure): Result<never, PartialObserved> => err(nothingObserved(scope, asOf, f));
  const rows = await readList(api, s, domainsQuery(o.withLimits));
  if (!rows.ok) return failed(rows.error);
  const tree = growTree(rows.value, s.rootPath);
  if (!tree.ok) return failed(tree.error);
  const { root, below, odd } = tree.value;
  const accounts = await readList(api, s, accountsQuery(root.id, true));
  if (!accounts.ok) return failed(accounts.error);
  const rowsAgain = await readList(api, s, domainsQuery(false));
  if (!rowsAgain.ok) return failed(rowsAgain.error);
  const again = growTree(rowsAgain.value, s.rootPath);
  if (!again.ok) return failed(again.error);
  const ids = new Set([root, ...below].map((d) => d.id));
  return ok({
    scope,
    root,
    domains: below,
    listedAgain: again.value.below.map((d) => d.id),
    accounts: observedAccounts(accounts.value, ids),
    odd,
    asOf,
  });
}

/** A read that failed: nothing is claimed, not even what was read before. */
export function nothingObserved(scope: PartialObserved["scope"], asOf: PartialObserved["asOf"], f: Failure): PartialObserved {
  return { coverage: "partial", scope, root: null, domains: [], accounts: [], odd: [], asOf, reason: f.message };
}
