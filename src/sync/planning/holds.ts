import type { Digest, Instant } from "../../core/ids.ts";
import type { Differences } from "./changes.ts";
import type { CompleteInput, PartialInput } from "./input.ts";
import type { Hold } from "./plan.ts";
import type { PlanPolicy } from "./policy.ts";

/** All that is weighed besides the differences themselves. */
export interface HoldQuestion {
  readonly input: PartialInput | CompleteInput;
  readonly differences: Differences;
  /** How many deletions the plan would open. */
  readonly proposals: number;
  readonly policy: PlanPolicy;
  readonly scopeFingerprint: Digest;
  readonly now: Instant;
}

/** Lists every reason why the plan goes no further, with what it blocks and who lifts it. */
export function assessHolds(q: HoldQuestion): readonly Hold[] {
  return [...coverageHolds(q), ...sizeHolds(q), ...limitHolds(q), ...rowHolds(q), ...q.differences.holds];
}

function coverageHolds({ input, policy, scopeFingerprint, now }: HoldQuestion): readonly Hold[] {
  const holds: Hold[] = [];
  const { desired, observed, known } = input;
  if (desired.scope.kind === "project") {
    holds.push({
      kind: "narrowed",
      blocks: "restrictions",
      sentence: "this pass looked at one project only and says nothing about any other: no deletion and no lock can come of it",
      liftedBy: "a pass over everything",
    });
    if (observed.coverage === "partial" && observed.reason !== "narrowed to one project")
      holds.push({
        kind: "observed_partial",
        blocks: "everything",
        sentence: `CloudStack was not read: ${observed.reason}`,
        liftedBy: "a complete read",
      });
    if (desired.coverage === "partial" && desired.reason !== "narrowed to one project")
      holds.push({
        kind: "desired_partial",
        blocks: "everything",
        sentence: `the CI database was not read: ${desired.reason}`,
        liftedBy: "a complete read",
      });
    return holds;
  }
  if (desired.coverage === "partial")
    holds.push({
      kind: "desired_partial",
      blocks: "everything",
      sentence: `the CI database was not read completely: ${desired.reason}`,
      liftedBy: "a complete read",
    });
  if (observed.coverage === "partial")
    holds.push({
      kind: "observed_partial",
      blocks: "everything",
      sentence: `CloudStack was not read completely: ${observed.reason}`,
      liftedBy: "a complete read",
    });
  if (known.pinnedScope !== null && known.pinnedScope !== scopeFingerprint) {
    holds.push({
      kind: "scope_changed",
      blocks: "everything",
      sentence: "the scope is not the one that was confirmed: other views, another root, or another server; this pass only reports",
      liftedBy: "two approvers on the scope's card (/ci-policy), or the old configuration",
    });
  }
  const oldest = Math.min(desired.asOf, observed.asOf);
  if (now - oldest > policy.snapshotAgeMsMax)
    holds.push({ kind: "snapshot_too_old", blocks: "everything", sentence: "the reads are too old to act on", liftedBy: "a new pass" });
  if (observed.coverage === "complete" && policy.sentinelDomain !== null && !observed.domains.some((d) => d.id === policy.sentinelDomain)) {
    holds.push({
      kind: "sentinel_missing",
      blocks: "everything",
      sentence: "the sentinel domain was not seen",
      liftedBy: "the CI team, after looking in CloudStack",
    });
  }
  return holds;
}

function sizeHolds({ input, policy }: HoldQuestion): readonly Hold[] {
  const last = input.known.lastComplete;
  if (last === null || input.desired.scope.kind === "project") return [];
  const holds: Hold[] = [];
  const sides = [
    [
      "the CI database lists",
      "projects",
      input.desired.projects.length + input.desired.held.filter((h) => h.userId === null).length,
      last.projects,
    ] as const,
    ["CloudStack lists", "domains", input.observed.domains.length, last.domains] as const,
  ];
  for (const [who, what, now, before] of sides) {
    if (now === 0 && before > 0)
      holds.push({
        kind: "empty_source",
        blocks: "everything",
        sentence: `${who} no ${what} at all; ${before} the last time`,
        liftedBy: "a source that is whole again",
      });
    else if (now < before * policy.shrinkMinShare) {
      holds.push({
        kind: "shrunken_source",
        blocks: "everything",
        sentence: `${who} only ${now} of ${before} ${what} it had the last time`,
        liftedBy: "a source that is whole again, or two approvers: /ci-policy set shrink-min-share",
      });
    }
  }
  const { coverage, projects, held } = input.desired;
  const ours = coverage === "complete" ? input.known.managedAccounts.length : 0;
  if (ours > 0 && projects.every((p) => p.members.length === 0) && !held.some((h) => h.userId !== null))
    holds.push({
      kind: "empty_source",
      blocks: "restrictions",
      sentence: `the CI database lists no member of any project, although ${ours} accounts are managed`,
      liftedBy: "a source that is whole again",
    });
  return holds;
}

function limitHolds({ differences, proposals, policy }: HoldQuestion): readonly Hold[] {
  const holds: Hold[] = [];
  const all = differences.additive.length + differences.restrictive.length;
  if (all > policy.changesPerPass)
    holds.push({
      kind: "too_many_changes",
      blocks: "everything",
      sentence: `${all} changes in one pass; the limit is ${policy.changesPerPass}`,
      liftedBy: "two approvers: /ci-policy set changes-per-pass",
    });
  if (differences.restrictive.length > policy.restrictionsPerPass) {
    holds.push({
      kind: "too_many_restrictions",
      blocks: "restrictions",
      sentence: `${differences.restrictive.length} locks or lowered limits in one pass; the limit is ${policy.restrictionsPerPass}`,
      liftedBy: "two approvers: /ci-policy set restrictions-per-pass",
    });
  }
  if (proposals > policy.proposalsPerPass) {
    holds.push({
      kind: "too_many_proposals",
      blocks: "deletions",
      sentence: `${proposals} domains would be proposed for deletion at once; the limit is ${policy.proposalsPerPass}`,
      liftedBy: "a source that does not close them, or two approvers: /ci-policy set proposals-per-pass",
    });
  }
  return holds;
}

function rowHolds({ input }: HoldQuestion): readonly Hold[] {
  return input.desired.held.map((h) => ({
    kind: "held_row" as const,
    blocks: "one_project" as const,
    sentence: `${h.view}, ${h.key}: ${h.problem}`,
    liftedBy: h.remedy,
    ...(h.projectId === null ? {} : { projectId: h.projectId }),
  }));
}
