import { readFileSync } from "node:fs";
import type { TlsMode } from "../../core/ci-address.ts";
import type { ConnectionOptions, Pool } from "mysql2/promise";

/** How long opening a connection may take. Units: milliseconds. */
const CONNECT_MS = 10_000;
/** How long a statement may take. Units: milliseconds. */
export const STATEMENT_MS = 30_000;

/** The options of a connection. Errors: throws when the file of `ssl-ca` cannot be read. */
export function connectionOptions(url: string): ConnectionOptions {
  const { searchParams: given, hostname, port, username, password, pathname } = new URL(url);
  const socket = given.get("socket");
  const at = socket === null ? { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 3306 : Number(port) } : { socketPath: socket };
  const tls = tlsOf((given.get("ssl-mode") ?? "DISABLED") as TlsMode, given.get("ssl-ca"));
  return {
    ...at,
    ...(tls === null ? {} : { ssl: tls }),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    charset: "utf8mb4",
    connectTimeout: CONNECT_MS,
    supportBigNumbers: true,
    multipleStatements: false,
  };
}

function tlsOf(mode: TlsMode, ca: string | null) {
  if (mode === "DISABLED") return null;
  const trusted = ca === null ? {} : { ca: readFileSync(ca, "utf8") };
  return { ...trusted, rejectUnauthorized: mode !== "REQUIRED", verifyIdentity: mode === "VERIFY_IDENTITY" };
}

/** A pool of two connections; nothing is sent before the first read. The library is loaded only where it is used. */
export async function openPool(url: string): Promise<Pool> {
  const { createPool } = await import("mysql2/promise");
  return createPool({ ...connectionOptions(url), connectionLimit: 2, queueLimit: 0, enableKeepAlive: true });
}
