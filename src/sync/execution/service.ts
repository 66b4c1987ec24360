import type { BallotContext } from "../../approvals/ballot.ts";
import type { Slug } from "../../core/ids.ts";
import { teamOnly, type Asker } from "../../core/people.ts";
import { resume, type ResumeOutcome } from "./resume.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { FleetScope, Scope } from "../../core/scope.ts";
import { recordAudit } from "../../store/audit.ts";
import { recordStop } from "../../store/stop-switch.ts";
import type { DesiredProject } from "../planning/desired.ts";
import { previewPass, type ReconcileContext, type StartedBy } from "./reconcile.ts";
import { refusalWhileStopped } from "./pass-lock.ts";
import type { PlanRecord } from "./record.ts";

/** Passes, as commands use them. */
export interface SyncService {
  /** Starts a pass now, or says that one is running. Null slug: everything. */
  startPass(by: Asker, slug: Slug | null): Promise<Result<{ readonly sentence: string }, Failure>>;
  /** Makes a plan without applying anything. */
  previewPlan(slug: Slug | null): Promise<Result<PlanRecord, Failure>>;
  stop(by: Asker, reason: string): Promise<Result<void, Failure>>;
  /** One person's vote to resume; the second person's ends the stop. */
  resume(by: Asker): Promise<Result<ResumeOutcome, Failure>>;
}

/** What the service needs in addition to the passes' context. */
export interface SyncServiceContext extends ReconcileContext {
  readonly fleet: FleetScope;
  readonly ballot: BallotContext;
  readonly findProject: (slug: Slug) => Promise<Result<Pick<DesiredProject, "id"> | null, Failure>>;
  readonly enqueuePass: (scope: Scope, startedBy: StartedBy) => Promise<void>;
}

/** Builds the service through which commands start, see, stop and resume passes. */
export function createSyncService(c: SyncServiceContext): SyncService {
  const scopeOf = async (slug: Slug | null): Promise<Result<Scope, Failure>> => {
    if (slug === null) return ok(c.fleet);
    const found = await c.findProject(slug);
    if (!found.ok) return found;
    if (found.value !== null) return ok({ kind: "project", root: c.fleet.root, projectId: found.value.id });
    const remedy = "Give the project's slug as the CI database spells it.";
    return err(failure("invalid", "sync.no_project", `There is no project ${slug} in the CI database`, { remedy }));
  };
  return {
    async startPass(by, slug) {
      if (!by.isTeam) return err(teamOnly("start a pass"));
      const scope = await scopeOf(slug);
      if (!scope.ok) return scope;
      const stopped = await refusalWhileStopped(c.db);
      if (stopped !== null) return err(stopped);
      await c.enqueuePass(scope.value, { kind: "command", operator: by.operator.id, name: by.operator.name });
      const narrowed = `A pass over ${slug} only has started: it can create and repair, never delete or lock.`;
      return ok({ sentence: slug === null ? "A pass over everything has started." : narrowed });
    },
    async previewPlan(slug) {
      const scope = await scopeOf(slug);
      return scope.ok ? ok(await previewPass(scope.value, { kind: "schedule" }, c)) : scope;
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
