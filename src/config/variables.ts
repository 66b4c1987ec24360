import { z } from "zod";
import type { ArchiveKind } from "../core/archive-kinds.ts";
import { absentKinds } from "../core/inventory.ts";
import { numberSettings, type NumberSetting } from "../core/policy.ts";
import { readProtected } from "../core/protected.ts";
import { addressProblem, isMysql } from "../core/ci-address.ts";
import { duration } from "./durations.ts";

/** Kinds that can be archived; templates always are. */
const archiveKindNames: readonly ArchiveKind[] = ["template", "iso", "volume", "snapshot"];

const text = z.string().trim().min(1);
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

/** Says how to set a variable, for the error that names it and for `.env.example`. */
const hinted = <R extends z.ZodType>(rule: R, hint: string): R => rule.meta({ hint });
/** A variable whose value is never shown, and which `<name>_FILE` may give as well. */
const secret = <R extends z.ZodType>(rule: R, hint?: string): R => rule.meta({ secret: true, ...(hint === undefined ? {} : { hint }) });

/** The rule of a setting that two people may change later; a time is given in seconds. */
function numberRule({ kind, envMin, envMax, initial }: NumberSetting) {
  if (kind === "time") return duration("seconds", initial / 1000, envMin / 1000, envMax / 1000);
  const number = kind === "share" ? z.coerce.number() : z.coerce.number().int();
  return (Number.isFinite(envMax) ? number.max(envMax) : number).min(envMin).default(initial);
}

const postgres = url("postgres:", "postgresql:");
const optionalKey = secret(
  text.optional(),
  "a key pair of an account of its own (docs/cloudstack.md); left out, what it is for is only reported",
);

/** Every variable with its rule, in the order of docs/configuration.md. To add one: a line here, and a field in `toConfig`. */
export const variables = z.object({
  TWOKEY_ENVIRONMENT: text.max(40).default("production"),
  TWOKEY_MODE: hinted(
    z.enum(["act", "report"], "must be act or report").default("act"),
    "report: plans are posted with what would be done, and nothing is carried out, whatever keys are set",
  ),
  TWOKEY_DATA_DIR: text.default(".data"),
  DATABASE_URL: secret(postgres.optional(), "leave it out to use the embedded PostgreSQL, or give postgres://user:password@host/database"),
  DATABASE_MIGRATION_URL: secret(
    postgres.optional(),
    "the owner's postgres://… of the database in DATABASE_URL, whose own role has fewer rights (docs/database-roles.md)",
  ),
  CI_DATABASE_URL: secret(
    url("postgres:", "postgresql:", "mysql:", "mariadb:").superRefine((given, context) => {
      const problem = URL.canParse(given) && isMysql(given) ? addressProblem(given) : null;
      if (problem !== null) context.addIssue({ code: "custom", message: problem });
    }),
    "give a read-only role's postgres://… or mysql://… of the CI database; docs/ci-database.md names the three views",
  ),
  CI_PROJECTS_VIEW: text.default("twokey_projects"),
  CI_USERS_VIEW: text.default("twokey_users"),
  CI_MEMBERSHIPS_VIEW: text.default("twokey_memberships"),
  CI_SENTINEL_PROJECT: text.optional(),
  SLACK_BOT_TOKEN: secret(
    text.regex(/^xoxb-/, "must be a bot token, which starts with xoxb-"),
    "Slack app → OAuth & Permissions → Bot User OAuth Token (docs/slack.md)",
  ),
  SLACK_APP_TOKEN: secret(
    text.regex(/^xapp-/, "must be an app-level token, which starts with xapp-").optional(),
    "Slack app → Basic Information → App-Level Tokens, scope connections:write (docs/slack.md)",
  ),
  SLACK_SIGNING_SECRET: secret(text.optional(), "Slack app → Basic Information → Signing Secret; only needed without SLACK_APP_TOKEN"),
  SLACK_API_URL: url("https:", "http:").default("https://slack.com/api/"),
  SLACK_CHANNEL: hinted(text, "the CI team's channel: its id (C…) or its name; invite the bot into it"),
  SLACK_APPROVER_GROUP: hinted(text.optional(), "a Slack user group (S… or its handle), or list people in SLACK_APPROVERS=U1,U2,U3"),
  SLACK_APPROVERS: list,
  SLACK_TEAM_GROUP: text.optional(),
  SLACK_PORT: count(0, 65_535).default(3000),
  SLACK_MENTION: hinted(
    z.enum(["off", "group", "channel"]).default("group"),
    "who is called for a new card, a freeze, a stop, a held plan, and before approvals expire: group (the approvers'), channel, or off",
  ),
  CLOUDSTACK_API_URL: hinted(url("https:", "http:"), "the management server's API, such as https://cloud.example.org/client/api"),
  CLOUDSTACK_API_KEY: secret(text, "the API key of the reading account (docs/cloudstack.md)"),
  CLOUDSTACK_SECRET_KEY: secret(text, "the secret key that belongs to CLOUDSTACK_API_KEY"),
  CLOUDSTACK_WRITE_API_KEY: optionalKey,
  CLOUDSTACK_WRITE_SECRET_KEY: optionalKey,
  CLOUDSTACK_EXPORT_API_KEY: optionalKey,
  CLOUDSTACK_EXPORT_SECRET_KEY: optionalKey,
  CLOUDSTACK_DELETE_API_KEY: optionalKey,
  CLOUDSTACK_DELETE_SECRET_KEY: optionalKey,
  CLOUDSTACK_ROOT_DOMAIN: hinted(
    text.regex(/^ROOT(?:\/[^/]+)*$/, "must be a path such as ROOT/ci"),
    "the domain that holds the projects' domains, such as ROOT/ci; Twokey changes nothing outside it",
  ),
  CLOUDSTACK_PROTECTED_DOMAINS: list.refine(
    (words) => words.every((word) => readProtected(word) !== null),
    "must hold UUIDs or whole paths such as ROOT/ci/tools, separated by commas; what lies below is protected too, so no *",
  ),
  CLOUDSTACK_SENTINEL_DOMAIN: text.optional(),
  CLOUDSTACK_ABSENT_KINDS: list.pipe(z.array(z.enum(absentKinds, `may name ${absentKinds.join(" and ")} only`))),
  CLOUDSTACK_ROLES: hinted(
    z.string().default("*=CI Member"),
    "a CI role and the CloudStack role its accounts get; one with few rules that ends in deny * (docs/cloudstack.md)",
  ),
  CLOUDSTACK_TIMEOUT_SECONDS: duration("seconds", 60, 1, 3600),
  TWOKEY_SYNC_EVERY_SECONDS: duration("seconds", 300, 1),
  TWOKEY_QUICK_PASS_SECONDS: duration("seconds", 5, 0, 3600),
  ...Object.fromEntries(numberSettings.map((s) => [s.variable, numberRule(s)])),
  TWOKEY_SNAPSHOT_AGE_SECONDS: duration("seconds", 3600, 1),
  TWOKEY_KEEP_DAYS: duration("days", 30, 1, 36_500),
  TWOKEY_ARCHIVE_DIR: text.optional(),
  ARCHIVE_KINDS: z
    .string()
    .default("template,iso")
    .transform(splitAtCommas)
    .refine((kinds) => kinds.every((k) => archiveKindNames.some((n) => n === k)), `must be a list of ${archiveKindNames.join(", ")}`)
    .transform((kinds) => archiveKindNames.filter((k) => k === "template" || kinds.includes(k))),
  ARCHIVE_KEEP_VERSIONS: z.coerce.number().int().min(1).default(3),
  ARCHIVE_KEEP_DAYS: duration("days", 90, 1, 36_500),
  ARCHIVE_MIN_FREE_GIB: z.coerce.number().min(0).max(1_000_000).default(2),
  ARCHIVE_EXPORT_MAX_GIB: hinted(
    z.coerce.number().positive().max(1_000_000).optional(),
    "the largest thing that people may export with /ci-export-…, in GiB; without it, whatever there is room for",
  ),
  ARCHIVE_S3_BUCKET: hinted(
    text.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name").optional(),
    "the bucket that keeps what was saved; without it the archive is a folder, and no other ARCHIVE_S3_… may be set",
  ),
  ARCHIVE_S3_ENDPOINT: url("https:", "http:").optional(),
  ARCHIVE_S3_REGION: text.default("us-east-1"),
  ARCHIVE_S3_ACCESS_KEY_ID: secret(
    text.optional(),
    "the bucket account's key id, with ARCHIVE_S3_SECRET_ACCESS_KEY; or neither, when the machine has a role",
  ),
  ARCHIVE_S3_SECRET_ACCESS_KEY: secret(text.optional(), "the secret that belongs to ARCHIVE_S3_ACCESS_KEY_ID"),
  ARCHIVE_S3_SIGNED_LINKS: hinted(
    z.enum(["true", "false"], "must be true or false").default("false"),
    "true: links of exports pass people on to the bucket itself, by addresses that are signed for a few minutes",
  ),
  ARCHIVE_S3_PREFIX: text.regex(/^[A-Za-z0-9._/-]{1,200}$/, "must be letters, digits, dots, hyphens and slashes").optional(),
  BACKUP_POLICIES: hinted(
    z.string().default("*=none"),
    "everything, snapshots, templates or none for a project's short name, and for * all others (docs/backups.md)",
  ),
  BACKUP_SCHEDULE_DAYS: duration("days", 7, 1, 365),
  BACKUP_KEEP_VERSIONS: count(1, 1000).default(4),
  BACKUP_KEEP_DAYS: duration("days", 90, 1, 3650),
  BACKUP_PRICE_PER_GIB_MONTH: price(0.02),
  BACKUP_TRANSFER_PRICE_PER_GIB: price(0),
  BACKUP_CURRENCY: text.regex(/^[A-Z]{3}$/, "must be a currency's three letters, such as EUR").default("EUR"),
  TWOKEY_HTTP_HOST: text.default("127.0.0.1"),
  TWOKEY_HTTP_PORT: count(0, 65_535).default(3080),
  TWOKEY_PUBLIC_URL: url("https:", "http:").optional(),
  TWOKEY_QUIET_HOURS: hinted(
    text.regex(/^([01]?\d|2[0-3])-([01]?\d|2[0-3])$/, "must be two hours such as 22-7").optional(),
    "hours such as 22-7 in TWOKEY_TIME_ZONE, in which nobody is mentioned a second time",
  ),
  TWOKEY_TIME_ZONE: text.refine(isTimeZone, "must be a time zone such as Europe/Berlin").default("UTC"),
  TWOKEY_REMIND_SECONDS: duration("seconds", 4 * 3600, 0),
  TWOKEY_NUDGE_AFTER_DAYS: duration("days", 0, 0, 36_500),
  TWOKEY_WEBHOOK_URL: secret(url("https:", "http:").optional(), "gets the same calls as JSON, at any hour (docs/observability.md)"),
  TWOKEY_WEBHOOK_SECRET: secret(
    text.min(16, "must have at least 16 characters").optional(),
    "signs what TWOKEY_WEBHOOK_URL gets (docs/observability.md)",
  ),
  TWOKEY_METRICS_HOST: text.default("127.0.0.1"),
  TWOKEY_METRICS_PORT: hinted(
    count(0, 65_535).optional(),
    "a port of its own for /metrics; without it /metrics is served at TWOKEY_HTTP_PORT, if that is this machine only and TWOKEY_PUBLIC_URL is not set",
  ),
  TWOKEY_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
});

const { CLOUDSTACK_API_URL, CLOUDSTACK_ROOT_DOMAIN } = variables.shape;

/** The variables of `twokey roles`. The bot never reads the administrator's keys, so they are not in the table. */
export const setupVariables = variables.pick({ CLOUDSTACK_ROLES: true, CLOUDSTACK_TIMEOUT_SECONDS: true }).extend({
  CLOUDSTACK_API_URL: CLOUDSTACK_API_URL.optional(),
  CLOUDSTACK_ROOT_DOMAIN: CLOUDSTACK_ROOT_DOMAIN.optional(),
  CLOUDSTACK_ADMIN_API_KEY: optionalKey,
  CLOUDSTACK_ADMIN_SECRET_KEY: optionalKey,
});

/** The values of all variables, each read by its rule. */
export type Variables = z.infer<typeof variables>;

/** One variable of the environment. `fallback`: its default; null: it must be set. */
export interface Variable {
  readonly name: string;
  readonly fallback: string | null;
  readonly hint: string | null;
  readonly isSecret: boolean;
}

/** Every variable of the environment, in the order of the table. */
export function listVariables(): readonly Variable[] {
  return Object.entries(variables.shape).map(([name, rule]) => {
    const unset = rule.safeParse(undefined);
    const { hint, secret: isSecret } = rule.meta() ?? {};
    return {
      name,
      fallback: unset.success ? String(unset.data ?? "") : null,
      hint: typeof hint === "string" ? hint : null,
      isSecret: isSecret === true,
    };
  });
}

/** How to set a variable; null: its name says it. */
export function hintOf(name: string): string | null {
  const hint = (variables.shape as Readonly<Record<string, z.ZodType>>)[name]?.meta()?.["hint"];
  return typeof hint === "string" ? hint : null;
}
