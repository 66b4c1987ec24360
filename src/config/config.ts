import { DAY_MS, GIB } from "../core/units.ts";
import { z } from "zod";
import { parsePolicies, type Policy } from "../core/backup-policy.ts";
import { failure, type Failure } from "../core/failure.ts";
import { numberSettings, type NumberSetting, type TeamPolicy } from "../core/policy.ts";
import type { ChangeKind, ReportOnly } from "../core/report-mode.ts";
import { err, ok, type Result } from "../core/result.ts";
import { ADMIN_VARIABLES, readGiven, type Environment } from "./secret-files.ts";
import { findUnknownNames } from "./unknown-names.ts";
import { hintOf, setupVariables, variables, type Variables } from "./variables.ts";

/** One pair of CloudStack keys. There are four, each of an account of its own: read, write, export, delete. */
export interface CloudStackKeys {
  readonly apiKey: string;
  readonly secretKey: string;
}

/** The configuration of the bot, read once at start; what is optional in the environment has its default or is null. */
export interface Config extends ReturnType<typeof toConfig> {
  /** Variables that look like Twokey's and have no effect. */
  readonly warnings: readonly string[];
}

/** What commands need that only look: all but Slack. */
export type LookConfig = Omit<Config, "slack">;

/** Where Twokey's own database is; null: embedded, in `dataDir`. */
export type DatabaseConfig = Pick<Config, "dataDir" | "databaseUrl" | "databaseMigrationUrl">;

/**
 * Reads the configuration from the environment.
 *
 * Errors: `invalid` with one line for every variable that is missing or wrong, all at once, values never repeated.
 */
export function parseConfig(env: Environment): Result<Config, Failure> {
  return parseBy(variables, env, slackProblems);
}

/** As `parseConfig`, for commands that only look: nothing of Slack has to be set. */
export function parseLookConfig(env: Environment): Result<LookConfig, Failure> {
  const unasked = z.string().default("");
  return parseBy(variables.extend({ SLACK_BOT_TOKEN: unasked, SLACK_APP_TOKEN: unasked, SLACK_CHANNEL: unasked }), env, () => []);
}

function slackProblems(v: Environment): readonly string[] {
  const problems: string[] = [];
  if (v["SLACK_APP_TOKEN"] === undefined && v["SLACK_SIGNING_SECRET"] === undefined)
    problems.push(problemLine("SLACK_APP_TOKEN", "is not set (Socket Mode), and SLACK_SIGNING_SECRET is not set either (HTTP mode)"));
  if (v["SLACK_APPROVER_GROUP"] === undefined && v["SLACK_APPROVERS"] === undefined)
    problems.push(problemLine("SLACK_APPROVER_GROUP", "is not set, and SLACK_APPROVERS is not set either: nobody could approve"));
  return problems;
}

function parseBy(
  rules: typeof variables | ReturnType<typeof variables.extend>,
  env: Environment,
  also: (v: Environment) => readonly string[],
): Result<Config, Failure> {
  const { v, data, problems } = readBy(rules as typeof variables, env);
  problems.push(...also(v));
  for (const kind of ["WRITE", "EXPORT", "DELETE"])
    problems.push(...twinProblems(v, `CLOUDSTACK_${kind}_API_KEY`, `CLOUDSTACK_${kind}_SECRET_KEY`));
  problems.push(...archiveProblems(v), ...migrationProblems(v));
  const roles = parseRoles(v["CLOUDSTACK_ROLES"] ?? "*=CI Member");
  if (roles === null) problems.push(problemLine("CLOUDSTACK_ROLES", "must be pairs such as admin=CI Owner,*=CI Member"));
  const policies = parsePolicies(v["BACKUP_POLICIES"] ?? "*=none");
  if (policies === null) problems.push(problemLine("BACKUP_POLICIES", "must be pairs such as aurora=everything,*=templates"));

  problems.push(...proxyProblems(v));
  const unknown = findUnknownNames(env);
  for (const { sentence } of unknown.filter((u) => u.isProtection)) problems.push(`  ${sentence}`);

  if (data !== null && problems.length === 0 && roles !== null && policies !== null)
    return ok({ ...toConfig(data, roles, policies), warnings: unknown.map((u) => u.sentence) });
  const sentence = `The environment is not right:\n${problems.join("\n")}`;
  return err(failure("invalid", "config.environment", sentence, { remedy: "Correct these variables and start again." }));
}

/**
 * Reads where Twokey's own database is, and nothing else: for commands that read only what is stored.
 *
 * Errors: `invalid` with one line for every variable that is wrong.
 */
export function parseDatabaseConfig(env: Environment): Result<DatabaseConfig, Failure> {
  const rules = variables.pick({ DATABASE_URL: true, DATABASE_MIGRATION_URL: true, TWOKEY_DATA_DIR: true });
  const { v, data, problems } = readBy(rules, env);
  problems.push(...migrationProblems(v));
  if (data !== null && problems.length === 0) {
    const { TWOKEY_DATA_DIR: dataDir, DATABASE_URL: databaseUrl = null, DATABASE_MIGRATION_URL: databaseMigrationUrl = null } = data;
    return ok({ dataDir, databaseUrl, databaseMigrationUrl });
  }
  return err(failure("invalid", "config.database", problems.join("\n"), { remedy: "Set these variables as they are set for the bot." }));
}

/** Where the archive is, and nothing else. Errors: as for `parseDatabaseConfig`. */
export function parseArchiveConfig(env: Environment): Result<Pick<Config["archive"], "place">, Failure> {
  const { v, data, problems } = readBy(variables.pick(ARCHIVE_PLACE), env);
  problems.push(...archiveProblems(v));
  if (data !== null && problems.length === 0) return ok({ place: archivePlace(data) });
  return err(failure("invalid", "config.archive", problems.join("\n"), { remedy: "Set these variables as they are set for the bot." }));
}

/** What `twokey roles` needs. */
export interface SetupConfig {
  readonly rootPath: string;
  /** CloudStack's roles that members get. */
  readonly memberRoles: readonly string[];
  /** Where CloudStack is, and the keys of a root administrator; null: without them calls are only printed. */
  readonly admin: (CloudStackKeys & { readonly url: string; readonly timeoutMs: number }) | null;
}

/** Reads what `twokey roles` needs, and nothing else; the bot never has the administrator's keys. Errors: as for `parseDatabaseConfig`. */
export function parseSetupConfig(env: Environment): Result<SetupConfig, Failure> {
  const place = { CLOUDSTACK_API_URL: true, CLOUDSTACK_ROOT_DOMAIN: true } as const;
  const [apiKeyName, secretKeyName] = ADMIN_VARIABLES;
  const { v, data, problems } = readBy(setupVariables, env);
  const roles = parseRoles(v["CLOUDSTACK_ROLES"] ?? "*=CI Member");
  problems.push(...twinProblems(v, apiKeyName, secretKeyName));
  if (roles === null) problems.push(problemLine("CLOUDSTACK_ROLES", "must be pairs such as admin=CI Owner,*=CI Member"));
  const apiKey = data?.[apiKeyName];
  const secretKey = data?.[secretKeyName];
  if (apiKey !== undefined)
    problems.push(...Object.keys(place).flatMap((name) => (v[name] === undefined ? [problemLine(name, "is not set")] : [])));
  if (data === null || roles === null || problems.length > 0)
    return err(failure("invalid", "config.setup", problems.join("\n"), { remedy: "Set these variables." }));
  const url = data.CLOUDSTACK_API_URL;
  const timeoutMs = data.CLOUDSTACK_TIMEOUT_SECONDS * 1000;
  const admin = apiKey === undefined || secretKey === undefined || url === undefined ? null : { apiKey, secretKey, url, timeoutMs };
  return ok({ rootPath: data.CLOUDSTACK_ROOT_DOMAIN ?? "", memberRoles: [...new Set(Object.values(roles))], admin });
}

/** Reads the variables of `rules`, with one line for each that is wrong. */
function readBy<S extends z.ZodObject>(rules: S, env: Environment) {
  const { values, problems: unread } = readGiven(env);
  const parsed = rules.safeParse(values);
  const files = [...unread].flatMap(([name, problem]) => (name in rules.shape ? [`  ${name} ${problem}`] : []));
  const issues = (parsed.error?.issues ?? []).flatMap((i) => {
    const name = String(i.path[0]);
    if (unread.has(name)) return [];
    return [problemLine(name, i.code === "invalid_type" && !(name in values) ? "is not set" : i.message)];
  });
  return { v: values, data: parsed.data ?? null, problems: [...files, ...issues] };
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
  const hint = hintOf(name);
  return `  ${name} ${problem}${hint === null ? "" : `. How to set it: ${hint}`}`;
}

/** Only proxies that are spoken to by HTTP are used; of NO_PROXY, names and endings count, and no ranges of addresses. */
function proxyProblems(v: Environment): readonly string[] {
  const names = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  const wrong = names.filter((name) => v[name] !== undefined && !isHttpUrl(v[name].trim()));
  const ranges = ["NO_PROXY", "no_proxy"].filter((name) => v[name]?.includes("/"));
  return [
    ...wrong.map((name) => problemLine(name, "must be the URL of an HTTP proxy, such as http://user:password@proxy.example.org:3128")),
    ...ranges.map((name) =>
      problemLine(name, "holds a range of addresses, which has no effect: name hosts, or endings such as .example.org"),
    ),
  ];
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function parseRoles(value: string): Record<string, string> | null {
  const pairs = value.split(",").map((p) => /^\s*([^=]+?)\s*=\s*(\S.*?)\s*$/.exec(p));
  if (pairs.some((p) => p === null)) return null;
  return Object.fromEntries(pairs.map((p) => [p?.[1] ?? "", p?.[2] ?? ""]));
}

function toConfig(v: Variables, roles: Readonly<Record<string, string>>, policies: Readonly<Record<string, Policy | null>>) {
  const views = { projects: v.CI_PROJECTS_VIEW, users: v.CI_USERS_VIEW, memberships: v.CI_MEMBERSHIPS_VIEW };

  return {
    environment: v.TWOKEY_ENVIRONMENT,
    dataDir: v.TWOKEY_DATA_DIR,
    archive: {
      /** Kinds that are saved before anybody may approve. */
      kinds: v.ARCHIVE_KINDS,
      /** The newest versions of each thing stay, and whatever is younger; the last one always. Units: milliseconds. */
      keep: { versions: v.ARCHIVE_KEEP_VERSIONS, ageMs: v.ARCHIVE_KEEP_DAYS * DAY_MS },
      /** The largest thing that people may export; null: no limit. Units: bytes. */
      exportMaxBytes: v.ARCHIVE_EXPORT_MAX_GIB === undefined ? null : v.ARCHIVE_EXPORT_MAX_GIB * GIB,
      place: archivePlace(v),
    },
    databaseUrl: v.DATABASE_URL ?? null,
    /** The owner's address, only for migrations; null: `databaseUrl` has the owner's role, or the owner has migrated. */
    databaseMigrationUrl: v.DATABASE_MIGRATION_URL ?? null,
    ci: { url: v.CI_DATABASE_URL, views, sentinelProject: v.CI_SENTINEL_PROJECT ?? null },
    slack: slackOf(v),
    cloudstack: {
      url: v.CLOUDSTACK_API_URL,
      ...keysOf(v),
      rootPath: v.CLOUDSTACK_ROOT_DOMAIN,
      sentinelDomain: v.CLOUDSTACK_SENTINEL_DOMAIN ?? null,
      /** Kinds of things that this server cannot have: their lists are not asked for. */
      absentKinds: v.CLOUDSTACK_ABSENT_KINDS,
      roles,
      timeoutMs: v.CLOUDSTACK_TIMEOUT_SECONDS * 1000,
    },
    sync: {
      everySeconds: v.TWOKEY_SYNC_EVERY_SECONDS,
      /** How often it is asked what changed lately; 0: never. */
      quickSeconds: v.TWOKEY_QUICK_PASS_SECONDS,
      snapshotAgeMsMax: v.TWOKEY_SNAPSHOT_AGE_SECONDS * 1000,
      /** How long plans are kept that changed nothing. Units: milliseconds. */
      keepMs: v.TWOKEY_KEEP_DAYS * DAY_MS,
    },
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

function slackOf(v: Variables) {
  return {
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
      remindMs: v.TWOKEY_REMIND_SECONDS * 1000,
      /** Owners of machines older than this without a template are told once a week; null: nobody is. */
      nudgeAfterMs: v.TWOKEY_NUDGE_AFTER_DAYS === 0 ? null : v.TWOKEY_NUDGE_AFTER_DAYS * DAY_MS,
      webhook: v.TWOKEY_WEBHOOK_URL === undefined ? null : { url: v.TWOKEY_WEBHOOK_URL, secret: v.TWOKEY_WEBHOOK_SECRET ?? null },
    },
    /** Where metrics have a server of their own; null: they have none. */
    metrics: v.TWOKEY_METRICS_PORT === undefined ? null : { host: v.TWOKEY_METRICS_HOST, port: v.TWOKEY_METRICS_PORT },
  };
}

/** The key pairs. Without one, or in report mode, nothing of its kind is carried out: another pair is never used in its place. */
function keysOf(v: Variables) {
  const own = {
    write: keyPair(v.CLOUDSTACK_WRITE_API_KEY, v.CLOUDSTACK_WRITE_SECRET_KEY),
    export: keyPair(v.CLOUDSTACK_EXPORT_API_KEY, v.CLOUDSTACK_EXPORT_SECRET_KEY),
    delete: keyPair(v.CLOUDSTACK_DELETE_API_KEY, v.CLOUDSTACK_DELETE_SECRET_KEY),
  };
  const given = v.TWOKEY_MODE === "report" ? { write: null, export: null, delete: null } : own;
  const whyNot = (kind: ChangeKind): string =>
    v.TWOKEY_MODE === "report" ? "TWOKEY_MODE is report" : `CLOUDSTACK_${kind.toUpperCase()}_API_KEY is left out`;
  const left = (["write", "export", "delete"] as const).filter((kind) => given[kind] === null);
  return {
    read: { apiKey: v.CLOUDSTACK_API_KEY, secretKey: v.CLOUDSTACK_SECRET_KEY },
    ...given,
    reportOnly: Object.fromEntries(left.map((kind) => [kind, whyNot(kind)])) as ReportOnly,
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
  ...({ ARCHIVE_S3_SIGNED_LINKS: true } as const),
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
    /** Whether people get what is stored from the bucket itself. */
    signsLinks: v.ARCHIVE_S3_SIGNED_LINKS === "true",
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
