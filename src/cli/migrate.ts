import { parseDatabaseConfig } from "../config.ts";
import { prepareEngine } from "../engine/schema.ts";
import { redact } from "../events.ts";
import { migrateFor } from "../store/prepare.ts";
import type { CliCommand } from "./command.ts";

/** `twokey migrate`: what only the owner of the database may do, so that the bot need not be the owner. Invariant: INV-10. */
export const migrateCommand: CliCommand = {
  name: "migrate",
  usage: "[--role <name>]   as the owner in DATABASE_MIGRATION_URL: brings the database up to date, and gives the bot's role its rights",
  async run(args, io) {
    const [flag, given, ...more] = args;
    if (more.length > 0 || (flag !== undefined && (flag !== "--role" || given === undefined))) {
      io.err("Write: twokey migrate [--role <name>]; without --role it is the role of DATABASE_URL\n");
      return 2;
    }
    // With --role the bot's own address need not be known here.
    const own = parseDatabaseConfig(given === undefined ? io.env : { DATABASE_URL: io.env["DATABASE_MIGRATION_URL"], ...io.env });
    if (!own.ok) {
      io.err(`${own.error.message}\n${own.error.remedy ?? ""}\n`);
      return 2;
    }
    const { databaseUrl, databaseMigrationUrl } = own.value;
    const role = given ?? (databaseUrl === null ? "" : decodeURIComponent(new URL(databaseUrl).username));
    if (databaseMigrationUrl === null || role === "") {
      io.err(
        "Set DATABASE_MIGRATION_URL to the owner's address, and DATABASE_URL to the bot's, whose role is a lesser one. " +
          "A database with one address migrates by itself when the bot starts (docs/database-roles.md).\n",
      );
      return 2;
    }
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
