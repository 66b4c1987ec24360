import type { AdoptionDomain, AdoptionRow, MappedPair } from "../../core/adoption.ts";
import { groupBy } from "../../core/group-by.ts";
import type { ManagedDomain } from "../../core/managed.ts";
import type { DesiredProject, HeldRow } from "../planning/desired.ts";
import type { ObservedAccount, ObservedDomain } from "../planning/observed.ts";
import { matchAccounts } from "./match-accounts.ts";
import { componentsOf } from "./components.ts";
import { createDoubts } from "./doubts.ts";
import type { MatchQuestion } from "./question.ts";
import { rowOf, usersOf, type Pair } from "./rows.ts";

/** The table, and what would be recorded if people agreed. */
export interface Match {
  readonly rows: readonly AdoptionRow[];
  readonly domains: readonly AdoptionDomain[];
  /** What looks wrong in it, one sentence each: shown first. */
  readonly lines: readonly string[];
}

/**
 * Matches domains to projects, by the mapping file or by name, and the accounts and users of each pair to its members.
 *
 * Pure. Every project, domain, account and user, and every member of a pair's project, is in exactly one row; the order of the lists does
 * not matter. Only what matches one to one is ever adopted.
 */
export function match(q: MatchQuestion): Match {
  const { rows, pairs } = matchDomains(q);
  const accounts = groupBy(q.accounts, (a) => a.domainId);
  const matched = pairs.map((pair) => ({ pair, ...matchAccounts(pair, accounts.get(pair.domain.id) ?? [], q) }));
  const paired = new Set<string>(pairs.map((p) => p.domain.id));
  const places = new Map(q.domains.map((d) => [d.id, d.path]));
  const others = q.accounts.filter((a) => !paired.has(a.domainId)).map((a) => strayRow(a, places.get(a.domainId)));
  const all = [...rows, ...matched.flatMap((m) => m.rows), ...others];
  const domains = matched.flatMap(({ pair, adopted }): readonly AdoptionDomain[] => {
    if (!pair.isNew && adopted.length === 0) return [];
    const { project, domain, generation, isNew } = pair;
    return [{ domainId: domain.id, projectId: project.id, slug: project.slug, path: domain.path, generation, isNew, accounts: adopted }];
  });
  const sorted = domains.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const lines = sorted.flatMap(({ domainId, slug, path, accounts: adopted }) => {
    const there = accounts.get(domainId)?.length ?? 0;
    return there > 0 && adopted.length === 0 ? [`0 of ${there} accounts match: ${path} for ${slug}`] : [];
  });
  return { rows: all.toSorted(byPlace), domains: sorted, lines };
}

function strayRow(a: ObservedAccount, path: string | undefined): AdoptionRow {
  const reason = path === undefined ? "it is an account of the managed root itself" : "its domain is managed for no project";
  return rowOf("account", `${path ?? "the managed root"}/${a.name}`, "unassigned", reason, { accounts: [a.id], users: usersOf(a) });
}

function byPlace(a: AdoptionRow, b: AdoptionRow): number {
  const key = (r: AdoptionRow): string => JSON.stringify([r.place, r.what, r.projects, r.domains, r.members, r.accounts, r.users]);
  return key(a) < key(b) ? -1 : 1;
}

interface DomainMatch {
  readonly rows: readonly AdoptionRow[];
  readonly pairs: readonly Pair[];
}

function matchDomains(q: MatchQuestion): DomainMatch {
  const ours = matchManaged(q);
  const taken = new Set(ours.rows.flatMap((r) => [...r.projects, ...r.domains]));
  const rows: AdoptionRow[] = [
    ...ours.rows,
    ...q.nonUuid.map((d) => rowOf("domain", d.path, "unassigned", "its id is no UUID", { domains: [d.rawId] })),
  ];
  const pairs: Pair[] = [...ours.pairs];
  const free = q.domains.filter((d) => !taken.has(d.id));
  for (const d of free.filter((one) => one.depth !== 1))
    rows.push(rowOf("domain", d.path, "unqualified", "it lies inside another domain, with which it is managed", { domains: [d.id] }));
  const busy = new Set<string>(q.known.domainsUnderDeletion);
  const top = free.filter((d) => d.depth === 1);
  for (const d of top.filter((one) => busy.has(one.id) || q.derived.has(one.id))) {
    const why = busy.has(d.id) ? "it is under a deletion" : "only Twokey derives such an id, and this database does not know it";
    rows.push(rowOf("domain", d.path, "unqualified", why, { domains: [d.id] }));
  }
  const open = top.filter((d) => !busy.has(d.id) && !q.derived.has(d.id));
  const held = heldProjects(q.held);
  const projects = q.projects.filter((p) => !taken.has(p.id));
  const isQualified = (p: DesiredProject): boolean => p.state === "active" && !held.has(p.id) && !held.has(null);

  const first = joinByName(projects.filter(isQualified), open, q);
  rows.push(...first.rows);
  pairs.push(...first.pairs);
  // What is left over may still be the domain of a project that is closed or held.
  const left = open.filter((d) => !first.used.has(d.id));
  rows.push(
    ...leftOver(
      projects.filter((p) => !isQualified(p)),
      left,
      q,
      held,
    ),
  );
  return { rows, pairs };
}

function heldProjects(held: readonly HeldRow[]): ReadonlySet<string | null> {
  return new Set(held.filter((h) => h.userId === null).map((h) => h.projectId));
}

/** The managed domains, with or without their projects. */
function matchManaged(q: MatchQuestion): DomainMatch {
  const [projects, domains] = [new Map(q.projects.map((p) => [p.id, p])), new Map(q.domains.map((d) => [d.id, d]))];
  const held = heldProjects(q.held);
  const busy = new Set<string>(q.known.domainsUnderDeletion);
  const rows: AdoptionRow[] = [];
  const pairs: Pair[] = [];
  const newest = newestRecords(q.known.managedDomains);
  for (const { domainId, projectId } of q.known.managedDomains.filter((r) => !newest.includes(r))) {
    const domain = domains.get(domainId);
    if (domain === undefined) continue;
    rows.push(rowOf("domain", domain.path, "unqualified", `it is an older domain of the project ${projectId}`, { domains: [domain.id] }));
  }
  for (const record of newest) {
    const [project, domain] = [projects.get(record.projectId), domains.get(record.domainId)];
    const about = { projects: project === undefined ? [] : [project.id], domains: domain === undefined ? [] : [domain.id] };
    if (domain === undefined) {
      if (project !== undefined) rows.push(rowOf("domain", project.slug, "absent", "its managed domain is no longer listed", about));
    } else if (held.has(record.projectId) || (held.has(null) && project === undefined))
      rows.push(rowOf("domain", domain.path, "unqualified", "a row of its project is held", about));
    else if (project === undefined)
      rows.push(rowOf("domain", domain.path, "source_missing", `its project ${record.projectId} is no longer listed`, about));
    else if (project.state === "closed")
      rows.push(rowOf("domain", domain.path, "unqualified", `its project ${project.slug} is closed`, about));
    else if (busy.has(domain.id)) rows.push(rowOf("domain", domain.path, "unqualified", "it is under a deletion", about));
    else {
      rows.push(rowOf("domain", domain.path, "confirmed", `it is the domain of ${project.slug}`, about));
      pairs.push({ project, domain, generation: record.generation, isNew: false });
    }
  }
  return { rows, pairs };
}

/** One domain for each project: the newest generation. A domain is recorded once. */
function newestRecords(records: readonly ManagedDomain[]): readonly ManagedDomain[] {
  const newest = new Map<string, ManagedDomain>();
  for (const r of records) if (r.generation >= (newest.get(r.projectId)?.generation ?? 0)) newest.set(r.projectId, r);
  return [...newest.values()];
}

/** The pairs that could be: those of the mapping file, and of all that it does not name those of one name. CloudStack ignores case. */
function pairsByName(
  projects: readonly DesiredProject[],
  domains: readonly ObservedDomain[],
  mapped: readonly MappedPair[],
): readonly (readonly [string, string])[] {
  const [byFile, toDomain] = [new Set<string>(mapped.map((m) => m.projectId)), new Set<string>(mapped.map((m) => m.domainId))];
  const byName = groupBy(
    domains.filter((d) => !toDomain.has(d.id)),
    (d) => d.name.toLowerCase(),
  );
  const named = projects
    .filter((p) => !byFile.has(p.id))
    .flatMap((p) => (byName.get(p.slug.toLowerCase()) ?? []).map((d) => [p.id, d.id] as const));
  return [...named, ...mapped.map((m) => [m.projectId, m.domainId] as const)];
}

function joinByName(
  projects: readonly DesiredProject[],
  domains: readonly ObservedDomain[],
  q: MatchQuestion,
): DomainMatch & { readonly used: ReadonlySet<string> } {
  const [byId, atId] = [
    new Map<string, DesiredProject>(projects.map((p) => [p.id, p])),
    new Map<string, ObservedDomain>(domains.map((d) => [d.id, d])),
  ];
  const rows: AdoptionRow[] = [];
  const pairs: Pair[] = [];
  const used = new Set<string>();
  const byFile = new Set<string>(q.mapped.map((m) => m.projectId));
  const doubtOf = q.mapped.length === 0 ? () => null : createDoubts(q.projects, q.accounts);
  const components = componentsOf([...byId.keys()], [...atId.keys()], pairsByName(projects, domains, q.mapped));
  for (const { left, right } of components) {
    const [ps, ds] = [left.flatMap((id) => byId.get(id) ?? []), right.flatMap((id) => atId.get(id) ?? [])];
    const [project, domain] = [ps[0], ds[0]];
    const about = { projects: ps.map((p) => p.id), domains: ds.map((d) => d.id) };
    if (project === undefined) continue;
    for (const d of ds) used.add(d.id);
    const doubt = domain === undefined || !byFile.has(project.id) ? null : doubtOf(project, domain);
    if (domain === undefined) {
      const why = "no domain directly below the managed root has its name, and no mapping file names one";
      rows.push(rowOf("domain", project.slug, "absent", why, about));
    } else if (doubt !== null) {
      rows.push(rowOf("domain", domain.path, "ambiguous", `the mapping file says that it is ${project.slug}, but ${doubt.why}`, about));
    } else if (ps.length === 1 && ds.length === 1) {
      const why = byFile.has(project.id)
        ? `the mapping file says that it is ${project.slug}`
        : `it is called like the project ${project.slug}`;
      rows.push(rowOf("domain", domain.path, "found", why, about));
      pairs.push({ project, domain, generation: q.known.generations[project.id] ?? 1, isNew: true });
    } else {
      const why = `${ds.map((d) => d.path).join(", ")} and ${ps.map((p) => `${p.slug} (${p.id})`).join(", ")} could belong together; a mapping file says which`;
      rows.push(rowOf("domain", domain.path, "ambiguous", why, about));
    }
  }
  return { rows, pairs, used };
}

function leftOver(
  projects: readonly DesiredProject[],
  domains: readonly ObservedDomain[],
  q: MatchQuestion,
  held: ReadonlySet<string | null>,
): readonly AdoptionRow[] {
  const [byId, atId] = [
    new Map<string, DesiredProject>(projects.map((p) => [p.id, p])),
    new Map<string, ObservedDomain>(domains.map((d) => [d.id, d])),
  ];
  return componentsOf([...byId.keys()], [...atId.keys()], pairsByName(projects, domains, q.mapped)).map(({ left, right }) => {
    const [ps, ds] = [left.flatMap((id) => byId.get(id) ?? []), right.flatMap((id) => atId.get(id) ?? [])];
    const about = { projects: ps.map((p) => p.id), domains: ds.map((d) => d.id) };
    const place = ds[0]?.path ?? ps[0]?.slug ?? "";
    if (ps.length === 0)
      return rowOf("domain", place, "unassigned", "no active project has its name, and no mapping file names one", about);
    const why = ps.map(
      (p) => `${p.slug} (${p.id}) is ${p.state === "closed" ? "closed" : held.has(p.id) || held.has(null) ? "held" : p.state}`,
    );
    return rowOf("domain", place, "unqualified", `the project ${why.join(", ")}`, about);
  });
}
