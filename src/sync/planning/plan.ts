import type { AccountId, CiUserId, Digest, DomainId, DomainPath, Instant, ProjectId, Slug, UserId } from "../../core/ids.ts";
import { wouldDeleteProtected } from "../../core/protected.ts";
import { isWithin, type Scope } from "../../core/scope.ts";
import type { Evidence, HeldRow } from "./desired.ts";
import type { CompleteInput } from "./input.ts";
import type { LimitType } from "../../core/managed.ts";
import type { PlanPolicy } from "./policy.ts";

/** What every change says: for which project and in which domain. */
interface ChangeBase {
  readonly projectId: ProjectId;
  readonly slug: Slug;
  readonly domainId: DomainId;
}

/** A person's data as CloudStack has it. */
export interface PersonData {
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
}

type Of<K extends string, Fields> = ChangeBase & { readonly kind: K } & Readonly<Fields>;

/** Restrictive, since a role may have fewer rights than the one before it; additive in plans of earlier versions. */
type RoleChange = Of<"set_role", { accountId: AccountId; username: string; from: string; to: string }>;

/** Changes that only add or give back; they are applied at once. */
export type AdditiveChange =
  | Of<"create_domain", { generation: number; name: string; parentId: DomainId; path: DomainPath }>
  | Of<"create_account", { ciUserId: CiUserId; accountId: AccountId; userId: UserId; person: PersonData; role: string }>
  | Of<"create_user", { accountId: AccountId; accountName: string; userId: UserId; person: PersonData }>
  | Of<"update_user", { accountId: AccountId; userId: UserId; from: PersonData; to: PersonData }>
  | RoleChange
  | Of<"unlock_account", { accountId: AccountId; username: string }>
  | Of<"raise_limit", { type: LimitType; from: number; to: number }>;

/** Changes that take something away and can be given back; they are applied up to a limit. */
export type RestrictiveChange =
  | Of<"lock_account", { accountId: AccountId; username: string; ciUserId: CiUserId }>
  | RoleChange
  | Of<"lower_limit", { type: LimitType; from: number; to: number }>;

/** All that a pass may do by itself. A deletion is not a change: it travels as a `DeletionProposal`. */
export type Change = AdditiveChange | RestrictiveChange;

/** A difference that no plan repairs by itself: shown with its age, left alone. */
export interface Drift {
  readonly kind:
    "renamed" | "unmanaged_domain" | "unmanaged_account" | "orphaned" | "nested_domain" | "locked_by_others" | "disabled" | "left_closed";
  readonly path: string;
  readonly sentence: string;
}

/** A reason why the plan goes no further, and who may lift it. `blocks` says what it stops. */
export interface Hold {
  readonly kind:
    | "desired_partial"
    | "observed_partial"
    | "empty_source"
    | "shrunken_source"
    | "too_many_changes"
    | "too_many_restrictions"
    | "too_many_proposals"
    | "scope_changed"
    | "not_ours"
    | "roles_changed"
    | "restrictions_used_up"
    | "snapshot_too_old"
    | "sentinel_missing"
    | "name_in_the_way"
    | "held_row"
    | "narrowed"
    | "first_plan"
    | "members_gone";
  /** `adopted`: restrictive changes and deletions of the domains that it names; `domains`: restrictive changes of those. */
  readonly blocks: "everything" | "restrictions" | "deletions" | "one_project" | "adopted" | "domains";
  readonly sentence: string;
  readonly liftedBy: string;
  readonly projectId?: ProjectId;
  readonly domainIds?: readonly DomainId[];
  /** Which one it is where a plan can have several of a kind: a side, a span of time, a person. Left out in plans of earlier versions. */
  readonly about?: string;
}

/**
 * A deletion that could be asked for; not a change, and not yet approved by anybody.
 *
 * Made by `planDeletions` only, from a complete input. It carries the evidence and the identity of the domain.
 * Invariant: INV-1, INV-4.
 */
class Proposal implements ProposalFields {
  readonly #minted = true;
  readonly kind = "delete";
  declare readonly domainId: DomainId;
  declare readonly projectId: ProjectId;
  declare readonly path: DomainPath;
  declare readonly name: string;
  declare readonly createdAt: Instant | null;
  declare readonly evidence: Evidence;
  constructor(f: ProposalFields) {
    Object.assign(this, f);
  }
  static is(x: unknown): x is Proposal {
    return typeof x === "object" && x !== null && #minted in x;
  }
}

/** A deletion that could be asked for. */
export type DeletionProposal = Proposal;

/** Why nobody is asked about a proposal now. */
export interface NotOpened {
  readonly reason: string;
  /** False: people decided it themselves, so that only who asks is told. */
  readonly isNews: boolean;
}

/** The plain facts of a proposal, as they are stored and shown. */
export interface ProposalFields {
  readonly domainId: DomainId;
  readonly projectId: ProjectId;
  readonly path: DomainPath;
  readonly name: string;
  readonly createdAt: Instant | null;
  readonly evidence: Evidence;
}

/** An immutable plan: all that a pass found, may do and asks for. Same inputs, same bytes (INV-7). */
export interface Plan {
  readonly scope: Scope;
  readonly asOf: Instant;
  readonly additive: readonly AdditiveChange[];
  readonly restrictive: readonly RestrictiveChange[];
  readonly proposals: readonly DeletionProposal[];
  readonly drift: readonly Drift[];
  readonly holds: readonly Hold[];
  readonly heldRows: readonly HeldRow[];
  readonly counts: { readonly projects: number; readonly domains: number; readonly accounts: number };
  /** Over everything but `asOf`: two passes that found the same have the same digest, and the second posts nothing. */
  readonly digest: Digest;
}

/**
 * Proposes deletions: managed domains one below the root whose project is proved gone by this very read.
 *
 * Protected, unmanaged and nested domains, the root and domains under a live deletion are never proposed.
 * Shape: ascending by path. Invariant: INV-1, INV-4, INV-6, INV-7.
 */
export function planDeletions(input: CompleteInput, policy: PlanPolicy): readonly DeletionProposal[] {
  const managed = new Map(input.known.managedDomains.map((m) => [m.domainId, m]));
  const busy = new Set<string>(input.known.domainsUnderDeletion);
  const proposals: DeletionProposal[] = [];
  for (const domain of input.observed.domains) {
    const record = managed.get(domain.id);
    if (record === undefined || domain.depth !== 1 || !isWithin(input.observed.scope.root, domain.path)) continue;
    if (busy.has(domain.id) || wouldDeleteProtected(policy.protectedDomains, domain)) continue;
    const gone = input.desired.proveGone(record, policy);
    if (gone === null || gone.domainId !== domain.id) continue;
    const { id: domainId, path, name, createdAt } = domain;
    proposals.push(new Proposal({ domainId, projectId: record.projectId, path, name, createdAt, evidence: gone.evidence }));
  }
  return proposals.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
