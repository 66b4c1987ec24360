import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { parseDatabaseConfig, type DatabaseConfig } from "../config/config.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { redact } from "../events.ts";
import { recordAudit, verifyAudit } from "../store/audit.ts";
import { countUntil, cutAudit, signCheckpoint, type Checkpoint } from "../store/audit-checkpoints.ts";
import { createDatabase, withConnection, type Database } from "../store/db.ts";
import { startEmbeddedPostgres } from "../store/embedded.ts";
import { readAuditHeads, readInstallation } from "../store/installation.ts";
import { expectMigrated } from "../store/migrate.ts";
import { StoreError } from "../store/store-error.ts";
import { readAuditFile, type AuditFile } from "./audit-file.ts";
import { refuse, tellFailure, type CliCommand, type CliIo } from "./command.ts";

/**
 * `twokey audit cut`: removes from the audit log what a file holds, and leaves a signed checkpoint in its place. As the owner of the
 * database: the bot's role cannot. Invariant: INV-10.
 */
export const runAuditCut: CliCommand = async (io, given) => {
  const [file = ""] = given.args;
  const key = readKey(given.values["key"] ?? "", "private");
  if (!key.ok) return tellFailure(io, key.error, 2);
  const held = await readAuditFile(file);
  if (!held.ok) return tellFailure(io, held.error);
  return withOwner(io, async (db) => {
    const checked = await compare(db, held.value, key.value);
    if (!checked.ok) return tellFailure(io, checked.error);
    const { rows, last, sha256 } = held.value;
    const what = `${rows} rows, up to row ${last.seq} of ${new Date(last.at).toISOString()}`;
    if (given.flags.has("dry-run")) {
      io.out(`${what}, would be cut off: the file holds exactly them.\n`);
      return 0;
    }
    const { id } = await readInstallation(db);
    const plain = { lastSeq: last.seq, lastHash: last.hash, rows, prevHash: held.value.prevHash, file: sha256, at: io.now() };
    await cut(db, signCheckpoint(plain, id, key.value));
    io.out(`${what}, were cut off. The log begins at the checkpoint now.\n`);
    io.err(`Keep ${file} (sha256 ${sha256}), and the public key: twokey audit verify --key needs it from now on.\n`);
    return 0;
  });
};

async function cut(db: Database, checkpoint: Checkpoint): Promise<void> {
  await db.tx(async (q) => {
    // A large part takes longer than any other statement.
    await q.exec("set local statement_timeout = 0");
    await cutAudit(q, checkpoint);
    const { at, lastSeq, lastHash, rows, file } = checkpoint;
    await recordAudit(q, { at, actor: "owner", kind: "audit.cut", subject: "audit", data: { lastSeq, lastHash, rows, file } });
  });
}

/** Whether the log is intact and the file holds its old part, all of it. */
async function compare(db: Database, file: AuditFile, key: KeyObject): Promise<Result<void, Failure>> {
  const verdict = await verifyAudit(db, undefined, createPublicKey(key));
  if (!verdict.intact) {
    const why =
      verdict.reason === "checkpoint_forged" ? "its checkpoint was not signed by this key" : `row ${verdict.seq} is not what was written`;
    return fail("refused", "audit.not_intact", `The audit log is not intact, and nothing is cut off: ${why}`);
  }
  const { id } = await readInstallation(db);
  if (file.installation !== id)
    return fail("refused", "audit.other", `The file is of another installation (${file.installation}); this is ${id}`);
  const held = await countUntil(db, file.last.seq);
  const isSame = (await readAuditHeads(db, file.last.seq)).there?.hash === file.last.hash && held === file.rows;
  return isSame ? ok(undefined) : fail("refused", "audit.not_same", `Nothing is cut off: ${REFUSALS["checkpoint_rows"] ?? ""}`);
}

/** Reads an Ed25519 key in PEM. Errors: `invalid`, without a word of the file's content. */
export function readKey(path: string, kind: "private" | "public"): Result<KeyObject, Failure> {
  const remedy =
    "Make one with: openssl genpkey -algorithm ed25519 -out audit-key.pem; its public half with: openssl pkey -in audit-key.pem -pubout";
  const wrong = (what: string): Result<never, Failure> => err(failure("invalid", "audit.key", `--key ${path} ${what}`, { remedy }));
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    return wrong(`cannot be read (${String((thrown as { code?: unknown }).code)})`);
  }
  try {
    const key = kind === "private" ? createPrivateKey(text) : createPublicKey(text);
    return key.asymmetricKeyType === "ed25519"
      ? ok(key)
      : wrong(`is a key of another kind (${String(key.asymmetricKeyType)}), not Ed25519`);
  } catch {
    return wrong(`holds no ${kind} key in PEM`);
  }
}

/** Runs `work` as the owner of Twokey's own database. Errors: as for `withOwnDatabase`. */
async function withOwner(io: CliIo, work: (db: Database) => Promise<number>): Promise<number> {
  const own = parseDatabaseConfig(io.env);
  if (!own.ok) return tellFailure(io, own.error, 2);
  const folder = `${own.value.dataDir}/pg`;
  if (own.value.databaseUrl === null && !existsSync(folder))
    return refuse(io, `DATABASE_URL is not set, and there is no database in ${folder}.`);
  try {
    return await withOwnerOf(own.value, folder, work);
  } catch (thrown) {
    io.err(`Nothing was cut off: ${sentenceOf(thrown)}\n`);
    return 1;
  }
}

async function withOwnerOf(own: DatabaseConfig, folder: string, work: (db: Database) => Promise<number>): Promise<number> {
  const embedded = own.databaseUrl === null ? await startEmbeddedPostgres(folder) : null;
  const url = own.databaseMigrationUrl ?? own.databaseUrl ?? embedded?.url() ?? "";
  try {
    await withConnection(url, expectMigrated);
    const db = createDatabase(url, { max: 2, onError: () => undefined });
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  } finally {
    await embedded?.stop();
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  checkpoint_rows: "the file does not hold exactly the old part of the log. Export it again",
  checkpoint_young: "it holds rows of the last 30 days. Export what is older",
  checkpoint_newest: "it holds the newest row",
  checkpoint_kept:
    "the archive's copy of the head is of a row in it, and no later one could be compared. Let the bot run a pass, and try again",
  checkpoint_deletion: "a deletion that has not ended was opened in that time. Export what is older",
};

function sentenceOf(thrown: unknown): string {
  const refusal = thrown instanceof StoreError ? REFUSALS[thrown.constraint ?? ""] : undefined;
  if (refusal !== undefined) return `${refusal}.`;
  const text = redact(thrown instanceof Error ? thrown.message : String(thrown));
  return text.includes("permission denied")
    ? "only the owner of the database may cut: set DATABASE_MIGRATION_URL to the owner's address."
    : text;
}
