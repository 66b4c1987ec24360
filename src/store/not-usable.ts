/** Why Twokey's own database cannot be used, in words: never the address, nor a bare code where there are words for it. */
import { failure, type Failure } from "../core/failure.ts";
import { postgresTrouble } from "../core/postgres-words.ts";

/** What was thrown when the database was used whose address is in `variable`; null: the embedded one. Its code is `store.unavailable`. */
export function notUsable(thrown: unknown, variable: string | null): Failure {
  const trouble = postgresTrouble(thrown);
  const said = trouble?.why ?? (thrown instanceof Error && thrown.message !== "" ? thrown.message : "it is not known why");
  const check = trouble?.remedy ?? "Check that PostgreSQL runs, and check host, port, database, role and password.";
  const remedy = variable === null ? "Check TWOKEY_DATA_DIR, where the embedded PostgreSQL is." : `${check} The address is in ${variable}.`;
  return failure("unavailable", "store.unavailable", `Twokey's own database could not be used: ${said}`, { remedy });
}
