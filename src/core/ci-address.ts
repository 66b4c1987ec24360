/** The address of a CI database on MySQL or MariaDB. */

/** How far TLS goes, by the names of MySQL's own clients. */
const tlsModes = ["DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] as const;
/** One of them. */
export type TlsMode = (typeof tlsModes)[number];

/** What an address may have after its `?`; nothing else: an unknown one could be meant as a protection. */
const PARAMETERS = ["ssl-mode", "ssl-ca", "socket"] as const;

/** Whether an address is of MySQL or MariaDB. */
export function isMysql(url: string): boolean {
  return /^(?:mysql|mariadb):\/\//i.test(url);
}

/** What is wrong with an address of MySQL or MariaDB, as the end of a sentence; null: nothing. Its values are never repeated. */
export function addressProblem(url: string): string | null {
  const { searchParams: given, pathname } = new URL(url);
  if (!/^\/[^/]+$/.test(pathname)) return "must name a database, as mysql://user:password@host/database";
  const unknown = [...given.keys()].find((name) => !(PARAMETERS as readonly string[]).includes(name));
  if (unknown !== undefined) return `has a parameter that has no effect; it may have ${PARAMETERS.join(", ")}`;
  const mode = given.get("ssl-mode");
  if (mode !== null && !(tlsModes as readonly string[]).includes(mode)) return `has an ssl-mode that is none of ${tlsModes.join(", ")}`;
  if (given.has("ssl-ca") && (mode === null || mode === "DISABLED" || mode === "REQUIRED"))
    return "has ssl-ca, which counts only with ssl-mode=VERIFY_CA or VERIFY_IDENTITY";
  return null;
}
