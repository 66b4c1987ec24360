import type { InventoryItem, Inventory } from "../core/inventory.ts";
import type { Asker } from "../core/people.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { DomainId, DomainPath, ProjectId, Slug } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { DeletionView } from "../deletion/view.ts";
import { describeChange } from "../sync/planning/describe.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { ManagedDomain } from "../core/managed.ts";
import type { PlanRecord } from "../sync/execution/record.ts";

/** What stands behind `/ci-status`. */
export interface ProjectStatus {
  readonly project: DesiredProject;
  readonly domain: { readonly id: DomainId; readonly path: DomainPath } | null;
  readonly items: readonly InventoryItem[] | null;
  /** Sentences for what the next plan would change. */
  readonly nextChanges: readonly string[];
  readonly deletion: DeletionView | null;
  readonly trouble: string | null;
}

/** Projects, as commands use them; a user sees only projects they are a member of, the team sees all. */
export interface ProjectService {
  projectsOf(asker: Asker): Promise<Result<readonly DesiredProject[], Failure>>;
  status(asker: Asker, slug: Slug): Promise<Result<ProjectStatus, Failure>>;
}

/** What it takes to tell a person about projects. */
export interface ProjectServiceContext {
  readonly rootPath: string;
  readonly projectsOf: (user: string | "all") => Promise<Result<readonly DesiredProject[], Failure>>;
  readonly managedDomains: () => Promise<readonly ManagedDomain[]>;
  readonly readInventory: (id: DomainId, path: DomainPath) => Promise<Result<Inventory, Failure>>;
  readonly preview: (slug: string) => Promise<Result<PlanRecord, Failure>>;
  readonly deletionOf: (project: ProjectId) => Promise<Result<DeletionView | null, Failure>>;
}

/** Builds the service for questions about projects: a user sees only projects they are a member of. */
export function createProjectService(c: ProjectServiceContext): ProjectService {
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
          failure("refused", "project.not_yours", `You have no project ${slug}`, { remedy: "/ci-status without a name lists yours." }),
        );
      return ok(await statusOf(project, c));
    },
  };
}

async function statusOf(project: DesiredProject, c: ProjectServiceContext): Promise<ProjectStatus> {
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
