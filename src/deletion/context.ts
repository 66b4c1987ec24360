import type { Ownership } from "../approvals/ownership.ts";
import type { ArchiveKind } from "../core/archive-kinds.ts";
import type { PolicyNow } from "../core/policy.ts";
import type { ApproverDirectory } from "../core/people.ts";
import type { ArchiveStore, ExportSource } from "../archive/ports.ts";
import type { Clock, NewId, SkewMeter } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { CiUserId, Instant, OperatorId, ProjectId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { IsOutside } from "../core/scope.ts";
import type { Database, Queryable, Transaction } from "../store/db.ts";
import type { CloudStackDeleter, DeletionReader, DeletionRestorer } from "./cloud.ts";
import type { DeletionAnnouncer } from "./view.ts";

/** A closing of a project: when, and by whom. */
export interface Closing {
  readonly closedAt: Instant | null;
  readonly closedBy: CiUserId | null;
}

/** How a run is put into the queue. */
interface Enqueued {
  readonly delayMs?: number;
  readonly tx?: Transaction;
  readonly isLong?: boolean;
}

/** All that deletions need; every part that matters for safety is required. */
export interface DeletionContext {
  readonly db: Database;
  readonly reader: DeletionReader;
  readonly restorer: DeletionRestorer;
  readonly deleter: CloudStackDeleter;
  readonly exports: ExportSource;
  readonly archive: ArchiveStore;
  /** The state of one project in the CI database, now; `closed_again`: its closing is not `closing`. */
  readonly evidence: {
    readProjectState(id: ProjectId, closing?: Closing | null): Promise<Result<"active" | "closed" | "closed_again" | "absent", Failure>>;
    /** A project's row: who closed it, and when; null where there is none that can be used. */
    project(of: { readonly id: ProjectId }): Promise<Result<Closing | null, Failure>>;
  };
  readonly approvers: ApproverDirectory;
  readonly ownership: Ownership;
  readonly announcer: DeletionAnnouncer;
  /** Durable work; long runs have slots of their own. */
  readonly work: { enqueue(name: "deletion", id: string, o?: Enqueued): Promise<void> };
  /** Whether this run leaves to a long one what takes long: it has a slot that urgent ones wait for. Left out: it does all itself. */
  readonly isShortRun?: boolean;
  /** Whether quick passes follow what is changed in CloudStack and the CI database. Left out: they do not. */
  readonly followsChanges?: boolean;
  /**
   * The policy in force, read each time, on the caller's connection: waiting for a second connection while holding one can deadlock.
   * Errors: throws when the store is unreachable: no policy, no step.
   */
  readonly policyNow: (q: Queryable) => Promise<PolicyNow>;
  /** Why deletions are only reported, in a sentence; null: they are carried out. */
  readonly reported: string | null;
  /** Kinds that are saved before anybody may approve, for deletions opened from now on. */
  readonly archiveKinds: readonly ArchiveKind[];
  readonly now: Clock;
  /** Compares `now` with other clocks: a jump must not end a wait. */
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
  /** A person's name, for people to read; null, or left out, when not known. */
  readonly nameOf?: (person: OperatorId) => Promise<string | null>;
  /** How many domains are managed, for the share of the fleet. */
  readonly fleetSize: () => Promise<number>;
  /**
   * The test of whether a domain is never deleted, whatever the policy: it is the managed root, an ancestor of it, or lies elsewhere.
   * CloudStack is asked for the managed root until it is known, so nobody calls this while holding a lock.
   * Errors: `unavailable` while it is not known.
   */
  readonly readOutside: () => Promise<Result<IsOutside, Failure>>;
}
