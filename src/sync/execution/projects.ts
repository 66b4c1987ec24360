import type { Asker, ProjectDesk, ProjectStatus } from "../../commands/ports.ts";
import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath, ProjectId, Slug } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { DeletionView } from "../../deletion/view.ts";
import { describeChange } from "../planning/describe.ts";
import type { DesiredProject } from "../planning/desired.ts";
import type { Inventory } from "../planning/inventory.ts";
import type { ManagedDomain } from "../planning/known.ts";
import type { PlanRecord } from "./record.ts";

/** What it takes to tell a person about projects. */
export interface ProjectDeskContext {
  readonly rootPath: string;
  readonly projectsOf: (user: string | "all") => Promise<Result<readonly DesiredProject[], Failure>>;
  readonly managedDomains: () => Promise<readonly ManagedDomain[]>;
  readonly readInventory: (id: DomainId, path: DomainPath) => Promise<Result<Inventory, Failure>>;
  readonly preview: (slug: string) => Promise<Result<PlanRecord, Failure>>;
  readonly deletionOf: (project: ProjectId) => Promise<Result<DeletionView | null, Failure>>;
}

/** Builds the desk for questions about projects: a user sees only projects they are a member of. */
export function createProjectDesk(c: ProjectDeskContext): ProjectDesk {
  const projectsOf = async (asker: Asker): Promise<Result<readonly DesiredProject[], Failure>> => {
    if (asker.isTeam) return c.projectsOf("all");
    if (asker.operator.ciUserId === null) return ok([]);
    return c.projectsOf(asker.operator.ciUserId);
  };
  return {
    projectsOf,
    async status(asker, slug) {
      const projects = await projectsOf(asker);
      if (!projects.ok) return projects;
      const project = projects.value.find((p) => p.slug === slug);
      // The same words whether it does not exist or is not theirs.
      if (project === undefined)
        return err(
          failure("refused", "project.not_yours", `You have no project ${slug}`, { mending: "/ci-status without a name lists yours." }),
        );
      return ok(await statusOf(project, c));
    },
  };
}

async function statusOf(project: DesiredProject, c: ProjectDeskContext): Promise<ProjectStatus> {
  const record = (await c.managedDomains()).find((m) => m.projectId === project.id);
  const path = `${c.rootPath}/${project.slug satisfies Slug}` as DomainPath;
  const domain = record === undefined ? null : { id: record.domainId, path };
  const inventory = domain === null ? null : await c.readInventory(domain.id, domain.path);
  const preview = await c.preview(project.slug);
  const deletion = await c.deletionOf(project.id);
  const trouble = [inventory !== null && !inventory.ok ? inventory.error.message : null, preview.ok ? null : preview.error.message]
    .filter((s) => s !== null)
    .join("; ");
  return {
    project,
    domain,
    items: inventory?.ok === true ? inventory.value.items : null,
    nextChanges: preview.ok ? [...preview.value.plan.additive, ...preview.value.plan.restrictive].map(describeChange) : [],
    deletion: deletion.ok ? deletion.value : null,
    trouble: trouble === "" ? null : trouble,
  };
}
