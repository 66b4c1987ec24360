import type { ArchiveKind } from "../core/archive-kinds.ts";
import { digestOf } from "../core/digest.ts";
import type { Digest } from "../core/ids.ts";
import type { LimitsNow } from "../deletion/ports.ts";
import type { DeletionPolicy } from "../store/deletions.ts";
import type { PolicyVersion, TeamPolicy } from "../store/policies.ts";
import type { PlanPolicy } from "../sync/planning/policy.ts";

/** Settings of a plan that no vote changes. */
export type FixedPlanPolicy = Pick<PlanPolicy, "roles" | "sentinelDomain" | "snapshotAgeMsMax">;

/** What a plan is made under. Pure. */
export function planPolicyOf(p: TeamPolicy, fixed: FixedPlanPolicy): PlanPolicy {
  return {
    ...fixed,
    absence: { reads: p.absenceReads, forMs: p.absenceMs },
    restrictionsPerPassMax: p.restrictionsPerPass,
    proposalsPerPassMax: p.proposalsPerPass,
    changesPerPassMax: p.changesPerPass,
    shrinkMinShare: p.shrinkMinShare,
    protectedDomains: p.protectedDomains,
  };
}

/** What is frozen into a deletion when it is opened. Pure. */
export function deletionPolicyOf({ body: p, version }: PolicyVersion, archiveKinds: readonly ArchiveKind[]): DeletionPolicy {
  return {
    version,
    expiresMs: p.approvalMs,
    coolOffMs: p.coolOffMs,
    graceMs: p.graceMs,
    quorum: p.quorum,
    perDay: p.deletionsPerDay,
    perWeek: p.deletionsPerWeek,
    protectedDomains: [...p.protectedDomains],
    archiveKinds: [...archiveKinds],
    pollMs: Math.min(30_000, Math.max(1000, p.graceMs / 20)),
  };
}

/** What counts beside the frozen limits of a deletion. Pure. */
export function limitsNowOf(p: TeamPolicy, presentScope: Digest): LimitsNow {
  return {
    perDay: p.deletionsPerDay,
    perWeek: p.deletionsPerWeek,
    coolOffMs: p.coolOffMs,
    graceMs: p.graceMs,
    protectedDomains: p.protectedDomains,
    scopeIsConfirmed: fingerprintOf(p.scope) === presentScope,
  };
}

/** One scope, one fingerprint. */
export function fingerprintOf(scope: TeamPolicy["scope"]): Digest {
  return digestOf(scope);
}
