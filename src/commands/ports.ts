import type { Operator } from "../approvals/ports.ts";
import type { Comparison } from "../backups/model.ts";
import type { Policy } from "../backups/policy.ts";
import type { PolicyChangeView } from "../policy/ports.ts";
import type { DeletionView } from "../deletion/view.ts";
import type { Failure } from "../core/failure.ts";
import type {
  CiUserId,
  DeletionId,
  Digest,
  DomainId,
  DomainPath,
  ExportId,
  Instant,
  OperatorId,
  PlanId,
  ProjectId,
  Slug,
} from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { InventoryItem } from "../sync/planning/inventory.ts";
import type { PlanRecord } from "../sync/execution/record.ts";

/** Who asks: mapped from Slack by the bot before a command runs. */
export interface Asker {
  readonly operator: Operator;
  /** Member of the CI team: may see every project, stop, reject and start passes. */
  readonly isTeam: boolean;
}

/** What a person does with one deletion; `version` is what the card showed when it was clicked. */
export interface DeletionClick {
  readonly deletionId: DeletionId;
  readonly version: number;
  readonly digest: Digest | null;
  readonly by: Asker;
}

/** The deletion service, as commands use it. Every refusal is a `Failure` with a sentence for the person, and is recorded. */
export interface DeletionDesk {
  view(id: DeletionId): Promise<Result<DeletionView, Failure>>;
  list(): Promise<Result<readonly DeletionView[], Failure>>;
  forProject(projectId: ProjectId): Promise<Result<DeletionView | null, Failure>>;
  /** Whether this approval would be the deciding one, so that the name must be typed. Errors: refusals, as for `approve`. */
  mayApprove(click: DeletionClick): Promise<Result<{ readonly mustTypeName: boolean; readonly name: string }, Failure>>;
  approve(click: DeletionClick & { readonly typedName: string | null }): Promise<Result<DeletionView, Failure>>;
  /** Gives up, by name, one thing that could not be saved; the second distinct approver makes it so. */
  waive(click: DeletionClick & { readonly entryId: string }): Promise<Result<DeletionView, Failure>>;
  reject(click: DeletionClick & { readonly reason: string }): Promise<Result<DeletionView, Failure>>;
  withdraw(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  cancel(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  restore(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  /** A member of the domain says it is still needed. */
  keep(id: DeletionId, by: Asker): Promise<Result<DeletionView, Failure>>;
  /** Records a click that never reached a deletion: forged values, messages of others. */
  recordRefusal(by: OperatorId, what: string, why: string): Promise<void>;
}

/** Passes, as commands use them. */
export interface SyncDesk {
  /** Starts a pass now, or says that one is running. Null slug: everything. */
  startPass(by: Asker, slug: string | null): Promise<Result<{ readonly sentence: string }, Failure>>;
  /** Makes a plan without applying anything. */
  previewPlan(slug: string | null): Promise<Result<PlanRecord, Failure>>;
  plan(id: PlanId): Promise<Result<PlanRecord | null, Failure>>;
  latest(): Promise<Result<PlanRecord | null, Failure>>;
  isStopped(): Promise<{
    readonly stopped: boolean;
    readonly by: string | null;
    readonly since: Instant | null;
    readonly reason: string | null;
  }>;
  stop(by: Asker, reason: string): Promise<Result<void, Failure>>;
  /** One person's word to go on; the second distinct one resumes. */
  resume(by: Asker): Promise<Result<{ readonly resumed: boolean; readonly have: number; readonly need: number }, Failure>>;
}

/** What stands behind `/ci-status`. */
export interface ProjectStatus {
  readonly project: DesiredProject;
  readonly domain: { readonly id: DomainId; readonly path: DomainPath } | null;
  readonly items: readonly InventoryItem[] | null;
  /** Sentences for what the next plan would change. */
  readonly nextChanges: readonly string[];
  readonly deletion: DeletionView | null;
  readonly trouble: string | null;
}

/** Projects, as commands use them; a user sees only projects they are a member of, the team sees all. */
export interface ProjectDesk {
  projectsOf(asker: Asker): Promise<Result<readonly DesiredProject[], Failure>>;
  status(asker: Asker, slug: Slug): Promise<Result<ProjectStatus, Failure>>;
}

/** One template a person may export. */
export interface ExportableTemplate {
  readonly id: string;
  readonly name: string;
  readonly project: Slug;
  readonly bytes: number | null;
  readonly createdAt: Instant | null;
  readonly ready: boolean;
}

/** How an export stands; `link` is a link of ours, never CloudStack's. */
export interface ExportView {
  readonly id: ExportId;
  readonly template: string;
  readonly project: Slug;
  readonly state: "waiting" | "saving" | "ready" | "failed" | "expired";
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  readonly sha256: string | null;
  readonly link: string | null;
  readonly linkUntil: Instant | null;
  readonly problem: string | null;
}

/** Template exports, as commands use them. */
export interface ExportDesk {
  templates(asker: Asker, slug: Slug): Promise<Result<readonly ExportableTemplate[], Failure>>;
  /** Starts an export; `progress` is told of every change worth showing, the last one always. */
  start(asker: Asker, slug: Slug, templateId: string, progress: ExportListener): Promise<Result<ExportView, Failure>>;
}

/** Where an export shows its progress: survives a restart, so it is data, not a function. */
export interface ExportListener {
  readonly channel: string;
  readonly user: string;
}

/** How an export shows itself; implemented by the bot. */
export interface ExportAnnouncer {
  showExport(view: ExportView, listener: ExportListener): Promise<void>;
}

/** Maps people. `ciUserId` null: not known in the CI database. */
export interface PeopleDesk {
  findByCiUser(ciUserId: CiUserId): Promise<Operator | null>;
}

/** One saved thing of a backup. */
export interface BackedUpThing {
  readonly kind: InventoryItem["kind"];
  readonly name: string;
  readonly bytes: number;
  /** When it was last read back from the archive and found to be what was saved. */
  readonly verifiedAt: Instant;
}

/** One backup of a project. */
export interface BackupVersion {
  readonly askedAt: Instant;
  readonly policy: Policy;
  readonly state: "waiting" | "saving" | "complete" | "partial" | "failed";
  readonly problem: string | null;
  readonly things: readonly BackedUpThing[];
}

/** What there is of one project, the newest backup first. */
export interface ProjectBackups {
  readonly project: Slug;
  /** Null: no backups are made of it (any more). */
  readonly policy: Policy | null;
  /** When the next one is due; null when none will be made. */
  readonly nextAt: Instant | null;
  readonly versions: readonly BackupVersion[];
}

/** Backups, as commands use them. */
export interface BackupDesk {
  /** Compares what the policies cost and bring back; measures first when nothing was measured yet. */
  compare(): Promise<Result<Comparison, Failure>>;
  /** What there is of one project. Errors: `refused` when it is not the asker's. */
  list(asker: Asker, slug: Slug): Promise<Result<ProjectBackups, Failure>>;
  /** Draws a comparison as a PNG. */
  plot(comparison: Comparison): Promise<Uint8Array>;
}

/** What `/ci-policy` shows. */
export interface PolicyReport {
  readonly version: number;
  readonly since: Instant;
  readonly rows: readonly { readonly name: string; readonly title: string; readonly value: string }[];
  /** Who may approve now; null when Slack could not be asked. */
  readonly approvers: readonly string[] | null;
  readonly open: readonly PolicyChangeView[];
  /** The changes that came into force, the newest first. */
  readonly past: readonly PolicyChangeView[];
  /** Where the environment says otherwise. */
  readonly elsewhere: readonly string[];
  readonly mayPropose: boolean;
}

/** The team's limits, as commands use them; every refusal is recorded. */
export interface PolicyDesk {
  report(asker: Asker): Promise<Result<PolicyReport, Failure>>;
  /** One setting with its value now, for a window; null when there is none of that name. */
  settingOf(name: string): Promise<{ readonly name: string; readonly title: string; readonly hint: string; readonly value: string } | null>;
  /** Puts a change to the team; nothing changes by it. */
  propose(
    by: Asker,
    wish: { readonly setting: string; readonly text: string; readonly reason: string },
  ): Promise<Result<{ readonly title: string }, Failure>>;
  /** The deciding approval brings the change into force. */
  approve(click: {
    readonly changeId: string;
    readonly digest: string;
    readonly by: Asker;
  }): Promise<Result<{ readonly applied: boolean }, Failure>>;
  reject(click: {
    readonly changeId: string;
    readonly digest: string;
    readonly by: Asker;
    readonly reason: string;
  }): Promise<Result<void, Failure>>;
  /** Records a click that never reached a change. */
  recordRefusal(by: Asker, what: string, f: Failure): Promise<void>;
}

/** The services behind the commands. */
export interface Desks {
  readonly deletions: DeletionDesk;
  readonly sync: SyncDesk;
  readonly projects: ProjectDesk;
  readonly exports: ExportDesk;
  readonly backups: BackupDesk;
  readonly policy: PolicyDesk;
}
