import { type CiUserId, type Instant, type ProjectId, Slug } from "../core/ids.ts";
import type { DesiredMember, DesiredProject, HeldRow } from "../sync/planning/desired.ts";
import { limitTypes, type Limits } from "../core/managed.ts";
import type { MembershipRow, ProjectRow, UserRow } from "./wire.ts";

/** Names of the three views, as configured. */
export interface ViewNames {
  readonly projects: string;
  readonly users: string;
  readonly memberships: string;
}

/** What became of the rows: every row is in a project, stands for nothing (a disabled user), or is held. */
export interface Assembled {
  readonly projects: readonly DesiredProject[];
  readonly held: readonly HeldRow[];
}

/** A text CloudStack can carry: no control characters, and no backslash, which would break its JSON (recording 03). */
const plainText = /^[^\p{Cc}\\]{1,100}$/u;
const usernameText = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/;
const emailText = /^[^\s@\\\p{Cc}]+@[^\s@\\\p{Cc}]+$/u;

/** Turns raw rows into projects with members; a row that cannot be taken over is held, with how to mend it. */
export function assemble(
  projects: readonly ProjectRow[],
  users: readonly UserRow[],
  memberships: readonly MembershipRow[],
  views: ViewNames,
): Assembled {
  const held: HeldRow[] = [];
  const slugs = countBy(projects.map((p) => p.slug?.toLowerCase() ?? ""));
  const ids = countBy(projects.map((p) => p.id ?? ""));
  const usersById = new Map(users.map((u) => [u.id, u]));
  const userIds = countBy(users.map((u) => u.id ?? ""));
  const members = groupMembers(projects, memberships, usersById, userIds, views, held);
  const made: DesiredProject[] = [];
  for (const row of projects) {
    const problem = projectProblem(row, slugs, ids);
    if (problem !== null) {
      held.push({
        view: views.projects,
        key: `id ${row.id ?? "NULL"}`,
        projectId: (row.id ?? null) as ProjectId | null,
        userId: null,
        ...problem,
      });
      continue;
    }
    const slug = Slug.parse(row.slug);
    const list = members.get(row.id ?? "") ?? [];
    made.push({
      id: row.id as ProjectId,
      slug,
      name: row.name ?? slug,
      state: row.state as "active" | "closed",
      closedAt: row.closed_at === null ? null : (Math.round(row.closed_at) as Instant),
      closedBy: row.closed_by as CiUserId | null,
      limits: limitsOf(row.limits) ?? {},
      members: list.toSorted((a, b) => compare(a.userId, b.userId)),
    });
  }
  return { projects: made.toSorted((a, b) => compare(a.id, b.id)), held: held.toSorted((a, b) => compare(a.view + a.key, b.view + b.key)) };
}

type Problem = Pick<HeldRow, "problem" | "remedy">;

function projectProblem(row: ProjectRow, slugs: ReadonlyMap<string, number>, ids: ReadonlyMap<string, number>): Problem | null {
  if (row.id === null || row.id === "") return { problem: "has no id", remedy: "give the project an id that is never used again" };
  if ((ids.get(row.id) ?? 0) > 1) return { problem: "stands twice in the view", remedy: "make the view give one row a project" };
  if (row.slug === null) return { problem: "has no slug", remedy: "give it a slug of lower-case letters, digits and inner hyphens" };
  if (!Slug.safeParse(row.slug).success) {
    return {
      problem: `has the slug ${shown(row.slug)}, which cannot name a domain`,
      remedy: "use at most 63 lower-case letters, digits and inner hyphens",
    };
  }
  if ((slugs.get(row.slug.toLowerCase()) ?? 0) > 1)
    return { problem: `shares the slug ${shown(row.slug)} with another project`, remedy: "give each project a slug of its own" };
  if (row.state !== "active" && row.state !== "closed")
    return { problem: `has the state ${shown(row.state ?? "NULL")}`, remedy: "use active or closed" };
  if (limitsOf(row.limits) === null)
    return { problem: "has limits that cannot be read", remedy: `use a JSON object of whole numbers from -1 by ${limitTypes.join(", ")}` };
  return null;
}

function groupMembers(
  projects: readonly ProjectRow[],
  memberships: readonly MembershipRow[],
  usersById: ReadonlyMap<string | null, UserRow>,
  userIds: ReadonlyMap<string, number>,
  views: ViewNames,
  held: HeldRow[],
): ReadonlyMap<string, DesiredMember[]> {
  const known = new Set(projects.map((p) => p.id));
  const pairs = countBy(memberships.map((m) => `${m.project_id} ${m.user_id}`));
  const names = countBy(memberships.map((m) => `${m.project_id} ${usersById.get(m.user_id)?.username?.toLowerCase()}`));
  const grouped = new Map<string, DesiredMember[]>();
  for (const m of memberships) {
    const user = usersById.get(m.user_id);
    const hold = (view: string, key: string, p: Problem): void => {
      held.push({ view, key, projectId: m.project_id as ProjectId | null, userId: m.user_id as CiUserId | null, ...p });
    };
    const key = `project ${m.project_id ?? "NULL"}, user ${m.user_id ?? "NULL"}`;
    if (m.project_id === null || m.user_id === null)
      hold(views.memberships, key, { problem: "names no project or no user", remedy: "give both ids" });
    else if (!known.has(m.project_id))
      hold(views.memberships, key, {
        problem: "names a project that the projects view does not list",
        remedy: "list the project, or take the membership out",
      });
    else if (user === undefined || (userIds.get(m.user_id) ?? 0) > 1)
      hold(views.memberships, key, {
        problem: "names a user that the users view does not list exactly once",
        remedy: "list the user once, or take the membership out",
      });
    else if ((pairs.get(`${m.project_id} ${m.user_id}`) ?? 0) > 1)
      hold(views.memberships, key, { problem: "stands twice", remedy: "give one row for each member of a project" });
    else if (user.enabled === true) {
      const problem = userProblem(user, (names.get(`${m.project_id} ${user.username?.toLowerCase()}`) ?? 0) > 1);
      if (problem !== null) hold(views.users, `id ${m.user_id}`, problem);
      else grouped.set(m.project_id, [...(grouped.get(m.project_id) ?? []), memberOf(user, m.role ?? "")]);
    } else if (user.enabled === null)
      hold(views.users, `id ${m.user_id}`, { problem: "does not tell whether it is enabled", remedy: "set enabled to true or false" });
  }
  return grouped;
}

function userProblem(user: UserRow, sharesName: boolean): Problem | null {
  if (user.username === null || !usernameText.test(user.username))
    return { problem: `has the username ${shown(user.username ?? "NULL")}`, remedy: "use letters, digits and . _ @ + - , at most 100" };
  if (sharesName)
    return {
      problem: `shares the username ${shown(user.username)} with another member of the project`,
      remedy: "give each person a username of their own",
    };
  if (user.email === null || !emailText.test(user.email))
    return { problem: "has no usable e-mail address", remedy: "give the user's e-mail address" };
  for (const [column, value] of [
    ["first_name", user.first_name],
    ["last_name", user.last_name],
  ] as const) {
    if (value === null || !plainText.test(value))
      return { problem: `has no usable ${column}`, remedy: "give 1 to 100 characters, without backslash and control characters" };
  }
  return null;
}

function memberOf(user: UserRow, role: string): DesiredMember {
  return {
    userId: user.id as CiUserId,
    username: user.username ?? "",
    email: user.email ?? "",
    firstName: user.first_name ?? "",
    lastName: user.last_name ?? "",
    role,
  };
}

function limitsOf(raw: unknown): Limits | null {
  if (raw === null || raw === undefined) return {};
  if (typeof raw !== "object" || Array.isArray(raw)) return null;
  for (const [type, value] of Object.entries(raw)) {
    if (!(limitTypes as readonly string[]).includes(type) || !Number.isInteger(value) || Number(value) < -1) return null;
  }
  return raw as Limits;
}

function shown(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
  return JSON.stringify(plain.length > 40 ? `${plain.slice(0, 40)}… (${text.length} characters)` : plain);
}

function countBy(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const k of keys) counts.set(k, (counts.get(k) ?? 0) + 1);
  return counts;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
