/** Opens Twokey's own database for looking only: nothing is migrated, and PostgreSQL refuses every write. */
import { fail, failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { connectionSettings, createDatabase, withConnection, type Database } from "./db.ts";
import { findEmbeddedPostgres, startEmbeddedPostgres } from "./embedded.ts";
import { compareMigrations, type MigrationState } from "./migrate.ts";
import { notUsable } from "./not-usable.ts";
import { whyNoSession } from "./sessions.ts";

/** Where the database is; `databaseUrl` null: embedded, in `dataDir`. */
interface Place {
  readonly dataDir: string;
  readonly databaseUrl: string | null;
}

/** Twokey's own database, opened for reading. */
export interface ReadOnlyStore {
  /** Null: there is no database yet, or nothing of Twokey's in it. */
  readonly db: Database | null;
  /** Ends the connections, and an embedded server that was started for the look. */
  close(): Promise<void>;
}

/**
 * Opens the database of `DATABASE_URL`, or the embedded one of `TWOKEY_DATA_DIR`, in read-only transactions. The embedded one is started
 * for the look while no bot runs on it; a new one is never made.
 *
 * Errors: `unavailable` `store.unavailable`; `refused` `store.older` before this version's migrations ran, `store.newer`, `store.pooler`.
 */
export async function openForReading(config: Place): Promise<Result<ReadOnlyStore, Failure>> {
  let stop = async (): Promise<void> => undefined;
  try {
    const embedded = config.databaseUrl === null ? await embeddedOf(`${config.dataDir}/pg`) : null;
    stop = embedded?.stop ?? stop;
    const url = config.databaseUrl ?? embedded?.url ?? null;
    if (url === null) return ok({ db: null, close: stop });
    const opened = await openAt(readingUrl(url), stop);
    if (!opened.ok) await stop();
    return opened;
  } catch (thrown) {
    await stop();
    return err(notUsable(thrown, config.databaseUrl === null ? null : "DATABASE_URL"));
  }
}

/** The same, where nothing can be told without a database. Errors: also `refused` `store.empty`. */
export async function openFilledForReading(config: Place): Promise<Result<{ readonly db: Database; close(): Promise<void> }, Failure>> {
  const opened = await openForReading(config);
  if (!opened.ok) return opened;
  const { db, close } = opened.value;
  if (db !== null) return ok({ db, close });
  await close();
  const where =
    config.databaseUrl === null ? `There is no embedded database in ${config.dataDir}/pg` : "The database has no tables of Twokey";
  return fail("refused", "store.empty", `${where}: the bot has not been started with it yet`, {
    remedy: "Set DATABASE_URL or TWOKEY_DATA_DIR as for the bot, or start the bot first.",
  });
}

async function openAt(url: string, stop: () => Promise<void>): Promise<Result<ReadOnlyStore, Failure>> {
  const problem = await whyNoSession(connectionSettings(url));
  if (problem !== null)
    return fail("refused", "store.pooler", `Twokey cannot use its own database: ${problem}`, {
      remedy: "Set DATABASE_URL to PostgreSQL itself, without the pooler.",
    });
  const state = await withConnection(url, compareMigrations);
  if (state.applied.length === 0) return ok({ db: null, close: stop });
  const refusal = refusalOf(state);
  if (refusal !== null) return { ok: false, error: refusal };
  const db = createDatabase(url, { max: 4, onError: () => undefined });
  return ok({
    db,
    async close() {
      await db.close();
      await stop();
    },
  });
}

/** The address whose every transaction is read-only, whatever is sent. */
function readingUrl(url: string): string {
  const address = new URL(url);
  const given = address.searchParams.get("options");
  address.searchParams.set("options", [given, "-c default_transaction_read_only=on"].filter((o) => o !== null && o !== "").join(" "));
  return address.href;
}

async function embeddedOf(dir: string): Promise<{ readonly url: string; readonly stop: () => Promise<void> } | null> {
  const found = await findEmbeddedPostgres(dir);
  if (found.state === "none") return null;
  if (found.state === "refused") throw new Error(found.reason);
  if (found.state === "running") return { url: found.url, stop: async () => undefined };
  const started = await startEmbeddedPostgres(dir);
  return { url: started.url(), stop: () => started.stop() };
}

function refusalOf({ pending, unknown }: MigrationState): Failure | null {
  if (unknown.length > 0)
    return failure("refused", "store.newer", `The database was migrated by a newer version (${unknown.join(", ")})`, {
      remedy: "Run that version's command.",
    });
  if (pending.length === 0) return null;
  return failure("refused", "store.older", `The database has not been migrated to this version yet: it lacks ${pending.join(", ")}`, {
    remedy: "Start this version's bot, or run `npx twokey migrate`, first: this command changes nothing.",
  });
}
