import type { BallotContext } from "../../approvals/ballot.ts";
import type { Slug } from "../../core/ids.ts";
import { mayHalt, teamOnly, type Asker } from "../../core/people.ts";
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
import { readStopView, type StopAnnouncer, type StopView } from "./stop-view.ts";

/** Passes, as commands use them. */
export interface SyncService {
  /** Starts a pass now, or says that one is running. Null slug: everything. */
  startPass(by: Asker, slug: Slug | null): Promise<Result<{ readonly sentence: string }, Failure>>;
  /** Makes a plan without applying anything. */
  previewPlan(slug: Slug | null): Promise<Result<PlanRecord, Failure>>;
  /** Stops everything, or adds a reason to a stop; told in the channel. */
  stop(by: Asker, reason: string): Promise<Result<StopView, Failure>>;
  /** One person's vote to resume; the second person's ends the stop. */
  resume(by: Asker): Promise<Result<ResumeOutcome, Failure>>;
  /** The present stop; null while nothing is stopped. */
  presentStop(): Promise<StopView | null>;
}

/** What the service needs in addition to the passes' context. */
export interface SyncServiceContext extends ReconcileContext {
  readonly fleet: FleetScope;
  readonly ballot: BallotContext;
  readonly stops: StopAnnouncer;
  readonly findProject: (slug: Slug) => Promise<Result<Pick<DesiredProject, "id"> | null, Failure>>;
  readonly enqueuePass: (scope: Scope, startedBy: StartedBy) => Promise<void>;
}

/** Stops everything; a second stop adds to the first. */
export async function stopEverything(
  by: Pick<Asker["operator"], "id" | "name">,
  reason: string,
  c: Pick<ReconcileContext, "db" | "now">,
): Promise<StopView> {
  return c.db.tx(async (q) => {
    await recordStop(q, { at: c.now(), kind: "stop", byOperator: by.id, byName: by.name, reason });
    await recordAudit(q, { at: c.now(), actor: by.id, kind: "stop", subject: "everything", data: { reason } });
    const view = await readStopView(q, c.now());
    if (view === null) throw new Error("a stop that was just recorded cannot be read");
    return view;
  });
}

/** The scope of everything, or of the project with this slug. Errors: there is no such project, or the CI database does not say. */
export async function findScope(slug: Slug | null, c: Pick<SyncServiceContext, "fleet" | "findProject">): Promise<Result<Scope, Failure>> {
  if (slug === null) return ok(c.fleet);
  const found = await c.findProject(slug);
  if (!found.ok) return found;
  if (found.value !== null) return ok({ kind: "project", root: c.fleet.root, projectId: found.value.id });
  const remedy = "Give the project's slug as the CI database spells it.";
  return err(failure("invalid", "sync.no_project", `There is no project ${slug} in the CI database`, { remedy }));
}

/** Builds the service through which commands start, see, stop and resume passes. */
export function createSyncService(c: SyncServiceContext): SyncService {
  const scopeOf = (slug: Slug | null): Promise<Result<Scope, Failure>> => findScope(slug, c);
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
      if (!mayHalt(by)) return err(teamOnly("stop everything"));
      const stopped = await stopEverything(by.operator, reason, c);
      c.stops.showStop(stopped);
      return ok(stopped);
    },
    async resume(by) {
      const voted = await resume(by, c.ballot);
      const view = await readStopView(c.db, c.now());
      if (voted.ok && view !== null) c.stops.showStop(view);
      return voted;
    },
    async presentStop() {
      const view = await readStopView(c.db, c.now());
      return view?.resumed === null ? view : null;
    },
  };
}
