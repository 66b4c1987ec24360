import type { ExportAnnouncer } from "../archive/export-view.ts";
import type { ArchiveStore, ExportSource } from "../archive/ports.ts";
import type { TemplateRegistrar } from "../archive/reimport/ports.ts";
import type { HereAnnouncer } from "../bot/announcers.ts";
import type { HomeTab } from "../bot/home/tab.ts";
import type { NudgeAnnouncer } from "../bot/nudges.ts";
import type { NoticeAnnouncer } from "../bot/notices.ts";
import type { CiDatabase } from "../cidb/read.ts";
import type { TemplateMaker } from "../archive/from-machines/ports.ts";
import type { TemplateAnnouncer } from "../archive/from-machines/view.ts";
import type { CloudStackReader } from "../cloudstack/read/reader.ts";
import type { CloudStackMarker } from "../cloudstack/write/marker.ts";
import type { Config } from "../config/config.ts";
import type { Clock, NewId, SkewMeter } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { ApproverDirectory, Asker } from "../core/people.ts";
import type { Result } from "../core/result.ts";
import type { CloudStackDeleter, DeletionRestorer } from "../deletion/cloud.ts";
import type { DeletionAnnouncer } from "../deletion/view.ts";
import type { Engine } from "../engine/engine.ts";
import type { Events } from "../events.ts";
import type { ApproversOf, PolicyAnnouncer } from "../policy/ports.ts";
import type { Database } from "../store/db.ts";
import type { AdoptionAnnouncer } from "../sync/adoption/context.ts";
import type { ChangeWriter, DomainIds } from "../sync/execution/ports.ts";
import type { PlanAnnouncer } from "../sync/execution/record.ts";
import type { StopAnnouncer } from "../sync/execution/stop-view.ts";

/** What the bot is assembled from: the outside world and nothing else. Everything else is made by `assemble`. */
export interface Parts {
  readonly config: Pick<Config, "archive" | "backups" | "ci" | "cloudstack" | "environment" | "notices" | "policy" | "slack" | "sync">;
  readonly db: Database;
  readonly ci: Omit<CiDatabase, "close">;
  readonly cloud: CloudParts;
  readonly archive: ArchiveStore;
  readonly slack: SlackParts;
  /** Enqueues durable work. */
  readonly enqueue: (name: WorkName, ...more: Tail<Parameters<Engine["enqueue"]>>) => Promise<void>;
  /** The address in links of exports; known once the HTTP server listens; null: none that leads anywhere. */
  readonly publicUrl: () => string | null;
  readonly now: Clock;
  /** Compares `now` with other clocks. */
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
  /** Makes the secret part of a link. */
  readonly newToken: () => string;
  readonly events: Events;
  /** Aborted with `BeingStopped` when this process is stopped. */
  readonly stopping: AbortSignal;
}

/** Kinds of durable work. */
export type WorkName = "pass" | "deletion" | "export" | "backup" | "template";

/** CloudStack, one object for each kind of key. */
export interface CloudParts {
  readonly reader: CloudStackReader;
  readonly writer: ChangeWriter & CloudStackMarker;
  readonly restorer: DeletionRestorer;
  readonly deleter: CloudStackDeleter;
  readonly exports: ExportSource;
  readonly registrar: TemplateRegistrar;
  readonly templates: TemplateMaker;
  readonly domainIds: DomainIds;
}

/** Slack: who may approve, and what posts to people. */
export interface SlackParts {
  readonly approvers: ApproverDirectory & ApproversOf;
  /** Who a Slack account is now. */
  readonly identify: (slackUser: string) => Promise<Result<Asker, Failure>>;
  readonly announcers: {
    readonly plan: PlanAnnouncer;
    readonly deletion: DeletionAnnouncer;
    readonly export: ExportAnnouncer;
    readonly policy: PolicyAnnouncer;
    readonly stop: StopAnnouncer;
    readonly adoption: AdoptionAnnouncer;
    readonly notice: NoticeAnnouncer;
    readonly here: HereAnnouncer;
    readonly home: Pick<HomeTab, "refresh">;
    readonly nudge: NudgeAnnouncer;
    readonly template: TemplateAnnouncer;
  };
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;
