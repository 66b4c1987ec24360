import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import type { Stale } from "../standby.ts";

/** What counts as now, as for a standby of PostgreSQL. Units: seconds. */
const AGE_S_MAX = 600;

const REPAIR = "Let CI_DATABASE_URL lead to the primary, or repair the replication.";
/** Each name is one server's: MySQL says REPLICATION CLIENT, MariaDB since 10.5 REPLICA MONITOR. */
const MAY_NOT_SEE: Stale = {
  why: "its role may not see whether it is a replica that lags",
  remedy: "Grant REPLICATION CLIENT (MySQL) or REPLICA MONITOR (MariaDB) on *.* to the role of CI_DATABASE_URL (docs/ci-database.md).",
};

/**
 * Why what a server shows may be old; null: it is no replica, or one that is at most ten minutes behind. What is not known counts as old.
 *
 * Source: MySQL 8.4 and MariaDB 11, "SHOW REPLICA STATUS": a row for each channel; `Seconds_Behind…` is null while it does not replicate.
 */
export async function whyOld(connection: PoolConnection): Promise<Stale | null> {
  const channels = await readChannels(connection);
  if (channels === null) return MAY_NOT_SEE;
  for (const channel of channels) {
    const said = (...names: readonly string[]): unknown => names.map((name) => channel[name]).find((value) => value !== undefined);
    if (said("Replica_IO_Running", "Slave_IO_Running") !== "Yes") return { why: "it is not connected to its primary", remedy: REPAIR };
    if (said("Replica_SQL_Running", "Slave_SQL_Running") !== "Yes") return { why: "its replication is stopped", remedy: REPAIR };
    const behind = said("Seconds_Behind_Source", "Seconds_Behind_Master");
    if (typeof behind !== "number" && typeof behind !== "string") return { why: "it does not say how far behind it is", remedy: REPAIR };
    if (!(Number(behind) <= AGE_S_MAX))
      return { why: `it is ${Math.round(Number(behind) / 60)} minutes behind its primary`, remedy: REPAIR };
  }
  return whyApart(connection);
}

/** Null: the role may not ask. MariaDB has the old name too; MySQL before 8.0.22 only that one. */
async function readChannels(connection: PoolConnection): Promise<readonly RowDataPacket[] | null> {
  for (const statement of ["show replica status", "show slave status"]) {
    try {
      return (await connection.query<RowDataPacket[]>(statement))[0];
    } catch (thrown) {
      const { code } = thrown as { code?: unknown };
      if (code === "ER_SPECIFIC_ACCESS_DENIED_ERROR") return null;
      if (code !== "ER_PARSE_ERROR") throw thrown;
    }
  }
  return null;
}

/** A node of a Galera cluster that lost the others shows what it had. */
async function whyApart(connection: PoolConnection): Promise<Stale | null> {
  const [rows] = await connection.query<RowDataPacket[]>("show status where Variable_name in ('wsrep_cluster_status', 'wsrep_ready')");
  const state = new Map(rows.map((row) => [String(row["Variable_name"]).toLowerCase(), String(row["Value"])]));
  const status = state.get("wsrep_cluster_status");
  // Not part of a cluster: it has no such status, or says so.
  if (status === undefined || (status === "Disconnected" && state.get("wsrep_ready") === "OFF" && !(await isOfCluster(connection))))
    return null;
  if (status === "Primary" && state.get("wsrep_ready") === "ON") return null;
  return {
    why: "it has lost the other nodes of its cluster",
    remedy: "Let CI_DATABASE_URL lead to a node of the cluster's primary component.",
  };
}

async function isOfCluster(connection: PoolConnection): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>("show variables like 'wsrep_on'");
  return String(rows[0]?.["Value"]).toUpperCase() === "ON";
}
