import { existsSync } from "node:fs";
import { parseConfig, parseDatabaseConfig, type Config, type DatabaseConfig } from "../config.ts";
import type { Clock, NewId, Sleep } from "../core/clock.ts";
import { createDatabase, type Database } from "../store/db.ts";
import { startEmbeddedPostgres } from "../store/embedded.ts";
import { prepareStore } from "../store/prepare.ts";

/** What a command of the terminal is given: the environment, where to write, and what only main.ts makes. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly now: Clock;
  readonly newId: NewId;
  /** Makes a secret for a link; never shown. */
  readonly newToken: () => string;
  readonly sleep: Sleep;
}

/** One command of the terminal, `twokey <name> …`. */
export interface CliCommand {
  readonly name: string;
  /** One line for `twokey help`: the arguments, two spaces or more, what it does. */
  readonly usage: string;
  /** Gives the exit code: 0 done, 1 it did not hold or could not be done, 2 wrong arguments or environment. */
  run(args: readonly string[], io: CliIo): Promise<number>;
}

/** Runs `work` on the configuration of the environment. Errors: exit code 2, with every fault of the environment on `err`. */
export async function withConfig(io: CliIo, work: (config: Config) => Promise<number>): Promise<number> {
  const config = parseConfig(io.env);
  if (config.ok) return work(config.value);
  io.err(`${config.error.message}\n${config.error.remedy ?? ""}\n`);
  return 2;
}

/**
 * Runs `work` on Twokey's own database, brought up to date, with the bot's rights; without `DATABASE_URL` on the embedded PostgreSQL of `TWOKEY_DATA_DIR`.
 *
 * Errors: throws when the database cannot be reached; an embedded one that a running bot holds says so.
 */
export async function withStore(config: DatabaseConfig, work: (db: Database) => Promise<number>): Promise<number> {
  const embedded = config.databaseUrl === null ? await startEmbeddedPostgres(`${config.dataDir}/pg`) : null;
  const url = config.databaseUrl ?? embedded?.url() ?? "";
  try {
    // The engine's own tables are the bot's: no command of the terminal hands out work, so its start makes them.
    const store = await prepareStore({ url, migrationUrl: config.databaseMigrationUrl }, async () => undefined);
    const db = createDatabase(store.url, { onError: () => undefined });
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  } finally {
    await embedded?.stop();
  }
}

/**
 * Runs `work` on Twokey's own database alone: only `DATABASE_URL`, or `TWOKEY_DATA_DIR` for the embedded one, must be set.
 *
 * Errors: exit code 2 when the variables are wrong, 1 with a sentence when the database cannot be used.
 */
export async function withOwnDatabase(io: CliIo, work: (db: Database) => Promise<number>): Promise<number> {
  const own = parseDatabaseConfig(io.env);
  if (!own.ok) {
    io.err(`${own.error.message}\n${own.error.remedy ?? ""}\n`);
    return 2;
  }
  const folder = `${own.value.dataDir}/pg`;
  if (own.value.databaseUrl === null && !existsSync(folder)) {
    io.err(
      `DATABASE_URL is not set, and there is no embedded database in ${folder}. Set DATABASE_URL or TWOKEY_DATA_DIR as for the bot.\n`,
    );
    return 2;
  }
  try {
    return await withStore(own.value, work);
  } catch (thrown) {
    io.err(`Twokey's database could not be used: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return 1;
  }
}
