import type { AbsencePolicy } from "./desired.ts";

/** The limits and settings a plan is made under; stored with the plan. */
export interface PlanPolicy {
  readonly absence: AbsencePolicy;
  /** More restrictive changes than this in one pass are held. */
  readonly restrictionsPerPassMax: number;
  /** More new deletions than this proposed by one pass are held: so many at once is a fault of the source until somebody looked. */
  readonly proposalsPerPassMax: number;
  /** More changes than this in one pass are held. */
  readonly changesPerPassMax: number;
  /** A source below this share of its last complete size holds the plan; 0…1. */
  readonly shrinkMinShare: number;
  /** Units: milliseconds. */
  readonly snapshotAgeMsMax: number;
  /** Ids or paths that are never a deletion candidate. */
  readonly protectedDomains: readonly string[];
  /** CI role → CloudStack role; `*` is for every other. */
  readonly roles: Readonly<Record<string, string>>;
  /** A domain id every complete read must see; null asks for none. */
  readonly sentinelDomain: string | null;
}

/** The CloudStack role of a CI role. */
export function roleFor(policy: PlanPolicy, ciRole: string): string {
  return policy.roles[ciRole] ?? policy.roles["*"] ?? "User";
}
