import type { TeamPolicy } from "../../core/policy.ts";

/** The settings of a plan that no vote changes. */
export interface PlanSettings {
  /** Reads older than this hold the plan. Units: milliseconds. */
  readonly snapshotAgeMsMax: number;
  /** CI role → CloudStack role; `*` is for every other. */
  readonly roles: Readonly<Record<string, string>>;
  /** A domain id every complete read must see; null asks for none. */
  readonly sentinelDomain: string | null;
  /** The rules by which plans are made now: 4. Plans of earlier versions, with less or without, are made again as those made them. */
  readonly rules?: 2 | 3 | 4;
}

const planLimits = [
  "absenceReads",
  "absenceMs",
  "restrictionsPerPass",
  "proposalsPerPass",
  "changesPerPass",
  "shrinkMinShare",
  "protectedDomains",
] as const;

/** Limits that plans of earlier versions were not made under. */
const laterLimits = ["restrictionsPerDay", "restrictionsPerWeek", "emptiedPerPass"] as const;

/** What a plan is made under; stored with the plan. */
export type PlanPolicy = PlanSettings &
  Pick<TeamPolicy, (typeof planLimits)[number]> &
  Partial<Pick<TeamPolicy, (typeof laterLimits)[number]>>;

/** The part of the team's limits that a plan depends on, with the settings that no vote changes. */
export function planPolicyOf(team: TeamPolicy, settings: PlanSettings): PlanPolicy {
  const limits = Object.fromEntries([...planLimits, ...laterLimits].map((key) => [key, team[key]]));
  return { ...settings, rules: 4, ...(limits as Pick<TeamPolicy, (typeof planLimits | typeof laterLimits)[number]>) };
}

/** Whether it is the policy of a plan that an earlier version stored: it is made again as that version made it. Invariant: INV-7. */
export function isOfEarlierVersion(policy: PlanPolicy): boolean {
  return policy.restrictionsPerDay === undefined;
}

/** Whether holds say which one of their kind they are, and nothing of the size of what was not read completely. Invariant: INV-7. */
export function saysOnlyWhatWasRead(policy: PlanPolicy): boolean {
  return policy.rules !== undefined;
}

/** Which words a stored sentence has for this number; earlier versions took `many` for one thing, too. Invariant: INV-7. */
export function wordsFor(policy: PlanPolicy, n: number, one: string, many: string): string {
  return n === 1 && (policy.rules ?? 0) >= 3 ? one : many;
}

/** Whether a hold of a username names the CI user whose account has it; earlier versions took that account for a stranger's. Invariant: INV-7. */
export function namesOwner(policy: PlanPolicy): boolean {
  return (policy.rules ?? 0) >= 4;
}

/** The CloudStack role of a CI role. */
export function roleFor(policy: Pick<PlanPolicy, "roles">, ciRole: string): string {
  return policy.roles[ciRole] ?? policy.roles["*"] ?? "User";
}
