import { Instant, type PlanId, type ProjectId } from "../../core/ids.ts";
import { teamOnly, type Asker } from "../../core/people.ts";
import type { BallotContext } from "../../approvals/ballot.ts";
import { resume, type ResumeOutcome } from "./resume.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { FleetScope, Scope } from "../../core/scope.ts";
import { recordAudit } from "../../store/audit.ts";
import { readLatestPlanRecord, readPlanRecord } from "../../store/plans.ts";
import { readStop, recordStop } from "../../store/stop-switch.ts";
import type { DesiredProject } from "../planning/desired.ts";
import { previewPass, type ReconcileContext, type StartedBy } from "./reconcile.ts";
import type { PlanRecord } from "./record.ts";

/** Passes, as commands use them. */
export interface SyncService {
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
  resume(by: Asker): Promise<Result<ResumeOutcome, Failure>>;
}

/** What the service needs besides the passes' own context. */
export interface SyncServiceContext extends ReconcileContext {
  readonly fleet: FleetScope;
  readonly ballot: BallotContext;
  readonly listProjects: () => Promise<Result<readonly DesiredProject[], Failure>>;
  readonly enqueuePass: (scope: Scope, startedBy: StartedBy) => Promise<void>;
}

/** Builds the service through which commands start, see, stop and resume passes. */
export function createSyncService(c: SyncServiceContext): SyncService {
  const scopeOf = async (slug: string | null): Promise<Result<Scope, Failure>> => {
    if (slug === null) return ok(c.fleet);
    const projects = await c.listProjects();
    if (!projects.ok) return projects;
    const found = projects.value.find((p) => p.slug === slug);
    if (found === undefined)
      return err(
        failure("invalid", "sync.no_project", `There is no project ${slug} in the CI database`, {
          remedy: "Give the project's slug as the CI database spells it.",
        }),
      );
    return ok({ kind: "project", root: c.fleet.root, projectId: found.id as ProjectId });
  };
  return {
    async startPass(by, slug) {
      if (!by.isTeam) return err(teamOnly("start a pass"));
      const scope = await scopeOf(slug);
      if (!scope.ok) return scope;
      const stop = await readStop(c.db);
      if (stop.stopped)
        return err(failure("refused", "sync.stopped", `Everything is stopped: ${stop.reason}`, { remedy: "/ci-resume takes two people." }));
      await c.enqueuePass(scope.value, { kind: "command", operator: by.operator.id, name: by.operator.name });
      return ok({
        sentence:
          slug === null
            ? "A pass over everything has started."
            : `A pass over ${slug} only has started: it can create and repair, never delete or lock.`,
      });
    },
    async previewPlan(slug) {
      const scope = await scopeOf(slug);
      return scope.ok ? ok(await previewPass(scope.value, { kind: "schedule" }, c)) : scope;
    },
    plan: async (id: PlanId) => ok((await readPlanRecord(c.db, id)) as PlanRecord | null),
    latest: async () => ok((await readLatestPlanRecord(c.db)) as PlanRecord | null),
    async isStopped() {
      const stop = await readStop(c.db);
      return stop.stopped
        ? { stopped: true, by: stop.by, since: stop.since as never, reason: stop.reason }
        : { stopped: false, by: null, since: null, reason: null };
    },
    async stop(by, reason) {
      if (!by.isTeam) return err(teamOnly("stop everything"));
      await c.db.tx(async (q) => {
        await recordStop(q, { at: c.now(), kind: "stop", byOperator: by.operator.id, reason });
        await recordAudit(q, { at: c.now(), actor: by.operator.id, kind: "stop", subject: "everything", data: { reason } });
      });
      return ok(undefined);
    },
    resume: (by) => resume(by, c.ballot),
  };
}
