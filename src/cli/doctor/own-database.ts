import { SKEW_MS_MAX } from "../../approvals/clocks.ts";
import type { DatabaseConfig } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import { counted } from "../../core/plural.ts";
import { findEmbeddedPostgres } from "../../store/embedded.ts";
import { inspectStore } from "../../store/prepare.ts";
import { inspectDatabase, inspectPlace, inspectProtectedDomains, type DatabaseInspection } from "../../store/inspect.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "../../core/shown-text.ts";

const { ok, warning, failed, refused } = checksOf("database");

/** Checks Twokey's own database: reachable, migrated to this version, able to hold advisory locks. An embedded one is never started. */
export async function examineOwnDatabase(config: DatabaseConfig, now: Clock): Promise<readonly Check[]> {
  if (config.databaseUrl !== null)
    return [
      ...(await examine(config.databaseUrl, now, config.databaseMigrationUrl !== null)),
      ...(await examineOwner(config.databaseUrl, config.databaseMigrationUrl)),
    ];
  const folder = `${config.dataDir}/pg`;
  const found = await findEmbeddedPostgres(folder);
  if (found.state === "none") return [ok(`DATABASE_URL is not set: the first start makes an embedded PostgreSQL in ${folder}`)];
  if (found.state === "refused") return [failed(found.reason, "The bot does not start on it.")];
  if (found.state === "stopped")
    return [warning(`the embedded PostgreSQL in ${folder} is not running, so it was not checked`, "Run the doctor while the bot runs.")];
  return [ok(`embedded PostgreSQL in ${folder}`), ...(await examine(found.url, now, false))];
}

/** The protected domains of the policy in force; none when the database cannot be read, which its own checks tell. */
export async function readProtectedInForce(config: DatabaseConfig): Promise<readonly string[]> {
  const found = config.databaseUrl === null ? await findEmbeddedPostgres(`${config.dataDir}/pg`) : null;
  const url = config.databaseUrl ?? (found?.state === "running" ? found.url : null);
  const read = url === null ? null : await inspectProtectedDomains(url);
  return read?.ok === true ? read.value : [];
}

async function examine(url: string, now: Clock, hasOwner: boolean): Promise<readonly Check[]> {
  const inspected = await inspectDatabase(url);
  if (!inspected.ok) return [refused(inspected.error, "Check DATABASE_URL.")];
  const { pending, unknown, edited } = inspected.value.migrations;
  const isAsHere = pending.length + unknown.length + edited.length === 0 && inspected.value.readOnly === null;
  return [...judgeDatabase(inspected.value, now(), hasOwner), ...(isAsHere ? await examineRole(url) : [])];
}

/** The owner's address of a set-up with two roles: the same database, and a role that may migrate it. */
async function examineOwner(url: string, migrationUrl: string | null): Promise<readonly Check[]> {
  if (migrationUrl === null) return [];
  const [bot, owner] = await Promise.all([inspectPlace(url, "DATABASE_URL"), inspectPlace(migrationUrl, "DATABASE_MIGRATION_URL")]);
  // Both addresses lead to one server: what keeps the bot out is not told twice.
  if (!owner.ok && !bot.ok && owner.error.message === bot.error.message) return [];
  if (!owner.ok)
    return [refused({ ...owner.error, message: `the owner's address: ${owner.error.message}` }, "Check DATABASE_MIGRATION_URL.")];
  // That the bot's own address cannot be reached is reported already.
  if (bot.ok && bot.value.database !== owner.value.database)
    return [failed("DATABASE_MIGRATION_URL names a different database from DATABASE_URL", "Give both the same host, port and database.")];
  const { role, mayMigrate } = owner.value;
  return mayMigrate
    ? [ok(`DATABASE_MIGRATION_URL: ${role} may migrate it`)]
    : [failed(`the role ${role} of DATABASE_MIGRATION_URL may not migrate it`, "Use the schema owner's address: docs/database-roles.md.")];
}

/** What the role could do to the audit log; only where our tables are of this version. Invariant: INV-10. */
async function examineRole(url: string): Promise<readonly Check[]> {
  const { warning: said } = await inspectStore(url);
  return said === null
    ? [ok("the bot's role can only add to the audit log")]
    : [warning(said, "Set up two roles: docs/database-roles.md.")];
}

/** The findings on what was read of the database, when it was `now` here. `hasOwner`: the bot migrates by the owner's address. */
export function judgeDatabase(found: DatabaseInspection, now: number, hasOwner: boolean): readonly Check[] {
  const reachable = ok(`reachable as ${found.role}, PostgreSQL ${found.version}`);
  // A database that cannot be written keeps no locks and takes no migration: that would only say the same.
  if (found.readOnly !== null) return [reachable, readOnlyCheck(found), clockCheck(found, now)];
  return [reachable, ...examineMigrations(found, hasOwner), lockCheck(found), clockCheck(found, now)];
}

function readOnlyCheck({ readOnly, role }: DatabaseInspection): Check {
  return readOnly === "standby"
    ? failed("it is a standby, in which nothing can be written", "Set DATABASE_URL to the primary, or to an address that leads to it.")
    : failed(
        `it is read-only for the role ${role} (default_transaction_read_only is on)`,
        "Take that setting from the role, the database or the server: alter role … reset default_transaction_read_only.",
      );
}

function clockCheck({ at }: DatabaseInspection, now: number): Check {
  const seconds = Math.round(Math.abs(now - at) / 1000);
  const sentence = `this machine's clock is ${seconds} s ${now > at ? "ahead of" : "behind"} the database server's`;
  if (Math.abs(now - at) <= SKEW_MS_MAX) return ok(sentence);
  return failed(
    `${sentence}: nothing is decided or deleted while they differ by more than ${SKEW_MS_MAX / 1000} s`,
    "Synchronise both by NTP.",
  );
}

function examineMigrations({ migrations, mayMigrate, role }: DatabaseInspection, hasOwner: boolean): readonly Check[] {
  const { applied, pending, unknown, edited } = migrations;
  if (unknown.length > 0)
    return [
      failed(
        `a newer version migrated it (unknown here: ${listed(unknown)})`,
        "Run that version, or restore an older backup of the database.",
      ),
    ];
  if (edited.length > 0)
    return [failed(`migrations were edited after they were applied: ${listed(edited)}`, "Put the files of migrations/ back.")];
  if (pending.length === 0) return [ok(`migrated: ${counted(applied.length, "migration")}`)];
  const sentence = `${counted(pending.length, "migration")} ${pending.length === 1 ? "is" : "are"} pending`;
  const them = pending.length === 1 ? "it" : "them";
  if (!mayMigrate && !hasOwner) {
    const oneRole = applied.length === 0 ? ` With one role only: grant create on database … to ${role}.` : "";
    return [
      failed(
        `${sentence}, and the role ${role} may not apply ${them}: the bot would not start`,
        `Run npx twokey migrate, with the owner's address in DATABASE_MIGRATION_URL (docs/database-roles.md).${oneRole}`,
      ),
    ];
  }
  const byItself = `${sentence}; the next start of the bot applies ${them}`;
  return [applied.length === 0 ? ok(byItself) : warning(byItself, "Start the bot of this version, after a backup of the database.")];
}

function lockCheck(found: DatabaseInspection): Check {
  return found.problem === null
    ? ok("a session keeps its advisory locks and its search path, so replicas exclude each other")
    : failed(found.problem, "Set DATABASE_URL to PostgreSQL itself, without the pooler.");
}
