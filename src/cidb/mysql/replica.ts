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

/** It answers, but not what was asked: a proxy, or a build that lacks the statement. */
const DOES_NOT_SAY: Stale = {
  why: "its server does not say by which connections it replicates",
  remedy:
    "Let CI_DATABASE_URL lead to the primary, or to a server that knows SHOW ALL SLAVES STATUS (MariaDB) or SHOW REPLICA STATUS (MySQL).",
};

/**
 * Why what a server shows may be old; null: it is no replica, or one that is at most ten minutes behind by each of its connections. What is
 * not known counts as old.
 *
 * Source: MySQL 8.4, "SHOW REPLICA STATUS": a row for each channel. MariaDB, "Multi-Source Replication" and "SHOW REPLICA STATUS": that
 * statement tells only of the connection that `default_master_connection` names; the one with ALL has a row for each connection.
 * `Seconds_Behind…` is null while it does not replicate.
 */
export async function whyOld(connection: PoolConnection): Promise<Stale | null> {
  const channels = await readChannels(connection);
  if ("why" in channels) return channels;
  for (const channel of channels) {
    const stale = whyChannelOld(channel);
    if (stale !== null) return stale;
  }
  return whyApart(connection);
}

function whyChannelOld(channel: RowDataPacket): Stale | null {
  const said = (...names: readonly string[]): unknown => names.map((name) => channel[name]).find((value) => value !== undefined);
  const name = shownName(said("Connection_name", "Channel_Name"));
  const old = (why: string): Stale => ({ why: `${why}${name}`, remedy: REPAIR });
  if (said("Replica_IO_Running", "Slave_IO_Running") !== "Yes") return old("it is not connected to its primary");
  if (said("Replica_SQL_Running", "Slave_SQL_Running") !== "Yes") return old("its replication is stopped");
  const behind = said("Seconds_Behind_Source", "Seconds_Behind_Master");
  if (typeof behind !== "number" && typeof behind !== "string") return old("it does not say how far behind it is");
  return Number(behind) <= AGE_S_MAX ? null : old(`it is ${Math.round(Number(behind) / 60)} minutes behind its primary`);
}

/** The unnamed connection, which most replicas have alone, is not mentioned. */
function shownName(name: unknown): string {
  return typeof name !== "string" || name === "" ? "" : ` (connection ${name.replace(/[\p{Cc}\p{Cf}]/gu, "?").slice(0, 64)})`;
}

/** On MariaDB all named connections; `SHOW REPLICA STATUS` without ALL would leave out all but one of them. */
const OF_MARIADB = ["show all replicas status", "show all slaves status"];
/** MySQL before 8.0.22 knows the old name only. */
const OF_MYSQL = ["show replica status", "show slave status"];

/** A row for each connection by which it replicates, or why that is not known. Its version may say anything, so all is tried. */
async function readChannels(connection: PoolConnection): Promise<readonly RowDataPacket[] | Stale> {
  const [[version]] = await connection.query<RowDataPacket[]>("select version() as version");
  const isMariaDb = /mariadb/i.test(String(version?.["version"]));
  for (const statement of isMariaDb ? OF_MARIADB : [...OF_MARIADB, ...OF_MYSQL]) {
    try {
      return (await connection.query<RowDataPacket[]>(statement))[0];
    } catch (thrown) {
      const { code } = thrown as { code?: unknown };
      if (code === "ER_SPECIFIC_ACCESS_DENIED_ERROR") return MAY_NOT_SEE;
      if (code !== "ER_PARSE_ERROR") throw thrown;
    }
  }
  return DOES_NOT_SAY;
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
