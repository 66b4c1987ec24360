import { existsSync } from "node:fs";
import { parseConfig, parseDatabaseConfig, type Config, type DatabaseConfig } from "../config/config.ts";
import type { Clock, NewId, Sleep } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import { postgresTrouble } from "../core/postgres-words.ts";
import { createDatabase, type Database } from "../store/db.ts";
import { startEmbeddedPostgres } from "../store/embedded.ts";
import { notUsable } from "../store/not-usable.ts";
import { prepareStore } from "../store/prepare.ts";

/** What a command of the terminal gets: the environment, where to write, and what only main.ts makes. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** How many columns the terminal has that the error output goes to; null or left out: it goes to no terminal. */
  readonly columns?: number | null;
  readonly now: Clock;
  readonly newId: NewId;
  /** Makes a secret for a link; never shown. */
  readonly newToken: () => string;
  readonly sleep: Sleep;
}

/** What was typed after a command's name, as its entry in the list of commands declares it. */
export interface Given {
  readonly args: readonly string[];
  /** Options with a value, by their long name without the dashes. */
  readonly values: Readonly<Record<string, string>>;
  /** Options without one. */
  readonly flags: ReadonlySet<string>;
  /** How the command is written. */
  readonly usage: string;
}

/** One command of the terminal. Returns the exit code: 0 done, 1 not done or a problem was found, 2 wrong use or environment. */
export type CliCommand = (io: CliIo, given: Given) => Promise<number>;

/** Writes what is wrong with the environment, or with what there is; returns its exit code. */
export function refuse(io: CliIo, sentence: string): 2 {
  io.err(`${sentence}\n`);
  return 2;
}

/** Writes what is wrong with what was typed, and how it is written; returns the exit code. */
export function refuseUse(io: CliIo, { usage }: Given, sentence: string): 2 {
  return refuse(io, `${sentence}\nUsage: ${usage}`);
}

/** Writes a failure with what to do about it; returns the exit code. */
export function tellFailure(io: CliIo, f: Failure, code: 1 | 2 = 1): number {
  io.err([f.message, f.remedy, ""].filter((line) => line !== undefined).join("\n"));
  return code;
}

/** Writes what a script reads, as one JSON text. */
export function tellJson(io: Pick<CliIo, "out">, value: unknown): void {
  io.out(`${JSON.stringify(value, null, 2)}\n`);
}

/** Runs `work` on the configuration of the environment. Errors: exit code 2, with everything that is wrong in the environment on `err`. */
export async function withConfig(io: CliIo, work: (config: Config) => Promise<number>): Promise<number> {
  const config = parseConfig(io.env);
  return config.ok ? work(config.value) : tellFailure(io, config.error, 2);
}

/**
 * Runs `work` on Twokey's own database, brought up to date, with the bot's rights; without `DATABASE_URL` on the embedded PostgreSQL of `TWOKEY_DATA_DIR`.
 *
 * Errors: throws when the database cannot be reached, or a running bot uses the embedded one.
 */
export async function withStore(config: DatabaseConfig, work: (db: Database) => Promise<number>): Promise<number> {
  const embedded = config.databaseUrl === null ? await startEmbeddedPostgres(`${config.dataDir}/pg`) : null;
  const url = config.databaseUrl ?? embedded?.url() ?? "";
  try {
    // The engine's own tables are made when the bot starts: no command of the terminal gives the engine work.
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
  if (!own.ok) return tellFailure(io, own.error, 2);
  const folder = `${own.value.dataDir}/pg`;
  if (own.value.databaseUrl === null && !existsSync(folder))
    return refuse(
      io,
      `DATABASE_URL is not set, and there is no embedded database in ${folder}. Set DATABASE_URL or TWOKEY_DATA_DIR as for the bot.`,
    );
  try {
    return await withStore(own.value, work);
  } catch (thrown) {
    if (postgresTrouble(thrown) !== null) return tellFailure(io, notUsable(thrown, "DATABASE_URL"));
    io.err(`Twokey's database could not be used: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return 1;
  }
}
