import type { ApproverDirectory } from "../core/people.ts";
import type { ArchiveStore, ExportSource } from "../archive/ports.ts";
import type { Clock, NewId, SkewMeter } from "../core/clock.ts";
import type { OperatorId } from "../core/ids.ts";
import type { Database } from "../store/db.ts";
import type { CloudStackDeleter, DeletionReader, DeletionRestorer } from "./cloud.ts";
import type { EvidenceSource, LimitsNow, Work } from "./ports.ts";
import type { DeletionAnnouncer } from "./view.ts";

/** All that deletions need; every safety collaborator is required. */
export interface DeletionContext {
  readonly db: Database;
  readonly reader: DeletionReader;
  readonly restorer: DeletionRestorer;
  readonly deleter: CloudStackDeleter;
  readonly exports: ExportSource;
  readonly archive: ArchiveStore;
  readonly evidence: EvidenceSource;
  readonly approvers: ApproverDirectory;
  readonly announcer: DeletionAnnouncer;
  readonly work: Work;
  /** Asked anew each time. Errors: throws when the store is away: no limits, no step. */
  readonly limits: () => Promise<LimitsNow>;
  readonly now: Clock;
  /** What other clocks say of `now`: a jump must not end a wait. */
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
  /** A person's name, for people to read; null, or left out, where nobody can tell. */
  readonly nameOf?: (person: OperatorId) => Promise<string | null>;
  /** How many domains are managed, for the share of the fleet. */
  readonly fleetSize: () => Promise<number>;
  /** Ids that are never deleted, whatever else is said: the managed root and its ancestors. */
  readonly isProtected: (domainId: string, path: string) => boolean;
}
