import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { digestOf } from "../../core/digest.ts";
import { failure } from "../../core/failure.ts";
import type { DatabaseSource } from "../../core/policy.ts";
import type { ViewNames } from "../assemble.ts";
import { SnapshotRefused } from "../snapshot.ts";

/** A table of another kind changes while it is read, whatever the snapshot. */
const WITH_SNAPSHOTS = ["INNODB", "ROCKSDB"];

/**
 * What the server says of itself, in the transaction in which the views were read.
 *
 * - The server is its UUID; where it has none (MariaDB), its own name with its port. A copy of the data folder on another machine has
 *   another name, one that is restored under the same name is not told apart.
 * - The database is its name: these servers give it no number.
 * - A view is where its name leads, with a digest of its definition. Where the role may not see that, it is refused.
 *
 * Errors: throws `SnapshotRefused` for a table without snapshots and a view whose definition is not shown.
 */
export async function readSource(connection: PoolConnection, views: ViewNames): Promise<DatabaseSource> {
  const [session] = (await connection.query<RowDataPacket[]>("select database() as name, @@hostname as host, @@port as port"))[0];
  const [uuid] = (await connection.query<RowDataPacket[]>("show variables like 'server_uuid'"))[0];
  const database = String(session?.["name"]);
  const server = uuid === undefined ? `${String(session?.["host"])}:${String(session?.["port"])}` : `uuid ${String(uuid["Value"])}`;
  const viewOf = async (view: string) => {
    const [first, second] = view.split(".");
    const [schema, name] = second === undefined ? [database, view] : [first ?? "", second];
    return { name: `${schema}.${name}`, definition: await readDefinition(connection, schema, name) };
  };
  const found = { projects: await viewOf(views.projects), users: await viewOf(views.users), memberships: await viewOf(views.memberships) };
  return { server, database, views: found };
}

async function readDefinition(connection: PoolConnection, schema: string, name: string): Promise<string> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `select upper(coalesce(t.engine, '')) as engine, v.view_definition as definition, v.security_type as security
     from information_schema.tables t
     left join information_schema.views v on v.table_schema = t.table_schema and v.table_name = t.table_name
     where t.table_schema = ? and t.table_name = ?`,
    [schema, name],
  );
  const [row] = rows;
  const definition = row?.["definition"] as string | null | undefined;
  const engine = String(row?.["engine"] ?? "");
  if (row !== undefined && (definition === null || definition === undefined)) {
    if (WITH_SNAPSHOTS.includes(engine)) return digestOf("").slice(0, 16);
    const remedy = "Let the views read tables of InnoDB.";
    throw refused(
      "cidb.engine",
      `The table ${schema}.${name} of the CI database is stored by ${engine || "no known engine"}, which has no snapshots`,
      remedy,
    );
  }
  if (definition === undefined || definition === null || definition === "")
    throw refused(
      "cidb.no_definition",
      `The CI database does not show us the definition of ${schema}.${name}`,
      `Grant SHOW VIEW on ${schema}.${name} to the reading role.`,
    );
  return digestOf(`${definition} ${String(row?.["security"])}`).slice(0, 16);
}

function refused(code: string, sentence: string, remedy: string): SnapshotRefused {
  return new SnapshotRefused(failure("contract_broken", code, sentence, { remedy }));
}
