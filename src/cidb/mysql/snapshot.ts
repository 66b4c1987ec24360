import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { failure, type Failure } from "../../core/failure.ts";
import { SnapshotRefused } from "../snapshot.ts";
import { STATEMENT_MS } from "./connect.ts";
import { whyOld } from "./replica.ts";

/**
 * What a session must have, by the names of both servers; the first that a server knows counts. Each is set and then read back, since a
 * proxy may drop or share settings.
 *
 * - `sql_mode` as it is here changes no value that is read (`PAD_CHAR_TO_FULL_LENGTH` would);
 * - `sql_select_limit` would cut off rows without a word;
 * - times without a zone are UTC.
 */
const SETTINGS: readonly (readonly [names: readonly string[], value: string, seen: readonly string[]])[] = [
  [["sql_mode"], "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO'", ["STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO"]],
  [["time_zone"], "'+00:00'", ["+00:00"]],
  [["sql_select_limit"], "18446744073709551615", ["18446744073709551615"]],
  [["transaction_isolation", "tx_isolation"], "'REPEATABLE-READ'", ["REPEATABLE-READ"]],
  [["transaction_read_only", "tx_read_only"], "1", ["ON", "1"]],
  [["character_set_results"], "utf8mb4", ["utf8mb4"]],
  [["character_set_connection"], "utf8mb4", ["utf8mb4"]],
];

/** Seconds in MariaDB, milliseconds in MySQL, each under its own name. */
const TIMEOUTS = [
  ["max_statement_time", STATEMENT_MS / 1000],
  ["max_execution_time", STATEMENT_MS],
] as const;

/** Which session a snapshot began in; compared at its end. */
export interface MysqlSnapshot {
  readonly connection: number;
}

/**
 * Begins one consistent, read-only snapshot, and looks whether it is one.
 *
 * Errors: throws `SnapshotRefused` where a setting was not kept, or what the server shows may be old.
 */
export async function beginSnapshot(connection: PoolConnection): Promise<MysqlSnapshot> {
  // It would cut off the list of variables, too.
  await connection.query("set session sql_select_limit = 18446744073709551615");
  const known = await readVariables(connection, [...SETTINGS.flatMap(([names]) => names), ...TIMEOUTS.map(([name]) => name)]);
  for (const [names, value] of SETTINGS) {
    const name = names.find((one) => known.has(one));
    if (name !== undefined) await connection.query(`set session ${name} = ${value}`);
  }
  for (const [name, value] of TIMEOUTS) if (known.has(name)) await connection.query(`set session ${name} = ${value}`);
  await connection.query("start transaction with consistent snapshot, read only");
  return expectGuards(connection);
}

/** Ends the snapshot, if every statement of it ran where it began. Errors: as `beginSnapshot`. */
export async function endSnapshot(connection: PoolConnection, begun: MysqlSnapshot): Promise<void> {
  const now = await expectGuards(connection);
  if (now.connection !== begun.connection) throw dropped("another session answered at its end");
  await connection.query("commit");
}

async function expectGuards(connection: PoolConnection): Promise<MysqlSnapshot> {
  const seen = await readVariables(
    connection,
    SETTINGS.flatMap(([names]) => names),
  );
  for (const [names, , wanted] of SETTINGS) {
    const values = names.flatMap((name) => (seen.has(name) ? [seen.get(name) ?? ""] : []));
    const [value] = values;
    if (value === undefined) throw dropped(`it does not say its ${names[0] ?? ""}`);
    if (!values.every((one) => wanted.some((w) => sameSet(w, one)))) throw dropped(`its ${names[0] ?? ""} is ${value}`);
  }
  await expectTransaction(connection);
  const stale = await whyOld(connection);
  if (stale !== null) throw new SnapshotRefused(tooOld(stale.why, stale.remedy));
  const [rows] = await connection.query<RowDataPacket[]>("select connection_id() as id");
  return { connection: Number(rows[0]?.["id"]) };
}

/**
 * Whether a transaction is open: inside one its kind cannot be changed. It ends none, changes nothing, and needs no right; a statement that
 * a read-only transaction refuses would end the snapshot.
 *
 * Source: MySQL 8.4, "SET TRANSACTION"; seen on MariaDB 10.11.
 */
async function expectTransaction(connection: PoolConnection): Promise<void> {
  const code = await connection.query("set transaction read only").then(
    () => "done",
    (thrown: unknown) => (thrown as { code?: string }).code ?? "",
  );
  if (code !== "ER_CANT_CHANGE_TX_CHARACTERISTICS") throw dropped("no transaction is open");
}

function sameSet(wanted: string, seen: string): boolean {
  return wanted.split(",").toSorted().join() === seen.split(",").toSorted().join();
}

/** The variables of the session, of those that the server knows. */
async function readVariables(connection: PoolConnection, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const list = names.map((name) => `'${name}'`).join(", ");
  const [rows] = await connection.query<RowDataPacket[]>(`show session variables where Variable_name in (${list})`);
  return new Map(rows.map((row) => [String(row["Variable_name"]), String(row["Value"])]));
}

function dropped(what: string): SnapshotRefused {
  return new SnapshotRefused(
    failure("contract_broken", "cidb.guards", `The CI database did not keep the settings of a read: ${what}`, {
      remedy: "Let CI_DATABASE_URL lead to the server itself, or to a proxy that keeps a transaction in one session.",
    }),
  );
}

function tooOld(why: string, remedy: string): Failure {
  const sentence = /^its (?:role|server) /.test(why)
    ? `It is not known how old what the CI database shows is: ${why}`
    : `The CI database is a replica, and ${why}: what it shows may be old`;
  return failure("unavailable", "cidb.stale", sentence, { remedy });
}
