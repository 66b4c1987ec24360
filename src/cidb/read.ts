import pg from "pg";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { CiUserId, ProjectId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Scope } from "../core/scope.ts";
import { completeDesired, type CompleteDesired, type DesiredProject, type PartialDesired } from "../sync/planning/desired.ts";
import { assemble, type ViewNames } from "./assemble.ts";
import { MembershipRow, ProjectRow, UserRow } from "./wire.ts";

/** A person of the CI database, for mapping Slack users. */
export interface CiPerson {
  readonly id: CiUserId;
  readonly username: string;
  readonly email: string | null;
  readonly slackId: string | null;
  readonly name: string;
}

/** The CI database, read only. Errors of `readDesired` are partial reads; of the others `unavailable` or `contract_broken`. */
export interface CiDatabase {
  readDesired(scope: Scope): Promise<CompleteDesired | PartialDesired>;
  /** One project's state now, for a deletion that goes on. */
  readProjectState(id: ProjectId): Promise<Result<"active" | "closed" | "absent", Failure>>;
  listPeople(): Promise<Result<readonly CiPerson[], Failure>>;
  projectsOf(user: CiUserId | "all"): Promise<Result<readonly DesiredProject[], Failure>>;
  close(): Promise<void>;
}

/** What it needs; view names may hold a schema. */
export interface CiDatabaseOptions {
  readonly url: string;
  readonly views: ViewNames;
  readonly now: Clock;
  /** A project id that every complete read must see; null asks for none. */
  readonly sentinelProject: string | null;
  readonly onError: (error: Error) => void;
}

/** Opens the CI database; nothing is sent before the first read. */
export function createCiDatabase(o: CiDatabaseOptions): CiDatabase {
  const pool = new pg.Pool({
    connectionString: o.url,
    max: 2,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    application_name: "twokey",
    // Rows that a policy hides would look like rows that are gone: PostgreSQL is to refuse such a read instead.
    options: "-c default_transaction_read_only=on -c row_security=off",
  });
  pool.on("error", o.onError);
  const rows = () => readRows(pool, o.views);
  return {
    async readDesired(scope) {
      const read = await rows();
      const asOf = o.now();
      if (!read.ok) {
        const reason = [read.error.message, read.error.remedy].filter((s) => s !== undefined).join(". ");
        return { coverage: "partial", scope, projects: [], held: [], asOf, reason: reason.replace(/\.$/, "") };
      }
      const { projects, held } = assemble(read.value.projects, read.value.users, read.value.memberships, o.views);
      const partial = (reason: string, only: readonly DesiredProject[]): PartialDesired => ({
        coverage: "partial",
        scope,
        projects: only,
        held,
        asOf,
        reason,
      });
      if (scope.kind === "project")
        return partial(
          "narrowed to one project",
          projects.filter((p) => p.id === scope.projectId),
        );
      if (o.sentinelProject !== null && !projects.some((p) => p.id === o.sentinelProject))
        return partial("the sentinel project was not seen", projects);
      const counted = read.value.counted;
      const complete = completeDesired({
        scope,
        projects,
        held,
        counted,
        rows: { projects: read.value.projects.length, memberships: read.value.memberships.length },
        asOf,
      });
      return complete.ok ? complete.value : partial(complete.error.sentence, projects);
    },
    async readProjectState(id) {
      const read = await rows();
      if (!read.ok) return read;
      const found = read.value.projects.filter((p) => p.id === id);
      if (found.length > 1) return err(failure("contract_broken", "cidb.twice", `The CI database lists project ${id} twice`));
      const state = found[0]?.state;
      if (found.length === 0) return ok("absent");
      return state === "active" || state === "closed"
        ? ok(state)
        : err(failure("contract_broken", "cidb.state", `Project ${id} has no readable state in the CI database`));
    },
    async listPeople() {
      const read = await rows();
      if (!read.ok) return read;
      return ok(
        read.value.users
          .filter((u) => u.id !== null && u.enabled === true)
          .map((u) => ({
            id: u.id as CiUserId,
            username: u.username ?? "",
            email: u.email,
            slackId: u.slack_id,
            name: `${u.first_name ?? ""} ${u.last_name ?? ""}`.trim() || (u.username ?? ""),
          })),
      );
    },
    async projectsOf(user) {
      const read = await rows();
      if (!read.ok) return read;
      const { projects } = assemble(read.value.projects, read.value.users, read.value.memberships, o.views);
      return ok(user === "all" ? projects : projects.filter((p) => p.members.some((m) => m.userId === user)));
    },
    close: () => pool.end(),
  };
}

interface Rows {
  readonly projects: readonly ProjectRow[];
  readonly users: readonly UserRow[];
  readonly memberships: readonly MembershipRow[];
  readonly counted: { readonly projects: number; readonly memberships: number };
}

const Count = z.object({ n: z.coerce.number() });

/** Reads all three views and their counts in one snapshot of the database. */
async function readRows(pool: pg.Pool, views: ViewNames): Promise<Result<Rows, Failure>> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (thrown) {
    return err(explain(thrown, ""));
  }
  let at = "";
  try {
    await client.query("begin isolation level repeatable read read only");
    const read = async <S extends z.ZodType>(view: string, schema: S, columns: string): Promise<z.output<S>[]> => {
      at = view;
      const { rows } = await client.query(`select ${columns} from ${quoted(view)}`);
      return z.array(schema).parse(rows);
    };
    const projects = await read(
      views.projects,
      ProjectRow,
      "id::text, slug::text, name::text, state::text, (extract(epoch from closed_at) * 1000)::float8 as closed_at, closed_by::text, limits",
    );
    const users = await read(
      views.users,
      UserRow,
      "id::text, username::text, email::text, first_name::text, last_name::text, enabled, slack_id::text",
    );
    const memberships = await read(views.memberships, MembershipRow, "project_id::text, user_id::text, role::text");
    const [p] = await read(views.projects, Count, "count(*) as n");
    const [m] = await read(views.memberships, Count, "count(*) as n");
    await client.query("commit");
    client.release();
    return ok({ projects, users, memberships, counted: { projects: p?.n ?? -1, memberships: m?.n ?? -1 } });
  } catch (thrown) {
    client.release(true);
    return err(explain(thrown, at));
  }
}

/** Turns PostgreSQL's error into a sentence with the remedy; never its address or password. */
function explain(thrown: unknown, view: string): Failure {
  const code = thrown instanceof pg.DatabaseError ? (thrown.code ?? "") : "";
  const said = thrown instanceof pg.DatabaseError ? thrown.message : "";
  if (code === "42P01")
    return failure("contract_broken", "cidb.no_view", `The CI database has no view ${view}`, {
      remedy: "Create it as docs/ci-database.md says, or name yours in CI_…_VIEW.",
    });
  if (code === "42703")
    return failure("contract_broken", "cidb.no_column", `The view ${view} of the CI database misses a column: ${said}`, {
      remedy: "Add it as docs/ci-database.md says.",
    });
  if (code === "42501" && said.includes("row-level security"))
    return failure("contract_broken", "cidb.hidden_rows", `A row-level security policy of the CI database hides rows of ${view} from us`, {
      remedy: "Give the reading role BYPASSRLS, or make the view owned by a role that sees all rows.",
    });
  if (code === "42501")
    return failure("contract_broken", "cidb.no_right", `The CI database does not let us read ${view}`, {
      remedy: `Grant select on ${view} to the reading role.`,
    });
  if (thrown instanceof z.ZodError)
    return failure(
      "contract_broken",
      "cidb.type",
      `A column of the view ${view} has an unexpected type: ${String(thrown.issues[0]?.path.at(-1))}`,
      { remedy: "Compare its types with docs/ci-database.md." },
    );
  return failure(
    "unavailable",
    "cidb.unavailable",
    `The CI database could not be read${code === "" ? "" : ` (${code})`}${view === "" ? "" : ` at ${view}`}`,
    { details: { code } },
  );
}

function quoted(view: string): string {
  return view
    .split(".")
    .map((part) => pg.escapeIdentifier(part))
    .join(".");
}
