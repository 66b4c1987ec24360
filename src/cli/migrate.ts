import { parseDatabaseConfig } from "../config/config.ts";
import { prepareEngine } from "../engine/schema.ts";
import { redact } from "../events.ts";
import { migrateFor } from "../store/prepare.ts";
import { refuse, tellFailure, tellJson, type CliCommand } from "./command.ts";

/** `twokey migrate`: migrates as the owner of the database, so that the bot's role need not be the owner. Invariant: INV-10. */
export const runMigrate: CliCommand = async (io, given) => {
  const named = given.values["role"];
  // With --role the bot's own address is not needed.
  const owner = { DATABASE_URL: io.env["DATABASE_MIGRATION_URL"], DATABASE_URL_FILE: io.env["DATABASE_MIGRATION_URL_FILE"] };
  const own = parseDatabaseConfig(named === undefined ? io.env : { ...io.env, ...owner });
  if (!own.ok) return tellFailure(io, own.error, 2);
  const { databaseUrl, databaseMigrationUrl } = own.value;
  const role = named ?? (databaseUrl === null ? "" : decodeURIComponent(new URL(databaseUrl).username));
  if (databaseMigrationUrl === null || role === "")
    return refuse(
      io,
      "Set DATABASE_MIGRATION_URL to the owner's address, and DATABASE_URL to the bot's, whose role has fewer rights. " +
        "With one address only, the bot migrates the database when it starts (docs/database-roles.md).",
    );

  try {
    const applied = await migrateFor(databaseMigrationUrl, role, prepareEngine);
    if (given.flags.has("json")) tellJson(io, { applied, role });
    else io.out(`${applied.length === 0 ? "Nothing to migrate" : `Migrated: ${applied.join(", ")}`}; ${role} has the bot's rights.\n`);
    return 0;
  } catch (thrown) {
    io.err(`Nothing was changed: ${redact(thrown instanceof Error ? thrown.message : String(thrown))}\n`);
    return 1;
  }
};
