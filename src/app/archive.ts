/** The contexts of exports, backups and re-imports: all that reads or writes the archive, except deletions. */
import { createBackupService, type BackupService } from "../archive/backups/service.ts";
import type { BackupRunContext } from "../archive/backups/run.ts";
import type { ScheduleContext } from "../archive/backups/schedule.ts";
import type { MeasureContext } from "../archive/backups/measure.ts";
import type { LinkContext } from "../archive/links.ts";
import { whyReported } from "../core/report-mode.ts";
import type { Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import { createDownloads, type Downloads } from "../archive/downloads.ts";
import type { ExportContext } from "../archive/export-context.ts";
import { mayReach, type ReachContext } from "../archive/reach.ts";
import type { ReimportContext } from "../archive/reimport/context.ts";
import type { ProjectService } from "../commands/projects.ts";
import type { DomainPath, ProjectId, Slug } from "../core/ids.ts";
import type { ProjectDomain } from "../core/managed.ts";
import { readManagedPlaces } from "../store/managed.ts";
import { readPolicy } from "../store/policies.ts";
import type { Parts } from "./parts.ts";
import { fleetOf } from "./passes.ts";

/** How long a re-import waits for a pass to end, and between two reads of a template. Units: milliseconds. */
const [PASS_MS, POLL_MS] = [60_000, 5_000];

/** A project's managed domain; null while it has none. */
export async function domainOf(p: Parts, project: { readonly id: ProjectId; readonly slug: Slug }): Promise<ProjectDomain | null> {
  return (await domainsOf(p, [project])).get(project.id) ?? null;
}

/** The managed domains of projects, where the last complete read found them: an adopted one need not be called like its project. */
export async function domainsOf(
  p: Parts,
  projects: readonly { readonly id: ProjectId; readonly slug: Slug }[],
): Promise<Map<ProjectId, ProjectDomain>> {
  const slugs = new Map(projects.map((project) => [project.id, project.slug]));
  return new Map(
    (await readManagedPlaces(p.db)).flatMap(({ projectId, domainId: id, path }) => {
      const slug = slugs.get(projectId);
      return slug === undefined ? [] : [[projectId, { id, path: path ?? (`${fleetOf(p).root}/${slug}` as DomainPath) }] as const];
    }),
  );
}

/** Whether the CI database has no such project, for certain. Errors: it does not show that for certain. */
export async function isAbsent(p: Pick<Parts, "ci">, project: ProjectId): Promise<Result<boolean, Failure>> {
  const state = await p.ci.readProjectState(project);
  return state.ok ? ok(state.value === "absent") : state;
}

/** Whose projects somebody's are, for exports and their links. */
function reachContext(p: Parts, projects: Pick<ProjectService, "projectsOf">): ReachContext {
  return {
    db: p.db,
    projectsOf: (asker) => projects.projectsOf(asker),
    isAbsent: (id) => isAbsent(p, id),
  };
}

/** Connects exports with CloudStack, the archive, the projects and who may have what of them. */
export function exportContext(p: Parts, projects: ProjectService, downloads: Downloads): ExportContext {
  const { reader } = p.cloud;
  return {
    ...p,
    ...reachContext(p, projects),
    db: p.db,
    projectNow: (slug) => p.ci.project({ slug }),
    domainOf: (project) => domainOf(p, project),
    domainsOf: (of) => domainsOf(p, of),
    readItems: (domain, kinds) => reader.readItems(domain, kinds),
    readItemsOf: (domains, kinds) => reader.readItemsOf(domains, kinds),
    readItem: (domain, kind, id) => reader.readItem(domain, kind, id),
    allowedKinds: async () => ((await readPolicy(p.db))?.body ?? p.config.policy).exportKinds ?? [],
    maxBytes: p.config.archive.exportMaxBytes,
    source: p.cloud.exports,
    store: p.archive,
    announcer: p.slack.announcers.export,
    downloads,
    reported: whyReported("export", p.config.cloudstack.reportOnly),
    signsLinks: p.archive.sign !== undefined,
    enqueue: (id, tx) => p.enqueue("export", id, { tx }),
  };
}

/** All that serving links needs: whoever left the project since they asked gets nothing more. */
export function linkContext(p: Parts, projects: Pick<ProjectService, "projectsOf">, downloads = createDownloads()): LinkContext {
  return {
    db: p.db,
    store: p.archive,
    now: p.now,
    downloads,
    async mayDownload({ projectId, slackUser }) {
      const asker = await p.slack.identify(slackUser);
      if (!asker.ok) return asker.error.kind === "refused" ? ok(false) : asker;
      return projectId === null ? ok(false) : mayReach(asker.value, projectId, reachContext(p, projects));
    },
  };
}

/** All that backups need: to measure the fleet, to know what is due, and to save it. */
export function backupContext(p: Parts): MeasureContext & ScheduleContext & BackupRunContext {
  const { policies, scheduleDays } = p.config.backups;
  return {
    ...p,
    rootPath: fleetOf(p).root,
    readRoot: () => p.cloud.reader.readManagedRoot(),
    readInventory: (id, path) => p.cloud.reader.readInventory(id, path),
    managedDomains: () => readManagedPlaces(p.db),
    policies,
    scheduleDays,
    projects: () => p.ci.projectsOf("all"),
    enqueue: (id, tx) => p.enqueue("backup", id, { key: `backup:${id}`, ...(tx === undefined ? {} : { tx }) }),
    source: p.cloud.exports,
    store: p.archive,
  };
}

/** The service for questions about backups. */
export function backupService(p: Parts, projects: ProjectService): BackupService {
  const { backups } = p.config;
  return createBackupService({
    measuring: backupContext(p),
    terms: backups,
    policies: backups.policies,
    projectsOf: (asker) => projects.projectsOf(asker),
  });
}

/** All that a re-import needs; `command` brings how its links are served and its progress is shown. */
export function reimportContext(p: Parts, command: Pick<ReimportContext, "links" | "say" | "sleep">): ReimportContext {
  const { protectedDomains } = p.config.policy;
  const { sentinelDomain, timeoutMs } = p.config.cloudstack;
  return {
    ...p,
    ...command,
    projects: () => p.ci.projectsOf("all"),
    observed: p.cloud.reader,
    readInventory: (id, path) => p.cloud.reader.readInventory(id, path),
    registrar: p.cloud.registrar,
    store: p.archive,
    excluded: async () => {
      const inForce = (await readPolicy(p.db))?.body.protectedDomains ?? [];
      return [...protectedDomains, ...inForce, ...(sentinelDomain === null ? [] : [sentinelDomain])];
    },
    timing: { arriveMs: timeoutMs, passMs: PASS_MS, pollMs: POLL_MS },
  };
}
