import type { AccountId, CiUserId, DomainId, DomainPath, ProjectId, Slug, UserId } from "./ids.ts";

/**
 * How one object of the two sides stands, in the words of identity systems. Each is in exactly one situation.
 *
 * | confirmed      | both sides have it, and it is managed |
 * | found          | both sides have it, one each, and it is not managed yet: it would be adopted |
 * | ambiguous      | more than one on a side could belong together: people must say which |
 * | absent         | the CI database has it, CloudStack does not |
 * | unassigned     | CloudStack has it, and nothing of the CI database belongs to it |
 * | unqualified    | it is not to be adopted: closed, held, nested, or under deletion |
 * | source_missing | it is managed, and the CI database no longer has it |
 */
export const situations = ["confirmed", "found", "ambiguous", "absent", "unassigned", "unqualified", "source_missing"] as const;
export type Situation = (typeof situations)[number];

/** The one action that follows from a situation. */
export const actionOf: Readonly<Record<Situation, string>> = {
  confirmed: "nothing: it is managed already",
  found: "adopt",
  ambiguous: "leave alone until people say which",
  absent: "left to passes, which create what is missing",
  unassigned: "leave alone",
  unqualified: "leave alone",
  source_missing: "left to passes, which restrict nothing without their rules",
};

/** One line of the table: the objects that it is about, their situation, and why. */
export interface AdoptionRow {
  readonly what: "domain" | "account" | "user";
  /** Where it is: a path, or the short name of a project without a domain. */
  readonly place: string;
  readonly situation: Situation;
  readonly reason: string;
  readonly projects: readonly ProjectId[];
  readonly domains: readonly string[];
  /** Members of projects, as `project user`. */
  readonly members: readonly string[];
  readonly accounts: readonly AccountId[];
  readonly users: readonly UserId[];
}

/** An account that would be adopted for a member. */
export interface AdoptedAccount {
  readonly accountId: AccountId;
  readonly userId: UserId;
  readonly ciUserId: CiUserId;
  readonly name: string;
}

/** A domain of a table: adopted, given back, or released. */
export interface AdoptionDomain {
  readonly domainId: DomainId;
  readonly projectId: ProjectId;
  readonly slug: Slug;
  readonly path: DomainPath;
  readonly generation: number;
  /** False: it is managed already, and only accounts are adopted. */
  readonly isNew: boolean;
  readonly accounts: readonly AdoptedAccount[];
}

/** A pair that a mapping file names. */
export interface MappedPair {
  readonly projectId: ProjectId;
  readonly domainId: DomainId;
}

/** What people decide: which domains and accounts are managed from now on, no longer, or released for restrictive changes. */
export type AdoptionKind = "adopt" | "give_back" | "release";

/** What people are shown, and vote on by its digest. */
export interface AdoptionBody {
  readonly kind: AdoptionKind;
  readonly root: DomainPath;
  readonly domains: readonly AdoptionDomain[];
  /** The whole table of an adoption; of the others none. */
  readonly rows: readonly AdoptionRow[];
  /** Sentences: of an adoption what looks wrong, of a release the restrictive changes, of giving back what stays as it is. */
  readonly lines: readonly string[];
  readonly mapped: readonly MappedPair[];
  /** What waits for a later portion of a release; left out: nothing. */
  readonly rest?: Rest;
}

/** The part of a first plan that the limits of the policy leave to a later portion. */
export interface Rest {
  readonly domains: number;
  /** Restrictive changes, and deletions to ask about. */
  readonly changes: number;
}
