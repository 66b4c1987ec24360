import type { z } from "zod";
import { CiUserId, Instant, ProjectId, Slug } from "../core/ids.ts";
import { groupBy } from "../core/group-by.ts";
import type { DesiredMember, DesiredProject, HeldRow } from "../sync/planning/desired.ts";
import { limitTypes, type Limits } from "../core/managed.ts";
import type { MembershipRow, ProjectRow, UserRow } from "./wire.ts";

/** Names of the three views, as configured. */
export interface ViewNames {
  readonly projects: string;
  readonly users: string;
  readonly memberships: string;
}

/** Every row is part of a project, has no effect (a disabled user), or is held. */
export interface Assembled {
  readonly projects: readonly DesiredProject[];
  readonly held: readonly HeldRow[];
}

/** A text that CloudStack can store: no control characters, and no backslash, which would break its JSON (recording 03). */
const plainText = /^[^\p{Cc}\\]{1,100}$/u;
const usernameText = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/;
const emailText = /^[^\s@\\\p{Cc}]+@[^\s@\\\p{Cc}]+$/u;

/** Turns raw rows into projects with members; a row that cannot be used is held, with the remedy. */
export function assemble(
  projects: readonly ProjectRow[],
  users: readonly UserRow[],
  memberships: readonly MembershipRow[],
  views: ViewNames,
): Assembled {
  const held: HeldRow[] = [];
  // A closed project keeps its row, and another one may have its slug since then; two that are open are told apart by nothing.
  const slugs = countBy(projects.flatMap((p) => (p.state === "closed" ? [] : [p.slug?.toLowerCase() ?? ""])));
  const ids = countBy(projects.map((p) => p.id ?? ""));
  const members = groupMembers(projects, users, memberships, views, held);
  const made: DesiredProject[] = [];
  for (const row of projects) {
    // Under an id that cannot be used the row may be any project's, as one without an id.
    const projectId = orNull(ProjectId, row.id);
    const problem = projectProblem(row, slugs, ids);
    if (problem !== null || projectId === null) {
      held.push({ view: views.projects, key: `id ${keyOf(row.id)}`, projectId, userId: null, ...(problem ?? noId) });
      continue;
    }
    const slug = Slug.parse(row.slug);
    made.push({
      id: projectId,
      slug,
      name: row.name ?? slug,
      state: row.state as "active" | "closed",
      closedAt: closedAtOf(row),
      closedBy: orNull(CiUserId, row.closed_by),
      limits: limitsOf(row.limits) ?? {},
      members: (members.get(projectId) ?? []).toSorted((a, b) => compare(a.userId, b.userId)),
    });
  }
  return { projects: made.toSorted((a, b) => compare(a.id, b.id)), held: held.toSorted((a, b) => compare(a.view + a.key, b.view + b.key)) };
}

type Problem = Pick<HeldRow, "problem" | "remedy">;

function told(problem: string, remedy: string): Problem {
  return { problem, remedy };
}

const noId = told("has no id", "give the project an id that is never used again");
/** What PostgreSQL and JSON cannot hold. */
const unstorable = /[\0\p{Cs}]/u;

/** What is read by the schema with which our own rows are read again; null: nothing that it lets through. */
function orNull<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> | null {
  const parsed = schema.safeParse(raw);
  return parsed.success ? parsed.data : null;
}

/** When it was closed; null: not told, or no time that a calendar has. */
function closedAtOf({ closed_at: at }: ProjectRow): Instant | null {
  return at === null || Number.isNaN(new Date(at).getTime()) ? null : orNull(Instant, Math.round(at) || 0);
}

/** Who closed it and when are part of what people are asked, so neither is left out of it. Of an active project they say nothing. */
function closingProblem(row: ProjectRow): Problem | null {
  if (row.state !== "closed") return null;
  // A view that may not give NULL gives an empty text: it says of nobody.
  if (row.closed_by !== null && row.closed_by !== "" && orNull(CiUserId, row.closed_by) === null)
    return told(
      `has a closed_by that cannot be an id: ${shown(row.closed_by)}`,
      `let it be the id of the user who closed it (${idRule}), or NULL`,
    );
  if (row.closed_at !== null && closedAtOf(row) === null)
    return told(`has the closed_at ${row.closed_at}, which is no point in time`, "give the time at which it was closed, or NULL");
  return null;
}

function projectProblem(row: ProjectRow, slugs: ReadonlyMap<string, number>, ids: ReadonlyMap<string, number>): Problem | null {
  const { id, slug, state } = row;
  if (id === null || id === "") return noId;
  if (orNull(ProjectId, id) === null) return told("has an id that cannot be used", "give it an id of 1 to 200 characters");
  if ((ids.get(id) ?? 0) > 1) return told("stands twice in the view", "make the view give one row a project");
  if (slug === null) return told("has no slug", "give it a slug of lower-case letters, digits and inner hyphens");
  if (!Slug.safeParse(slug).success) {
    const remedy = "use at most 63 lower-case letters, digits and inner hyphens";
    return told(`has the slug ${shown(slug)}, which cannot name a domain`, remedy);
  }
  if ((slugs.get(slug.toLowerCase()) ?? 0) > 1)
    return told(`shares the slug ${shown(slug)} with another project`, "give each project a slug of its own");
  if (state !== "active" && state !== "closed") return told(`has the state ${shown(state ?? "NULL")}`, "use active or closed");
  if (limitsOf(row.limits) === null)
    return told("has limits that cannot be read", `use a JSON object of whole numbers from -1 by ${limitTypes.join(", ")}`);
  if (row.name !== null && unstorable.test(row.name)) return told("has a name with a NUL character", "take it out of the name");
  return closingProblem(row);
}

function groupMembers(
  projects: readonly ProjectRow[],
  users: readonly UserRow[],
  memberships: readonly MembershipRow[],
  views: ViewNames,
  held: HeldRow[],
): ReadonlyMap<string, readonly DesiredMember[]> {
  const known = new Set(projects.map((p) => p.id));
  const usersById = groupBy(users, (u) => u.id);
  const nameOf = (m: MembershipRow): string | undefined => usersById.get(m.user_id)?.at(-1)?.username?.toLowerCase();
  // By project, since a text for each pair of ids would be most of what this makes.
  const counted = new Map<string | null, { readonly users: Map<unknown, number>; readonly names: Map<unknown, number> }>();
  for (const m of memberships) {
    let project = counted.get(m.project_id);
    if (project === undefined) counted.set(m.project_id, (project = { users: new Map(), names: new Map() }));
    add(project.users, m.user_id);
    add(project.names, nameOf(m));
  }
  const isTwice = (m: MembershipRow): boolean => (counted.get(m.project_id)?.users.get(m.user_id) ?? 0) > 1;
  const sharesName = (m: MembershipRow): boolean => (counted.get(m.project_id)?.names.get(nameOf(m)) ?? 0) > 1;
  const grouped = new Map<string, DesiredMember[]>();
  for (const m of memberships) {
    const [user, second] = usersById.get(m.user_id) ?? [];
    const [projectId, userId] = [orNull(ProjectId, m.project_id), orNull(CiUserId, m.user_id)];
    const hold = (p: Problem, view = views.memberships, key = `project ${keyOf(m.project_id)}, user ${keyOf(m.user_id)}`): void => {
      held.push({ view, key, projectId, userId, ...p });
    };
    if (!m.project_id || !m.user_id) hold(told("names no project or no user", "give both ids"));
    else if (projectId === null)
      hold(told("names a project by an id that cannot be used", "give each project an id of 1 to 200 characters"));
    else if (userId === null) hold(told("names a user by an id that cannot be used", `give each user an id of ${idRule}`));
    else if (!known.has(m.project_id))
      hold(told("names a project that the projects view does not list", "list the project, or take the membership out"));
    else if (user === undefined || second !== undefined)
      hold(told("names a user that the users view does not list exactly once", "list the user once, or take the membership out"));
    else if (isTwice(m)) hold(told("stands twice", "give one row for each member of a project"));
    else {
      const problem = userProblem(user, sharesName(m));
      if (problem !== null) hold(problem, views.users, `id ${keyOf(m.user_id)}`);
      else if (user.enabled === true && unstorable.test(m.role ?? ""))
        hold(told("has a role with a NUL character", "take it out of the role"));
      else if (user.enabled === true) {
        const group = grouped.get(projectId);
        const member = memberOf(userId, user, m.role ?? "");
        if (group === undefined) grouped.set(projectId, [member]);
        else group.push(member);
      }
    }
  }
  return grouped;
}

function userProblem(user: UserRow, sharesName: boolean): Problem | null {
  if (user.enabled === null) return told("does not tell whether it is enabled", "set enabled to true or false");
  // A disabled user is a member of nothing: what else its row says does not matter.
  if (!user.enabled) return null;
  if (user.username === null || !usernameText.test(user.username))
    return told(`has the username ${shown(user.username ?? "NULL")}`, "use letters, digits and . _ @ + - , at most 100");
  if (sharesName)
    return told(
      `shares the username ${shown(user.username)} with another member of the project`,
      "give each person a username of their own",
    );
  if (user.email === null || !emailText.test(user.email)) return told("has no usable e-mail address", "give the user's e-mail address");
  for (const column of ["first_name", "last_name"] as const) {
    const value = user[column];
    if (value === null || !plainText.test(value))
      return told(`has no usable ${column}`, "give 1 to 100 characters, without backslash and control characters");
  }
  return null;
}

function memberOf(userId: CiUserId, user: UserRow, role: string): DesiredMember {
  return {
    userId,
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

/** What a user's id may be, in words. */
const idRule = "1 to 200 characters in one line";

/** An id as people find its row by it; one that could not be stored, or would break a line, in quotes. */
function keyOf(id: string | null): string {
  if (id === null) return "NULL";
  return orNull(CiUserId, id) === null || /\p{Cc}/u.test(id) ? shown(id) : id;
}

function shown(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "?");
  return JSON.stringify(plain.length > 40 ? `${plain.slice(0, 40)}… (${text.length} characters)` : plain);
}

function countBy(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const k of keys) add(counts, k);
  return counts;
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Active projects first, then those closed last: by its slug, the first one is the one that people mean. */
export function newestFirst(projects: readonly DesiredProject[]): readonly DesiredProject[] {
  const closedAt = (p: DesiredProject): number => (p.state === "active" ? Number.MAX_SAFE_INTEGER : (p.closedAt ?? 0));
  return projects.toSorted((a, b) => closedAt(b) - closedAt(a));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
