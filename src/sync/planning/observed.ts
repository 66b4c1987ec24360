import type { AccountId, DomainId, DomainPath, Instant, UserId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { isWithin, type FleetScope, type Scope } from "../../core/scope.ts";
import type { SnapshotDefect } from "./desired.ts";
import type { Limits } from "../../core/managed.ts";

/** One CloudStack domain at or below the managed root. `path` is built from names along the parent chain. */
export interface ObservedDomain {
  readonly id: DomainId;
  readonly parentId: DomainId | null;
  readonly name: string;
  readonly path: DomainPath;
  /** 0 is the managed root itself, 1 a project's domain, more a domain that somebody made inside one. */
  readonly depth: number;
  readonly createdAt: Instant | null;
  /** Null when the read did not ask for limits. */
  readonly limits: Limits | null;
}

/** One CloudStack account below the managed root, with its users. */
export interface ObservedAccount {
  readonly id: AccountId;
  readonly name: string;
  readonly domainId: DomainId;
  readonly state: "enabled" | "disabled" | "locked";
  readonly roleName: string;
  readonly users: readonly ObservedUser[];
}

/** One CloudStack user. */
export interface ObservedUser {
  readonly id: UserId;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly state: string;
}

/** One project's domain, for people to see: what it may hold, what CloudStack counts in it, and its accounts. */
export interface DomainNow {
  /** As CloudStack names it, such as `Active`. */
  readonly state: string;
  readonly createdAt: Instant | null;
  /** Null where CloudStack gives none. */
  readonly limits: Limits | null;
  /** Units: as for limits. */
  readonly used: Limits;
  readonly accounts: readonly ObservedAccount[];
}

/** A domain below the managed root whose id is no UUID: shown, its name counts as taken, never touched. */
export interface NonUuidDomain {
  readonly rawId: string;
  readonly path: string;
}

interface Observed {
  /** Those below the managed root, without it. */
  readonly domains: readonly ObservedDomain[];
  readonly accounts: readonly ObservedAccount[];
  readonly nonUuid: readonly NonUuidDomain[];
  readonly asOf: Instant;
}

/** What a reader reports of the observed side. `listedAgain` is the second list of domain ids, taken after the accounts. */
export interface ObservedReport extends Observed {
  readonly scope: FleetScope;
  readonly root: ObservedDomain;
  readonly listedAgain: readonly DomainId[];
}

/** Observed state of unknown completeness: enough to plan additive changes, never more. */
export interface PartialObserved extends Observed {
  readonly coverage: "partial";
  readonly scope: Scope;
  readonly root: ObservedDomain | null;
  readonly reason: string;
}

/** A read that failed or was not made: it says nothing at all. */
export function nothingObserved(scope: Scope, asOf: Instant, reason: string): PartialObserved {
  return { coverage: "partial", scope, root: null, domains: [], accounts: [], nonUuid: [], asOf, reason };
}

/** The whole observed state below the managed root. Only `completeObserved` makes one. */
class CompleteObservedSnapshot implements Observed {
  readonly #minted = true;
  readonly coverage = "complete";
  readonly scope: FleetScope;
  readonly root: ObservedDomain;
  readonly domains: readonly ObservedDomain[];
  readonly accounts: readonly ObservedAccount[];
  readonly nonUuid: readonly NonUuidDomain[];
  readonly asOf: Instant;
  constructor(report: ObservedReport) {
    this.scope = report.scope;
    this.root = report.root;
    this.domains = report.domains;
    this.accounts = report.accounts;
    this.nonUuid = report.nonUuid;
    this.asOf = report.asOf;
  }
  static is(x: unknown): boolean {
    return typeof x === "object" && x !== null && #minted in x;
  }
}

/** The whole observed state below the managed root, read completely. */
export type CompleteObserved = CompleteObservedSnapshot;

/**
 * Mints a complete observed snapshot from a reader's report.
 *
 * Errors: `count_mismatch` (the two domain lists differ), `outside_scope`, `duplicate`.
 * Invariant: INV-1, INV-6.
 */
export function completeObserved(report: ObservedReport): Result<CompleteObserved, SnapshotDefect> {
  const ids = new Set<DomainId>();
  for (const d of report.domains) {
    if (!isWithin(report.scope.root, d.path) || d.path === report.scope.root) {
      return err({ kind: "outside_scope", sentence: `domain ${d.path} lies outside ${report.scope.root}` });
    }
    if (ids.has(d.id)) return err({ kind: "duplicate", sentence: `domain ${d.id} is listed twice` });
    ids.add(d.id);
  }
  const again = new Set(report.listedAgain);
  if (again.size !== ids.size || [...ids].some((id) => !again.has(id))) {
    return err({ kind: "count_mismatch", sentence: "the list of domains changed while it was read" });
  }
  for (const a of report.accounts) {
    if (a.domainId !== report.root.id && !ids.has(a.domainId)) {
      return err({ kind: "outside_scope", sentence: `account ${a.id} belongs to a domain that was not listed` });
    }
  }
  return ok(new CompleteObservedSnapshot(report));
}

/** Something below the managed root that CloudStack's event log names. */
export interface TouchedThing {
  /** The domain, account or user itself, where the event names it. */
  readonly resourceId: string | null;
  /** The domain of the account that the event belongs to. */
  readonly domainId: string | null;
  readonly at: Instant;
  /** Whether it is about what a domain holds, such as a machine: passes change nothing of that. */
  readonly isContent: boolean;
}
