import { createOwnership, type Ownership } from "../approvals/ownership.ts";
import { createHeadCopy } from "../archive/head-copy.ts";
import { createDownloads } from "../archive/downloads.ts";
import { createExportService } from "../archive/export-service.ts";
import type { LinkContext } from "../archive/links.ts";
import type { ReimportAsk, ReimportContext, ReimportReport } from "../archive/reimport/context.ts";
import { reimport } from "../archive/reimport/reimport.ts";
import { createProjectService } from "../commands/projects.ts";
import type { Services } from "../commands/services.ts";
import type { Failure } from "../core/failure.ts";
import type { CiUserId, ProjectId } from "../core/ids.ts";
import { isAllReported, onlyReported, type ChangeKind } from "../core/report-mode.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Scope } from "../core/scope.ts";
import { ballotOf } from "../deletion/act.ts";
import type { DeletionContext } from "../deletion/context.ts";
import { createDeletionService } from "../deletion/service.ts";
import { createPolicyService, namePolicyDifferences } from "../policy/service.ts";
import type { RebuildContext, RebuildReport } from "../sync/execution/rebuild.ts";
import type { StartedBy } from "../sync/execution/reconcile.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { createTemplateService } from "../archive/from-machines/service.ts";
import { createSyncService } from "../sync/execution/service.ts";
import { createAdoptionService } from "../sync/adoption/service.ts";
import { adoptionContext } from "./adoption.ts";
import { backupService, exportContext, linkContext, reimportContext } from "./archive.ts";
import { deletionContext } from "./deletions.ts";
import type { Parts, WorkName } from "./parts.ts";
import { templateContext } from "./templates.ts";
import { projectContext } from "./project-status.ts";
import { fleetOf, passAndAsk, passContext, policyContext, rebuildAll } from "./passes.ts";
import { enqueuePass, schedulesOf, workOf, type Contexts, type Run, type Schedule } from "./work.ts";

/** The bot, assembled and not yet started: the services for people, and the work it does by itself. */
export interface Assembly extends Contexts {
  readonly services: Services;
  /** The function for each kind of durable work. */
  readonly work: Readonly<Record<WorkName, Run>>;
  readonly schedules: readonly Schedule[];
  /** What serving links needs. */
  readonly links: LinkContext;
  /** Stops everything if this database is not the one that manages what is there; before any work begins. */
  verifyOwner(): Promise<Result<void, Failure>>;
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
  const ownership = ownershipOf(p);
  const deletions = deletionContext(p, ownership);
  const passes = passContext(p, deletions);
  const policy = policyContext(p);
  const fleet = fleetOf(p);
  const sync = keepingHead(
    createSyncService({
      ...passes,
      fleet,
      ballot: ballotOf(deletions),
      stops: p.slack.announcers.stop,
      findProject: (slug) => p.ci.project({ slug }),
      enqueuePass: (scope, startedBy) => enqueuePass(p, scope, startedBy),
    }),
    ownership,
  );
  const deletionService = keepingHead(
    createDeletionService(deletions, (id) => membersOf(p.ci, id)),
    ownership,
  );
  const projects = createProjectService(projectContext(p, passes, deletions));
  const downloads = createDownloads();
  const exports = exportContext(p, projects, downloads);
  const adoption = adoptionContext(p, passes, deletions);
  const templates = templateContext(p);
  const contexts: Contexts = { deletions, passes, policy, exports, adoption, templates };
  return {
    ...contexts,
    services: {
      deletions: deletionService,
      sync,
      projects,
      policy: keepingHead(createPolicyService(policy), ownership),
      adoption: keepingHead(createAdoptionService(adoption), ownership),
      exports: createExportService(exports),
      backups: backupService(p, projects),
      templates: createTemplateService(templates),
    },
    work: workOf(p, contexts),
    schedules: schedulesOf(p, contexts),
    links: linkContext(p, projects, downloads),
    verifyOwner: () => verifyOwner(deletions),
    runPass: (scope, startedBy) => passAndAsk(scope ?? fleet, startedBy, passes, policy, p.events),
    policyDifferences: () => namePolicyDifferences(policy),
    rebuild: (o) => unlessReported("write", o.dryRun, p, () => rebuildAll(p, o, ownership)),
    reimport: (ask, command) => unlessReported("export", ask.dryRun, p, () => reimport(ask, reimportContext(p, command))),
  };
}

/** The members of a project as the CI database says now; none when it has no such project. */
export async function membersOf(ci: Pick<Parts["ci"], "project">, id: ProjectId): Promise<Result<readonly CiUserId[], Failure>> {
  const project = await ci.project({ id });
  return project.ok ? ok(project.value?.members.map((m) => m.userId) ?? []) : project;
}

function ownershipOf(p: Parts): Ownership {
  return createOwnership({
    ...p,
    root: fleetOf(p).root,
    readMarks: () => p.cloud.reader.readMarks(),
    addMark: (installation, head) => p.cloud.writer.addMark(installation, head),
    removeMark: (mark) => p.cloud.writer.removeMark(mark),
    copy: createHeadCopy(p.archive),
    writesNothing: isAllReported(p.config.cloudstack.reportOnly),
    onFailure: (f) => p.events.failed("audit.head", f),
  });
}

/** Errors: `cloudstack.report_only` where there are no keys for it; a dry run needs none. */
async function unlessReported<T>(
  kind: ChangeKind,
  isDry: boolean,
  { config }: Pick<Parts, "config">,
  run: () => Promise<Result<T, Failure>>,
): Promise<Result<T, Failure>> {
  const why = isDry ? undefined : config.cloudstack.reportOnly[kind];
  return why === undefined ? run() : err(onlyReported(`nothing was done: ${why}`));
}

async function verifyOwner(c: Pick<DeletionContext, "db" | "policyNow" | "ownership">): Promise<Result<void, Failure>> {
  // A scope that nobody confirmed may be another root, whose mark says nothing of this database.
  return (await c.policyNow(c.db)).scopeIsConfirmed ? c.ownership.verify() : ok(undefined);
}

/**
 * The service, after each of whose calls the archive is given the head of the audit log: what people decided makes a database newer. Nobody
 * waits for that: what an archive does not take now it is given with the next step or pass.
 */
function keepingHead<S extends object>(service: S, ownership: Ownership): S {
  const keeping = Object.entries(service).map(([name, call]: [string, (...of: unknown[]) => Promise<unknown>]) => [
    name,
    async (...of: unknown[]) => {
      const done = await call(...of);
      ownership.keepAndMark().catch(() => undefined);
      return done;
    },
  ]);
  return Object.fromEntries(keeping) as S;
}
