/** How exports, backups and re-imports are wired: all that reads or writes the archive, but for deletions. */
import { createBackupService, type BackupService } from "../archive/backups/service.ts";
import type { BackupRunContext } from "../archive/backups/run.ts";
import type { ScheduleContext } from "../archive/backups/schedule.ts";
import type { MeasureContext } from "../archive/backups/measure.ts";
import type { ExportContext } from "../archive/export-service.ts";
import type { RestoreContext } from "../archive/reimport/context.ts";
import type { ProjectService } from "../commands/projects.ts";
import type { DomainPath, Slug } from "../core/ids.ts";
import { ok } from "../core/result.ts";
import { readKnownState } from "../store/managed.ts";
import type { Parts } from "./parts.ts";
import { fleetOf } from "./passes.ts";

/** A day: the life of an export link too, and longer than any template takes. Units: milliseconds. */
const LINK_MS = 24 * 3600_000;
/** How long a re-import waits for a pass to end, and between two looks at a template. Units: milliseconds. */
const [PASS_MS, LOOK_MS] = [60_000, 5_000];

/** The domains that are ours. */
export async function managedDomains(p: Pick<Parts, "db">) {
  return (await readKnownState(p.db, [])).managedDomains;
}

/** All that exports need. */
export function exportContext(p: Parts, projects: ProjectService): ExportContext {
  return {
    db: p.db,
    projectsOf: (asker) => projects.projectsOf(asker),
    source: p.cloud.exports,
    store: p.archive,
    announcer: p.slack.announcers.export,
    now: p.now,
    newId: p.newId,
    newToken: p.newToken,
    publicUrl: p.publicUrl,
    readInventory: (id, path) => p.cloud.reader.readInventory(id, path),
    enqueue: (id, tx) => p.enqueue("export", id, { tx }),
    domainOf: (slug) => domainOf(p, slug),
  };
}

async function domainOf(p: Parts, slug: Slug): ReturnType<ExportContext["domainOf"]> {
  const all = await p.ci.projectsOf("all");
  const project = all.ok ? all.value.find((one) => one.slug === slug) : undefined;
  const record = (await managedDomains(p)).find((m) => m.projectId === project?.id);
  return record === undefined ? null : { id: record.domainId, path: `${fleetOf(p).root}/${slug}` as DomainPath };
}

/** All that backups need: to measure the fleet, to know what is due, and to save it. */
export function backupContext(p: Parts): MeasureContext & ScheduleContext & BackupRunContext {
  const { policies, scheduleDays } = p.config.backups;
  return {
    db: p.db,
    rootPath: fleetOf(p).root,
    findRoot: async () => {
      const root = await p.cloud.reader.readManagedRoot();
      return root.ok ? ok(root.value.id) : root;
    },
    readInventory: (id, path) => p.cloud.reader.readInventory(id, path),
    managedDomains: () => managedDomains(p),
    policies,
    scheduleDays,
    projects: () => p.ci.projectsOf("all"),
    enqueue: (id, tx) => p.enqueue("backup", id, { key: `backup:${id}`, ...(tx === undefined ? {} : { tx }) }),
    source: p.cloud.exports,
    store: p.archive,
    now: p.now,
    newId: p.newId,
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

/** All that a re-import needs; how it is served and told is the command's. */
export function reimportContext(p: Parts, command: Pick<RestoreContext, "links" | "say" | "sleep">): RestoreContext {
  const { protectedDomains, sentinelDomain, timeoutMs } = p.config.cloudstack;
  return {
    ...command,
    db: p.db,
    projects: () => p.ci.projectsOf("all"),
    observed: p.cloud.reader,
    readInventory: (id, path) => p.cloud.reader.readInventory(id, path),
    registrar: p.cloud.registrar,
    store: p.archive,
    root: fleetOf(p).root,
    spared: new Set([...protectedDomains, ...(sentinelDomain === null ? [] : [sentinelDomain])]),
    timing: { linkMs: LINK_MS, arriveMs: timeoutMs, passMs: PASS_MS, lookMs: LOOK_MS },
    now: p.now,
    newId: p.newId,
    newToken: p.newToken,
  };
}
