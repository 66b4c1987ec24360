import type { Plan } from "./plan.ts";

/** The sentences on what a plan leaves alone; a domain that stands among the holds already, with who lifts it, is not said twice. */
export function leftAloneLines({ holds, drift }: Pick<Plan, "holds" | "drift">): readonly string[] {
  const held = new Set(holds.filter((h) => h.kind === "name_in_the_way").map((h) => IN_THE_WAY.exec(h.sentence)?.[1]));
  return drift.filter((d) => d.kind !== "unmanaged_domain" || !held.has(d.path)).map((d) => d.sentence);
}

/** The hold of a domain that has a project's name; stored plans hold its sentence only. */
const IN_THE_WAY = /^(.+) has the name of \S+ but was not made by Twokey$/;
