import type { Pool, PoolConnection, RowDataPacket } from "mysql2/promise";
import { z } from "zod";
import { failure, type Failure } from "../../core/failure.ts";
import type { ViewNames } from "../assemble.ts";
import type { About, CiServer, Rows } from "../rows.ts";
import { readInSnapshot, SnapshotRefused, type SnapshotServer } from "../snapshot.ts";
import { unreadable } from "../unreachable.ts";
import { MembershipRow, ProjectRow, UserRow } from "../wire.ts";
import { readChanges } from "./changes.ts";
import { openPool } from "./connect.ts";
import { beginSnapshot, endSnapshot, type MysqlSnapshot } from "./snapshot.ts";
import { readSource } from "./source.ts";

/** Which rows of a view are asked for: a condition in SQL, with its parameters. */
interface Condition {
  readonly where: string;
  readonly params: readonly (string | null)[];
}

const every: Condition = { where: "true", params: [] };

/** The bytes of a text: compared by a collation, `a`, `A` and `a ` would be one id. */
const bytes = (column: string): string => `cast(convert(${column} using utf8mb4) as binary)`;
const chars = (column: string): string => `convert(${column} using utf8mb4) as ${column}`;

/** As for PostgreSQL, whose texts have no NUL. */
const unusable = (column: string): string =>
  `${column} is null or char_length(convert(${column} using utf8mb4)) not between 1 and 200 or locate(char(0), ${bytes(column)}) > 0`;

/** As for PostgreSQL: the rows that decide about one project by the rules of the whole read. */
function conditionsFor({ project, sentinel }: About, views: ViewNames) {
  const projects = quoted(views.projects);
  const given = "cast(convert(? using utf8mb4) as binary)";
  const key = "id" in project ? project.id : project.slug;
  const ids = "id" in project ? `select ${given}` : `select ${bytes("id")} from ${projects} where ${bytes("slug")} = ${given}`;
  const named = `${bytes("id")} in (${ids}) or ${bytes("id")} = ${given}`;
  return {
    projects: {
      where: `${unusable("id")} or ${named} or lower(convert(slug using utf8mb4)) in (select lower(convert(slug using utf8mb4)) from ${projects} where ${named})`,
      params: [key, sentinel, key, sentinel],
    },
    users: {
      where: `${bytes("id")} in (select ${bytes("user_id")} from ${quoted(views.memberships)} where ${bytes("project_id")} in (${ids}))`,
      params: [key],
    },
    memberships: { where: `${unusable("project_id")} or ${bytes("project_id")} in (${ids})`, params: [key] },
  };
}

const Count = z.object({ n: z.coerce.number(), in_all: z.coerce.number() });
/** A truth is a number or a bit here; another number is none. */
const Truth = z.preprocess((value) => {
  const number = Buffer.isBuffer(value) && value.length === 1 ? value[0] : value;
  if (number === 0 || number === 1) return number === 1;
  // One odd number is told with its row; a column of another type is told of all.
  return typeof number === "number" ? null : value;
}, UserRow.shape.enabled);
const MysqlUserRow = UserRow.extend({ enabled: Truth });
/** MariaDB stores JSON as text; a text that is none is told with its row. */
const MysqlProjectRow = ProjectRow.extend({
  closed_at: z.coerce.number().nullable(),
  limits: z.preprocess((value) => (typeof value === "string" ? jsonOf(value) : value), z.unknown()),
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // The row is held for it.
  }
}

/** Opens a CI database on MySQL or MariaDB; nothing is sent before the first read. */
export function createMysqlServer(url: string, views: ViewNames): CiServer {
  let opened: Promise<Pool> | null = null;
  const pool = (): Promise<Pool> => (opened ??= openPool(url));
  const server: SnapshotServer<PoolConnection, MysqlSnapshot> = {
    connect: async () => (await pool()).getConnection(),
    begin: beginSnapshot,
    end: endSnapshot,
    release: (connection) => connection.release(),
    destroy: (connection) => connection.destroy(),
    explain,
  };
  return {
    readRows: (about) => readInSnapshot(server, (connection, isAt) => readViews(connection, isAt, views, about)),
    readSource: () => readInSnapshot(server, (connection) => readSource(connection, views)),
    readChanges: (since) => readInSnapshot(server, (connection) => readChanges(connection, views, quoted, since)),
    close: async () => (await opened)?.end(),
  };
}

async function readViews(connection: PoolConnection, isAt: (view: string) => void, views: ViewNames, about: About | null): Promise<Rows> {
  const only = about === null ? null : conditionsFor(about, views);
  const ask = async <S extends z.ZodType>(view: string, schema: S, columns: string, rest: string, c: Condition) => {
    isAt(view);
    const [rows] = await connection.execute<RowDataPacket[]>(`select ${columns} from ${quoted(view)} ${rest}`, [...c.params]);
    await expectNoWarnings(connection, view);
    return z.array(schema).parse(rows.map((row) => ({ ...row })));
  };
  const read = <S extends z.ZodType>(view: string, schema: S, columns: string, c: Condition = every) =>
    ask(view, schema, columns, `where ${c.where}`, c);
  const count = (view: string, c: Condition = every) =>
    ask(view, Count, `coalesce(sum(case when ${c.where} then 1 else 0 end), 0) as n, count(*) as in_all`, "", c);
  const projects = await read(
    views.projects,
    MysqlProjectRow,
    `${["id", "slug", "name", "state"].map(chars).join(", ")},
     timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', closed_at) / 1000 as closed_at, ${chars("closed_by")}, ${chars("limits")}`,
    only?.projects,
  );
  const memberships = await read(
    views.memberships,
    MembershipRow,
    ["project_id", "user_id", "role"].map(chars).join(", "),
    only?.memberships,
  );
  const texts = ["id", "username", "email", "first_name", "last_name", "slack_id"].map(chars).join(", ");
  const users = await read(views.users, MysqlUserRow, `${texts}, enabled`, only?.users);
  const [p] = await count(views.projects, only?.projects);
  const [m] = await count(views.memberships, only?.memberships);
  isAt("");
  const source = await readSource(connection, views);
  const counted = { projects: p?.n ?? -1, memberships: m?.n ?? -1 };
  const inAll = { projectsInAll: p?.in_all ?? 0, membershipsInAll: m?.in_all ?? 0 };
  return { projects, users, memberships, counted, ...inAll, source };
}

/** A warning says that a value is not what is stored: cut off, or turned into another one. Notes are none. */
async function expectNoWarnings(connection: PoolConnection, view: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>("show warnings");
  const warning = rows.find((row) => row["Level"] !== "Note");
  if (warning === undefined) return;
  const sentence = `The CI database warned while ${view} was read (${String(warning["Code"])}): its values are not what is stored`;
  throw new SnapshotRefused(
    failure("contract_broken", "cidb.warned", sentence, { remedy: "Correct the view; SHOW WARNINGS after a select from it says where." }),
  );
}

const NO_RIGHT = ["ER_TABLEACCESS_DENIED_ERROR", "ER_COLUMNACCESS_DENIED_ERROR", "ER_DBACCESS_DENIED_ERROR"];

/** Turns the server's error into a sentence with the remedy; never its address or password. */
function explain(thrown: unknown, view: string): Failure {
  if (thrown instanceof SnapshotRefused) return thrown.failure;
  const { code = "", sqlMessage = "" } = thrown as { code?: string; sqlMessage?: string };
  const broken = (what: string, sentence: string, remedy: string): Failure =>
    failure("contract_broken", `cidb.${what}`, sentence, { remedy });
  if (code === "ER_NO_SUCH_TABLE")
    return broken(
      "no_view",
      `The CI database has no view ${view}`,
      "Create it as docs/ci-database.md says, or name yours with its database in CI_…_VIEW.",
    );
  if (code === "ER_VIEW_INVALID") {
    const remedy = "Create it again, with a definer that exists and may read what it reads.";
    return broken(
      "no_view",
      `The view ${view} of the CI database uses something that is not found, or that its definer may not read`,
      remedy,
    );
  }
  if (code === "ER_BAD_FIELD_ERROR")
    return broken("no_column", `The view ${view} of the CI database misses a column: ${sqlMessage}`, "Add it as docs/ci-database.md says.");
  if (NO_RIGHT.includes(code) && view !== "")
    return broken("no_right", `The CI database does not let us read ${view}`, `Grant select on ${view} to the reading role.`);
  return unreadable(thrown, view, code);
}

function quoted(view: string): string {
  return view
    .split(".")
    .map((part) => `\`${part.replaceAll("`", "``")}\``)
    .join(".");
}
