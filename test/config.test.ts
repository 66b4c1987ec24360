/**
 * Claims: bad environments are refused all at once with how to correct them, values are never repeated, whether they stand in a variable or
 * in a file; a misspelt protection stops the start; and the docs list every variable.
 */
import { numberSettings } from "../src/core/policy.ts";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { renderEnvExample } from "../scripts/env-example.mjs";
import { parseArchiveConfig, parseConfig, parseDatabaseConfig } from "../src/config/config.ts";
import { secretNames, secretsIn } from "../src/config/secret-files.ts";
import { looksLikeProtection } from "../src/config/unknown-names.ts";
import { listVariables } from "../src/config/variables.ts";

const good = {
  CI_DATABASE_URL: "postgres://reader:hunter2@db/ci",
  SLACK_BOT_TOKEN: "xoxb-1",
  SLACK_APP_TOKEN: "xapp-1",
  SLACK_CHANNEL: "C1",
  SLACK_APPROVERS: "U1, U2,U3",
  CLOUDSTACK_API_URL: "http://127.0.0.1:8080/client/api",
  CLOUDSTACK_API_KEY: "k",
  CLOUDSTACK_SECRET_KEY: "s",
  CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
};

function sentence(env: Record<string, string | undefined>): string {
  const parsed = parseConfig(env);
  return parsed.ok ? "" : parsed.error.message;
}

test("an empty environment is refused with every missing variable at once", () => {
  const said = sentence({});
  for (const name of [
    "CI_DATABASE_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_CHANNEL",
    "SLACK_APPROVER_GROUP",
    "CLOUDSTACK_API_URL",
    "CLOUDSTACK_API_KEY",
    "CLOUDSTACK_SECRET_KEY",
    "CLOUDSTACK_ROOT_DOMAIN",
  ]) {
    expect(said).toContain(`${name} is not set`);
  }
  expect(said).toContain("How to set it");
});

test.each([
  ["CI_DATABASE_URL", "oracle://x:hunter2@y/z"],
  ["CI_DATABASE_URL", "mysql://x:hunter2@y/z?ssl-mode=hunter2"],
  ["CI_DATABASE_URL", "postgres:hunter2"],
  ["DATABASE_URL", "postgres:hunter2"],
  ["DATABASE_URL", "postgresql:/hunter2"],
  ["SLACK_BOT_TOKEN", "hunter2"],
  ["SLACK_APP_TOKEN", "xoxb-hunter2"],
  ["CLOUDSTACK_API_URL", "hunter2"],
  ["CLOUDSTACK_ROOT_DOMAIN", "hunter2/ci"],
  ["CLOUDSTACK_ROLES", "hunter2"],
  ["TWOKEY_QUORUM", "1"],
  ["TWOKEY_COOL_OFF_SECONDS", "-5"],
  ["TWOKEY_SHRINK_MIN_SHARE", "2"],
  ["CLOUDSTACK_DELETE_API_KEY", "hunter2"],
  ["ARCHIVE_S3_ENDPOINT", "hunter2"],
  ["ARCHIVE_S3_BUCKET", "hunter2/hunter2"],
  ["BACKUP_POLICIES", "aurora=hunter2"],
  ["BACKUP_SCHEDULE_DAYS", "0"],
  ["BACKUP_KEEP_VERSIONS", "1.5"],
  ["BACKUP_PRICE_PER_GIB_MONTH", "-1"],
  ["BACKUP_TRANSFER_PRICE_PER_GIB", "hunter2"],
  ["BACKUP_CURRENCY", "euros"],
])("a wrong %s is named and its value is not repeated", (name, value) => {
  const said = sentence({ ...good, [name]: value });
  expect(said).toContain(name === "CLOUDSTACK_DELETE_API_KEY" ? "CLOUDSTACK_DELETE_SECRET_KEY" : name);
  expect(said).not.toContain("hunter2");
});

test("a good environment parses; without a key pair, and in report mode, what it is for is only reported", () => {
  const parsed = parseConfig(good);
  if (!parsed.ok) throw new Error(parsed.error.message);
  expect(parsed.value.slack.approverIds).toEqual(["U1", "U2", "U3"]);
  expect(parsed.value.slack.connection.mode).toBe("socket");
  expect(parsed.value.cloudstack).toMatchObject({ write: null, export: null, delete: null });
  expect(parsed.value.cloudstack.reportOnly).toEqual({
    write: "CLOUDSTACK_WRITE_API_KEY is left out",
    export: "CLOUDSTACK_EXPORT_API_KEY is left out",
    delete: "CLOUDSTACK_DELETE_API_KEY is left out",
  });
  const keys = { CLOUDSTACK_WRITE_API_KEY: "wk", CLOUDSTACK_WRITE_SECRET_KEY: "ws" };
  const writing = parseConfig({ ...good, ...keys });
  expect(writing).toMatchObject({ ok: true, value: { cloudstack: { write: { apiKey: "wk", secretKey: "ws" }, delete: null } } });
  const reporting = parseConfig({ ...good, ...keys, TWOKEY_MODE: "report" });
  expect(reporting).toMatchObject({ ok: true, value: { cloudstack: { write: null, reportOnly: { write: "TWOKEY_MODE is report" } } } });
  expect(sentence({ ...good, TWOKEY_MODE: "hunter2" })).toMatch(/TWOKEY_MODE must be act or report/);
  expect(parsed.value.policy.graceMs).toBe(14 * 24 * 3600 * 1000);
});

test("a bucket is needed for its other variables, keys come in pairs, and no value is repeated", () => {
  expect(sentence({ ...good, ARCHIVE_S3_REGION: "hunter2" })).toMatch(/ARCHIVE_S3_BUCKET is not set although ARCHIVE_S3_REGION is/);
  const lone = sentence({ ...good, ARCHIVE_S3_BUCKET: "b-1", ARCHIVE_S3_SECRET_ACCESS_KEY: "hunter2" });
  expect(lone).toMatch(/ARCHIVE_S3_ACCESS_KEY_ID is not set although the other half of the pair is/);
  expect(lone).not.toContain("hunter2");
});

test("the archive is a folder, or a bucket when one is named", () => {
  const place = (env: Record<string, string>) => {
    const parsed = parseConfig({ ...good, ...env });
    return parsed.ok ? parsed.value.archive.place : parsed.error.message;
  };
  expect(place({})).toEqual({ kind: "folder", dir: ".data/archive", minFreeBytes: 2 * 1024 ** 3 });
  expect(place({ ARCHIVE_S3_BUCKET: "b-1", ARCHIVE_S3_SIGNED_LINKS: "true" })).toMatchObject({ signsLinks: true });
  const keys = { ARCHIVE_S3_ACCESS_KEY_ID: "k", ARCHIVE_S3_SECRET_ACCESS_KEY: "s" };
  expect(place({ ARCHIVE_S3_BUCKET: "b-1", ARCHIVE_S3_PREFIX: "/ci/", ARCHIVE_S3_ENDPOINT: "http://s3:9000", ...keys })).toEqual({
    kind: "s3",
    signsLinks: false,
    bucket: "b-1",
    endpoint: "http://s3:9000",
    region: "us-east-1",
    credentials: { accessKeyId: "k", secretAccessKey: "s" },
    prefix: "ci/",
  });
  expect(place({ ARCHIVE_S3_BUCKET: "b-1" })).toMatchObject({ endpoint: null, credentials: null, prefix: "" });
});

test.each([
  ["HTTPS_PROXY", "hunter2.example.org:3128"],
  ["http_proxy", "socks5://hunter2@proxy"],
  ["NO_PROXY", "localhost,10.0.0.0/8"],
])("a %s that would not do what it says is refused", (name, value) => {
  const said = sentence({ ...good, [name]: value });
  expect(said).toMatch(new RegExp(`^ {2}${name} (?:must be the URL of an HTTP proxy|holds a range of addresses)`, "m"));
  expect(said).not.toContain("hunter2");
  expect(sentence({ ...good, HTTPS_PROXY: "http://u:p@proxy:3128", NO_PROXY: "db,.example.org" })).toBe("");
});

test("an empty variable counts as not set", () => {
  expect(sentence({ ...good, SLACK_BOT_TOKEN: "  " })).toContain("SLACK_BOT_TOKEN is not set");
});

test("the documentation lists every variable that the code reads", () => {
  const docs = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
  const names = listVariables().map((v) => v.name);
  names.push(...numberSettings.map((s) => s.variable));
  expect(names.length).toBeGreaterThan(40);
  const documented = docs.replace(
    /`CLOUDSTACK_\{WRITE,EXPORT,DELETE\}_\{API_KEY,SECRET_KEY\}`/,
    ["WRITE", "EXPORT", "DELETE"].flatMap((k) => [`CLOUDSTACK_${k}_API_KEY`, `CLOUDSTACK_${k}_SECRET_KEY`]).join(" "),
  );
  expect(names.filter((n) => !documented.includes(n))).toEqual([]);
});

test(".env.example is what `npm run env-example` makes of the table, and what it asks to be set is all that must be", () => {
  const file = readFileSync(new URL("../.env.example", import.meta.url), "utf8");
  expect(file).toBe(renderEnvExample(listVariables()));
  const asked = [...file.matchAll(/^([A-Z_]+)=(.*)$/gm)].map((m) => m[1] ?? "");
  const filled: Record<string, string> = { ...good, SLACK_APPROVER_GROUP: "ci-approvers" };
  expect(sentence(Object.fromEntries(asked.map((name) => [name, filled[name]])))).toBe("");
  for (const name of asked)
    expect(sentence(Object.fromEntries(asked.map((n) => [n, n === name ? "" : filled[n]])))).toContain(`${name} is not set`);
});

test("every default in .env.example is one that parses, and changes nothing", () => {
  const defaults = listVariables().flatMap(({ name, fallback }) => (fallback === null ? [] : [[name, fallback]]));
  const env = { ...good, ARCHIVE_S3_BUCKET: "b-1" };
  expect(parseConfig({ ...Object.fromEntries(defaults), ...env })).toEqual(parseConfig(env));
  expect(parseConfig(env).ok).toBe(true);
});

describe("times", () => {
  const read = (name: string, value: string): number | string => {
    const parsed = parseConfig({ ...good, [name]: value });
    if (!parsed.ok) return parsed.error.message;
    return name === "BACKUP_SCHEDULE_DAYS" ? parsed.value.backups.scheduleDays : parsed.value.policy.graceMs / 1000;
  };

  test.each<[string, number]>([
    ["90", 90],
    ["90 s", 90],
    ["30 min", 1800],
    ["1.5 h", 5400],
    ["14d", 14 * 86_400],
    ["2 WEEKS", 14 * 86_400],
  ])("%s", (value, seconds) => {
    expect(read("TWOKEY_GRACE_SECONDS", value)).toBe(seconds);
  });

  test.each<[string, RegExp]>([
    ["1m", /TWOKEY_GRACE_SECONDS ends in m, which could mean minutes or months/],
    ["1 M", /could mean minutes or months/],
    ["1y", /months or years, which differ in length: write days/],
    ["2 months", /write days/],
    ["500ms", /must be a number of seconds, or a time such as 14d/],
    ["-14d", /must be a number of seconds/],
    ["1d 12h", /must be a number of seconds/],
    ["1,5 h", /must be a number of seconds/],
    ["0x10", /must be a number of seconds/],
    ["1e3", /must be a number of seconds/],
    ["soon", /must be a number of seconds/],
    ["0.5 s", /must be whole seconds/],
    ["0 s", /TWOKEY_GRACE_SECONDS .*>=1/],
  ])("%s is refused", (value, words) => {
    expect(read("TWOKEY_GRACE_SECONDS", value)).toMatch(words);
  });

  test("a variable in days takes days, and nothing in between", () => {
    expect([read("BACKUP_SCHEDULE_DAYS", "7"), read("BACKUP_SCHEDULE_DAYS", "2 weeks")]).toEqual([7, 14]);
    expect(read("BACKUP_SCHEDULE_DAYS", "36 h")).toMatch(/BACKUP_SCHEDULE_DAYS must be whole days/);
    expect(read("BACKUP_SCHEDULE_DAYS", "53 weeks")).toMatch(/BACKUP_SCHEDULE_DAYS .*<=365/);
  });
});

describe("secrets in files", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-secrets-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (content: string | Buffer): string => {
    const at = path.join(mkdtempSync(path.join(folder, "s-")), "secret");
    writeFileSync(at, content);
    return at;
  };
  const { SLACK_BOT_TOKEN: _, ...others } = good;

  test("every secret may come from a file, whose last line break does not count", () => {
    const env: Record<string, string> = { CLOUDSTACK_API_URL: good.CLOUDSTACK_API_URL, CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci" };
    Object.assign(env, { SLACK_CHANNEL: "C1", SLACK_APPROVERS: "U1", ARCHIVE_S3_BUCKET: "b-1" });
    const contents = (name: string): string => {
      if (name === "TWOKEY_WEBHOOK_URL") return "https://hooks.example.org/of-webhook";
      if (name.endsWith("_URL")) return `postgres://u:hunter2@db/${name.toLowerCase()}`;
      return `${name === "SLACK_BOT_TOKEN" ? "xoxb-" : name === "SLACK_APP_TOKEN" ? "xapp-" : ""}of ${name}`;
    };
    for (const name of secretNames()) env[`${name}_FILE`] = file(`${contents(name)}\r\n`);
    const parsed = parseConfig(env);
    if (!parsed.ok) throw new Error(parsed.error.message);
    expect(parsed.value.warnings).toEqual([]);
    expect(parsed.value.databaseMigrationUrl).toBe(contents("DATABASE_MIGRATION_URL"));
    expect(parsed.value.cloudstack.delete?.secretKey).toBe("of CLOUDSTACK_DELETE_SECRET_KEY");
    expect(parsed.value.archive.place).toMatchObject({ credentials: { secretAccessKey: "of ARCHIVE_S3_SECRET_ACCESS_KEY" } });
    expect(secretNames().filter((name) => !secretsIn(env).includes(contents(name)))).toEqual([]);
    // Whatever is called a token, a key, a secret or a database's address is one.
    const named = listVariables().filter(({ name }) => /TOKEN|SECRET|_KEY(?:$|_)|PASSWORD|DATABASE_URL|MIGRATION_URL/.test(name));
    expect(named.filter((v) => !v.isSecret)).toEqual([]);
  });

  const link = path.join(folder, "link");
  symlinkSync(path.join(folder, "gone"), link);
  const closed = file("xoxb-hunter2");
  chmodSync(closed, 0);
  mkdirSync(path.join(folder, "dir"));
  const isRoot = process.getuid?.() === 0;
  test.each<[string, string, RegExp]>([
    ["is missing", path.join(folder, "none"), /SLACK_BOT_TOKEN_FILE names a file that is not there/],
    ["is the secret itself", "xoxb-hunter2", /SLACK_BOT_TOKEN_FILE names a file that is not there/],
    ["lies below a file", path.join(closed, "x"), /names a file that is not there/],
    ["is a link to nothing", link, /names a file that is not there/],
    ["is a folder", path.join(folder, "dir"), /names a folder/],
    ["is no file", "/dev/null", /names something that is not a file/],
    ["is empty", file(" \n"), /names a file that is empty/],
    ["has two lines", file("xoxb-hunter2\nxoxb-hunter2\n"), /names a file of several lines/],
    ["is no text", file(Buffer.from("xoxb-hunter2", "utf16le")), /is not plain text/],
    ["is large", file("hunter2".repeat(10_000)), /more than 64 KiB/],
    ["holds something else", file("hunter2"), /SLACK_BOT_TOKEN must be a bot token/],
    ...(isRoot ? [] : ([["may not be read", closed, /names a file that this user may not read/]] as [string, string, RegExp][])),
  ])("a file that %s", (_what, at, words) => {
    const said = sentence({ ...others, SLACK_BOT_TOKEN_FILE: at });
    expect(said).toMatch(words);
    expect(said).not.toMatch(/hunter2|is not set/);
    expect(said).not.toContain(folder);
    expect(said.trim().split("\n")).toHaveLength(2);
  });

  test("a secret that is given twice is refused, whatever the file holds", () => {
    for (const at of [file("xoxb-2"), path.join(folder, "none")])
      expect(sentence({ ...good, SLACK_BOT_TOKEN_FILE: at })).toMatch(/SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both set/);
  });

  test("one half of a pair whose file is wrong is no missing half; what only reads the database does not need Slack's secrets", () => {
    const half = { CLOUDSTACK_WRITE_API_KEY: "k", CLOUDSTACK_WRITE_SECRET_KEY_FILE: path.join(folder, "none") };
    expect(sentence({ ...good, ...half })).not.toContain("other half");
    const env = { DATABASE_URL_FILE: file("postgres://a@b/c\n"), SLACK_BOT_TOKEN_FILE: "none" };
    expect(parseDatabaseConfig(env)).toMatchObject({ ok: true, value: { databaseUrl: "postgres://a@b/c" } });
    expect(parseDatabaseConfig({ DATABASE_URL_FILE: "none" })).toMatchObject({ ok: false });
    expect(parseArchiveConfig({ ...env, ARCHIVE_S3_BUCKET: "b-1", ARCHIVE_S3_ACCESS_KEY_ID_FILE: "none" })).toMatchObject({ ok: false });
  });
});

describe("names that Twokey does not know", () => {
  const warnings = (env: Record<string, string>): readonly string[] => {
    const parsed = parseConfig({ ...good, ...env });
    return parsed.ok ? parsed.value.warnings : [parsed.error.message];
  };

  test.each([
    ["TWOKEY_LOGLEVEL", /^TWOKEY_LOGLEVEL is not a variable of Twokey, so it has no effect. Did you mean TWOKEY_LOG_LEVEL\?$/],
    ["twokey_log_level", /Did you mean TWOKEY_LOG_LEVEL/],
    ["SLACK_TOKEN_BOT", /Did you mean SLACK_BOT_TOKEN\?/],
    ["SLACK_APP_TOKEN_FILES", /Did you mean SLACK_APP_TOKEN_FILE\?/],
    ["TWOKEY_PUBLIC_URL_FILE", /only secrets are read from files. Set TWOKEY_PUBLIC_URL itself/],
    ["CLOUDSTACK_ENDPOINT", /^CLOUDSTACK_ENDPOINT is not .*Unset it/],
    ["CI_USER_VIEW", /Did you mean CI_USERS_VIEW/],
    ["DATABASE_URI", /Did you mean DATABASE_URL/],
  ])("%s is warned about", (name, words) => {
    expect(warnings({ [name]: "hunter2" })).toEqual([expect.stringMatching(words)]);
  });

  test.each([
    ["TWOKEY_QUORM", /Did you mean TWOKEY_QUORUM/],
    ["TWOKEY_GRACE", /no effect/],
    ["TWOKEY_DELETIONS_PER_MONTH", /no effect/],
    ["TWOKEY_MAX_CHANGES", /no effect/],
    ["CLOUDSTACK_PROTECTED_DOMAIN", /Did you mean CLOUDSTACK_PROTECTED_DOMAINS/],
    ["CLOUDSTACK_DOMAINS_PROTECTED", /Did you mean CLOUDSTACK_PROTECTED_DOMAINS/],
    ["SLACK_APPROVER", /Did you mean SLACK_APPROVERS/],
    ["ARCHIVE_KEEP_VERSION", /Did you mean ARCHIVE_KEEP_VERSIONS/],
    ["CLOUDSTAK_PROTECTED_DOMAINS", /Did you mean CLOUDSTACK_PROTECTED_DOMAINS/],
    ["TWOKY_QUORUM", /Did you mean TWOKEY_QUORUM/],
    ["CI_SENTINEL_PROJEKT", /Did you mean CI_SENTINEL_PROJECT/],
    ["TWOKEY_QUORUM_FILE", /only secrets are read from files/],
  ])("%s looks like a protection and stops the start", (name, words) => {
    const said = sentence({ ...good, [name]: "hunter2" });
    expect(said).toMatch(new RegExp(`^The environment is not right:\n {2}${name} is not a variable of Twokey`));
    expect(said).toMatch(words);
    expect(said).not.toContain("hunter2");
  });

  test("what two people decide about looks like a protection", () => {
    expect(numberSettings.filter((s) => !looksLikeProtection(s.variable) && s.key !== "changesPerPass")).toEqual([]);
    expect(["TWOKEY_ADMIN_URL", "ARCHIVE_MINIO_URL", "SLACK_WEBHOOK_URL"].filter(looksLikeProtection)).toEqual([]);
  });

  test("what CI systems and Kubernetes set is left alone, and so is what is empty", () => {
    const gitlab = `CI CI_API_V4_URL CI_BUILDS_DIR CI_COMMIT_AUTHOR CI_COMMIT_BEFORE_SHA CI_COMMIT_BRANCH CI_COMMIT_REF_PROTECTED CI_COMMIT_SHA
      CI_CONCURRENT_ID CI_CONFIG_PATH CI_DEBUG_TRACE CI_DEFAULT_BRANCH CI_DEPLOY_FREEZE CI_DEPLOY_USER CI_ENVIRONMENT_NAME CI_ENVIRONMENT_URL
      CI_JOB_ID CI_JOB_TIMEOUT CI_JOB_TOKEN CI_JOB_URL CI_MERGE_REQUEST_APPROVED CI_MERGE_REQUEST_ID CI_NODE_INDEX CI_NODE_TOTAL CI_PAGES_URL
      CI_PIPELINE_ID CI_PIPELINE_URL CI_PROJECT_DIR CI_PROJECT_ID CI_PROJECT_NAME CI_PROJECT_NAMESPACE CI_PROJECT_PATH CI_PROJECT_PATH_SLUG
      CI_PROJECT_ROOT_NAMESPACE CI_PROJECT_TITLE CI_PROJECT_URL CI_PROJECT_VISIBILITY CI_REGISTRY CI_REGISTRY_PASSWORD CI_REPOSITORY_URL
      CI_RUNNER_ID CI_RUNNER_VERSION CI_SERVER CI_SERVER_HOST CI_SERVER_URL CI_SERVER_VERSION CI_SHARED_ENVIRONMENT CI_TRIGGER_SHORT_TOKEN
      CI_REPO CI_REPO_URL CI_STEP_NAME CI_SYSTEM_NAME CI_WORKSPACE CI_FORGE_URL CI_PREV_COMMIT_SHA`;
    const kubernetes = ["TWOKEY_SERVICE_HOST", "TWOKEY_SERVICE_PORT_HTTP", "TWOKEY_PORT_3080_TCP_ADDR", "TWOKEY_PORT_3080_TCP"];
    const env = Object.fromEntries([...gitlab.split(/\s+/), ...kubernetes, "DATABASE_HOST", "PATH"].map((name) => [name, "x"]));
    expect(warnings({ ...env, TWOKEY_PORT: "tcp://10.0.0.1:3080", TWOKEY_QUORM: " " })).toEqual([]);
  });
});
