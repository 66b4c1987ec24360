import pg from "pg";

/**
 * What a caller may do after a failed statement: `unavailable` try again later; `conflict` run the transaction again;
 * `constraint` the database refused the row, see `constraint`; `bug` nothing.
 */
export type StoreErrorKind = "unavailable" | "conflict" | "constraint" | "bug";

/** A failed statement, classified; the message contains no parameter of the statement. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  /** Name of the constraint (or of the guard trigger) that refused the row, when the server named one. */
  readonly constraint: string | null;

  constructor(kind: StoreErrorKind, message: string, options: { constraint?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "StoreError";
    this.kind = kind;
    this.constraint = options.constraint ?? null;
  }
}

/** Whether the named constraint refused a row (any constraint when no name is given). */
export function isConstraintError(error: unknown, constraint?: string): error is StoreError {
  return error instanceof StoreError && error.kind === "constraint" && (constraint === undefined || error.constraint === constraint);
}

/**
 * Classifies what `pg` throws by what the caller may do next.
 *
 * Source: PostgreSQL manual, appendix A (SQLSTATE classes 08, 23, 40, 53, 57 and P0001); errors without an SQLSTATE
 *         come from the socket, the pool or the driver.
 */
export function classifyStoreError(error: unknown, statement = "connection"): StoreError {
  if (error instanceof StoreError) return error;
  if (error instanceof pg.DatabaseError) {
    const kind = kindOfState(error.code ?? "");
    return new StoreError(kind, `${error.message} [${error.code ?? "no code"}] in: ${statement}`, {
      constraint: error.constraint,
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError("unavailable", `${message || codeOf(error)} in: ${statement}`, { cause: error });
}

function kindOfState(state: string): StoreErrorKind {
  const group = state.slice(0, 2);
  if (group === "40" || state === "55P03") return "conflict";
  if (group === "23" || state === "P0001") return "constraint";
  // 08 connection, 53 resources, 57P0x shutdown or start-up, 3D000 not created yet, 28 login refused.
  if (["08", "53", "28"].includes(group) || state.startsWith("57") || state === "3D000") return "unavailable";
  // 25P03: our own limit on idle transactions ended the session.
  return state === "25P03" ? "unavailable" : "bug";
}

function codeOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return typeof first === "object" && first !== null && "code" in first ? String(first.code) : "lost connection";
}

/** What the driver says of a connection that ended, where it gives no code. */
const LOST = /connection (?:terminated|error)|not queryable|client was closed/i;
const LOST_CODES: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOENT", "ETIMEDOUT"]);

/** Whether an error that nobody caught says that PostgreSQL went away, such as while a process starts. */
export function isLostDatabase(thrown: unknown): boolean {
  if (thrown instanceof StoreError) return thrown.kind === "unavailable";
  if (thrown instanceof pg.DatabaseError) return kindOfState(thrown.code ?? "") === "unavailable";
  if (!(thrown instanceof Error)) return false;
  return (
    LOST.test(thrown.message) ||
    ("syscall" in thrown && "code" in thrown && LOST_CODES.has(thrown.code) && /connect|read|write/.test(String(thrown.syscall)))
  );
}
