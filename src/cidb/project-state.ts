import { failure, type Failure } from "../core/failure.ts";
import type { ProjectId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Assembled } from "./assemble.ts";
import type { Rows } from "./rows.ts";

/** How a project stands in the CI database. */
export type ProjectState = "active" | "closed" | "absent";

/**
 * What the rows about one project say of its state. Only what a whole read would prove is said: a held row of the project, a row that may
 * be its but names none, a sentinel that is not there, an empty view or a short read leave it open.
 *
 * Errors: `unavailable` `cidb.unsure`: whoever waits for the answer asks again later. Invariant: INV-1, INV-6.
 */
export function stateOf(id: ProjectId, rows: Rows, { projects, held }: Assembled, sentinel: string | null): Result<ProjectState, Failure> {
  const unsure = (why: string) =>
    err(
      failure("unavailable", "cidb.unsure", `The CI database leaves open how project ${id} stands: ${why}`, { details: { project: id } }),
    );
  const found = projects.find((p) => p.id === id);
  if (found?.state === "active") return ok("active");
  for (const side of ["projects", "memberships"] as const)
    if (rows[side].length !== rows.counted[side]) return unsure(`it counts ${rows.counted[side]} ${side}, ${rows[side].length} were read`);
  if (rows.projectsInAll === 0) return unsure("it lists no project at all");
  if (sentinel !== null && !projects.some((p) => p.id === sentinel)) return unsure("the sentinel project was not seen");
  const own = held.find((h) => h.projectId === id) ?? (found === undefined ? held.find((h) => h.projectId === null) : undefined);
  if (own !== undefined) return unsure(`${own.view}, ${own.key} ${own.problem}; ${own.remedy}`);
  return ok(found === undefined ? "absent" : found.state);
}
