import { failure, type Failure } from "../../src/core/failure.ts";
import type { CiUserId, DomainPath, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import type { Parts } from "../../src/app/parts.ts";
import { completeDesired, type DesiredMember, type DesiredProject, type PartialDesired } from "../../src/sync/planning/desired.ts";
import { users } from "./people.ts";

/** One project, as the CI database's owners know it. */
export interface CiProject {
  readonly id: ProjectId;
  readonly slug: Slug;
  state: "active" | "closed" | "absent";
  closedBy: CiUserId | null;
  closedAt: Instant | null;
  members: CiUserId[];
}

/** How the CI database lies or fails at the next reads. */
export type CiMood = "honest" | "away" | "narrowed" | "empty" | "short" | "held";

/** The CI database of the simulation: the truth about projects, and the mood in which it answers. */
export interface CiTruth {
  readonly projects: CiProject[];
  mood: CiMood;
}

/** The managed root of the simulation. */
export const root = "ROOT/ci" as DomainPath;

/** Reads the simulated CI database as the bot does: what is wrong makes the read partial, and a liar is believed. */
export function ciSource(ci: CiTruth, now: () => Instant): Parts["ci"] {
  const fleet: FleetScope = { kind: "fleet", root };
  const told = (): readonly DesiredProject[] => {
    const listed = ci.projects.filter((p) => p.state !== "absent").map(desired);
    return ci.mood === "narrowed" ? listed.slice(0, 1) : ci.mood === "empty" ? [] : listed;
  };
  return {
    readSource: async () => ok(null),
    readChanges: async () => ok(null),
    async listPeople() {
      if (ci.mood === "away") return err(away());
      const known = { email: null, slackId: null, enabled: true };
      return ok(users.map((u) => ({ ...known, id: u.ciUserId, username: u.name.toLowerCase(), name: u.name })));
    },
    async projectsOf(user) {
      if (ci.mood === "away") return err(away());
      return ok(told().filter((p) => user === "all" || p.members.some((m) => m.userId === user)));
    },
    async project(question) {
      if (ci.mood === "away") return err(away());
      return ok(told().find((p) => ("id" in question ? p.id === question.id : p.slug === question.slug)) ?? null);
    },
    async readDesired(scope) {
      const asOf = now();
      const partial = (reason: string, projects: readonly DesiredProject[] = []): PartialDesired => ({
        coverage: "partial",
        scope,
        projects,
        held: [],
        asOf,
        reason,
      });
      if (ci.mood === "away") return partial("The CI database could not be read");
      const listed = ci.projects.filter((p) => p.state !== "absent").map(desired);
      if (scope.kind === "project")
        return partial(
          "narrowed to one project",
          listed.filter((p) => p.id === scope.projectId),
        );
      const told = ci.mood === "narrowed" ? listed.slice(0, 1) : ci.mood === "empty" ? [] : listed;
      const short = ci.mood === "short" ? 1 : 0;
      const held =
        ci.mood === "held"
          ? [{ view: "twokey_projects", key: "id=?", problem: "its id is null", remedy: "give it an id", projectId: null, userId: null }]
          : [];
      const made = completeDesired({
        scope: fleet,
        projects: told,
        held,
        counted: { projects: told.length + short, memberships: 0 },
        rows: { projects: told.length, memberships: 0 },
        asOf,
      });
      return made.ok ? made.value : partial(made.error.sentence, told);
    },
    async readProjectState(id): Promise<Result<"active" | "closed" | "absent", Failure>> {
      if (ci.mood === "away") return err(away());
      const hidden = ci.mood === "empty" || (ci.mood === "narrowed" && ci.projects.find((p) => p.state !== "absent")?.id !== id);
      const state = hidden ? "absent" : (ci.projects.find((p) => p.id === id)?.state ?? "absent");
      // What a whole read would not prove is left open; an open project is open.
      const isUnsure = ci.mood === "empty" || (ci.mood === "short" && state !== "active") || (ci.mood === "held" && state === "absent");
      return isUnsure ? err(failure("unavailable", "cidb.unsure", "The CI database leaves open how the project stands")) : ok(state);
    },
  };
}

function away(): Failure {
  return failure("unavailable", "cidb.unavailable", "The CI database could not be read");
}

function desired(p: CiProject): DesiredProject {
  return {
    id: p.id,
    slug: p.slug,
    name: p.slug,
    state: p.state === "closed" ? "closed" : "active",
    closedAt: p.closedAt,
    closedBy: p.closedBy,
    limits: {},
    members: p.members.toSorted().map(member),
  };
}

function member(id: CiUserId): DesiredMember {
  const person = users.find((u) => u.ciUserId === id);
  const username = (person?.name ?? id).toLowerCase();
  return { userId: id, username, email: `${username}@example.org`, firstName: person?.name ?? id, lastName: "Doe", role: "member" };
}
