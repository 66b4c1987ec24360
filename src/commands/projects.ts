import type { InventoryItem, ItemKind } from "../core/inventory.ts";
import type { ProjectDomain } from "../core/managed.ts";
import type { Asker } from "../core/people.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { CiUserId, Instant, ProjectId, Slug } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { DeletionView } from "../deletion/view.ts";
import { describeChange } from "../sync/planning/describe.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { PlanRecord } from "../sync/execution/record.ts";

/** What `/ci-status` shows of one project. */
export interface ProjectStatus {
  readonly project: DesiredProject;
  readonly domain: ProjectDomain | null;
  readonly items: readonly InventoryItem[] | null;
  /** Sentences for what the next plan would change. */
  readonly nextChanges: readonly string[];
  /** Sentences for what differs and is left so. */
  readonly leftAlone: readonly string[];
  /** Why the project is not kept in step, and who lifts it, such as that its domain is there but was not adopted. */
  readonly held: readonly string[];
  readonly deletion: DeletionView | null;
  readonly trouble: string | null;
  /** Its domain is there, but not managed. */
  readonly isUnadopted: boolean;
}

/** Projects, as commands use them; a user sees only projects they are a member of, the team sees all. */
export interface ProjectService {
  projectsOf(asker: Asker): Promise<Result<readonly DesiredProject[], Failure>>;
  status(asker: Asker, slug: Slug): Promise<Result<ProjectStatus, Failure>>;
}

/** What the service is built on. */
export interface ProjectServiceContext {
  readonly projectsOf: (user: CiUserId | "all", since?: Instant) => Promise<Result<readonly DesiredProject[], Failure>>;
  readonly domainOf: (project: Pick<DesiredProject, "id" | "slug">) => Promise<ProjectDomain | null>;
  readonly readItems: (domain: ProjectDomain, kinds: readonly ItemKind[]) => Promise<Result<readonly InventoryItem[], Failure>>;
  readonly preview: (project: ProjectId) => Promise<PlanRecord>;
  readonly deletionOf: (project: ProjectId) => Promise<Result<DeletionView | null, Failure>>;
}

/** Builds the service for questions about projects. */
export function createProjectService(c: ProjectServiceContext): ProjectService {
  const projectsOf = async (asker: Asker): Promise<Result<readonly DesiredProject[], Failure>> => {
    const user = asker.isTeam ? "all" : asker.operator.ciUserId;
    return user === null ? ok([]) : c.projectsOf(user, asker.since);
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

/** The kinds that `/ci-status` shows. */
const shownKinds: readonly ItemKind[] = ["machine", "volume", "snapshot", "template"];

async function statusOf(project: DesiredProject, c: ProjectServiceContext): Promise<ProjectStatus> {
  const domain = await c.domainOf(project);
  const items = domain === null ? null : await c.readItems(domain, shownKinds);
  const { plan } = await c.preview(project.id);
  const deletion = await c.deletionOf(project.id);
  return {
    project,
    domain,
    items: items?.ok === true ? items.value : null,
    nextChanges: [...plan.additive, ...plan.restrictive].map(describeChange),
    leftAlone: plan.drift.map((d) => d.sentence),
    held: plan.holds
      .filter((h) => h.projectId === project.id || h.blocks === "adopted")
      .map((h) => `${h.sentence}. Lifted by: ${h.liftedBy}`),
    isUnadopted: domain === null && plan.holds.some((h) => h.kind === "name_in_the_way" && h.liftedBy.includes("/ci-adopt")),
    deletion: deletion.ok ? deletion.value : null,
    trouble: items?.ok === false ? items.error.message : null,
  };
}
