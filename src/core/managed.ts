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
/** Limits by type; -1 is unlimited; a type left out is not ours to set. Units: memory MiB, storage GiB, else count. */
export type Limits = Readonly<Partial<Record<LimitType, number>>>;

/** A domain we made or adopted; only such a domain can ever be a deletion candidate. */
export interface ManagedDomain {
  readonly domainId: DomainId;
  readonly projectId: ProjectId;
  readonly generation: number;
  readonly origin: "created" | "adopted";
  /** Since when complete reads did not list its project, and how many in a row; null while it is listed. */
  readonly absence: { readonly since: Instant; readonly reads: number } | null;
}

/** An account we made or adopted, with what we did to it. */
export interface ManagedAccount {
  readonly accountId: AccountId;
  readonly userId: UserId;
  readonly domainId: DomainId;
  readonly projectId: ProjectId;
  readonly ciUserId: CiUserId;
  /** We locked it because its member left; only such a lock is undone by us. */
  readonly lockedByUs: boolean;
}

/** What the store knows when a plan is made; stored with the plan, so that the plan can be made again. */
export interface KnownState {
  readonly managedDomains: readonly ManagedDomain[];
  readonly managedAccounts: readonly ManagedAccount[];
  /** The next generation of a project that had a domain before; absent means 1. */
  readonly generations: Readonly<Record<string, number>>;
  /** Domains under a live deletion: nothing else touches them. */
  readonly domainsUnderDeletion: readonly DomainId[];
  /** Sizes of the last complete pass; null before the first. */
  readonly lastComplete: { readonly projects: number; readonly domains: number; readonly at: Instant } | null;
  /** The fingerprint of the scope in force: the first one, or what two people confirmed since; null where none is asked for. */
  readonly pinnedScope: Digest | null;
}

/** A project's domain, as we manage it. */
export interface ProjectDomain {
  readonly id: DomainId;
  readonly path: DomainPath;
}
