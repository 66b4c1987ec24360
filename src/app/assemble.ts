import { createExportService } from "../archive/export-service.ts";
import type { ReimportAsk, ReimportContext, ReimportReport } from "../archive/reimport/context.ts";
import { reimport } from "../archive/reimport/reimport.ts";
import { createProjectService } from "../commands/projects.ts";
import type { Services } from "../commands/services.ts";
import type { Failure } from "../core/failure.ts";
import type { CiUserId, ProjectId } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";
import type { Scope } from "../core/scope.ts";
import { ballotOf } from "../deletion/act.ts";
import { createDeletionService } from "../deletion/service.ts";
import { createPolicyService, namePolicyDifferences } from "../policy/service.ts";
import type { RebuildContext, RebuildReport } from "../sync/execution/rebuild.ts";
import { previewPass, type StartedBy } from "../sync/execution/reconcile.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { createSyncService } from "../sync/execution/service.ts";
import { backupService, domainOf, exportContext, reimportContext } from "./archive.ts";
import { deletionContext } from "./deletions.ts";
import type { Parts, WorkName } from "./parts.ts";
import { fleetOf, passAndAsk, passContext, policyContext, rebuildAll } from "./passes.ts";
import { enqueuePass, schedulesOf, workOf, type Contexts, type Run, type Schedule } from "./work.ts";

/** The bot, assembled and not yet started: the services for people, and the work it does by itself. */
export interface Assembly extends Contexts {
  readonly services: Services;
  /** The function for each kind of durable work. */
  readonly work: Readonly<Record<WorkName, Run>>;
  readonly schedules: readonly Schedule[];
  /** Runs a pass at once; null: over everything. */
  runPass(scope: Scope | null, startedBy: StartedBy): Promise<Result<PlanRecord, Failure>>;
  /** How the environment and the policy in force differ. */
  policyDifferences(): Promise<readonly string[]>;
  /** `twokey rebuild`. */
  rebuild(o: { readonly dryRun: boolean } & Pick<RebuildContext, "say">): Promise<Result<RebuildReport, Failure>>;
  /** `twokey reimport`. */
  reimport(ask: ReimportAsk, command: Pick<ReimportContext, "links" | "say" | "sleep">): Promise<Result<ReimportReport, Failure>>;
}

/**
 * Assembles the bot from its parts: the process, the command line, the simulation, the matrices and the tests, each with its own
 * parts, all get this same bot. Nothing is read or sent here, and whatever matters for safety is made here and never passed in.
 */
export function assemble(p: Parts): Assembly {
  const deletions = deletionContext(p);
  const passes = passContext(p, deletions);
  const policy = policyContext(p);
  const fleet = fleetOf(p);
  const sync = createSyncService({
    ...passes,
    fleet,
    ballot: ballotOf(deletions),
    stops: p.slack.announcers.stop,
    findProject: (slug) => p.ci.project({ slug }),
    enqueuePass: (scope, startedBy) => enqueuePass(p, scope, startedBy),
  });
  const deletionService = createDeletionService(deletions, (id) => membersOf(p.ci, id));
  const projects = createProjectService({
    projectsOf: (user, since) => p.ci.projectsOf(user, since),
    domainOf: (project) => domainOf(p, project),
    readItems: (domain, kinds) => p.cloud.reader.readItems(domain, kinds),
    preview: (projectId) => previewPass({ kind: "project", root: fleet.root, projectId }, { kind: "schedule" }, passes),
    deletionOf: (id) => deletionService.forProject(id),
  });
  const exports = exportContext(p, projects);
  const contexts: Contexts = { deletions, passes, policy, exports };
  return {
    ...contexts,
    services: {
      deletions: deletionService,
      sync,
      projects,
      policy: createPolicyService(policy),
      exports: createExportService(exports),
      backups: backupService(p, projects),
    },
    work: workOf(p, contexts),
    schedules: schedulesOf(p, contexts),
    runPass: (scope, startedBy) => passAndAsk(scope ?? fleet, startedBy, passes, policy),
    policyDifferences: () => namePolicyDifferences(policy),
    rebuild: (o) => rebuildAll(p, o),
    reimport: (ask, command) => reimport(ask, reimportContext(p, command)),
  };
}

/** The members of a project as the CI database says now; none when it has no such project. */
export async function membersOf(ci: Pick<Parts["ci"], "project">, id: ProjectId): Promise<Result<readonly CiUserId[], Failure>> {
  const project = await ci.project({ id });
  return project.ok ? ok(project.value?.members.map((m) => m.userId) ?? []) : project;
}
