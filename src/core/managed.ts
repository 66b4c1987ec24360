import type { AccountId, CiUserId, Digest, DomainId, DomainPath, Instant, ProjectId, UserId } from "./ids.ts";

/** CloudStack's resource types that can be limited, by name. Source: facts/cloudstack §6. */
export const limitTypes = [
  "user_vm",
  "public_ip",
  "volume",
  "snapshot",
  "template",
  "project",
  "network",
  "vpc",
  "cpu",
  "memory",
  "primary_storage",
  "secondary_storage",
] as const;
/** One resource type that can be limited. */
export type LimitType = (typeof limitTypes)[number];
/** Limits by type; -1 is unlimited; a missing type is not set by Twokey. Units: memory MiB, storage GiB, else count. */
export type Limits = Readonly<Partial<Record<LimitType, number>>>;

/** A domain that Twokey created or adopted; no other can be proposed for deletion. */
export interface ManagedDomain {
  readonly domainId: DomainId;
  readonly projectId: ProjectId;
  readonly generation: number;
  readonly origin: "created" | "adopted";
  /** Since when complete reads did not list its project, and how many in a row; null while it is listed. */
  readonly absence: { readonly since: Instant; readonly reads: number } | null;
}

/** An account that Twokey created or adopted. */
export interface ManagedAccount {
  readonly accountId: AccountId;
  readonly userId: UserId;
  readonly domainId: DomainId;
  readonly projectId: ProjectId;
  readonly ciUserId: CiUserId;
  /** Twokey locked it because its member left; only such a lock is undone. */
  readonly lockedByUs: boolean;
}

/** What the store knows when a plan is made; stored with the plan, so that it can be replayed. */
export interface KnownState {
  readonly managedDomains: readonly ManagedDomain[];
  readonly managedAccounts: readonly ManagedAccount[];
  /** The next generation of a project that had a domain before; missing means 1. */
  readonly generations: Readonly<Record<string, number>>;
  /** Domains under a live deletion: nothing else changes them. */
  readonly domainsUnderDeletion: readonly DomainId[];
  /** Sizes of the last complete pass; null before the first. */
  readonly lastComplete: { readonly projects: number; readonly domains: number; readonly at: Instant } | null;
  /** The fingerprint of the confirmed scope; null where none is required. */
  readonly pinnedScope: Digest | null;
  /** Why this database may not be the one that manages what was read; null, or left out by plans of before, when it is. */
  readonly notOurs?: string | null;
  /** The confirmed map of roles; null: none is confirmed. Left out in plans of earlier versions, as is the next one. */
  readonly pinnedRoles?: Readonly<Record<string, string>> | null;
  /** Restrictions that passes made or began, in the last day and in the last week. */
  readonly restrictionsMade?: { readonly day: number; readonly week: number };
  /** Adopted domains whose restrictive changes wait until two people released them. Left out in plans of earlier versions. */
  readonly firstPlan?: readonly DomainId[];
}

/** The managed domain of a project. */
export interface ProjectDomain {
  readonly id: DomainId;
  readonly path: DomainPath;
}
