import type { ExportAnnouncer } from "../archive/export-view.ts";
import type { ArchiveStore, ExportSource } from "../archive/ports.ts";
import type { TemplateRegistrar } from "../archive/reimport/ports.ts";
import type { CiDatabase } from "../cidb/read.ts";
import type { CloudStackReader } from "../cloudstack/read/reader.ts";
import type { Config } from "../config.ts";
import type { Clock, NewId, SkewMeter } from "../core/clock.ts";
import type { ApproverDirectory } from "../core/people.ts";
import type { CloudStackDeleter, DeletionRestorer } from "../deletion/cloud.ts";
import type { DeletionAnnouncer } from "../deletion/view.ts";
import type { Engine } from "../engine/engine.ts";
import type { Events } from "../events.ts";
import type { ApproversOf, PolicyAnnouncer } from "../policy/ports.ts";
import type { Database } from "../store/db.ts";
import type { ChangeWriter, DomainIds } from "../sync/execution/ports.ts";
import type { PlanAnnouncer } from "../sync/execution/record.ts";

/** What the bot is put together from: the outside world and nothing else. What follows from it is decided by `assemble`. */
export interface Parts {
  readonly config: Pick<Config, "archive" | "backups" | "ci" | "cloudstack" | "policy" | "slack" | "sync">;
  readonly db: Database;
  readonly ci: Omit<CiDatabase, "close">;
  readonly cloud: CloudParts;
  readonly archive: ArchiveStore;
  readonly slack: SlackParts;
  /** Puts durable work into the queue. */
  readonly enqueue: (name: WorkName, ...more: Tail<Parameters<Engine["enqueue"]>>) => Promise<void>;
  /** Where links of exports lead; known once the HTTP server listens. */
  readonly publicUrl: () => string;
  readonly now: Clock;
  /** What other clocks say of `now`. */
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
  /** Makes the secret part of a link. */
  readonly newToken: () => string;
  readonly events: Events;
}

/** Kinds of durable work. */
export type WorkName = "pass" | "deletion" | "export" | "backup";

/** CloudStack, one object for each kind of key. */
export interface CloudParts {
  readonly reader: CloudStackReader;
  readonly writer: ChangeWriter;
  readonly restorer: DeletionRestorer;
  readonly deleter: CloudStackDeleter;
  readonly exports: ExportSource;
  readonly registrar: TemplateRegistrar;
  readonly domainIds: DomainIds;
}

/** Slack: who may approve, and what shows things to people. */
export interface SlackParts {
  readonly approvers: ApproverDirectory & ApproversOf;
  readonly announcers: {
    readonly plan: PlanAnnouncer;
    readonly deletion: DeletionAnnouncer;
    readonly export: ExportAnnouncer;
    readonly policy: PolicyAnnouncer;
  };
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;
