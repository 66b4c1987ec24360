import pg from "pg";
import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import type { ProjectId, Slug } from "../core/ids.ts";
import type { DatabaseSource } from "../core/policy.ts";
import type { Result } from "../core/result.ts";
import type { ViewNames } from "./assemble.ts";
import type { ChangedProjects } from "../sync/planning/desired.ts";
import { readChanges } from "./changes.ts";
import { readSource } from "./source.ts";
import { beginSnapshot, endSnapshot, readInSnapshot, SnapshotRefused, type SnapshotSeen, type SnapshotServer } from "./snapshot.ts";
import { unreadable } from "./unreachable.ts";
import { MembershipRow, ProjectRow, UserRow } from "./wire.ts";

/** One project, by its id or by the slug it has now. */
export type ProjectQuestion = { readonly id: ProjectId } | { readonly slug: Slug };

/** Raw rows of the three views, in one snapshot of the database, and what the database itself counts of them. */
export interface Rows {
  readonly projects: readonly ProjectRow[];
  readonly users: readonly UserRow[];
  readonly memberships: readonly MembershipRow[];
  /** How many rows of each were asked for. */
  readonly counted: { readonly projects: number; readonly memberships: number };
  /** How many rows the projects view has in all. */
  readonly projectsInAll: number;
  /** How many rows the memberships view has in all. */
  readonly membershipsInAll: number;
  /** Which database gave them. */
  readonly source: DatabaseSource;
}

/** Which rows are asked for: those that decide about one project, and the sentinel project's. */
export interface About {
  readonly project: ProjectQuestion;
  readonly sentinel: string | null;
}

/** The server of a CI database, whichever kind it is. Errors: `unavailable`, `contract_broken` with the remedy; never its address or password. */
export interface CiServer {
  /** The three views, whole or about one project, with their counts, in one snapshot of the database. */
  readRows(about: About | null): Promise<Result<Rows, Failure>>;
  /** Only which database answers, and where the names of the views lead. */
  readSource(): Promise<Result<DatabaseSource, Failure>>;
  /** Which projects were changed since an instant of its clock; null: its views do not say when a row was changed. */
  readChanges(since: number | null): Promise<Result<ChangedProjects | null, Failure>>;
  close(): Promise<void>;
}

type PostgresSnapshots = SnapshotServer<pg.PoolClient, SnapshotSeen>;

/** Opens a CI database on PostgreSQL; nothing is sent before the first read. `onError` gets connections lost while idle. */
export function createPostgresServer(url: string, views: ViewNames, onError: (error: Error) => void): CiServer {
  const pool = new pg.Pool({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    application_name: "twokey",
  });
  pool.on("error", onError);
  const server: PostgresSnapshots = {
    connect: () => pool.connect(),
    begin: beginSnapshot,
    end: endSnapshot,
    release: (client) => void client.release(),
    destroy: (client) => void client.release(true),
    explain,
  };
  return {
    readRows: (about) => readRows(server, views, about),
    readSource: () => readInSnapshot(server, (client) => readSource(client, views, quoted)),
    readChanges: (since) => readInSnapshot(server, (client) => readChanges(client, views, quoted, since)),
    close: () => pool.end(),
  };
}

/** Which rows of a view are asked for: a condition in SQL, with its parameters. */
interface Condition {
  readonly where: string;
  readonly params: readonly (string | null)[];
}

const every: Condition = { where: "true", params: [] };

/** No id, or one that `ProjectId` refuses: such a row may be any project's. */
const unusable = (column: string): string => `${column} is null or char_length(${column}::text) not between 1 and 200`;

/**
 * The rows that decide about one project by the rules of the whole read: its own, those that share its id or slug, those that name no
 * project and so may be its, its memberships with their users; and the sentinel project's.
 */
function conditionsFor(project: ProjectQuestion, sentinel: string | null, views: ViewNames) {
  const projects = quoted(views.projects);
  const key = "id" in project ? project.id : project.slug;
  const ids = "id" in project ? "select $1::text" : `select id::text from ${projects} where slug::text = $1`;
  const named = `id::text in (${ids}) or id::text = $2::text`;
  return {
    projects: {
      where: `${unusable("id")} or ${named} or lower(slug::text) in (select lower(slug::text) from ${projects} where ${named})`,
      params: [key, sentinel],
    },
    users: {
      where: `id::text in (select user_id::text from ${quoted(views.memberships)} where project_id::text in (${ids}))`,
      params: [key],
    },
    memberships: { where: `${unusable("project_id")} or project_id::text in (${ids})`, params: [key] },
  };
}

const Count = z.object({ n: z.coerce.number(), in_all: z.coerce.number() });

async function readRows(server: PostgresSnapshots, views: ViewNames, about: About | null): Promise<Result<Rows, Failure>> {
  const only = about === null ? null : conditionsFor(about.project, about.sentinel, views);
  return readInSnapshot(server, async (client, isAt) => {
    const ask = async <S extends z.ZodType>(view: string, schema: S, columns: string, rest: string, c: Condition) => {
      isAt(view);
      const { rows } = await client.query(`select ${columns} from ${quoted(view)} ${rest}`, [...c.params]);
      return z.array(schema).parse(rows);
    };
    const read = <S extends z.ZodType>(view: string, schema: S, columns: string, c: Condition = every) =>
      ask(view, schema, columns, `where ${c.where}`, c);
    const count = (view: string, c: Condition = every) =>
      ask(view, Count, `count(*) filter (where ${c.where}) as n, count(*) as in_all`, "", c);
    const projects = await read(
      views.projects,
      ProjectRow,
      "id::text, slug::text, name::text, state::text, (extract(epoch from closed_at) * 1000)::float8 as closed_at, closed_by::text, limits",
      only?.projects,
    );
    const memberships = await read(views.memberships, MembershipRow, "project_id::text, user_id::text, role::text", only?.memberships);
    const users = await read(
      views.users,
      UserRow,
      "id::text, username::text, email::text, first_name::text, last_name::text, enabled, slack_id::text",
      only?.users,
    );
    const [p] = await count(views.projects, only?.projects);
    const [m] = await count(views.memberships, only?.memberships);
    isAt("");
    const source = await readSource(client, views, quoted);
    const counted = { projects: p?.n ?? -1, memberships: m?.n ?? -1 };
    const inAll = { projectsInAll: p?.in_all ?? 0, membershipsInAll: m?.in_all ?? 0 };
    return { projects, users, memberships, counted, ...inAll, source };
  });
}

/** Turns PostgreSQL's error into a sentence with the remedy; never its address or password. */
function explain(thrown: unknown, view: string): Failure {
  if (thrown instanceof SnapshotRefused) return thrown.failure;
  const code = thrown instanceof pg.DatabaseError ? (thrown.code ?? "") : "";
  const said = thrown instanceof pg.DatabaseError ? thrown.message : "";
  const broken = (what: string, sentence: string, remedy: string): Failure =>
    failure("contract_broken", `cidb.${what}`, sentence, { remedy });
  if (code === "42P01" && said.includes(view)) {
    const remedy = "Create it as docs/ci-database.md says, or name yours with its schema in CI_…_VIEW.";
    return broken("no_view", `The CI database has no view ${view.includes(".") ? view : `${view} in public`}`, remedy);
  }
  if (code === "42P01" || code === "42883") {
    const remedy = "It is read with the search_path pg_catalog, public: let the functions it uses name their schemas.";
    return broken("no_view", `The view ${view} of the CI database uses something that is not found: ${said}`, remedy);
  }
  if (code === "42703")
    return broken("no_column", `The view ${view} of the CI database misses a column: ${said}`, "Add it as docs/ci-database.md says.");
  if (code === "42501" && said.includes("row-level security")) {
    const remedy = "Give the reading role BYPASSRLS, or make the view owned by a role that sees all rows.";
    return broken("hidden_rows", `A row-level security policy of the CI database hides rows of ${view} from us`, remedy);
  }
  if (code === "42501")
    return broken("no_right", `The CI database does not let us read ${view}`, `Grant select on ${view} to the reading role.`);
  const broke = BROKEN_OFF[code];
  if (broke === undefined) return unreadable(thrown, view, code);
  return failure(broke.kind, broke.code, `${broke.why(view)} (${code})`, { remedy: broke.remedy, details: { code } });
}

interface BrokenOff extends Pick<Failure, "kind" | "code"> {
  readonly why: (view: string) => string;
  readonly remedy: string;
}

/** Why PostgreSQL ended a read that it had begun, by SQLSTATE. Source: PostgreSQL 18, appendix A; "Hot Standby", "Handling Query Conflicts". */
const BROKEN_OFF: Readonly<Record<string, BrokenOff>> = {
  "22021": {
    ...{ kind: "unavailable", code: "cidb.encoding" },
    why: (view) => `A text of the view ${view} of the CI database has bytes that are not of the encoding it was made with`,
    remedy:
      "In a database of the encoding SQL_ASCII texts are whatever was written: let the view give convert_from(column::bytea, 'LATIN1'), " +
      "by the encoding they are in, or correct that row.",
  },
  "40001": {
    ...{ kind: "unavailable", code: "cidb.conflict" },
    why: (view) => `The CI database, a standby, broke off the read of ${view} to keep up with its primary`,
    remedy:
      "It is tried again. If it stays like this, set hot_standby_feedback or a longer max_standby_streaming_delay there, " +
      "or let CI_DATABASE_URL lead to the primary.",
  },
  "57014": {
    ...{ kind: "unavailable", code: "cidb.too_slow" },
    why: (view) => `The CI database broke off the read of ${view}, which took longer than it may`,
    remedy: "It is tried again. A view must answer within 30 seconds, or within the statement_timeout of the database: make it simpler.",
  },
};

function quoted(view: string): string {
  return view
    .split(".")
    .map((part) => pg.escapeIdentifier(part))
    .join(".");
}
