/** Claims: bad environments are refused all at once with how to mend them, values are never repeated, and the docs list every variable. */
import { numberSettings } from "../src/core/policy.ts";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderEnvExample } from "../scripts/env-example.mjs";
import { listVariables, parseConfig } from "../src/config.ts";

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
  ["CI_DATABASE_URL", "mysql://x:hunter2@y/z"],
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

test("a good environment parses, falls back to one key pair, and says which are shared", () => {
  const parsed = parseConfig(good);
  if (!parsed.ok) throw new Error(parsed.error.message);
  expect(parsed.value.slack.approverIds).toEqual(["U1", "U2", "U3"]);
  expect(parsed.value.slack.connection.mode).toBe("socket");
  expect(parsed.value.cloudstack.delete).toEqual({ apiKey: "k", secretKey: "s" });
  expect(parsed.value.cloudstack.sharedKeys).toEqual(["write", "export", "delete"]);
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
  const keys = { ARCHIVE_S3_ACCESS_KEY_ID: "k", ARCHIVE_S3_SECRET_ACCESS_KEY: "s" };
  expect(place({ ARCHIVE_S3_BUCKET: "b-1", ARCHIVE_S3_PREFIX: "/ci/", ARCHIVE_S3_ENDPOINT: "http://s3:9000", ...keys })).toEqual({
    kind: "s3",
    bucket: "b-1",
    endpoint: "http://s3:9000",
    region: "us-east-1",
    credentials: { accessKeyId: "k", secretAccessKey: "s" },
    prefix: "ci/",
  });
  expect(place({ ARCHIVE_S3_BUCKET: "b-1" })).toMatchObject({ endpoint: null, credentials: null, prefix: "" });
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
