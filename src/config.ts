import { z } from "zod";
import type { ArchiveKind } from "./core/archive-kinds.ts";
import { parsePolicies, type BackupTerms, type Policy } from "./core/backup-policy.ts";
import { failure, type Failure } from "./core/failure.ts";
import { numberSettings, type NumberSetting, type TeamPolicy } from "./core/policy.ts";
import { err, ok, type Result } from "./core/result.ts";

/** One pair of CloudStack keys. Each of the four belongs to an account of its own: read, write, export, delete. */
export interface CloudStackKeys {
  readonly apiKey: string;
  readonly secretKey: string;
}

/** Kinds that can be archived; templates always are. */
const archiveKindNames: readonly ArchiveKind[] = ["template", "iso", "volume", "snapshot"];

const DAY_MS = 24 * 3600_000;
const text = z.string().trim().min(1);
const seconds = (fallback: number, min: number) => z.coerce.number().int().min(min).default(fallback);
const list = z
  .string()
  .default("")
  .transform((s) =>
    s
      .split(",")
      .map((v) => v.trim())
      .filter((v) => v !== ""),
  );
const url = (...protocols: string[]) =>
  text.refine(
    (s) => URL.canParse(s) && protocols.includes(new URL(s).protocol),
    `must be a URL starting with ${protocols.map((p) => `${p}//`).join(" or ")}`,
  );

/** The rule of a setting that two people may change later; a time is given in seconds. */
function numberRule({ kind, envMin, initial }: NumberSetting) {
  const unit = kind === "time" ? 1000 : 1;
  const number = kind === "share" ? z.coerce.number().max(1) : z.coerce.number().int();
  return number.min(envMin / unit).default(initial / unit);
}

/** Every variable with its rule; `hints` says how to set it. */
const variables = z.object({
  TWOKEY_ENVIRONMENT: text.max(40).default("production"),
  TWOKEY_DATA_DIR: text.default(".data"),
  DATABASE_URL: url("postgres:", "postgresql:").optional(),
  DATABASE_MIGRATION_URL: url("postgres:", "postgresql:").optional(),
  CI_DATABASE_URL: url("postgres:", "postgresql:"),
  CI_PROJECTS_VIEW: text.default("twokey_projects"),
  CI_USERS_VIEW: text.default("twokey_users"),
  CI_MEMBERSHIPS_VIEW: text.default("twokey_memberships"),
  CI_SENTINEL_PROJECT: text.optional(),
  SLACK_BOT_TOKEN: text.regex(/^xoxb-/, "must be a bot token, which starts with xoxb-"),
  SLACK_APP_TOKEN: text.regex(/^xapp-/, "must be an app-level token, which starts with xapp-").optional(),
  SLACK_SIGNING_SECRET: text.optional(),
  SLACK_API_URL: url("https:", "http:").default("https://slack.com/api/"),
  SLACK_CHANNEL: text,
  SLACK_APPROVER_GROUP: text.optional(),
  SLACK_APPROVERS: list,
  SLACK_TEAM_GROUP: text.optional(),
  SLACK_PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  CLOUDSTACK_API_URL: url("https:", "http:"),
  CLOUDSTACK_API_KEY: text,
  CLOUDSTACK_SECRET_KEY: text,
  CLOUDSTACK_WRITE_API_KEY: text.optional(),
  CLOUDSTACK_WRITE_SECRET_KEY: text.optional(),
  CLOUDSTACK_EXPORT_API_KEY: text.optional(),
  CLOUDSTACK_EXPORT_SECRET_KEY: text.optional(),
  CLOUDSTACK_DELETE_API_KEY: text.optional(),
  CLOUDSTACK_DELETE_SECRET_KEY: text.optional(),
  CLOUDSTACK_ROOT_DOMAIN: text.regex(/^ROOT(?:\/[^/]+)*$/, "must be a path such as ROOT/ci"),
  CLOUDSTACK_PROTECTED_DOMAINS: list,
  CLOUDSTACK_SENTINEL_DOMAIN: text.optional(),
  CLOUDSTACK_ROLES: z.string().default("*=User"),
  CLOUDSTACK_TIMEOUT_SECONDS: seconds(60, 1),
  TWOKEY_SYNC_EVERY_SECONDS: seconds(300, 1),
  ...Object.fromEntries(numberSettings.map((s) => [s.variable, numberRule(s)])),
  TWOKEY_SNAPSHOT_AGE_SECONDS: seconds(3600, 1),
  TWOKEY_ARCHIVE_DIR: text.optional(),
  ARCHIVE_KINDS: z
    .string()
    .default("template,iso")
    .transform((s) => s.split(",").map((v) => v.trim()))
    .refine((kinds) => kinds.every((k) => archiveKindNames.some((n) => n === k)), `must be a list of ${archiveKindNames.join(", ")}`)
    .transform((kinds) => archiveKindNames.filter((k) => k === "template" || kinds.includes(k))),
  ARCHIVE_KEEP_VERSIONS: z.coerce.number().int().min(1).default(3),
  ARCHIVE_KEEP_DAYS: z.coerce.number().int().min(1).max(36_500).default(90),
  ARCHIVE_S3_BUCKET: text.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name").optional(),
  ARCHIVE_S3_ENDPOINT: url("https:", "http:").optional(),
  ARCHIVE_S3_REGION: text.default("us-east-1"),
  ARCHIVE_S3_ACCESS_KEY_ID: text.optional(),
  ARCHIVE_S3_SECRET_ACCESS_KEY: text.optional(),
  ARCHIVE_S3_PREFIX: text.regex(/^[A-Za-z0-9._/-]{1,200}$/, "must be letters, digits, dots, hyphens and slashes").optional(),
  BACKUP_POLICIES: z.string().default("*=none"),
  BACKUP_SCHEDULE_DAYS: z.coerce.number().int().min(1).max(365).default(7),
  BACKUP_KEEP_VERSIONS: z.coerce.number().int().min(1).max(1000).default(4),
  BACKUP_KEEP_DAYS: z.coerce.number().int().min(1).max(3650).default(90),
  BACKUP_PRICE_PER_GIB_MONTH: z.coerce.number().min(0).max(1_000_000).default(0.02),
  BACKUP_TRANSFER_PRICE_PER_GIB: z.coerce.number().min(0).max(1_000_000).default(0),
  BACKUP_CURRENCY: text.regex(/^[A-Z]{3}$/, "must be a currency's three letters, such as EUR").default("EUR"),
  TWOKEY_HTTP_HOST: text.default("127.0.0.1"),
  TWOKEY_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(3080),
  TWOKEY_PUBLIC_URL: url("https:", "http:").optional(),
  TWOKEY_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
});

/** How to set a variable, for the error that names it. */
const hints: Partial<Record<keyof z.infer<typeof variables>, string>> = {
  DATABASE_URL: "leave it out to use the embedded PostgreSQL, or give postgres://user:password@host/database",
  DATABASE_MIGRATION_URL:
    "the owner's postgres://… of the database in DATABASE_URL, whose own role is a lesser one (docs/database-roles.md)",
  CI_DATABASE_URL: "give a read-only role's postgres://… of the CI database; docs/ci-database.md names the three views",
  SLACK_BOT_TOKEN: "Slack app → OAuth & Permissions → Bot User OAuth Token (docs/slack.md)",
  SLACK_APP_TOKEN: "Slack app → Basic Information → App-Level Tokens, scope connections:write (docs/slack.md)",
  SLACK_SIGNING_SECRET: "Slack app → Basic Information → Signing Secret; only needed without SLACK_APP_TOKEN",
  SLACK_CHANNEL: "the CI team's channel: its id (C…) or its name; invite the bot into it",
  SLACK_APPROVER_GROUP: "a Slack user group (S… or its handle), or list people in SLACK_APPROVERS=U1,U2,U3",
  ARCHIVE_S3_BUCKET: "the bucket that keeps what was saved; without it the archive is a folder, and no other ARCHIVE_S3_… belongs here",
  ARCHIVE_S3_ACCESS_KEY_ID: "the bucket account's key id, with ARCHIVE_S3_SECRET_ACCESS_KEY; or neither, for a role of the machine",
  ARCHIVE_S3_SECRET_ACCESS_KEY: "the secret that belongs to ARCHIVE_S3_ACCESS_KEY_ID",
  CLOUDSTACK_API_URL: "the management server's API, such as https://cloud.example.org/client/api",
  CLOUDSTACK_API_KEY: "the API key of the reading account (docs/cloudstack.md)",
  CLOUDSTACK_SECRET_KEY: "the secret key that belongs to CLOUDSTACK_API_KEY",
  BACKUP_POLICIES: "everything, snapshots, templates or none for a project's short name, and for * all others (docs/backups.md)",
  CLOUDSTACK_ROOT_DOMAIN: "the domain below which the projects' domains stand, such as ROOT/ci; Twokey touches nothing outside it",
};

/** Every variable of the environment, in the order of the table. `fallback`: what counts without it; null: it must be set. */
export function listVariables(): readonly { readonly name: string; readonly fallback: string | null; readonly hint: string | null }[] {
  return Object.entries(variables.shape).map(([name, rule]) => {
    const unset = rule.safeParse(undefined);
    return { name, fallback: unset.success ? String(unset.data ?? "") : null, hint: hints[name as keyof typeof hints] ?? null };
  });
}

/** All that the bot is told from outside, checked once at start; no optional question survives. */
export interface Config {
  readonly environment: string;
  readonly dataDir: string;
  readonly archive: {
    /** Kinds that are saved before anybody may approve. */
    readonly kinds: readonly ArchiveKind[];
    /** The newest versions of each thing stay, and whatever is younger; the last one always. Units: milliseconds. */
    readonly keep: { readonly versions: number; readonly ageMs: number };
    readonly place:
      | { readonly kind: "folder"; readonly dir: string }
      | {
          readonly kind: "s3";
          readonly bucket: string;
          readonly endpoint: string | null;
          readonly region: string;
          /** Null: a role of the machine. */
          readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
          readonly prefix: string;
        };
  };
  readonly databaseUrl: string | null;
  /** The owner's address, only for migrations; null: that of `databaseUrl` is the owner's, or the owner has migrated. */
  readonly databaseMigrationUrl: string | null;
  readonly ci: {
    readonly url: string;
    readonly views: { readonly projects: string; readonly users: string; readonly memberships: string };
    readonly sentinelProject: string | null;
  };
  readonly slack: {
    readonly botToken: string;
    readonly connection:
      | { readonly mode: "socket"; readonly appToken: string }
      | { readonly mode: "http"; readonly signingSecret: string; readonly port: number };
    readonly apiUrl: string;
    readonly channel: string;
    readonly approverGroup: string | null;
    readonly approverIds: readonly string[];
    readonly teamGroup: string | null;
  };
  readonly cloudstack: {
    readonly url: string;
    readonly read: CloudStackKeys;
    readonly write: CloudStackKeys;
    readonly export: CloudStackKeys;
    readonly delete: CloudStackKeys;
    /** Kinds that share the reading account's keys; said aloud at start, since one key then may do everything. */
    readonly sharedKeys: readonly ("write" | "export" | "delete")[];
    readonly rootPath: string;
    readonly sentinelDomain: string | null;
    readonly roles: Readonly<Record<string, string>>;
    readonly timeoutMs: number;
  };
  readonly sync: { readonly everySeconds: number; readonly snapshotAgeMsMax: number };
  /** The team's limits as the environment has them: in force from the first start until two people change them. */
  readonly policy: TeamPolicy;
  readonly backups: BackupTerms & {
    /** By short name, `*` for the others; null: none are made. */
    readonly policies: Readonly<Record<string, Policy | null>>;
  };
  readonly http: { readonly host: string; readonly port: number; readonly publicUrl: string | null };
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
}

/** Where Twokey's own database is; null: embedded, in `dataDir`. */
export type DatabaseConfig = Pick<Config, "dataDir" | "databaseUrl" | "databaseMigrationUrl">;

/**
 * Reads the configuration from the environment.
 *
 * Errors: `invalid` with one line for every variable that is missing or wrong, all at once, values never repeated.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Result<Config, Failure> {
  const given = Object.fromEntries(Object.entries(env).filter(([, v]) => v !== undefined && v.trim() !== ""));
  const parsed = variables.safeParse(given);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((i) =>
        problemLine(String(i.path[0]), i.code === "invalid_type" && !(String(i.path[0]) in given) ? "is not set" : i.message),
      );
  const v = given as Record<string, string>;
  if (v["SLACK_APP_TOKEN"] === undefined && v["SLACK_SIGNING_SECRET"] === undefined) {
    problems.push(problemLine("SLACK_APP_TOKEN", "is not set (Socket Mode), and SLACK_SIGNING_SECRET is not set either (HTTP mode)"));
  }
  if (v["SLACK_APPROVER_GROUP"] === undefined && v["SLACK_APPROVERS"] === undefined) {
    problems.push(problemLine("SLACK_APPROVER_GROUP", "is not set, and SLACK_APPROVERS is not set either: nobody could approve"));
  }
  for (const kind of ["WRITE", "EXPORT", "DELETE"])
    problems.push(...twinProblems(v, `CLOUDSTACK_${kind}_API_KEY`, `CLOUDSTACK_${kind}_SECRET_KEY`));
  problems.push(...archiveProblems(v), ...migrationProblems(v));
  const roles = parseRoles(v["CLOUDSTACK_ROLES"] ?? "*=User");
  if (roles === null) problems.push(problemLine("CLOUDSTACK_ROLES", "must be pairs such as admin=Domain Admin,*=User"));
  const policies = parsePolicies(v["BACKUP_POLICIES"] ?? "*=none");
  if (policies === null) problems.push(problemLine("BACKUP_POLICIES", "must be pairs such as aurora=everything,*=templates"));
  if (!parsed.success || problems.length > 0 || roles === null || policies === null) {
    return err(
      failure("invalid", "config.environment", `The environment is not complete:\n${problems.join("\n")}`, {
        remedy: "Set these variables and start again.",
      }),
    );
  }
  return ok(toConfig(parsed.data, roles, policies));
}

/**
 * Reads where Twokey's own database is, and nothing else: for commands that look at what is stored.
 *
 * Errors: `invalid` with one line for every variable that is wrong.
 */
export function parseDatabaseConfig(env: Readonly<Record<string, string | undefined>>): Result<DatabaseConfig, Failure> {
  const given = Object.fromEntries(Object.entries(env).filter(([, v]) => v !== undefined && v.trim() !== ""));
  const parsed = variables.pick({ DATABASE_URL: true, DATABASE_MIGRATION_URL: true, TWOKEY_DATA_DIR: true }).safeParse(given);
  const problems = migrationProblems(given).concat(parsed.error?.issues.map((i) => problemLine(String(i.path[0]), i.message)) ?? []);
  if (parsed.success && problems.length === 0) {
    const { TWOKEY_DATA_DIR: dataDir, DATABASE_URL: databaseUrl = null, DATABASE_MIGRATION_URL: databaseMigrationUrl = null } = parsed.data;
    return ok({ dataDir, databaseUrl, databaseMigrationUrl });
  }
  return err(failure("invalid", "config.database", problems.join("\n"), { remedy: "Set these variables as they are set for the bot." }));
}

function archiveProblems(v: Readonly<Record<string, string>>): readonly string[] {
  const twin = twinProblems(v, "ARCHIVE_S3_ACCESS_KEY_ID", "ARCHIVE_S3_SECRET_ACCESS_KEY");
  const loose = Object.keys(v).find((name) => name.startsWith("ARCHIVE_S3_"));
  return v["ARCHIVE_S3_BUCKET"] === undefined && loose !== undefined
    ? [...twin, problemLine("ARCHIVE_S3_BUCKET", `is not set although ${loose} is`)]
    : twin;
}

function twinProblems(v: Readonly<Record<string, string>>, one: string, other: string): readonly string[] {
  if ((v[one] === undefined) === (v[other] === undefined)) return [];
  return [problemLine(v[one] === undefined ? one : other, "is not set although its twin is")];
}

function migrationProblems(v: Readonly<Record<string, string | undefined>>): readonly string[] {
  const isLoose = v["DATABASE_MIGRATION_URL"] !== undefined && v["DATABASE_URL"] === undefined;
  return isLoose ? [problemLine("DATABASE_URL", "is not set although DATABASE_MIGRATION_URL is")] : [];
}

function problemLine(name: string, problem: string): string {
  const hint = hints[name as keyof typeof hints];
  return `  ${name} ${problem}${hint === undefined ? "" : `. How to set it: ${hint}`}`;
}

function parseRoles(value: string): Record<string, string> | null {
  const pairs = value.split(",").map((p) => /^\s*([^=]+?)\s*=\s*(\S.*?)\s*$/.exec(p));
  if (pairs.some((p) => p === null)) return null;
  return Object.fromEntries(pairs.map((p) => [p?.[1] ?? "", p?.[2] ?? ""]));
}

function archiveOf(v: z.infer<typeof variables>): Config["archive"] {
  return {
    kinds: v.ARCHIVE_KINDS,
    keep: { versions: v.ARCHIVE_KEEP_VERSIONS, ageMs: v.ARCHIVE_KEEP_DAYS * DAY_MS },
    place: archivePlace(v),
  };
}

function archivePlace(v: z.infer<typeof variables>): Config["archive"]["place"] {
  if (v.ARCHIVE_S3_BUCKET === undefined) return { kind: "folder", dir: v.TWOKEY_ARCHIVE_DIR ?? `${v.TWOKEY_DATA_DIR}/archive` };
  const [accessKeyId, secretAccessKey] = [v.ARCHIVE_S3_ACCESS_KEY_ID, v.ARCHIVE_S3_SECRET_ACCESS_KEY];
  return {
    kind: "s3",
    bucket: v.ARCHIVE_S3_BUCKET,
    endpoint: v.ARCHIVE_S3_ENDPOINT ?? null,
    region: v.ARCHIVE_S3_REGION,
    credentials: accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey },
    prefix: v.ARCHIVE_S3_PREFIX === undefined ? "" : `${v.ARCHIVE_S3_PREFIX.replace(/^\/+|\/+$/g, "")}/`,
  };
}

function toConfig(v: z.infer<typeof variables>, roles: Readonly<Record<string, string>>, policies: Config["backups"]["policies"]): Config {
  const read = { apiKey: v.CLOUDSTACK_API_KEY, secretKey: v.CLOUDSTACK_SECRET_KEY };
  const pair = (apiKey: string | undefined, secretKey: string | undefined) =>
    apiKey === undefined || secretKey === undefined ? null : { apiKey, secretKey };
  const write = pair(v.CLOUDSTACK_WRITE_API_KEY, v.CLOUDSTACK_WRITE_SECRET_KEY);
  const exporting = pair(v.CLOUDSTACK_EXPORT_API_KEY, v.CLOUDSTACK_EXPORT_SECRET_KEY);
  const deleting = pair(v.CLOUDSTACK_DELETE_API_KEY, v.CLOUDSTACK_DELETE_SECRET_KEY);
  return {
    environment: v.TWOKEY_ENVIRONMENT,
    dataDir: v.TWOKEY_DATA_DIR,
    archive: archiveOf(v),
    databaseUrl: v.DATABASE_URL ?? null,
    databaseMigrationUrl: v.DATABASE_MIGRATION_URL ?? null,
    ci: {
      url: v.CI_DATABASE_URL,
      views: { projects: v.CI_PROJECTS_VIEW, users: v.CI_USERS_VIEW, memberships: v.CI_MEMBERSHIPS_VIEW },
      sentinelProject: v.CI_SENTINEL_PROJECT ?? null,
    },
    slack: {
      botToken: v.SLACK_BOT_TOKEN,
      connection:
        v.SLACK_APP_TOKEN !== undefined
          ? { mode: "socket", appToken: v.SLACK_APP_TOKEN }
          : { mode: "http", signingSecret: v.SLACK_SIGNING_SECRET ?? "", port: v.SLACK_PORT },
      apiUrl: v.SLACK_API_URL.endsWith("/") ? v.SLACK_API_URL : `${v.SLACK_API_URL}/`,
      channel: v.SLACK_CHANNEL,
      approverGroup: v.SLACK_APPROVER_GROUP ?? null,
      approverIds: v.SLACK_APPROVERS,
      teamGroup: v.SLACK_TEAM_GROUP ?? null,
    },
    cloudstack: {
      url: v.CLOUDSTACK_API_URL,
      read,
      write: write ?? read,
      export: exporting ?? read,
      delete: deleting ?? read,
      sharedKeys: (["write", "export", "delete"] as const).filter((_, i) => [write, exporting, deleting][i] === null),
      rootPath: v.CLOUDSTACK_ROOT_DOMAIN,
      sentinelDomain: v.CLOUDSTACK_SENTINEL_DOMAIN ?? null,
      roles,
      timeoutMs: v.CLOUDSTACK_TIMEOUT_SECONDS * 1000,
    },
    sync: { everySeconds: v.TWOKEY_SYNC_EVERY_SECONDS, snapshotAgeMsMax: v.TWOKEY_SNAPSHOT_AGE_SECONDS * 1000 },
    policy: policyOf(v),
    backups: backupsOf(v, policies),
    http: { host: v.TWOKEY_HTTP_HOST, port: v.TWOKEY_HTTP_PORT, publicUrl: v.TWOKEY_PUBLIC_URL ?? null },
    logLevel: v.TWOKEY_LOG_LEVEL,
  };
}

function policyOf(v: z.infer<typeof variables>): TeamPolicy {
  const given = v as Readonly<Record<string, unknown>>;
  const numbers = numberSettings.map((s) => [s.key, Number(given[s.variable]) * (s.kind === "time" ? 1000 : 1)]);
  const group = v.SLACK_APPROVER_GROUP ?? null;
  const database = new URL(v.CI_DATABASE_URL);
  return {
    ...(Object.fromEntries(numbers) as Pick<TeamPolicy, NumberSetting["key"]>),
    approvers: { group, ids: group === null ? v.SLACK_APPROVERS : [] },
    protectedDomains: v.CLOUDSTACK_PROTECTED_DOMAINS.toSorted(),
    // Another host is another scope: it may be the qualification's.
    scope: {
      root: v.CLOUDSTACK_ROOT_DOMAIN,
      server: v.CLOUDSTACK_API_URL,
      database: `${database.hostname}${database.pathname}`,
      views: { projects: v.CI_PROJECTS_VIEW, users: v.CI_USERS_VIEW, memberships: v.CI_MEMBERSHIPS_VIEW },
    },
  };
}

function backupsOf(v: z.infer<typeof variables>, policies: Config["backups"]["policies"]): Config["backups"] {
  return {
    policies,
    scheduleDays: v.BACKUP_SCHEDULE_DAYS,
    keepVersions: v.BACKUP_KEEP_VERSIONS,
    keepDays: v.BACKUP_KEEP_DAYS,
    pricePerGibMonth: v.BACKUP_PRICE_PER_GIB_MONTH,
    transferPricePerGib: v.BACKUP_TRANSFER_PRICE_PER_GIB,
    currency: v.BACKUP_CURRENCY,
  };
}
