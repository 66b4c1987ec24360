import { accountIdFor, domainIdFor, userIdFor } from "../../core/derived-ids.ts";
import type { CompleteDesired, PartialDesired } from "./desired.ts";
import type { KnownState, ManagedAccount, ManagedDomain } from "../../core/managed.ts";
import type { CompleteObserved, PartialObserved } from "./observed.ts";

/** What is ours although no row says so: we made it, and the process died before it recorded that. */
export interface Recognised {
  readonly domains: readonly Omit<ManagedDomain, "absence">[];
  readonly accounts: readonly Omit<ManagedAccount, "lockedByUs">[];
}

/** Recognises domains and accounts by the UUIDs that only we derive, from project id and generation. */
export function recognise(
  desired: CompleteDesired | PartialDesired,
  observed: CompleteObserved | PartialObserved,
  known: KnownState,
): Recognised {
  const domains: Omit<ManagedDomain, "absence">[] = [];
  const accounts: Omit<ManagedAccount, "lockedByUs">[] = [];
  const seen = new Map(observed.domains.map((d) => [d.id, d]));
  const seenAccounts = new Map(observed.accounts.map((a) => [a.id, a]));
  const managed = new Map(known.managedDomains.map((m) => [m.projectId, m]));
  const managedAccounts = new Set<string>(known.managedAccounts.map((m) => m.accountId));
  for (const project of desired.projects) {
    const record = managed.get(project.id);
    const generation = Math.max(record?.generation ?? 1, known.generations[project.id] ?? 1);
    const domainId = record?.domainId ?? domainIdFor(project.id, generation);
    const domain = seen.get(domainId);
    if (domain === undefined || domain.depth !== 1) continue;
    if (record === undefined) domains.push({ domainId, projectId: project.id, generation, origin: "created" });
    for (const member of project.members) {
      const accountId = accountIdFor(project.id, generation, member.userId);
      if (managedAccounts.has(accountId) || seenAccounts.get(accountId)?.domainId !== domainId) continue;
      const userId = userIdFor(project.id, generation, member.userId);
      accounts.push({ accountId, userId, domainId, projectId: project.id, ciUserId: member.userId });
    }
  }
  return { domains, accounts };
}
