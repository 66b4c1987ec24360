import { digestOf } from "../../core/digest.ts";
import type { Digest, DomainId, Instant } from "../../core/ids.ts";
import { domainDrift, planChanges } from "./changes.ts";
import { assessHolds } from "./holds.ts";
import { findMembersGone } from "./members-gone.ts";
import type { CompleteInput, PartialInput } from "./input.ts";
import { planDeletions, type Plan } from "./plan.ts";
import type { PlanPolicy } from "./policy.ts";

/** Makes the plan of one pass. Pure: same inputs, same bytes. Invariant: INV-7. */
export function buildPlan(input: PartialInput | CompleteInput, policy: PlanPolicy, scopeFingerprint: Digest, now: Instant): Plan {
  const differences = planChanges(input, policy);
  const proposals = input.coverage === "complete" ? planDeletions(input, policy) : [];
  const unreleased = new Set<string>(input.known.firstPlan ?? []);
  const isUnreleased = ({ domainId }: { readonly domainId: string }): boolean => unreleased.has(domainId);
  // What waits for its release anyway uses up no limit.
  const restrictive = differences.restrictive.filter((c) => !isUnreleased(c));
  const holds = assessHolds({
    ...{ input, policy, scopeFingerprint, now },
    differences: { ...differences, restrictive },
    membersGone: findMembersGone(input, restrictive, policy),
    proposals: proposals.filter((p) => !isUnreleased(p)).length,
    firstPlan: [...differences.restrictive, ...proposals].filter(isUnreleased).map((one) => ({ domainId: one.domainId, kind: one.kind })),
  });
  const found = {
    scope: input.desired.scope,
    additive: differences.additive,
    restrictive: differences.restrictive,
    proposals,
    drift: [...differences.drift, ...domainDrift(input, policy)],
    holds,
    heldRows: input.desired.held,
    counts: { projects: input.desired.projects.length, domains: input.observed.domains.length, accounts: input.observed.accounts.length },
  };
  return Object.freeze({
    ...found,
    asOf: Math.min(input.desired.asOf, input.observed.asOf) as Instant,
    digest: digestOf(JSON.parse(JSON.stringify(found))),
  });
}

/** Whether the plan's holds let additive changes, restrictions, deletions through. */
export function allowedBy(plan: Pick<Plan, "holds">): {
  readonly additive: boolean;
  readonly restrictive: boolean;
  readonly deletions: boolean;
} {
  const blocks = new Set(plan.holds.map((h) => h.blocks));
  const all = blocks.has("everything");
  return {
    additive: !all,
    restrictive: !all && !blocks.has("restrictions"),
    deletions: !all && !blocks.has("restrictions") && !blocks.has("deletions"),
  };
}

/** The adopted domains whose restrictive changes and deletions wait until two people released them. Invariant: INV-11. */
export function waitingDomains(plan: Pick<Plan, "holds">): ReadonlySet<string> {
  return new Set(plan.holds.filter((h) => h.blocks === "adopted").flatMap((h) => h.domainIds ?? []));
}

/** The domains whose restrictive changes alone are held: adopted ones that wait, and those of projects that lost all their members. */
export function unrestrictedDomains(plan: Pick<Plan, "holds">): ReadonlySet<string> {
  const gone = plan.holds.filter((h) => h.blocks === "domains").flatMap((h) => h.domainIds ?? []);
  return new Set([...waitingDomains(plan), ...gone]);
}

/** What the limits of a plan are about: what waits for its release anyway, or is held with its project, uses up none. */
export function withoutWaiting(plan: Pick<Plan, "restrictive" | "proposals" | "holds">): Pick<Plan, "restrictive" | "proposals"> {
  const waiting = waitingDomains(plan);
  const unrestricted = unrestrictedDomains(plan);
  return {
    restrictive: plan.restrictive.filter((c) => !unrestricted.has(c.domainId)),
    proposals: plan.proposals.filter((p) => !waiting.has(p.domainId)),
  };
}

/**
 * The adopted domains whose first plan has nothing that restricts or deletes: from now on they are like all others.
 *
 * Only what was compared from two complete reads counts: nothing held, closed or under deletion.
 */
export function endedFirstPlans(input: PartialInput | CompleteInput, plan: Pick<Plan, "holds">): readonly DomainId[] {
  const { known, desired, observed } = input;
  if (input.coverage !== "complete" || plan.holds.some((h) => h.blocks === "everything")) return [];
  const held = new Set(desired.held.map((h) => h.projectId));
  const compared = new Set(desired.projects.filter((p) => p.state === "active" && !held.has(p.id) && !held.has(null)).map((p) => p.id));
  const there = new Set<string>(observed.domains.map((d) => d.id));
  const busy = new Set<string>(known.domainsUnderDeletion);
  const waiting = waitingDomains(plan);
  const projects = new Map(known.managedDomains.map((m) => [m.domainId, m.projectId]));
  return (known.firstPlan ?? []).filter((id) => {
    const project = projects.get(id);
    return project !== undefined && compared.has(project) && there.has(id) && !busy.has(id) && !waiting.has(id);
  });
}
