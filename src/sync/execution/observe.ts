import { domainIdFor } from "../../core/derived-ids.ts";
import type { Scope } from "../../core/scope.ts";
import type { CompleteDesired, PartialDesired } from "../planning/desired.ts";
import { join, type CompleteInput, type PartialInput } from "../planning/input.ts";
import type { KnownState } from "../../core/managed.ts";
import { completeObserved, nothingObserved, type CompleteObserved, type PartialObserved } from "../planning/observed.ts";
import type { DesiredSource, ObservedSource } from "./ports.ts";

/** Both sides as they were read; each complete or partial. */
export interface Observation {
  readonly desired: CompleteDesired | PartialDesired;
  readonly observed: CompleteObserved | PartialObserved;
}

/** Reads both sides; a tree that changed while it was read is read once more. Invariant: INV-1, INV-6. */
export async function observe(
  scope: Scope,
  known: KnownState,
  desiredSource: DesiredSource,
  observedSource: ObservedSource,
): Promise<Observation> {
  if (scope.kind === "project") return observeProject(scope, known, desiredSource, observedSource);
  const [desired, first] = await Promise.all([desiredSource.readDesired(scope), readFleet(scope, observedSource, false)]);
  const wantsLimits = desired.projects.some((p) => Object.keys(p.limits).length > 0);
  const changed = first.coverage === "partial" && first.reason.includes("while it was read");
  const observed = wantsLimits || changed ? await readFleet(scope, observedSource, wantsLimits) : first;
  return { desired, observed };
}

async function readFleet(scope: Scope, source: ObservedSource, withLimits: boolean): Promise<CompleteObserved | PartialObserved> {
  const report = await source.readFleet({ withLimits });
  if (!report.ok) return report.error;
  const complete = completeObserved(report.value);
  if (complete.ok) return complete.value;
  const { root, domains, accounts, nonUuid, asOf } = report.value;
  return { coverage: "partial", scope, root, domains, accounts, nonUuid, asOf, reason: complete.error.sentence };
}

async function observeProject(
  scope: Extract<Scope, { kind: "project" }>,
  known: KnownState,
  desiredSource: DesiredSource,
  observedSource: ObservedSource,
): Promise<Observation> {
  const desired = await desiredSource.readDesired(scope);
  const project = desired.projects.find((p) => p.id === scope.projectId);
  if (project === undefined) {
    return { desired, observed: nothingObserved(scope, desired.asOf, "the project is not listed, so nothing was read") };
  }
  const record = known.managedDomains.find((m) => m.projectId === project.id);
  const domainId = record?.domainId ?? domainIdFor(project.id, known.generations[project.id] ?? 1);
  return { desired, observed: await observedSource.readProject({ projectId: project.id, slug: project.slug, domainId }) };
}

/** Puts the two sides together: complete only when both are, over one scope. Invariant: INV-1. */
export function inputOf(o: Observation, known: KnownState): CompleteInput | PartialInput {
  if (o.desired.coverage === "complete" && o.observed.coverage === "complete") {
    const joined = join(o.desired, o.observed, known);
    if (joined.ok) return joined.value;
  }
  return { coverage: "partial", desired: o.desired, observed: o.observed, known };
}
