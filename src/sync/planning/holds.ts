import { digestOf } from "../../core/digest.ts";
import type { Digest, DomainId, Instant } from "../../core/ids.ts";
import type { Differences } from "./changes.ts";
import type { CompleteInput, PartialInput } from "./input.ts";
import type { MembersGone } from "./members-gone.ts";
import type { Hold } from "./plan.ts";
import { isOfEarlierVersion, saysOnlyWhatWasRead, wordsFor, type PlanPolicy } from "./policy.ts";

/** What holds are judged by. */
export interface HoldQuestion {
  readonly input: PartialInput | CompleteInput;
  readonly differences: Differences;
  /** The restrictive changes and deletions of adopted domains that nobody released yet; they are not in `differences` and `proposals`. */
  readonly firstPlan: readonly { readonly domainId: DomainId; readonly kind: string }[];
  /** The projects whose restrictions are held as all their members vanished; those are in `differences`. */
  readonly membersGone: readonly MembersGone[];
  /** How many deletions the plan would open. */
  readonly proposals: number;
  readonly policy: PlanPolicy;
  readonly scopeFingerprint: Digest;
  readonly now: Instant;
}

/** Lists every reason why the plan goes no further, with what it blocks and who lifts it. Their sentences are stored with plans (INV-7). */
export function assessHolds(q: HoldQuestion): readonly Hold[] {
  const coverage = q.input.desired.scope.kind === "project" ? projectHolds(q) : [...coverageHolds(q), ...sizeHolds(q)];
  const all = [
    ...ownerHolds(q),
    ...coverage,
    ...roleHolds(q),
    ...memberHolds(q),
    ...goneHolds(q),
    ...firstPlanHolds(q),
    ...limitHolds(q),
    ...rowHolds(q),
    ...q.differences.holds,
  ];
  // Plans of earlier versions are made again without it.
  return saysOnlyWhatWasRead(q.policy) ? all : all.map(({ about: _, ...rest }) => rest);
}

function hold(kind: Hold["kind"], blocks: Hold["blocks"], sentence: string, liftedBy: string, about?: string): Hold {
  return { kind, blocks, sentence, liftedBy, ...(about === undefined ? {} : { about }) };
}

function ownerHolds({ input: { known } }: HoldQuestion): readonly Hold[] {
  if (known.notOurs === undefined || known.notOurs === null) return [];
  return [hold("not_ours", "everything", known.notOurs, "two approvers: /ci-resume")];
}

/** The sides that were not read completely, unless for the expected reason. */
function partialHolds({ desired, observed }: HoldQuestion["input"], expected: string | null, how: string): readonly Hold[] {
  const sides = [["desired_partial", "the CI database", desired] as const, ["observed_partial", "CloudStack", observed] as const];
  return sides.flatMap(([kind, name, side]) =>
    side.coverage === "partial" && side.reason !== expected
      ? [hold(kind, "everything", `${name} was not read${how}: ${side.reason}`, "a complete read")]
      : [],
  );
}

function projectHolds(q: HoldQuestion): readonly Hold[] {
  const { input, policy } = q;
  const sentence = "this pass looked at one project only and says nothing about any other: no deletion and no lock can come of it";
  const partial = partialHolds(input, "narrowed to one project", "").toReversed();
  const scope = isOfEarlierVersion(policy) ? [] : scopeHolds(q);
  return [hold("narrowed", "restrictions", sentence, "a pass over everything"), ...partial, ...scope];
}

function scopeHolds({ input: { known }, scopeFingerprint }: HoldQuestion): readonly Hold[] {
  if (known.pinnedScope === null || known.pinnedScope === scopeFingerprint) return [];
  const sentence = "the scope is not the one that was confirmed: other views, another root, or another server; this pass only reports";
  return [hold("scope_changed", "everything", sentence, "two approvers on the scope's card (/ci-policy), or the old configuration")];
}

function coverageHolds(q: HoldQuestion): readonly Hold[] {
  const { input, policy, now } = q;
  const { desired, observed } = input;
  const holds = [...partialHolds(input, null, " completely"), ...scopeHolds(q)];
  if (now - Math.min(desired.asOf, observed.asOf) > policy.snapshotAgeMsMax)
    holds.push(hold("snapshot_too_old", "everything", "the reads are too old to act on", "a new pass"));
  const { sentinelDomain } = policy;
  if (observed.coverage === "complete" && sentinelDomain !== null && !observed.domains.some((d) => d.id === sentinelDomain))
    holds.push(hold("sentinel_missing", "everything", "the sentinel domain was not seen", "the CI team, after looking in CloudStack"));
  return holds;
}

function roleHolds({ input, differences, policy }: HoldQuestion): readonly Hold[] {
  const { pinnedRoles } = input.known;
  if (pinnedRoles === undefined) return [];
  const liftedBy = "two approvers on the scope's card (/ci-policy), or the old configuration";
  if (pinnedRoles === null) {
    if (!differences.restrictive.some((c) => c.kind === "set_role")) return [];
    const sentence = `roles would change, and nobody has confirmed the map of roles yet: ${rolesText(policy.roles)}`;
    return [hold("roles_changed", "restrictions", sentence, liftedBy)];
  }
  if (digestOf(pinnedRoles) === digestOf(policy.roles)) return [];
  const sentence = `the map of roles is ${rolesText(policy.roles)}; confirmed was ${rolesText(pinnedRoles)}; this pass only reports`;
  return [hold("roles_changed", "everything", sentence, liftedBy)];
}

/**
 * The hold of a read that lists too few of the people whose accounts are in use: those who were members at the last complete read.
 *
 * One person fewer is never too few: it is how somebody leaves a small team.
 */
function memberHolds({ input, differences, policy }: HoldQuestion): readonly Hold[] {
  const leavers = differences.restrictive.filter((c) => c.kind === "lock_account").length;
  if (leavers <= 1 || isOfEarlierVersion(policy)) return [];
  const active = new Set(input.desired.projects.filter((p) => p.state === "active").map((p) => p.id));
  const ours = new Set(input.known.managedAccounts.filter((m) => active.has(m.projectId)).map((m) => m.accountId));
  const before = input.observed.accounts.filter((a) => a.state === "enabled" && ours.has(a.id)).length;
  const now = before - leavers;
  if (now >= before * policy.shrinkMinShare) return [];
  const sentence = `the CI database lists only ${now} of ${before} members whose accounts are in use`;
  const liftedBy = `${WHOLE_SOURCE}, or two approvers: /ci-policy set shrink-min-share`;
  return [hold("shrunken_source", "restrictions", sentence, liftedBy, "members")];
}

/** The holds of projects that lost all their members: each names its own. A read that lost most members of all is held as a whole. */
function goneHolds(q: HoldQuestion): readonly Hold[] {
  if (q.membersGone.length === 0 || [...memberHolds(q), ...sizeHolds(q)].some((h) => h.about === "members")) return [];
  return q.membersGone.map(({ projectId, slug, domainId, members }) => {
    const sentence = `none of the ${members} members of ${slug}, an active project, is listed any more`;
    // Short enough to be told as a whole, with the command.
    const way = "their return; if it is right, the CI team, by removing them in parts or closing it";
    const liftedBy = `${way}; or two approvers: /ci-policy set emptied-projects`;
    return { ...hold("members_gone", "domains", sentence, liftedBy, projectId), projectId, domainIds: [domainId] };
  });
}

const WHOLE_SOURCE = "a source that is whole again";

/** The holds of a side that lists too little. What was not read completely says nothing of its size; it holds everything already. */
function sizeHolds({ input, policy }: HoldQuestion): readonly Hold[] {
  const last = input.known.lastComplete;
  if (last === null) return [];
  const { coverage, projects, held } = input.desired;
  const listed = projects.length + held.filter((h) => h.userId === null).length;
  const sides = [
    ["the CI database lists", "projects", coverage, listed, last.projects] as const,
    ["CloudStack lists", "domains", input.observed.coverage, input.observed.domains.length, last.domains] as const,
  ];
  const holds: Hold[] = [];
  for (const [who, what, read, now, before] of sides) {
    if (read === "partial" && saysOnlyWhatWasRead(policy)) continue;
    if (now === 0 && before > 0)
      holds.push(hold("empty_source", "everything", `${who} no ${what} at all; ${before} the last time`, WHOLE_SOURCE, what));
    else if (now < before * policy.shrinkMinShare) {
      const sentence = `${who} only ${now} of ${before} ${what} it had the last time`;
      const liftedBy = `${WHOLE_SOURCE}, or two approvers: /ci-policy set shrink-min-share`;
      holds.push(hold("shrunken_source", "everything", sentence, liftedBy, what));
    }
  }
  const ours = coverage === "complete" ? input.known.managedAccounts.length : 0;
  if (ours > 0 && projects.every((p) => p.members.length === 0) && !held.some((h) => h.userId !== null)) {
    const managed = wordsFor(policy, ours, "1 account is managed", `${ours} accounts are managed`);
    const sentence = `the CI database lists no member of any project, although ${managed}`;
    holds.push(hold("empty_source", "restrictions", sentence, WHOLE_SOURCE, "members"));
  }
  return holds;
}

/** The hold of restrictive changes and deletions in domains that were adopted just now. Invariant: INV-11. */
function firstPlanHolds({ firstPlan, policy }: HoldQuestion): readonly Hold[] {
  if (firstPlan.length === 0) return [];
  const domainIds = [...new Set(firstPlan.map((one) => one.domainId))].toSorted();
  const deletions = firstPlan.filter((one) => one.kind === "delete").length;
  const changes = firstPlan.length - deletions;
  const parts = [
    ...(changes > 0 ? [`${changes} ${wordsFor(policy, changes, ONE_RESTRICTION, RESTRICTIONS)}`] : []),
    ...(deletions > 0 ? [`${deletions} ${wordsFor(policy, deletions, "deletion", "deletions")}`] : []),
  ];
  const where = `${domainIds.length} ${wordsFor(policy, domainIds.length, "adopted domain", "adopted domains")}`;
  const wait = wordsFor(policy, firstPlan.length, "waits", "wait");
  const their = wordsFor(policy, domainIds.length, "its", "their");
  const sentence = `${parts.join(" and ")} in ${where} ${wait}: it is ${their} first plan`;
  return [{ ...hold("first_plan", "adopted", sentence, "two approvers: /ci-adopt release"), domainIds }];
}

const ONE_RESTRICTION = "lock, changed role or lowered limit";
const RESTRICTIONS = "locks, changed roles or lowered limits";

function limitHolds({ input, differences, membersGone, proposals, policy }: HoldQuestion): readonly Hold[] {
  const holds: Hold[] = [];
  const held = new Set<string>(membersGone.map((g) => g.domainId));
  const restrictions = differences.restrictive.filter((c) => !held.has(c.domainId)).length;
  const all = differences.additive.length + restrictions;
  if (all > policy.changesPerPass) {
    const sentence = `${all} changes in one pass; the limit is ${policy.changesPerPass}`;
    holds.push(hold("too_many_changes", "everything", sentence, "two approvers: /ci-policy set changes-per-pass"));
  }
  if (restrictions > policy.restrictionsPerPass) {
    const what = wordsFor(policy, restrictions, "lock or lowered limit", "locks or lowered limits");
    const sentence = `${restrictions} ${what} in one pass; the limit is ${policy.restrictionsPerPass}`;
    holds.push(hold("too_many_restrictions", "restrictions", sentence, "two approvers: /ci-policy set restrictions-per-pass"));
  }
  const made = input.known.restrictionsMade;
  for (const [span, limit, before] of [
    ["day", policy.restrictionsPerDay, made?.day] as const,
    ["week", policy.restrictionsPerWeek, made?.week] as const,
  ]) {
    if (limit === undefined || before === undefined || restrictions === 0 || before + restrictions <= limit) continue;
    const are = wordsFor(policy, restrictions, `more ${ONE_RESTRICTION} is`, `more ${RESTRICTIONS} are`);
    const sentence = `${restrictions} ${are} above the limit of ${limit} a ${span} over all passes`;
    const liftedBy = `time, or two approvers: /ci-policy set restrictions-per-${span}`;
    holds.push(hold("restrictions_used_up", "restrictions", sentence, liftedBy, span));
  }
  if (proposals > policy.proposalsPerPass) {
    const domains = wordsFor(policy, proposals, "domain", "domains");
    const sentence = `${proposals} ${domains} would be proposed for deletion at once; the limit is ${policy.proposalsPerPass}`;
    const liftedBy = "a source that does not close them, or two approvers: /ci-policy set proposals-per-pass";
    holds.push(hold("too_many_proposals", "deletions", sentence, liftedBy));
  }
  return holds;
}

function rolesText(roles: PlanPolicy["roles"]): string {
  const pairs = Object.entries(roles).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([ci, cloud]) => `${ci}=${cloud}`).join(",");
}

function rowHolds({ input }: HoldQuestion): readonly Hold[] {
  return input.desired.held.map((h) => ({
    ...hold("held_row", "one_project", `${h.view}, ${h.key}: ${h.problem}`, h.remedy),
    ...(h.projectId === null ? {} : { projectId: h.projectId }),
  }));
}
