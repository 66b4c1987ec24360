import type { RowDataPacket } from "mysql2/promise";
import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { unreachable, type CiRole } from "../unreachable.ts";
import { openPool } from "./connect.ts";

/** One grant of `show grants`: rights, and on what. */
const GRANT = /^GRANT (?<rights>.+?) ON (?<on>.+?) TO /i;
const WRITES = /\b(?:ALL PRIVILEGES|INSERT|UPDATE|DELETE|DROP|ALTER)\b/i;
const CREATES = /\b(?:ALL PRIVILEGES|CREATE|CREATE VIEW|CREATE ROUTINE)\b/i;
const SHOWN = 20;

/** Asks MySQL or MariaDB what the role may do; only reads. Errors: `unavailable`, with the server's code and never its address. */
export async function readMysqlRole(url: string): Promise<Result<CiRole, Failure>> {
  let pool;
  try {
    pool = await openPool(url);
    const [[me]] = await pool.query<RowDataPacket[]>("select current_user() as name, version() as version");
    const [rows] = await pool.query<RowDataPacket[]>("show grants");
    const grants = rows.flatMap((row) => {
      const { rights, on } = GRANT.exec(String(Object.values(row)[0]))?.groups ?? {};
      return rights === undefined || on === undefined ? [] : [{ rights, on }];
    });
    const version = String(me?.["version"]);
    const product = /mariadb/i.test(version) ? "MariaDB" : "MySQL";
    return ok({
      name: String(me?.["name"]),
      version: `${product} ${version.replace(/-.*$/, "")}`,
      isSuperuser: grants.some((g) => g.on === "*.*" && /\b(?:ALL PRIVILEGES|SUPER)\b/i.test(g.rights)),
      writable: grants
        .filter((g) => WRITES.test(g.rights))
        .map((g) => g.on.replaceAll("`", ""))
        .slice(0, SHOWN),
      mayCreate: grants.some((g) => CREATES.test(g.rights)),
    });
  } catch (thrown) {
    return err(unreachable(thrown));
  } finally {
    await pool?.end().catch(() => undefined);
  }
}
