import { groupBy } from "../../core/group-by.ts";
import type { Claim } from "../../core/claims.ts";
import { accountIdFor, domainIdFor, userIdFor } from "../../core/derived-ids.ts";
import type { DomainId } from "../../core/ids.ts";
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
  const managed = new Map(known.managedDomains.map((m) => [m.projectId, m]));
  // Asked for only where a member's account is not recorded; of a large fleet each is a map of a million.
  const seenAccounts = lazily(() => new Map(observed.accounts.map((a) => [a.id, a])));
  const managedAccounts = lazily(() => new Set<string>(known.managedAccounts.map((m) => m.accountId)));
  const managedIn = groupBy(known.managedAccounts, (m) => m.domainId);
  for (const project of desired.projects) {
    const record = managed.get(project.id);
    const generation = Math.max(record?.generation ?? 1, known.generations[project.id] ?? 1);
    const domainId = record?.domainId ?? domainIdFor(project.id, generation);
    const domain = seen.get(domainId);
    if (domain === undefined || domain.depth !== 1) continue;
    if (record === undefined) domains.push({ domainId, projectId: project.id, generation, origin: "created" });
    // To derive an id takes longer than all else here. One of version 5 that is recorded for a member in this domain is the derived one.
    const recorded = new Set<string>();
    for (const m of managedIn.get(domainId) ?? []) if (m.accountId[14] === "5") recorded.add(m.ciUserId);
    for (const member of project.members) {
      if (recorded.has(member.userId)) continue;
      const accountId = accountIdFor(project.id, generation, member.userId);
      if (managedAccounts().has(accountId) || seenAccounts().get(accountId)?.domainId !== domainId) continue;
      const userId = userIdFor(project.id, generation, member.userId);
      accounts.push({ accountId, userId, domainId, projectId: project.id, ciUserId: member.userId });
    }
  }
  return { domains, accounts };
}

/** Makes something when it is asked for first. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** How far ahead of our own count another installation's generations are looked for. */
const GENERATIONS_AHEAD = 8;

/** What is known after a pass has recorded what it recognised. */
export function withRecognised(known: KnownState, { domains, accounts }: Recognised): KnownState {
  const byId =
    <T>(of: (one: T) => string) =>
    (a: T, b: T) =>
      of(a) < of(b) ? -1 : 1;
  return {
    ...known,
    managedDomains: [...known.managedDomains, ...domains.map((d) => ({ ...d, absence: null }))].toSorted(byId((d) => d.domainId)),
    managedAccounts: [...known.managedAccounts, ...accounts.map((a) => ({ ...a, lockedByUs: false }))].toSorted(byId((a) => a.accountId)),
  };
}

/**
 * Lists what was recognised, and domains of later generations, as claims: without an intent of ours, another installation made them, or we
 * did after the backup from which this database was restored.
 */
export function claimsOfRecognised(
  { domains, accounts }: Recognised,
  desired: CompleteDesired | PartialDesired,
  observed: CompleteObserved | PartialObserved,
  known: KnownState,
): readonly Claim[] {
  const paths = new Map(observed.domains.map((d) => [d.id, d.path]));
  const wanted = new Set<string>(accounts.map((a) => a.accountId));
  const named = observed.accounts.filter((a) => wanted.has(a.id));
  const names = new Map(named.map((a) => [a.id, `${paths.get(a.domainId) ?? "?"}/${a.name}`]));
  return [
    ...[...domains.map((d) => d.domainId), ...laterGenerations(desired, observed, known)].map((id) => claim("domain", id, paths.get(id))),
    ...accounts.map((a) => claim("account", a.accountId, names.get(a.accountId))),
  ];
}

function claim(kind: "domain" | "account", subject: string, path: string | undefined): Claim {
  return { kind, subject, sentence: path ?? subject };
}

function laterGenerations(
  desired: CompleteDesired | PartialDesired,
  observed: CompleteObserved | PartialObserved,
  known: KnownState,
): readonly DomainId[] {
  const managed = new Map(known.managedDomains.map((m) => [m.domainId, m.projectId]));
  // Derived ids are of version 5, which CloudStack's own are not.
  const strange = new Set(observed.domains.filter((d) => d.depth === 1 && d.id[14] === "5" && !managed.has(d.id)).map((d) => d.id));
  if (strange.size === 0) return [];
  const generations = new Map(known.managedDomains.map((m) => [m.projectId, m.generation]));
  return desired.projects.flatMap(({ id }) => {
    const ours = Math.max(generations.get(id) ?? 1, known.generations[id] ?? 1);
    return Array.from({ length: GENERATIONS_AHEAD }, (_, i) => domainIdFor(id, ours + i + 1)).filter((d) => strange.has(d));
  });
}
