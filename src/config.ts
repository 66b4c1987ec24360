import { DAY_MS, GIB } from "./core/units.ts";
import { z } from "zod";
import type { ArchiveKind } from "./core/archive-kinds.ts";
import { parsePolicies, type Policy } from "./core/backup-policy.ts";
import { failure, type Failure } from "./core/failure.ts";
import { absentKinds } from "./core/inventory.ts";
import { numberSettings, type NumberSetting, type TeamPolicy } from "./core/policy.ts";
import { readProtected } from "./core/protected.ts";
import { err, ok, type Result } from "./core/result.ts";

/** One pair of CloudStack keys. There are four, each of an account of its own: read, write, export, delete. */
export interface CloudStackKeys {
  readonly apiKey: string;
  readonly secretKey: string;
}

/** Kinds that can be archived; templates always are. */
const archiveKindNames: readonly ArchiveKind[] = ["template", "iso", "volume", "snapshot"];

const text = z.string().trim().min(1);
const seconds = (fallback: number, min: number) => z.coerce.number().int().min(min).default(fallback);
const splitAtCommas = (s: string): readonly string[] => s.split(",").map((v) => v.trim());
const list = z
  .string()
  .default("")
  .transform((s) => splitAtCommas(s).filter((v) => v !== ""));
const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const price = (initial: number) => z.coerce.number().min(0).max(1_000_000).default(initial);
const url = (...protocols: string[]) =>
  text.refine(
    (s) => URL.canParse(s) && protocols.includes(new URL(s).protocol) && /^[a-z]+:\/\//i.test(s),
    `must be a URL starting with ${protocols.map((p) => `${p}//`).join(" or ")}`,
  );

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false; // The question was whether there is one.
  }
}

/** The rule of a setting that two people may change later; a time is given in seconds. */
function numberRule({ kind, envMin, envMax, initial }: NumberSetting) {
  const unit = kind === "time" ? 1000 : 1;
  const number = kind === "share" ? z.coerce.number() : z.coerce.number().int();
  return (Number.isFinite(envMax) ? number.max(envMax / unit) : number).min(envMin / unit).default(initial / unit);
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
  SLACK_PORT: count(0, 65_535).default(3000),
  SLACK_MENTION: z.enum(["off", "group", "channel"]).default("group"),
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
  CLOUDSTACK_PROTECTED_DOMAINS: list.refine(
    (words) => words.every((word) => readProtected(word) !== null),
    "must hold UUIDs or whole paths such as ROOT/ci/tools, separated by commas; what lies below is protected too, so no *",
  ),
  CLOUDSTACK_SENTINEL_DOMAIN: text.optional(),
  CLOUDSTACK_ABSENT_KINDS: list.pipe(z.array(z.enum(absentKinds, `may name ${absentKinds.join(" and ")} only`))),
  CLOUDSTACK_ROLES: z.string().default("*=CI Member"),
  CLOUDSTACK_TIMEOUT_SECONDS: seconds(60, 1),
  TWOKEY_SYNC_EVERY_SECONDS: seconds(300, 1),
  ...Object.fromEntries(numberSettings.map((s) => [s.variable, numberRule(s)])),
  TWOKEY_SNAPSHOT_AGE_SECONDS: seconds(3600, 1),
  TWOKEY_ARCHIVE_DIR: text.optional(),
  ARCHIVE_KINDS: z
    .string()
    .default("template,iso")
    .transform(splitAtCommas)
    .refine((kinds) => kinds.every((k) => archiveKindNames.some((n) => n === k)), `must be a list of ${archiveKindNames.join(", ")}`)
    .transform((kinds) => archiveKindNames.filter((k) => k === "template" || kinds.includes(k))),
  ARCHIVE_KEEP_VERSIONS: z.coerce.number().int().min(1).default(3),
  ARCHIVE_KEEP_DAYS: count(1, 36_500).default(90),
  ARCHIVE_MIN_FREE_GIB: z.coerce.number().min(0).max(1_000_000).default(2),
  ARCHIVE_S3_BUCKET: text.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name").optional(),
  ARCHIVE_S3_ENDPOINT: url("https:", "http:").optional(),
  ARCHIVE_S3_REGION: text.default("us-east-1"),
  ARCHIVE_S3_ACCESS_KEY_ID: text.optional(),
  ARCHIVE_S3_SECRET_ACCESS_KEY: text.optional(),
  ARCHIVE_S3_PREFIX: text.regex(/^[A-Za-z0-9._/-]{1,200}$/, "must be letters, digits, dots, hyphens and slashes").optional(),
  BACKUP_POLICIES: z.string().default("*=none"),
  BACKUP_SCHEDULE_DAYS: count(1, 365).default(7),
  BACKUP_KEEP_VERSIONS: count(1, 1000).default(4),
  BACKUP_KEEP_DAYS: count(1, 3650).default(90),
  BACKUP_PRICE_PER_GIB_MONTH: price(0.02),
  BACKUP_TRANSFER_PRICE_PER_GIB: price(0),
  BACKUP_CURRENCY: text.regex(/^[A-Z]{3}$/, "must be a currency's three letters, such as EUR").default("EUR"),
  TWOKEY_HTTP_HOST: text.default("127.0.0.1"),
  TWOKEY_HTTP_PORT: count(0, 65_535).default(3080),
  TWOKEY_PUBLIC_URL: url("https:", "http:").optional(),
  TWOKEY_QUIET_HOURS: text.regex(/^([01]?\d|2[0-3])-([01]?\d|2[0-3])$/, "must be two hours such as 22-7").optional(),
  TWOKEY_TIME_ZONE: text.refine(isTimeZone, "must be a time zone such as Europe/Berlin").default("UTC"),
  TWOKEY_REMIND_HOURS: count(0, 720).default(4),
  TWOKEY_WEBHOOK_URL: url("https:", "http:").optional(),
  TWOKEY_WEBHOOK_SECRET: text.min(16, "must have at least 16 characters").optional(),
  TWOKEY_METRICS_HOST: text.default("127.0.0.1"),
  TWOKEY_METRICS_PORT: count(0, 65_535).optional(),
  TWOKEY_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
});

/** How to set a variable, for the error that names it. */
const hints: Partial<Record<keyof z.infer<typeof variables>, string>> = {
  DATABASE_URL: "leave it out to use the embedded PostgreSQL, or give postgres://user:password@host/database",
  DATABASE_MIGRATION_URL:
    "the owner's postgres://… of the database in DATABASE_URL, whose own role has fewer rights (docs/database-roles.md)",
  CI_DATABASE_URL: "give a read-only role's postgres://… of the CI database; docs/ci-database.md names the three views",
  SLACK_BOT_TOKEN: "Slack app → OAuth & Permissions → Bot User OAuth Token (docs/slack.md)",
  SLACK_APP_TOKEN: "Slack app → Basic Information → App-Level Tokens, scope connections:write (docs/slack.md)",
  SLACK_SIGNING_SECRET: "Slack app → Basic Information → Signing Secret; only needed without SLACK_APP_TOKEN",
  SLACK_CHANNEL: "the CI team's channel: its id (C…) or its name; invite the bot into it",
  SLACK_APPROVER_GROUP: "a Slack user group (S… or its handle), or list people in SLACK_APPROVERS=U1,U2,U3",
  ARCHIVE_S3_BUCKET: "the bucket that keeps what was saved; without it the archive is a folder, and no other ARCHIVE_S3_… may be set",
  ARCHIVE_S3_ACCESS_KEY_ID: "the bucket account's key id, with ARCHIVE_S3_SECRET_ACCESS_KEY; or neither, when the machine has a role",
  ARCHIVE_S3_SECRET_ACCESS_KEY: "the secret that belongs to ARCHIVE_S3_ACCESS_KEY_ID",
  CLOUDSTACK_API_URL: "the management server's API, such as https://cloud.example.org/client/api",
  CLOUDSTACK_API_KEY: "the API key of the reading account (docs/cloudstack.md)",
  CLOUDSTACK_SECRET_KEY: "the secret key that belongs to CLOUDSTACK_API_KEY",
  CLOUDSTACK_ROLES: "a CI role and the CloudStack role its accounts get; one with few rules that ends in deny * (docs/cloudstack.md)",
  BACKUP_POLICIES: "everything, snapshots, templates or none for a project's short name, and for * all others (docs/backups.md)",
  SLACK_MENTION:
    "who is called for a new card, a freeze, a stop, a held plan, and before approvals expire: group (the approvers'), channel, or off",
  TWOKEY_QUIET_HOURS: "hours such as 22-7 in TWOKEY_TIME_ZONE, in which nobody is mentioned a second time",
  TWOKEY_WEBHOOK_URL: "gets the same calls as JSON, at any hour (docs/observability.md)",
  TWOKEY_WEBHOOK_SECRET: "signs what TWOKEY_WEBHOOK_URL gets",
  TWOKEY_METRICS_PORT:
    "a port of its own for /metrics; without it /metrics is served at TWOKEY_HTTP_PORT, if that is this machine only and TWOKEY_PUBLIC_URL is not set",
  CLOUDSTACK_ROOT_DOMAIN: "the domain that holds the projects' domains, such as ROOT/ci; Twokey changes nothing outside it",
};

/** Every variable of the environment, in the order of the table. `fallback`: its default; null: it must be set. */
export function listVariables(): readonly { readonly name: string; readonly fallback: string | null; readonly hint: string | null }[] {
  return Object.entries(variables.shape).map(([name, rule]) => {
    const unset = rule.safeParse(undefined);
    return { name, fallback: unset.success ? String(unset.data ?? "") : null, hint: hints[name as keyof typeof hints] ?? null };
  });
}

/** The configuration of the bot, read once at start; what is optional in the environment has its default or is null. */
export type Config = ReturnType<typeof toConfig>;

/** Where Twokey's own database is; null: embedded, in `dataDir`. */
export type DatabaseConfig = Pick<Config, "dataDir" | "databaseUrl" | "databaseMigrationUrl">;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration from the environment.
 *
 * Errors: `invalid` with one line for every variable that is missing or wrong, all at once, values never repeated.
 */
export function parseConfig(env: Environment): Result<Config, Failure> {
  const v = givenIn(env);
  const parsed = variables.safeParse(v);
  const problems = issuesOf(parsed.error, v);
  if (v["SLACK_APP_TOKEN"] === undefined && v["SLACK_SIGNING_SECRET"] === undefined)
    problems.push(problemLine("SLACK_APP_TOKEN", "is not set (Socket Mode), and SLACK_SIGNING_SECRET is not set either (HTTP mode)"));
  if (v["SLACK_APPROVER_GROUP"] === undefined && v["SLACK_APPROVERS"] === undefined)
    problems.push(problemLine("SLACK_APPROVER_GROUP", "is not set, and SLACK_APPROVERS is not set either: nobody could approve"));
  for (const kind of ["WRITE", "EXPORT", "DELETE"])
    problems.push(...twinProblems(v, `CLOUDSTACK_${kind}_API_KEY`, `CLOUDSTACK_${kind}_SECRET_KEY`));
  problems.push(...archiveProblems(v), ...migrationProblems(v));
  const roles = parseRoles(v["CLOUDSTACK_ROLES"] ?? "*=CI Member");
  if (roles === null) problems.push(problemLine("CLOUDSTACK_ROLES", "must be pairs such as admin=CI Owner,*=CI Member"));
  const policies = parsePolicies(v["BACKUP_POLICIES"] ?? "*=none");
  if (policies === null) problems.push(problemLine("BACKUP_POLICIES", "must be pairs such as aurora=everything,*=templates"));

  if (parsed.success && problems.length === 0 && roles !== null && policies !== null) return ok(toConfig(parsed.data, roles, policies));
  const sentence = `The environment is not complete:\n${problems.join("\n")}`;
  return err(failure("invalid", "config.environment", sentence, { remedy: "Set these variables and start again." }));
}

/**
 * Reads where Twokey's own database is, and nothing else: for commands that read only what is stored.
 *
 * Errors: `invalid` with one line for every variable that is wrong.
 */
export function parseDatabaseConfig(env: Environment): Result<DatabaseConfig, Failure> {
  const v = givenIn(env);
  const parsed = variables.pick({ DATABASE_URL: true, DATABASE_MIGRATION_URL: true, TWOKEY_DATA_DIR: true }).safeParse(v);
  const problems = [...migrationProblems(v), ...issuesOf(parsed.error, v)];
  if (parsed.success && problems.length === 0) {
    const { TWOKEY_DATA_DIR: dataDir, DATABASE_URL: databaseUrl = null, DATABASE_MIGRATION_URL: databaseMigrationUrl = null } = parsed.data;
    return ok({ dataDir, databaseUrl, databaseMigrationUrl });
  }
  return err(failure("invalid", "config.database", problems.join("\n"), { remedy: "Set these variables as they are set for the bot." }));
}

/** Where the archive is, and nothing else. Errors: as for `parseDatabaseConfig`. */
export function parseArchiveConfig(env: Environment): Result<Pick<Config["archive"], "place">, Failure> {
  const v = givenIn(env);
  const parsed = variables.pick(ARCHIVE_PLACE).safeParse(v);
  const problems = [...archiveProblems(v), ...issuesOf(parsed.error, v)];
  if (parsed.success && problems.length === 0) return ok({ place: archivePlace(parsed.data) });
  return err(failure("invalid", "config.archive", problems.join("\n"), { remedy: "Set these variables as they are set for the bot." }));
}

/** The variables that are set; an empty one counts as not set. */
function givenIn(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ""));
}

function issuesOf(error: z.ZodError | undefined, given: Environment): string[] {
  return (error?.issues ?? []).map((i) => {
    const name = String(i.path[0]);
    return problemLine(name, i.code === "invalid_type" && !(name in given) ? "is not set" : i.message);
  });
}

function archiveProblems(v: Environment): readonly string[] {
  const twin = twinProblems(v, "ARCHIVE_S3_ACCESS_KEY_ID", "ARCHIVE_S3_SECRET_ACCESS_KEY");
  const loose = Object.keys(v).find((name) => name.startsWith("ARCHIVE_S3_"));
  return v["ARCHIVE_S3_BUCKET"] === undefined && loose !== undefined
    ? [...twin, problemLine("ARCHIVE_S3_BUCKET", `is not set although ${loose} is`)]
    : twin;
}

function twinProblems(v: Environment, one: string, other: string): readonly string[] {
  if ((v[one] === undefined) === (v[other] === undefined)) return [];
  return [problemLine(v[one] === undefined ? one : other, "is not set although the other half of the pair is")];
}

function migrationProblems(v: Environment): readonly string[] {
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

type Variables = z.infer<typeof variables>;

function toConfig(v: Variables, roles: Readonly<Record<string, string>>, policies: Readonly<Record<string, Policy | null>>) {
  const read = { apiKey: v.CLOUDSTACK_API_KEY, secretKey: v.CLOUDSTACK_SECRET_KEY };
  const own = {
    write: keyPair(v.CLOUDSTACK_WRITE_API_KEY, v.CLOUDSTACK_WRITE_SECRET_KEY),
    export: keyPair(v.CLOUDSTACK_EXPORT_API_KEY, v.CLOUDSTACK_EXPORT_SECRET_KEY),
    delete: keyPair(v.CLOUDSTACK_DELETE_API_KEY, v.CLOUDSTACK_DELETE_SECRET_KEY),
  };
  const views = { projects: v.CI_PROJECTS_VIEW, users: v.CI_USERS_VIEW, memberships: v.CI_MEMBERSHIPS_VIEW };

  return {
    environment: v.TWOKEY_ENVIRONMENT,
    dataDir: v.TWOKEY_DATA_DIR,
    archive: {
      /** Kinds that are saved before anybody may approve. */
      kinds: v.ARCHIVE_KINDS,
      /** The newest versions of each thing stay, and whatever is younger; the last one always. Units: milliseconds. */
      keep: { versions: v.ARCHIVE_KEEP_VERSIONS, ageMs: v.ARCHIVE_KEEP_DAYS * DAY_MS },
      place: archivePlace(v),
    },
    databaseUrl: v.DATABASE_URL ?? null,
    /** The owner's address, only for migrations; null: `databaseUrl` has the owner's role, or the owner has migrated. */
    databaseMigrationUrl: v.DATABASE_MIGRATION_URL ?? null,
    ci: { url: v.CI_DATABASE_URL, views, sentinelProject: v.CI_SENTINEL_PROJECT ?? null },
    slack: {
      botToken: v.SLACK_BOT_TOKEN,
      connection:
        v.SLACK_APP_TOKEN !== undefined
          ? { mode: "socket" as const, appToken: v.SLACK_APP_TOKEN }
          : { mode: "http" as const, signingSecret: v.SLACK_SIGNING_SECRET ?? "", host: v.TWOKEY_HTTP_HOST, port: v.SLACK_PORT },
      apiUrl: v.SLACK_API_URL.endsWith("/") ? v.SLACK_API_URL : `${v.SLACK_API_URL}/`,
      channel: v.SLACK_CHANNEL,
      approverGroup: v.SLACK_APPROVER_GROUP ?? null,
      approverIds: v.SLACK_APPROVERS,
      teamGroup: v.SLACK_TEAM_GROUP ?? null,
    },
    cloudstack: {
      url: v.CLOUDSTACK_API_URL,
      read,
      write: own.write ?? read,
      export: own.export ?? read,
      delete: own.delete ?? read,
      /** Uses without keys of their own, which share the reading account's; logged at start, since one key then may do everything. */
      sharedKeys: (["write", "export", "delete"] as const).filter((use) => own[use] === null),
      rootPath: v.CLOUDSTACK_ROOT_DOMAIN,
      sentinelDomain: v.CLOUDSTACK_SENTINEL_DOMAIN ?? null,
      /** Kinds of things that this server cannot have: their lists are not asked for. */
      absentKinds: v.CLOUDSTACK_ABSENT_KINDS,
      roles,
      timeoutMs: v.CLOUDSTACK_TIMEOUT_SECONDS * 1000,
    },
    sync: { everySeconds: v.TWOKEY_SYNC_EVERY_SECONDS, snapshotAgeMsMax: v.TWOKEY_SNAPSHOT_AGE_SECONDS * 1000 },
    /** The team's limits as the environment has them: in force from the first start until two people change them. */
    policy: policyOf(v, roles),
    backups: {
      /** By short name, `*` for the others; null: none are made. */
      policies,
      scheduleDays: v.BACKUP_SCHEDULE_DAYS,
      keepVersions: v.BACKUP_KEEP_VERSIONS,
      keepDays: v.BACKUP_KEEP_DAYS,
      pricePerGibMonth: v.BACKUP_PRICE_PER_GIB_MONTH,
      transferPricePerGib: v.BACKUP_TRANSFER_PRICE_PER_GIB,
      currency: v.BACKUP_CURRENCY,
    },
    http: { host: v.TWOKEY_HTTP_HOST, port: v.TWOKEY_HTTP_PORT, publicUrl: v.TWOKEY_PUBLIC_URL?.replace(/\/+$/, "") ?? null },
    ...seenFromOutside(v),
    logLevel: v.TWOKEY_LOG_LEVEL,
  };
}

function seenFromOutside(v: Variables) {
  const [from = 0, to = 0] = (v.TWOKEY_QUIET_HOURS ?? "0-0").split("-").map(Number);
  return {
    /** How people are called, besides the messages that need an answer. Units: hours of the day, milliseconds. */
    notices: {
      mention: v.SLACK_MENTION,
      /** Null: every hour is day. */
      quiet: from === to ? null : { from, to, zone: v.TWOKEY_TIME_ZONE },
      remindMs: v.TWOKEY_REMIND_HOURS * 3600_000,
      webhook: v.TWOKEY_WEBHOOK_URL === undefined ? null : { url: v.TWOKEY_WEBHOOK_URL, secret: v.TWOKEY_WEBHOOK_SECRET ?? null },
    },
    /** Where metrics have a server of their own; null: they have none. */
    metrics: v.TWOKEY_METRICS_PORT === undefined ? null : { host: v.TWOKEY_METRICS_HOST, port: v.TWOKEY_METRICS_PORT },
  };
}

function keyPair(apiKey: string | undefined, secretKey: string | undefined): CloudStackKeys | null {
  return apiKey === undefined || secretKey === undefined ? null : { apiKey, secretKey };
}

/** The variables of `archivePlace`. */
const ARCHIVE_PLACE = {
  ...({ TWOKEY_DATA_DIR: true, TWOKEY_ARCHIVE_DIR: true, ARCHIVE_MIN_FREE_GIB: true, ARCHIVE_S3_BUCKET: true } as const),
  ...({ ARCHIVE_S3_ENDPOINT: true, ARCHIVE_S3_REGION: true, ARCHIVE_S3_PREFIX: true } as const),
  ...({ ARCHIVE_S3_ACCESS_KEY_ID: true, ARCHIVE_S3_SECRET_ACCESS_KEY: true } as const),
};

function archivePlace(v: Pick<Variables, keyof typeof ARCHIVE_PLACE>) {
  if (v.ARCHIVE_S3_BUCKET === undefined)
    return {
      kind: "folder" as const,
      dir: v.TWOKEY_ARCHIVE_DIR ?? `${v.TWOKEY_DATA_DIR}/archive`,
      minFreeBytes: v.ARCHIVE_MIN_FREE_GIB * GIB,
    };
  const [accessKeyId, secretAccessKey] = [v.ARCHIVE_S3_ACCESS_KEY_ID, v.ARCHIVE_S3_SECRET_ACCESS_KEY];
  return {
    kind: "s3" as const,
    bucket: v.ARCHIVE_S3_BUCKET,
    endpoint: v.ARCHIVE_S3_ENDPOINT ?? null,
    region: v.ARCHIVE_S3_REGION,
    /** Null: the machine has a role. */
    credentials: accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey },
    prefix: v.ARCHIVE_S3_PREFIX === undefined ? "" : `${v.ARCHIVE_S3_PREFIX.replace(/^\/+|\/+$/g, "")}/`,
  };
}

function policyOf(v: Variables, roles: Readonly<Record<string, string>>): TeamPolicy {
  const given = v as Readonly<Record<string, unknown>>;
  const numbers = numberSettings.map((s) => [s.key, Number(given[s.variable]) * (s.kind === "time" ? 1000 : 1)]);
  const group = v.SLACK_APPROVER_GROUP ?? null;
  const database = new URL(v.CI_DATABASE_URL);
  return {
    ...(Object.fromEntries(numbers) as Pick<TeamPolicy, NumberSetting["key"]>),
    approvers: { group, ids: v.SLACK_APPROVERS },
    protectedDomains: v.CLOUDSTACK_PROTECTED_DOMAINS.toSorted(),
    // Another host is another scope: it may be the qualification's.
    scope: {
      root: v.CLOUDSTACK_ROOT_DOMAIN,
      server: v.CLOUDSTACK_API_URL,
      database: `${database.hostname}${database.pathname}`,
      views: { projects: v.CI_PROJECTS_VIEW, users: v.CI_USERS_VIEW, memberships: v.CI_MEMBERSHIPS_VIEW },
      roles,
    },
  };
}
