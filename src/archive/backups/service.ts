import type { DesiredProject } from "../../sync/planning/desired.ts";
import { Slug, type Instant } from "../../core/ids.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import { notYours, type Asker } from "../../core/people.ts";
import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { findBackedUpProject, readBackupContents, readBackupRuns, type BackupRunRow } from "../../store/backup-runs.ts";
import { readMeasurements } from "../../store/backup-sizes.ts";
import { DAY_MS } from "../../core/units.ts";
import { measureFleet, type MeasureContext } from "./measure.ts";
import { comparePolicies, type Comparison } from "./model.ts";
import { drawCosts } from "./plot.ts";
import { renderPng } from "./png.ts";
import { policyOf, type BackupTerms, type Policy } from "../../core/backup-policy.ts";
import { dueAt } from "./schedule.ts";

/** One backup of a project. `verifiedAt`: when a thing was last read back from the archive and equal to what was saved. */
export interface BackupVersion {
  readonly askedAt: Instant;
  readonly policy: Policy;
  readonly state: BackupRunRow["state"];
  readonly problem: string | null;
  readonly things: readonly (Pick<InventoryItem, "kind" | "name"> & { readonly bytes: number; readonly verifiedAt: Instant })[];
}

/** The backups of one project, the newest first. */
export interface ProjectBackups {
  readonly project: Slug;
  /** Null: no backups are made of it. */
  readonly policy: Policy | null;
  /** When the next one is due; null when none will be made. */
  readonly nextAt: Instant | null;
  readonly versions: readonly BackupVersion[];
}

/** Backups, as commands use them. */
export interface BackupService {
  /** Compares what the policies cost and bring back; measures first when nothing was measured yet. */
  compare(): Promise<Result<Comparison, Failure>>;
  /** Lists the backups of one project. Errors: `refused` when it is not the asker's. */
  list(asker: Asker, slug: Slug): Promise<Result<ProjectBackups, Failure>>;
  /** Draws a comparison as a PNG. */
  plot(comparison: Comparison, zone?: string): Promise<Uint8Array>;
}

/** How far back growth is measured: long enough to see it, short enough to see it change. Units: days. */
const HISTORY_DAYS = 365;
/** Within these days every measurement counts, before them one a week. Units: days. */
const DAILY_DAYS = 14;

async function compareNow(c: MeasureContext, terms: BackupTerms): Promise<Result<Comparison, Failure>> {
  const since = c.now() - HISTORY_DAYS * DAY_MS;
  const read = () => readMeasurements(c.db, since, c.now() - DAILY_DAYS * DAY_MS);
  const history = await read();
  if (history.length > 0) return ok(comparePolicies(history, terms));
  const measured = await measureFleet(c);
  return measured.ok ? ok(comparePolicies(await read(), terms)) : measured;
}

/** What the service needs. */
export interface BackupServiceContext {
  readonly measuring: MeasureContext;
  readonly terms: BackupTerms;
  readonly policies: Readonly<Record<string, Policy | null>>;
  /** A user sees only projects they are a member of. */
  readonly projectsOf: (asker: Asker) => Promise<Result<readonly DesiredProject[], Failure>>;
}

/** Versions that are shown of one project. */
const VERSIONS_SHOWN = 20;

/** Builds the service for questions about backups. */
export function createBackupService(c: BackupServiceContext): BackupService {
  const { db } = c.measuring;
  return {
    compare: () => compareNow(c.measuring, c.terms),
    plot: (comparison, zone) => renderPng(drawCosts(comparison, zone)),
    async list(asker, slug) {
      const projects = await c.projectsOf(asker);
      if (!projects.ok) return projects;
      const project = projects.value.find((p) => p.slug === slug);
      // The team may ask for a project that the CI database no longer has: that is when backups are needed.
      const id = project?.id ?? (asker.isTeam ? await findBackedUpProject(db, slug) : null);
      if (id === null) return err(notYours(slug));

      const runs = await readBackupRuns(db, id, VERSIONS_SHOWN);
      const runIds = runs.map((r) => r.id);
      const contents = await readBackupContents(db, runIds);
      const policy = project?.state === "active" ? policyOf(slug, c.policies) : null;
      const due = dueAt(runs[0], c.terms.scheduleDays);
      const nextAt = policy === null || due <= c.measuring.now() ? null : (due as Instant);
      const versions = runs.map((r) => ({
        askedAt: r.asked_at,
        policy: r.policy,
        state: r.state,
        problem: r.problem,
        things: contents
          .filter((e) => e.run_id === r.id)
          .map((e) => ({ kind: e.item_kind, name: e.name, bytes: e.bytes, verifiedAt: e.verified_at })),
      }));
      return ok({ project: slug, policy, nextAt, versions });
    },
  };
}
