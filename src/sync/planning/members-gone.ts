/** Active projects that lost all their members in one read: how a view loses them, and seldom how a team ends. */
import { groupBy } from "../../core/group-by.ts";
import type { DomainId, ProjectId, Slug } from "../../core/ids.ts";
import type { CompleteInput, PartialInput } from "./input.ts";
import type { RestrictiveChange } from "./plan.ts";
import type { PlanPolicy } from "./policy.ts";

/** One person or two leave a project for many reasons; from this many on, all at once is asked about. */
const MEMBERS_MIN = 3;

/** An active project of whose members none is listed any more; `members`: how many have accounts in use. */
export interface MembersGone {
  readonly projectId: ProjectId;
  readonly slug: Slug;
  readonly domainId: DomainId;
  readonly members: number;
}

/**
 * Finds the projects whose restrictions are held as all their members vanished: three or more, and nobody is left who is listed and has an
 * account in use. Empty while no more projects are so than the policy lets through.
 *
 * Shape: in the order of `restrictive`, which has no change of an incomplete read. Invariant: INV-6.
 */
export function findMembersGone(
  input: PartialInput | CompleteInput,
  restrictive: readonly RestrictiveChange[],
  policy: Pick<PlanPolicy, "emptiedPerPass">,
): readonly MembersGone[] {
  const leavers = groupBy(
    restrictive.filter((c) => c.kind === "lock_account"),
    (c) => c.domainId,
  );
  const many = [...leavers.values()].filter((locks) => locks.length >= MEMBERS_MIN);
  // Plans of earlier versions were made without such a limit (INV-7).
  const max = policy.emptiedPerPass ?? Number.POSITIVE_INFINITY;
  if (many.length <= max) return [];
  const asked = new Set(many.flatMap(([first]) => (first === undefined ? [] : [first.domainId])));
  const leaving = new Set(many.flat().map((c) => c.accountId));
  const inUse = new Set(input.observed.accounts.filter((a) => asked.has(a.domainId) && a.state === "enabled").map((a) => a.id));
  const listed = new Map(input.desired.projects.map((p) => [p.id, new Set(p.members.map((m) => m.userId))]));
  const stays = input.known.managedAccounts.filter(
    (m) => inUse.has(m.accountId) && !leaving.has(m.accountId) && listed.get(m.projectId)?.has(m.ciUserId) === true,
  );
  const whole = new Set(stays.map((m) => m.domainId));
  const gone = many.flatMap(([first, ...more]) => {
    if (first === undefined || whole.has(first.domainId)) return [];
    const { projectId, slug, domainId } = first;
    return [{ projectId, slug, domainId, members: 1 + more.length }];
  });
  return gone.length > max ? gone : [];
}
