import type { Clock } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import { CiUserId, type Instant, type ProjectId } from "../core/ids.ts";
import type { DatabaseSource, TeamPolicy } from "../core/policy.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Scope } from "../core/scope.ts";
import {
  completeDesired,
  type ChangedProjects,
  type CompleteDesired,
  type DesiredProject,
  type PartialDesired,
} from "../sync/planning/desired.ts";
import { assemble, newestFirst, type Assembled, type ViewNames } from "./assemble.ts";
import { stateOf, type Closing, type LastComplete, type ProjectState } from "./project-state.ts";
import { isMysql } from "../core/ci-address.ts";
import { createMysqlServer } from "./mysql/rows.ts";
import { createPostgresServer, type ProjectQuestion, type Rows } from "./rows.ts";
import { notConfirmed } from "./source.ts";

/** A person of the CI database, for mapping Slack users. */
export interface CiPerson {
  /** Null: its row has none that can be used; it still is a second person of the same address. */
  readonly id: CiUserId | null;
  readonly username: string;
  readonly email: string | null;
  readonly slackId: string | null;
  readonly name: string;
  readonly enabled: boolean;
}

/**
 * The CI database, read only. What says that a project is closed or gone is believed only of the database that people confirmed
 * (`notConfirmed`); who people are, which they need for confirming it, is not kept back.
 *
 * Errors: `readDesired` gives a partial read, the others `unavailable` or `contract_broken`.
 */
export interface CiDatabase {
  readDesired(scope: Scope): Promise<CompleteDesired | PartialDesired>;
  /** One project's state now, for a deletion that goes on; asks for that project's rows only. Invariant: INV-1, INV-6. */
  readProjectState(id: ProjectId, closing?: Closing | null): Promise<Result<ProjectState, Failure>>;
  /** Everybody, disabled people too: who asked for something stays who they are. */
  listPeople(): Promise<Result<readonly CiPerson[], Failure>>;
  /** Uses the last whole read when it began at `since` or later: one read for one request of a person. */
  projectsOf(user: CiUserId | "all", since?: Instant): Promise<Result<readonly DesiredProject[], Failure>>;
  /** One project with its members; null where there is none, or its rows cannot be used. */
  project(question: ProjectQuestion): Promise<Result<DesiredProject | null, Failure>>;
  /** Which database answers now; null: this source has no server that says so. */
  readSource(): Promise<Result<DatabaseSource | null, Failure>>;
  /** Which projects were changed since an instant of its clock (null: only its clock); null: its views do not say. Decides nothing. */
  readChanges(since: number | null): Promise<Result<ChangedProjects | null, Failure>>;
  close(): Promise<void>;
}

/** What the CI database is opened with; view names may have a schema. */
export interface CiDatabaseOptions {
  readonly url: string;
  readonly views: ViewNames;
  readonly now: Clock;
  /** A project id that every complete read must see; null asks for none. */
  readonly sentinelProject: string | null;
  /** The scope that people confirmed last; null while there is no policy. Errors: throws when the store is unreachable. */
  readonly confirmed: () => Promise<Pick<TeamPolicy["scope"], "source"> | null>;
  /** What the last complete read of a pass found; null: there was none. Errors: throws when the store is unreachable. */
  readonly lastComplete: () => Promise<LastComplete | null>;
  readonly onError: (error: Error) => void;
}

/** Opens the CI database; nothing is sent before the first read. */
export function createCiDatabase(o: CiDatabaseOptions): CiDatabase {
  const server = isMysql(o.url) ? createMysqlServer(o.url, o.views) : createPostgresServer(o.url, o.views, o.onError);
  let last: { readonly at: Instant; readonly rows: Rows } | null = null;
  const readWhole = async (): Promise<Result<Rows, Failure>> => {
    const at = o.now();
    const read = await server.readRows(null);
    if (read.ok) last = { at, rows: read.value };
    return read;
  };
  const readSince = async (since: Instant | undefined): Promise<Result<Rows, Failure>> =>
    since !== undefined && last !== null && since <= last.at && last.at <= o.now() ? ok(last.rows) : readWhole();
  const ifConfirmed = async (read: Result<Rows, Failure>): Promise<Result<Rows, Failure>> => {
    const other = read.ok ? notConfirmed(await o.confirmed(), read.value.source) : null;
    return other === null ? read : err(other);
  };
  const assembled = (rows: Rows): Assembled => assemble(rows.projects, rows.users, rows.memberships, o.views);
  return {
    readDesired: async (scope) => desiredOf(scope, await ifConfirmed(await readWhole()), o.now(), o),
    async readProjectState(id, closing) {
      const read = await ifConfirmed(await server.readRows({ project: { id }, sentinel: o.sentinelProject }));
      if (!read.ok) return read;
      const expected = { sentinel: o.sentinelProject, last: await o.lastComplete() };
      return stateOf(id, read.value, assembled(read.value), expected, closing);
    },
    async listPeople() {
      const read = await readWhole();
      return read.ok ? ok(peopleOf(read.value)) : read;
    },
    async projectsOf(user, since) {
      const read = await readSince(since);
      if (!read.ok) return read;
      const projects = newestFirst(assembled(read.value).projects);
      return ok(user === "all" ? projects : projects.filter((p) => p.members.some((m) => m.userId === user)));
    },
    async project(question) {
      const read = await server.readRows({ project: question, sentinel: null });
      if (!read.ok) return read;
      const isIt = (p: DesiredProject) => ("id" in question ? p.id === question.id : p.slug === question.slug);
      return ok(newestFirst(assembled(read.value).projects).find(isIt) ?? null);
    },
    readSource: server.readSource,
    readChanges: server.readChanges,
    close: server.close,
  };
}

/** The desired state by a whole read: complete, or partial with the reason. */
function desiredOf(
  scope: Scope,
  found: Result<Rows, Failure>,
  asOf: Instant,
  o: Pick<CiDatabaseOptions, "views" | "sentinelProject">,
): CompleteDesired | PartialDesired {
  if (!found.ok) {
    const reason = [found.error.message, found.error.remedy].filter((s) => s !== undefined).join(". ");
    return { coverage: "partial", scope, projects: [], held: [], asOf, reason: reason.replace(/\.$/, "") };
  }
  const rows = found.value;
  const { projects, held } = assemble(rows.projects, rows.users, rows.memberships, o.views);
  const partial = (reason: string): PartialDesired => ({ coverage: "partial", scope, projects, held, asOf, reason });
  if (scope.kind === "project")
    return { ...partial("narrowed to one project"), projects: projects.filter((p) => p.id === scope.projectId) };
  if (o.sentinelProject !== null && !projects.some((p) => p.id === o.sentinelProject)) return partial("the sentinel project was not seen");
  const read = { projects: rows.projects.length, memberships: rows.memberships.length };
  const complete = completeDesired({ scope, projects, held, counted: rows.counted, rows: read, asOf });
  return complete.ok ? complete.value : partial(complete.error.sentence);
}

/** Everybody, by the ids that can be stored. An empty text is none: a view that may not give NULL gives it. */
function peopleOf(rows: Rows): readonly CiPerson[] {
  return rows.users.map((u) => {
    const id = CiUserId.safeParse(u.id);
    const name = `${u.first_name ?? ""} ${u.last_name ?? ""}`.trim() || (u.username ?? "");
    return {
      id: id.success ? id.data : null,
      username: u.username ?? "",
      email: u.email || null,
      slackId: u.slack_id || null,
      enabled: u.enabled === true,
      name: name.replace(/[\p{Cc}\p{Cs}]/gu, " "),
    };
  });
}
