import { failure, type Failure } from "../core/failure.ts";
import type { ProjectId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Assembled } from "./assemble.ts";
import type { Rows } from "./rows.ts";

/** A project's state in the CI database. */
export type ProjectState = "active" | "closed" | "absent";

/**
 * A project's state by the rows about it. Only what a whole read would prove counts: a held row of the project, a row that names no project
 * and so may be its, a missing sentinel, an empty view or a short read leave it uncertain.
 *
 * Errors: `unavailable` `cidb.unsure`: whoever waits for the answer asks again later. Invariant: INV-1, INV-6.
 */
export function stateOf(
  id: ProjectId,
  rows: Omit<Rows, "source">,
  { projects, held }: Assembled,
  sentinel: string | null,
): Result<ProjectState, Failure> {
  const unsure = (why: string) =>
    err(
      failure(
        "unavailable",
        "cidb.unsure",
        `The CI database does not show for certain whether project ${id} is active, closed or absent: ${why}`,
        { details: { project: id } },
      ),
    );
  const found = projects.find((p) => p.id === id);
  // A row that says active is believed whatever else is wrong with it: it only ever gives a domain back.
  if (rows.projects.some((p) => p.id === id && p.state === "active")) return ok("active");
  for (const side of ["projects", "memberships"] as const)
    if (rows[side].length !== rows.counted[side]) return unsure(`it counts ${rows.counted[side]} ${side}, ${rows[side].length} were read`);
  if (rows.projectsInAll === 0) return unsure("it lists no project at all");
  if (sentinel !== null && !projects.some((p) => p.id === sentinel)) return unsure("the sentinel project was not seen");
  const own = held.find((h) => h.projectId === id) ?? (found === undefined ? held.find((h) => h.projectId === null) : undefined);
  if (own !== undefined) return unsure(`${own.view}, ${own.key} ${own.problem}; ${own.remedy}`);
  return ok(found === undefined ? "absent" : found.state);
}
