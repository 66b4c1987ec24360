import type { Clock, NewId } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { AccountId, CiUserId, DomainId, DomainPath, JobId, ProjectId, ResourceId } from "../../core/ids.ts";
import type { Limits } from "../../core/managed.ts";
import type { Result } from "../../core/result.ts";
import type { Database, Transaction } from "../../store/db.ts";
import type { DesiredProject } from "../../sync/planning/desired.ts";
import type { DomainNow } from "../../sync/planning/observed.ts";
import type { TemplateAnnouncer } from "./view.ts";

/** A machine as CloudStack shows it now. `disk`: its root disk; null: it has none. */
export interface MachineNow {
  readonly name: string;
  readonly domainId: DomainId;
  readonly accountName: string | null;
  readonly osTypeId: string | null;
  readonly isDestroyed: boolean;
  readonly disk: { readonly id: string; readonly bytes: number | null; readonly state: string } | null;
}

/** An account, and how much of each kind CloudStack would still let it have; a missing kind is not known, -1 is unlimited. */
export interface AccountNow {
  readonly name: string;
  readonly domainId: DomainId;
  readonly state: "enabled" | "disabled" | "locked";
  readonly available: Limits;
}

/** What is looked for: its name is its own. */
export interface Sought {
  readonly kind: "snapshot" | "template";
  readonly name: string;
  readonly domainId: DomainId;
}

/** What is to be made, of what, and whose it becomes. */
export type Wanted = Sought & { readonly accountName: string } & (
    | { readonly kind: "snapshot"; readonly volumeId: string }
    | { readonly kind: "template"; readonly snapshotId: string; readonly osTypeId: string; readonly text: string }
  );

/** Makes snapshots and templates, below the managed root only, and deletes nothing. Implemented for CloudStack, with the writing keys. */
export interface TemplateMaker {
  /** Null: it is gone. Errors: `refused` outside the managed root. */
  readMachine(id: ResourceId): Promise<Result<MachineNow | null, Failure>>;
  /** Null: it is gone. Errors: as above. */
  readAccount(id: AccountId): Promise<Result<AccountNow | null, Failure>>;
  /**
   * Looks for what was made: by the job that made it, which is waited for, then by its name. Null: it is not there.
   *
   * Errors: `rejected`, the job failed; `indeterminate`, it is not ready yet, or its end is not known.
   */
  findMade(sought: Sought, jobId: JobId | null): Promise<Result<ResourceId | null, Failure>>;
  /** Makes it and reads it back. Errors: `stuck` when it was made for somebody else; as for every change. */
  make(wanted: Wanted, jobId: JobId): Promise<Result<ResourceId, Failure>>;
  /** Whether a snapshot is there, and whole. */
  hasSnapshot(id: ResourceId, domainId: DomainId): Promise<Result<boolean, Failure>>;
  /** Whether a template is there. */
  hasTemplate(id: ResourceId, domainId: DomainId): Promise<Result<boolean, Failure>>;
}

/** What making templates needs. */
export interface TemplateContext {
  readonly db: Database;
  readonly now: Clock;
  readonly newId: NewId;
  readonly maker: TemplateMaker;
  readonly announcer: TemplateAnnouncer;
  /** One project as the CI database has it now, with its members. */
  readonly projectNow: (id: ProjectId) => Promise<Result<DesiredProject | null, Failure>>;
  /** Where a domain is now; null: it is gone, or hidden while it is deleted. */
  readonly findDomain: (id: DomainId) => Promise<Result<{ readonly id: DomainId; readonly path: DomainPath } | null, Failure>>;
  readonly readDomainNow: (id: DomainId) => Promise<Result<DomainNow, Failure>>;
  /** The protected domains, of the policy in force and of the configuration. */
  readonly protectedDomains: () => Promise<readonly string[]>;
  /** Why nothing is written to CloudStack, in a sentence; null: it is. */
  readonly reported: string | null;
  readonly enqueue: (id: string, tx?: Transaction) => Promise<void>;
}

/** A machine, and who asks for a template of it. */
export interface TemplateAsk {
  readonly machineId: ResourceId;
  readonly ciUser: CiUserId;
}
