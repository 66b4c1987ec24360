/** Whose projects a person may export from: those of the CI database, and those that it no longer has and whose domain was deleted. */
import type { Asker } from "../core/people.ts";
import type { Failure } from "../core/failure.ts";
import type { ProjectId } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";
import type { Queryable } from "../store/db.ts";
import { readFormerProjects, type FormerProject } from "../store/former-projects.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";

/** What it takes to know whose projects somebody's are. */
export interface ReachContext {
  readonly db: Queryable;
  /** The asker's projects as the CI database has them; the team's are all. */
  readonly projectsOf: (asker: Asker) => Promise<Result<readonly DesiredProject[], Failure>>;
  /** Whether the CI database has no such project, for certain. Errors: it does not show that for certain. */
  readonly isAbsent: (project: ProjectId) => Promise<Result<boolean, Failure>>;
}

/** The projects that somebody may export from. */
export interface Reach {
  readonly projects: readonly DesiredProject[];
  /** Of these only the archive has something. */
  readonly former: readonly FormerProject[];
}

/** Reads what somebody may export from now. Errors: the CI database cannot be read. */
export async function reachOf(asker: Asker, c: ReachContext): Promise<Result<Reach, Failure>> {
  const projects = await c.projectsOf(asker);
  if (!projects.ok) return projects;
  const known = new Set<string>(projects.value.map((p) => p.id));
  const left = (await candidatesOf(asker, c, null)).filter((f) => !known.has(f.id));
  const former: FormerProject[] = [];
  for (const one of left) {
    // What is not certain is not offered; whoever has a link to it is told so.
    const absent = asker.isTeam ? ok(true) : await c.isAbsent(one.id);
    if (absent.ok && absent.value) former.push(one);
  }
  return ok({ projects: projects.value, former });
}

/**
 * Whether somebody may see a project now. While the CI database has it, its members are who the CI database says; after that, who had an
 * account in its domain at the end, and is enabled in the CI database today.
 *
 * Errors: whether it may be so cannot be told now.
 */
export async function mayReach(asker: Asker, project: ProjectId, c: ReachContext): Promise<Result<boolean, Failure>> {
  const projects = await c.projectsOf(asker);
  if (!projects.ok) return projects;
  if (projects.value.some((p) => p.id === project)) return ok(true);
  if ((await candidatesOf(asker, c, project)).length === 0) return ok(false);
  return asker.isTeam ? ok(true) : c.isAbsent(project);
}

async function candidatesOf(asker: Asker, c: ReachContext, only: ProjectId | null): Promise<readonly FormerProject[]> {
  if (asker.isTeam) return readFormerProjects(c.db, null, only);
  const user = asker.operator.ciUserId;
  return user === null ? [] : readFormerProjects(c.db, user, only);
}
