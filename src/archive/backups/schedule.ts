import type { Clock, NewId } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath, ProjectId } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import { insertBackupRun, readNewestBackupRuns, type BackupRunRow } from "../../store/backup-runs.ts";
import type { Database, Transaction } from "../../store/db.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { DesiredProject } from "../../sync/planning/desired.ts";
import { DAY_MS } from "../../core/units.ts";
import { policyOf, type Policy } from "../../core/backup-policy.ts";

/** What it takes to know which backups are due, and to enqueue them. */
export interface ScheduleContext {
  readonly db: Database;
  readonly rootPath: DomainPath;
  readonly policies: Readonly<Record<string, Policy | null>>;
  readonly scheduleDays: number;
  readonly projects: () => Promise<Result<readonly Pick<DesiredProject, "id" | "slug" | "state">[], Failure>>;
  /** With the path that the last complete read found; left out or null: it is called like its project. */
  readonly managedDomains: () => Promise<
    readonly { readonly domainId: DomainId; readonly projectId: ProjectId; readonly path?: DomainPath | null }[]
  >;
  /** Enqueues a backup's run; one that is queued already is not queued twice. */
  readonly enqueue: (id: string, tx?: Transaction) => Promise<void>;
  readonly now: Clock;
  readonly newId: NewId;
}

/** Backups in progress at a time: CloudStack prepares downloads on a few machines, which users' own exports need too. */
const LIVE_MAX = 4;
/** A backup that saved nothing is retried after a day, however rare backups are. */
const RETRY_DAYS = 1;

/**
 * Enqueues the backups that are due, those that waited longest first, and continues those that were interrupted. A closed project
 * gets none: its deletion saves what there is.
 *
 * Errors: the failure of reading the projects; nothing is enqueued then.
 */
export async function askForBackups(c: ScheduleContext): Promise<Result<void, Failure>> {
  if ((await readStop(c.db)).stopped) return ok(undefined);
  const newest = new Map((await readNewestBackupRuns(c.db)).map((r) => [r.project_id, r]));
  const live = [...newest.values()].filter((r) => r.ended_at === null);
  for (const run of live) await c.enqueue(run.id);
  if (live.length >= LIVE_MAX || Object.values(c.policies).every((p) => p === null)) return ok(undefined);

  const projects = await c.projects();
  if (!projects.ok) return projects;
  const domains = new Map((await c.managedDomains()).map((m) => [m.projectId, m]));
  const due = projects.value.flatMap((p) => {
    const policy = policyOf(p.slug, c.policies);
    const domain = domains.get(p.id);
    const last = newest.get(p.id);
    if (p.state !== "active" || policy === null || domain === undefined || c.now() < dueAt(last, c.scheduleDays)) return [];
    const path = domain.path ?? (`${c.rootPath}/${p.slug}` as DomainPath);
    return [{ ...p, policy, path, domainId: domain.domainId, since: last?.asked_at ?? 0 }];
  });

  for (const p of due.toSorted((a, b) => a.since - b.since || (a.slug < b.slug ? -1 : 1)).slice(0, LIVE_MAX - live.length)) {
    const run = { id: c.newId(), project_id: p.id, slug: p.slug, domain_id: p.domainId, path: p.path, policy: p.policy, asked_at: c.now() };
    await c.db.tx(async (q) => {
      if (!(await insertBackupRun(q, run))) return;
      await c.enqueue(run.id, q);
      const data = { project: p.id, policy: p.policy };
      await recordAudit(q, { at: c.now(), actor: "schedule", kind: "backup.asked", subject: run.id, data });
    });
  }
  return ok(undefined);
}

/** When the next backup of a project is due. Units: UTC epoch milliseconds; 0: now. */
export function dueAt(last: Pick<BackupRunRow, "state" | "asked_at"> | undefined, scheduleDays: number): number {
  if (last === undefined) return 0;
  return last.asked_at + (last.state === "failed" ? Math.min(RETRY_DAYS, scheduleDays) : scheduleDays) * DAY_MS;
}
