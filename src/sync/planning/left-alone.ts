import type { Drift, Plan } from "./plan.ts";

type Seen = Pick<Plan, "holds" | "drift">;

/** The sentences on what a plan leaves alone; a domain that stands among the holds already, with who lifts it, is not said twice. */
export function leftAloneLines(plan: Seen): readonly string[] {
  return leftAlone(plan).map((d) => d.sentence);
}

/**
 * The names, in small letters, of the domains directly below the managed root that are not managed, and that no active project waits for.
 *
 * A closed project of such a name is not gone: its domain is there, and nobody is asked about it.
 */
export function unmanagedNames(plan: Seen): ReadonlySet<string> {
  const unmanaged = leftAlone(plan).filter((d) => d.kind === "unmanaged_domain");
  return new Set(unmanaged.map((d) => (d.path.split("/").at(-1) ?? "").toLowerCase()));
}

function leftAlone({ holds, drift }: Seen): readonly Drift[] {
  const held = new Set(holds.filter((h) => h.kind === "name_in_the_way").map((h) => IN_THE_WAY.exec(h.sentence)?.[1]));
  return drift.filter((d) => d.kind !== "unmanaged_domain" || !held.has(d.path));
}

/** The hold of a domain that has a project's name; stored plans hold its sentence only. */
const IN_THE_WAY = /^(.+) has the name of \S+ but was not made by Twokey$/;
