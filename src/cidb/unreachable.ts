import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";

/** The CI database did not answer; with the code that says why, and never its address. */
export function unreachable(thrown: unknown): Failure {
  const { code } = thrown as { code?: unknown };
  const remedy = "Make sure that it runs, and check CI_DATABASE_URL: host, port, database, role and password.";
  const sentence = `The CI database could not be reached${typeof code === "string" ? ` (${code})` : ""}`;
  return failure("unavailable", "cidb.unavailable", sentence, { remedy });
}

/** Why a view was not read, where the server's code does not say it: a column of another type, or no answer; never the address. */
export function unreadable(thrown: unknown, view: string, code: string): Failure {
  if (thrown instanceof z.ZodError) {
    const sentence = `A column of the view ${view} has an unexpected type: ${String(thrown.issues[0]?.path.at(-1))}`;
    return failure("contract_broken", "cidb.type", sentence, { remedy: "Compare its types with docs/ci-database.md." });
  }
  const where = `${code === "" ? "" : ` (${code})`}${view === "" ? "" : ` at ${view}`}`;
  return failure("unavailable", "cidb.unavailable", `The CI database could not be read${where}`, { details: { code } });
}

/** What the role of `CI_DATABASE_URL` may do beyond reading. */
export interface CiRole {
  readonly name: string;
  /** The server's, with its name. */
  readonly version: string;
  readonly isSuperuser: boolean;
  /** Tables and views that it may write, its own included, by schema and name; at most 20. */
  readonly writable: readonly string[];
  /** Whether it may make tables in a schema or schemas in the database. */
  readonly mayCreate: boolean;
}
