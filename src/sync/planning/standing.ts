import type { CompleteInput, PartialInput } from "./input.ts";
import type { Drift } from "./plan.ts";

/** Names the domains that stand for no desired project: unmanaged, nested or orphaned. They are shown with every plan and left alone. */
export function standingDrift(input: PartialInput | CompleteInput): readonly Drift[] {
  if (input.coverage !== "complete") return [];
  const managed = new Map(input.known.managedDomains.map((m) => [m.domainId, m]));
  const drift: Drift[] = [];
  for (const domain of input.observed.domains) {
    const record = managed.get(domain.id);
    if (domain.depth > 1)
      drift.push({
        kind: "nested_domain",
        path: domain.path,
        sentence: `${domain.path} was made inside a project's domain; it is left alone`,
      });
    else if (record === undefined)
      drift.push({ kind: "unmanaged_domain", path: domain.path, sentence: `${domain.path} was not made by Twokey; it is left alone` });
    else if (input.desired.find(record.projectId) === undefined && !input.desired.isHeld(record.projectId)) {
      const since = record.absence === null ? "now" : `${record.absence.reads} reads`;
      drift.push({
        kind: "orphaned",
        path: domain.path,
        sentence: `${domain.path}: its project ${record.projectId} is no longer listed (since ${since}); it is left alone`,
      });
    }
  }
  for (const odd of input.observed.nonUuid)
    drift.push({ kind: "unmanaged_domain", path: odd.path, sentence: `${odd.path} has an id that is no UUID; it is left alone` });
  return drift;
}
