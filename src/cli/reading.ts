import { parseDatabaseConfig } from "../config/config.ts";
import type { Database } from "../store/db.ts";
import { openFilledForReading } from "../store/read-only.ts";
import { tellFailure, type CliIo } from "./command.ts";

/**
 * Runs `work` on Twokey's own database, opened for reading only: nothing is migrated, and a database of another version is refused.
 *
 * Errors: exit code 2 when the variables are wrong, 1 with a sentence when the database cannot be used.
 */
export async function withReading(io: CliIo, work: (db: Database) => Promise<number>): Promise<number> {
  const own = parseDatabaseConfig(io.env);
  if (!own.ok) return tellFailure(io, own.error, 2);
  const opened = await openFilledForReading(own.value);
  if (!opened.ok) return tellFailure(io, opened.error, opened.error.code === "store.empty" ? 2 : 1);
  try {
    return await work(opened.value.db);
  } catch (thrown) {
    io.err(`Twokey's database could not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return 1;
  } finally {
    await opened.value.close();
  }
}
