/** What keeps a connection to PostgreSQL from being made or used, in words. */
export interface PostgresTrouble {
  /** Goes on after "…: "; neither address nor password is in it. */
  readonly why: string;
  /** Null: what to check depends on the variable only. */
  readonly remedy: string | null;
}

/** By SQLSTATE. Source: PostgreSQL 18, appendix A. */
const STATES: Readonly<Record<string, PostgresTrouble>> = {
  "28P01": {
    why: "PostgreSQL does not accept the role's password",
    remedy: "Check the password in the address; %-encode what is special in a URL.",
  },
  "28000": {
    why: "PostgreSQL lets this role not in from here",
    remedy: "Check that the role exists and may log in, and the server's pg_hba.conf.",
  },
  "3D000": { why: "the server has no database of that name", remedy: "Check the database's name, or make it (create database)." },
  "42501": { why: "the role may not do this", remedy: "Grant the role what docs/database-roles.md and docs/ci-database.md name." },
  "53300": { why: "the server has no connection left", remedy: "Raise max_connections, or end connections that nobody uses." },
  "57P01": { why: "the server is being shut down", remedy: "Start PostgreSQL." },
  "57P02": { why: "the server has crashed and starts again", remedy: "Wait until it is up." },
  "57P03": { why: "the server is starting up or shutting down", remedy: "Wait until it is up." },
  "25006": { why: "the database is read-only", remedy: "Name a server and a role that may write." },
};

/** By the code of a socket, a name server or TLS. */
const CODES: Readonly<Record<string, PostgresTrouble>> = {
  ECONNREFUSED: { why: "nothing listens at its host and port", remedy: "Start PostgreSQL, or correct host and port." },
  ENOTFOUND: {
    why: "its host name does not resolve",
    remedy: "Correct the host name, or make it known to the name server of this machine.",
  },
  EAI_AGAIN: { why: "its host name could not be looked up, since no name server answers", remedy: "Check this machine's name server." },
  ETIMEDOUT: { why: "its host does not answer", remedy: "Check the host, and the firewalls on the way there." },
  EHOSTUNREACH: { why: "there is no way to its host", remedy: "Check the host, and the network of this machine." },
  ENETUNREACH: { why: "there is no way to its host", remedy: "Check the host, and the network of this machine." },
  ECONNRESET: {
    why: "the connection was cut before an answer",
    remedy: "See that PostgreSQL listens at that port, and not something else.",
  },
};

const NO_TLS: PostgresTrouble = {
  why: "the address asks for TLS (sslmode), but the server speaks none at that port",
  remedy: "Switch ssl on in the server, or take sslmode out of the address.",
};
const ONLY_TLS: PostgresTrouble = {
  why: "the server takes connections with TLS only",
  remedy: "Add ?sslmode=verify-full to the address; with a private authority also sslrootcert=/path/to/ca.pem.",
};
const NOT_TRUSTED: PostgresTrouble = {
  why: "the server's certificate is not trusted",
  remedy: "Add sslrootcert=/path/to/ca.pem to the address, or give the server a certificate for its host name.",
};

/** Explains what `pg` threw when it connected; null: what is unknown, where the message is all there is. */
export function postgresTrouble(thrown: unknown): PostgresTrouble | null {
  // Node tries every address of a name, and gathers what each said.
  const first: unknown = thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
  if (!(first instanceof Error)) return null;
  const code = "code" in first && typeof first.code === "string" ? first.code : "";
  const { message } = first;
  if (code === "28000" && /no encryption|SSL off/i.test(message)) return ONLY_TLS;
  if (/does not support SSL/i.test(message)) return NO_TLS;
  if (/^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/.test(code)) return NOT_TRUSTED;
  if (/client password must be a string|no password/i.test(message))
    return { why: "PostgreSQL asks for a password, and the address has none", remedy: "Write the role's password into the address." };
  if (/timeout expired|connection timeout/i.test(message)) return CODES["ETIMEDOUT"] ?? null;
  if (/terminated unexpectedly/i.test(message)) return CODES["ECONNRESET"] ?? null;
  return STATES[code] ?? CODES[code] ?? null;
}
