import type { CompleteObserved } from "../planning/observed.ts";
import type { Recognised } from "../planning/recognise.ts";
import type { KnownState } from "../../core/managed.ts";

/**
 * Names what stands below the managed root and is not what Twokey makes: domains and accounts without an id of ours, and nested domains.
 *
 * `spared` are ids and paths that the configuration names. Accounts of the root itself are nobody's project, and are not looked at.
 */
export function findUnmanaged(
  observed: CompleteObserved,
  known: KnownState,
  recognised: Recognised,
  spared: ReadonlySet<string>,
): readonly string[] {
  const domains = new Set<string>([...known.managedDomains, ...recognised.domains].map((d) => d.domainId));
  const accounts = new Set<string>([...known.managedAccounts, ...recognised.accounts].map((a) => a.accountId));
  const strangers = observed.domains.filter((d) => !(domains.has(d.id) && d.depth === 1) && !spared.has(d.id) && !spared.has(d.path));
  const strange = new Set(strangers.map((d) => d.id));
  const paths = new Map(observed.domains.map((d) => [d.id, d.path]));
  return [
    ...strangers.map((d) => `domain ${d.path}`),
    ...observed.nonUuid.map((d) => `domain ${d.path}`),
    ...observed.accounts
      // Who stands in a domain that is named already, or in one that is spared, is not named again.
      .filter((a) => domains.has(a.domainId) && !strange.has(a.domainId) && !accounts.has(a.id))
      .map((a) => `account ${paths.get(a.domainId) ?? ""}/${a.name}`),
  ].toSorted();
}
