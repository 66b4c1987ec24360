import { parseDatabaseConfig } from "../config/config.ts";
import { prepareEngine } from "../engine/schema.ts";
import { redact } from "../events.ts";
import { migrateFor } from "../store/prepare.ts";
import { refuse, tellFailure, type CliCommand } from "./command.ts";

/** `twokey migrate`: migrates as the owner of the database, so that the bot's role need not be the owner. Invariant: INV-10. */
export const migrateCommand: CliCommand = {
  name: "migrate",
  usage: "[--role <name>]   as the owner in DATABASE_MIGRATION_URL: migrates the database, and grants the bot's role its rights",
  async run(args, io) {
    const [flag, given, ...more] = args;
    if (more.length > 0 || (flag !== undefined && (flag !== "--role" || given === undefined)))
      return refuse(io, "Usage: twokey migrate [--role <name>]; without --role it is the role of DATABASE_URL");

    // With --role the bot's own address is not needed.
    const owner = { DATABASE_URL: io.env["DATABASE_MIGRATION_URL"], DATABASE_URL_FILE: io.env["DATABASE_MIGRATION_URL_FILE"] };
    const own = parseDatabaseConfig(given === undefined ? io.env : { ...io.env, ...owner });
    if (!own.ok) return tellFailure(io, own.error, 2);
    const { databaseUrl, databaseMigrationUrl } = own.value;
    const role = given ?? (databaseUrl === null ? "" : decodeURIComponent(new URL(databaseUrl).username));
    if (databaseMigrationUrl === null || role === "")
      return refuse(
        io,
        "Set DATABASE_MIGRATION_URL to the owner's address, and DATABASE_URL to the bot's, whose role has fewer rights. " +
          "With one address only, the bot migrates the database when it starts (docs/database-roles.md).",
      );

    try {
      const applied = await migrateFor(databaseMigrationUrl, role, prepareEngine);
      io.out(`${applied.length === 0 ? "Nothing to migrate" : `Migrated: ${applied.join(", ")}`}; ${role} has the bot's rights.\n`);
      return 0;
    } catch (thrown) {
      io.err(`Nothing was changed: ${redact(thrown instanceof Error ? thrown.message : String(thrown))}\n`);
      return 1;
    }
  },
};
