import { groupBy } from "../../core/group-by.ts";
import type { DesiredProject } from "../planning/desired.ts";
import type { ObservedAccount, ObservedDomain } from "../planning/observed.ts";

/** Another project to which a domain of a mapping file seems to belong, and why. */
export interface Doubt {
  readonly likelier: DesiredProject;
  readonly why: string;
}

/**
 * Makes what says whether a domain seems to be another active project's than the one that a mapping file names: it has that one's name, or
 * its accounts are those of that one's members, and none is of a member of the named one. So two lines swapped are noticed.
 */
export function createDoubts(
  projects: readonly DesiredProject[],
  accounts: readonly ObservedAccount[],
): (project: DesiredProject, domain: ObservedDomain) => Doubt | null {
  const active = projects.filter((p) => p.state === "active");
  const bySlug = new Map(active.map((p) => [p.slug.toLowerCase(), p]));
  const byTrait = new Map<string, Set<DesiredProject>>();
  for (const p of active)
    for (const m of p.members)
      for (const trait of [nameTrait(m.username), mailTrait(m.email)]) byTrait.set(trait, (byTrait.get(trait) ?? new Set()).add(p));
  const inDomain = groupBy(accounts, (a) => a.domainId);

  return (project, domain) => {
    const named = bySlug.get(domain.name.toLowerCase());
    if (named !== undefined && named.id !== project.id)
      return { likelier: named, why: `${domain.path} has the name of another active project, ${named.slug}` };
    const matches = new Map<DesiredProject, number>();
    for (const a of inDomain.get(domain.id) ?? [])
      for (const p of new Set(traitsOf(a).flatMap((trait) => [...(byTrait.get(trait) ?? [])]))) matches.set(p, (matches.get(p) ?? 0) + 1);
    const own = [...matches.keys()].some((p) => p.id === project.id);
    const [best] = [...matches].toSorted(([p, n], [o, m]) => m - n || (p.slug < o.slug ? -1 : 1));
    if (own || best === undefined) return null;
    const why = `of ${domain.path} no account is of a member of ${project.slug}, and ${best[1]} are of members of ${best[0].slug}`;
    return { likelier: best[0], why };
  };
}

function traitsOf(a: ObservedAccount): readonly string[] {
  return [nameTrait(a.name), ...a.users.flatMap((u) => [nameTrait(u.username), mailTrait(u.email)])].filter(
    (t) => t !== "n " && t !== "m ",
  );
}

function nameTrait(username: string): string {
  return `n ${username.trim().toLowerCase()}`;
}

function mailTrait(email: string): string {
  return `m ${email.trim().toLowerCase()}`;
}
