import { digestOf } from "../../core/digest.ts";
import type { Digest, Instant } from "../../core/ids.ts";
import { domainDrift, planChanges } from "./changes.ts";
import { assessHolds } from "./holds.ts";
import type { CompleteInput, PartialInput } from "./input.ts";
import { planDeletions, type Plan } from "./plan.ts";
import type { PlanPolicy } from "./policy.ts";

/** Makes the plan of one pass. Pure: same inputs, same bytes. Invariant: INV-7. */
export function buildPlan(input: PartialInput | CompleteInput, policy: PlanPolicy, scopeFingerprint: Digest, now: Instant): Plan {
  const differences = planChanges(input, policy);
  const proposals = input.coverage === "complete" ? planDeletions(input, policy) : [];
  const holds = assessHolds({ input, differences, proposals: proposals.length, policy, scopeFingerprint, now });
  const found = {
    scope: input.desired.scope,
    additive: differences.additive,
    restrictive: differences.restrictive,
    proposals,
    drift: [...differences.drift, ...domainDrift(input)],
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
