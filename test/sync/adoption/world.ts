/** Both sides of small worlds for the matcher: whatever a test does not name is usual. */
import type { AccountId, CiUserId, DomainId, DomainPath, ProjectId, Slug, UserId } from "../../../src/core/ids.ts";
import type { MatchQuestion } from "../../../src/sync/adoption/question.ts";
import type { DesiredMember, DesiredProject } from "../../../src/sync/planning/desired.ts";
import type { ObservedAccount, ObservedDomain, ObservedUser } from "../../../src/sync/planning/observed.ts";

/** A UUID by a number and a kind: of version 4, which CloudStack itself gives. */
export const uuid = (kind: number, n: number): string => `${String(kind).padStart(8, "0")}-0000-4000-8000-${String(n).padStart(12, "0")}`;
export const domainId = (n: number): DomainId => uuid(1, n) as DomainId;
export const accountId = (n: number): AccountId => uuid(2, n) as AccountId;

/** A member called `user<n>`. */
export function member(n: number, more: Partial<DesiredMember> = {}): DesiredMember {
  const name = `user${n}`;
  return {
    userId: `u-${n}` as CiUserId,
    username: name,
    email: `${name}@example.org`,
    firstName: "F",
    lastName: "L",
    role: "member",
    ...more,
  };
}

/** An active project called `p<n>`. */
export function project(n: number, members: readonly DesiredMember[] = [], more: Partial<DesiredProject> = {}): DesiredProject {
  return {
    ...{ id: `p-${n}` as ProjectId, slug: `p${n}` as Slug, name: `P${n}`, state: "active", closedAt: null, closedBy: null },
    ...{ limits: {}, members, ...more },
  };
}

/** A domain directly below the managed root. */
export function domain(n: number, name = `p${n}`, more: Partial<ObservedDomain> = {}): ObservedDomain {
  const path = `ROOT/ci/${name}` as DomainPath;
  return { id: domainId(n), parentId: null, name, path, depth: 1, createdAt: null, limits: null, ...more };
}

/** A user of an account. */
export function user(n: number, username: string, email: string): ObservedUser {
  return { id: uuid(3, n) as UserId, username, email, firstName: "F", lastName: "L", state: "enabled" };
}

/** An account with one user of its name. */
export function account(n: number, of: number, name: string, more: Partial<ObservedAccount> = {}): ObservedAccount {
  const users = [user(n, name, `${name}@example.org`)];
  return { id: accountId(n), name, domainId: domainId(of), state: "enabled", roleName: "CI Member", users, ...more };
}

/** A question in which nothing is managed. */
export function question(more: Partial<MatchQuestion>): MatchQuestion {
  const known = { managedDomains: [], managedAccounts: [], generations: {}, domainsUnderDeletion: [] };
  return { ...{ projects: [], held: [], domains: [], nonUuid: [], accounts: [], known, derived: new Set<string>(), mapped: [] }, ...more };
}
