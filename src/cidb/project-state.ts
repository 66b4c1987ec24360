import { failure, type Failure } from "../core/failure.ts";
import type { ProjectId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { Assembled } from "./assemble.ts";
import type { Rows } from "./rows.ts";

/** A project's state in the CI database; `closed_again`: closed, but not by the closing that was asked about. */
export type ProjectState = "active" | "closed" | "closed_again" | "absent";

/** Who closed a project, and when. */
export type Closing = Pick<DesiredProject, "closedAt" | "closedBy">;

/** What a read of the CI database is compared with, as a whole read is. */
export interface Expected {
  /** The project that every complete read must see; null: none. */
  readonly sentinel: string | null;
  /** What the last complete read found; null: there was none yet, and then no project is absent for certain. */
  readonly last: LastComplete | null;
}

/** What the last complete read found, and how much less of it a read may list before it proves nothing. */
export interface LastComplete {
  readonly projects: number;
  /** Whether accounts of members are managed: then no member at all is a fault of the views. */
  readonly hasAccounts: boolean;
  /** The share of the projects that the policy in force asks for. */
  readonly shrinkMinShare: number;
}

/**
 * A project's state by the rows about it. Only what a whole read would prove counts: a held row of the project, a row that names no project
 * and so may be its, a missing sentinel, an empty view, a short read, or views that list too little leave it uncertain.
 *
 * Another time or another person of the closing is another request to delete: somebody opened the project in between, or corrected the row.
 * Errors: `unavailable` `cidb.unsure`: whoever waits for the answer asks again later. Invariant: INV-1, INV-6.
 */
export function stateOf(
  id: ProjectId,
  rows: Omit<Rows, "source">,
  { projects, held }: Assembled,
  { sentinel, last }: Expected,
  closing: Closing | null = null,
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
  const tooLittle = last === null ? null : listsTooLittle(rows, last);
  if (tooLittle !== null) return unsure(tooLittle);
  if (sentinel !== null && !projects.some((p) => p.id === sentinel)) return unsure("the sentinel project was not seen");
  const own = held.find((h) => h.projectId === id) ?? (found === undefined ? held.find((h) => h.projectId === null) : undefined);
  if (own !== undefined) return unsure(`${own.view}, ${own.key} ${own.problem}; ${own.remedy}`);
  if (found === undefined) return last === null ? unsure("it was never read completely yet") : ok("absent");
  const isAnother = closing !== null && (found.closedAt !== closing.closedAt || found.closedBy !== closing.closedBy);
  return ok(found.state === "closed" && isAnother ? "closed_again" : found.state);
}

/** Why the views list too little for one project's rows to prove anything, by the rules that hold a whole pass; null: they do not. */
function listsTooLittle(rows: Pick<Rows, "projectsInAll" | "membershipsInAll">, last: LastComplete): string | null {
  if (rows.projectsInAll < last.projects * last.shrinkMinShare)
    return `it lists only ${rows.projectsInAll} of ${last.projects} projects it had at the last complete read`;
  if (rows.membershipsInAll === 0 && last.hasAccounts) return "it lists no member of any project, although accounts are managed";
  return null;
}
