/** What questions about projects are answered from. */
import type { DeletionId, Slug } from "../core/ids.ts";
import type { LastDeletion } from "../commands/deletion-parts.ts";
import type { ProjectServiceContext } from "../commands/projects.ts";
import { buildView } from "../deletion/build-view.ts";
import type { DeletionContext } from "../deletion/context.ts";
import { readDeletion, readLiveHeads, readNewestDeletion, type DeletionRow } from "../store/deletions.ts";
import { readAccountsOf, readManagedPlaces } from "../store/managed.ts";
import { readNewestFleetRecord } from "../store/plans.ts";
import { readCopyDates, readDeletionsOfMember, readNewestDeletionNamed, readSavedFor } from "../store/project-history.ts";
import { previewPass, type ReconcileContext } from "../sync/execution/reconcile.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { roleFor } from "../sync/planning/policy.ts";
import { domainOf, isAbsent } from "./archive.ts";
import type { Parts } from "./parts.ts";
import { fleetOf } from "./passes.ts";

/** All that questions about projects need: they only read. */
export function projectContext(p: Parts, passes: ReconcileContext, deletions: DeletionContext): ProjectServiceContext {
  const lastOf = async (row: DeletionRow | null): Promise<LastDeletion | null> =>
    row === null ? null : { view: await buildView(row, deletions), enteredAt: row.entered_at, saved: await readSavedFor(p.db, row.id) };
  return {
    projectsOf: (user, since) => p.ci.projectsOf(user, since),
    domainOf: (project) => domainOf(p, project),
    readItems: (domain, kinds) => p.cloud.reader.readItems(domain, kinds),
    readDomainNow: (id) => p.cloud.reader.readDomainNow(id),
    accountsOf: (id) => readAccountsOf(p.db, id),
    copyDates: (kinds, ids) => readCopyDates(p.db, kinds, ids),
    preview: (projectId) => previewPass({ kind: "project", root: fleetOf(p).root, projectId }, { kind: "schedule" }, passes),
    roleOf: (ciRole) => roleFor(p.config.cloudstack, ciRole),
    lastDeletion: async (project) => lastOf(await readNewestDeletion(p.db, project)),
    deletionNamed: async (id) => lastOf(await readDeletion(p.db, id)),
    async deletionsOf(user, slug: Slug | null) {
      if (user !== "all") return (await readDeletionsOfMember(p.db, user, slug)) as readonly DeletionId[];
      const id = slug === null ? null : await readNewestDeletionNamed(p.db, slug);
      return id === null ? [] : [id as DeletionId];
    },
    isAbsent: (project) => isAbsent(p, project),
    async fleetFacts() {
      const [places, live, record] = await Promise.all([readManagedPlaces(p.db), readLiveHeads(p.db), readNewestFleetRecord(p.db)]);
      const open = live.map((d) => ({
        ...{ projectId: d.project_id, slug: d.slug, phase: d.phase, closedBecause: d.closed_because, frozenFrom: d.frozen_from },
        until: d.phase === "proposed" ? d.expires_at : d.until_at,
      }));
      return { places, deletions: open, plan: record as PlanRecord | null };
    },
    now: p.now,
  };
}
