import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import type { ViewNames } from "../assemble.ts";
import type { ChangedProjects } from "../../sync/planning/desired.ts";
import { changedSql, changesOf } from "../changes.ts";

/** Reads the changes since an instant; null: the views have no `changed_at`. `since` null: only what time it is there. */
export async function readChanges(
  connection: PoolConnection,
  views: ViewNames,
  quoted: (view: string) => string,
  since: number | null,
): Promise<ChangedProjects | null> {
  const has = async (view: string): Promise<boolean> => {
    const [rows] = await connection.query<RowDataPacket[]>(`show columns from ${quoted(view)} like 'changed_at'`);
    return rows.length > 0;
  };
  const marked = { projects: await has(views.projects), users: await has(views.users), memberships: await has(views.memberships) };
  const sql = changedSql(marked, views, quoted, (column) => `convert(${column} using utf8mb4)`);
  if (sql === null) return null;
  const sinceEpoch = "timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', ";
  const [clock] = await connection.query<RowDataPacket[]>(`select ${sinceEpoch}utc_timestamp(6)) / 1000 as at`);
  const at = Number(clock[0]?.["at"]);
  if (since === null) return { at, projects: new Map() };
  const [rows] = await connection.query<RowDataPacket[]>(
    `select project_id, max(${sinceEpoch}changed_at)) / 1000 as at from (${sql}) changed
     where ${sinceEpoch}changed_at) / 1000 >= ? group by project_id`,
    [since],
  );
  return changesOf(at, rows);
}
