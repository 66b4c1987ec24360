/**
 * Claims: `twokey doctor` finds nothing wrong in a sound installation, changes nothing in it, and for each thing that is wrong says so
 * in one line with its remedy; no secret is printed.
 */
import { createServer } from "node:http";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cast, demoChannel } from "../../../demo/cast.ts";
import { keyRules, rulesOf } from "../../../demo/keys.ts";
import { memberCommands } from "../../../src/cloudstack/api/wanted-roles.ts";
import { startS3Server } from "../../archive/s3-server.ts";
import { untrusted } from "../../cloudstack/untrusted-certificate.ts";
import { emptyDatabase } from "../../support/database.ts";
import type { Check } from "../../../src/cli/doctor/check.ts";
import { examineHttp } from "../../../src/cli/doctor/http.ts";
import { configOf } from "../../support/bot.ts";
import { startSoundWorld, type Examination, type SoundWorld } from "./world.ts";

const migrations = readdirSync("migrations").length;
let world: SoundWorld;
beforeAll(async () => {
  world = await startSoundWorld();
});
afterAll(() => world.close());

/** Runs the doctor, sees that no secret is in its words, and gives the lines that are not ok. */
async function findings(more: Record<string, string> = {}, o: Examination = {}): Promise<{ code: number; lines: string; ok: string }> {
  const { code, out } = await world.examine({ ...o, more });
  for (const [name, value] of Object.entries({ ...world.env, ...more }))
    if (/TOKEN|SECRET|API_KEY/.test(name) && value.length >= 6) expect(out).not.toContain(value);
  const lines = out.split("\n");
  return {
    code,
    lines: lines
      .filter((l) => /^(failed|warning)/.test(l) && !l.includes("TWOKEY_HTTP_PORT is 0") && !l.includes("TWOKEY_PUBLIC_URL is not set"))
      .join("\n"),
    ok: lines.filter((l) => l.startsWith("ok")).join("\n"),
  };
}

/** The same, looking at one system alone. */
const findingsOf =
  (only: Check["system"]) =>
  (more: Record<string, string> = {}, now: () => number = Date.now) =>
    findings(more, { only, now });
const [database, ciDatabase, cloudstack] = [findingsOf("database"), findingsOf("ci database"), findingsOf("cloudstack")];
const [slack, archive, http] = [findingsOf("slack"), findingsOf("archive"), findingsOf("http")];

const pair = (use: string, keys: { apiKey: string; secretKey: string }): Record<string, string> => {
  const prefix = use === "read" ? "CLOUDSTACK" : `CLOUDSTACK_${use.toUpperCase()}`;
  return { [`${prefix}_API_KEY`]: keys.apiKey, [`${prefix}_SECRET_KEY`]: keys.secretKey };
};

test("a sound installation has no findings, and nothing in it was changed", async () => {
  const before = JSON.stringify(world.cloud.tree());
  const { lines, ok } = await findings();
  // How much room this machine's disk has is no property of the installation.
  expect(lines.replace(/^warning {2}archive {6}[\d.]+ GiB free → .*\n?/m, "")).toBe("");
  expect(ok).toContain("read key: valid, account twokey-read in ROOT/ci, role Twokey read (DomainAdmin)");
  expect(ok).toContain("3 approvers in the group ci-approvers: Ada Novak, Ben Okafor, Chen Li");
  expect(JSON.stringify(world.cloud.tree())).toBe(before);
  const sent = new Set(world.cloud.requests().map((r) => r.command));
  expect([...sent].filter((command) => !command.startsWith("list"))).toEqual([]);
  const said = new Set(world.slack.sent().map((call) => call.method));
  expect(
    [...said].filter(
      (m) =>
        !/^(auth\.test|api\.test|bots\.info|apps\.connections\.open|conversations\.(list|info|members)|usergroups\.|users\.info)/.test(m),
    ),
  ).toEqual([]);
});

test("an environment that is not complete is told variable by variable", async () => {
  const { code, lines } = await findings({ SLACK_CHANNEL: "", CLOUDSTACK_API_URL: "not a url" });
  expect(code).toBe(2);
  expect(lines).toMatch(/^failed {3}environment {2}SLACK_CHANNEL is not set/m);
  expect(lines).toMatch(/^failed {3}environment {2}CLOUDSTACK_API_URL must be a URL/m);
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    "no database there",
    { DATABASE_URL: "postgres://twokey:hunter2hunter2@127.0.0.1:1/x" },
    /failed {3}database .*nothing listens at its host and port → .*DATABASE_URL/,
  ],
  [
    "an owner's address that leads nowhere",
    { DATABASE_MIGRATION_URL: "postgres://owner:hunter2hunter2@127.0.0.1:1/x" },
    /failed {3}database .*the owner's address: .*nothing listens.*DATABASE_MIGRATION_URL/,
  ],
  [
    "no CI database there",
    { CI_DATABASE_URL: "postgres://ci:hunter2hunter2@127.0.0.1:1/x" },
    /failed {3}ci database .*nothing listens at its host and port.*CI_DATABASE_URL/,
  ],
  ["a view that is not there", { CI_USERS_VIEW: "people" }, /failed {3}ci database .*no view people in public → Create it/],
  ["a sentinel project that is not seen", { CI_SENTINEL_PROJECT: "p-9" }, /failed {3}ci database .*sentinel project was not seen/],
  ["no sentinel project", { CI_SENTINEL_PROJECT: "" }, /warning {2}ci database .*no sentinel project/],
  [
    "CloudStack that is not there",
    { CLOUDSTACK_API_URL: "http://127.0.0.1:1/client/api" },
    /failed {3}cloudstack .*cannot be reached: nothing listens at port 1 of 127.0.0.1/,
  ],
  ["a key that is not valid", { CLOUDSTACK_WRITE_API_KEY: "nobodys-key" }, /failed {3}cloudstack .*write key: .*401.*key pair/],
  ["no reading key", { CLOUDSTACK_API_KEY: "", CLOUDSTACK_SECRET_KEY: "" }, /CLOUDSTACK_API_KEY is not set/],
  ["a root that is not there", { CLOUDSTACK_ROOT_DOMAIN: "ROOT/cy" }, /failed {3}cloudstack .*read key: .*no domain ROOT\/cy/],
  ["ROOT itself as the root", { CLOUDSTACK_ROOT_DOMAIN: "ROOT" }, /failed {3}cloudstack .*CLOUDSTACK_ROOT_DOMAIN is ROOT/],
  [
    "a sentinel domain that is not there",
    { CLOUDSTACK_SENTINEL_DOMAIN: "6f1c9a1e-0000-4000-8000-00000000000a" },
    /failed {3}cloudstack .*no domain has that UUID/,
  ],
  ["no sentinel domain", { CLOUDSTACK_SENTINEL_DOMAIN: "" }, /warning {2}cloudstack .*no sentinel domain/],
  [
    "a protected domain that is not there",
    { CLOUDSTACK_PROTECTED_DOMAINS: "ROOT/ci/tolls" },
    /failed {3}cloudstack .*ROOT\/ci\/tolls was not found/,
  ],
  ["a token Slack does not know", { SLACK_BOT_TOKEN: "xoxb-somebody-elses" }, /failed {3}slack .*invalid_auth → Check SLACK_BOT_TOKEN/],
  ["an app token Slack does not know", { SLACK_APP_TOKEN: "xapp-somebody-elses" }, /failed {3}slack .*apps.connections.open: invalid_auth/],
  [
    "Slack that is not there",
    { SLACK_API_URL: "http://127.0.0.1:1/api/" },
    /failed {3}slack .*cannot be reached: nothing listens at port 1 of 127.0.0.1/,
  ],
  ["a channel that is not there", { SLACK_CHANNEL: "nowhere" }, /failed {3}slack .*no channel nowhere/],
  ["a channel's id that is not there", { SLACK_CHANNEL: "C0NOWHERE1" }, /failed {3}slack .*channel_not_found/],
  ["an approvers' group that is not there", { SLACK_APPROVER_GROUP: "nobody" }, /failed {3}slack .*no user group nobody/],
  [
    "two approvers",
    { SLACK_APPROVER_GROUP: "", SLACK_APPROVERS: "U0ADA0001,U0BEN0002" },
    /failed {3}slack .*2 valid approvers in SLACK_APPROVERS/,
  ],
  [
    "a bot among the approvers",
    { SLACK_APPROVER_GROUP: "", SLACK_APPROVERS: "U0ADA0001,U0BEN0002,U0CHEN003,U0TWOKEY1" },
    /warning {2}slack .*U0TWOKEY1 of SLACK_APPROVERS does not count: .*is a bot/,
  ],
  ["a public address without TLS", { TWOKEY_PUBLIC_URL: "http://twokey.example.org" }, /warning {2}http .*not https/],
  ["a public address of this machine only", { TWOKEY_PUBLIC_URL: "http://localhost:1" }, /warning {2}http .*open on this machine only/],
  ["a public address where nobody answers", { TWOKEY_PUBLIC_URL: "http://127.0.0.1:1" }, /warning {2}http .*no bot answers/],
])("%s", async (_what, more, words) => {
  // The system that the words begin with; a wrong environment is told before any is looked at.
  const only = /^(?:failed|warning) \{\d\}([a-z ]+?) \./.exec(words.source)?.[1] as Check["system"] | undefined;
  const { lines, code } = await findings(more, { only });
  expect(lines).toMatch(words);
  expect(lines).not.toContain("hunter2");
  expect(code).toBe(lines.includes("failed") ? 2 : 0);
});

test("own database: nothing is migrated; newer and edited migrations, and a pooler that loses locks, are named", async () => {
  const empty = await emptyDatabase();
  const { ok } = await database({ DATABASE_URL: empty.url });
  expect(ok).toMatch(new RegExp(`${migrations} migrations are pending; the next start of the bot applies them`));
  const client = new pg.Client({ connectionString: empty.url });
  await client.connect();
  expect((await client.query("select count(*)::int as n from pg_namespace where nspname = 'twokey'")).rows).toEqual([{ n: 0 }]);
  await client.query(
    "create schema twokey; create table twokey.pgmigrations (name text); insert into twokey.pgmigrations values ('0001_base')",
  );
  expect((await database({ DATABASE_URL: empty.url })).lines).toMatch(
    new RegExp(`warning {2}database .*${migrations - 1} migrations are pending`),
  );
  await client.query(
    "create table twokey.migration_file (name text, sha256 text); insert into twokey.migration_file values ('0001_base', 'x')",
  );
  expect((await database({ DATABASE_URL: empty.url })).lines).toMatch(/failed {3}database .*edited after they were applied: 0001_base/);
  await client.query("insert into twokey.pgmigrations values ('9999_later')");
  expect((await database({ DATABASE_URL: empty.url })).lines).toMatch(
    /failed {3}database .*newer version migrated it \(unknown here: 9999_later\)/,
  );
  await client.end();
  await empty.drop();
  expect((await database({ DATABASE_URL: "" })).ok).toMatch(/the first start makes an embedded PostgreSQL/);
});

test("CI database: a role that may write, a superuser and held rows are named", async () => {
  const client = new pg.Client({ connectionString: world.ci.url });
  await client.connect();
  expect((await ciDatabase({ CI_DATABASE_URL: world.ci.url })).lines).toMatch(/warning {2}ci database .*role postgres is a superuser/);
  await client.query("grant update on project to twokey_reader");
  expect((await ciDatabase()).lines).toMatch(/warning {2}ci database .*role twokey_reader may write public.project/);
  await client.query("revoke update on project from twokey_reader; grant create on schema public to twokey_reader");
  expect((await ciDatabase()).lines).toMatch(/warning {2}ci database .*may create tables or schemas/);
  await client.query("revoke create on schema public from twokey_reader; insert into project values ('p-3', 'a/b', 'Bad')");
  expect((await ciDatabase()).lines).toMatch(
    /^warning {2}ci database {2}held: twokey_projects, id p-3 has the slug "a\/b", which cannot name a domain → use/m,
  );
  await client.query("delete from project where id = 'p-3'; alter view twokey_users rename column slack_id to slack");
  expect((await ciDatabase()).lines).toMatch(/failed {3}ci database .*twokey_users of the CI database misses a column/);
  await client.query("alter view twokey_users rename column slack to slack_id");
  await client.end();
});

test("CloudStack: each list of an inventory is sent once: what is not allowed, what is not there, and what only the configuration denies", async () => {
  const deaf = world.addKeys(
    "ci-deaf",
    keyRules.read.filter((rule) => rule !== "allow listIsos" && rule !== "allow listBackups"),
  );
  const denied = await cloudstack(pair("read", deaf));
  for (const command of ["listIsos", "listBackups"])
    expect(denied.lines).toMatch(
      new RegExp(`failed {3}cloudstack .*read key: may not send ${command} \\(432\\).* → Allow it in the key's role`),
    );
  world.cloud.adjust({ lacks: ["listKubernetesClusters"] });
  const unknown = await cloudstack({});
  expect(unknown.lines).toMatch(
    /failed {3}cloudstack .*does not know listKubernetesClusters \(401\).*set CLOUDSTACK_ABSENT_KINDS=kubernetes_cluster/,
  );
  expect((await cloudstack({ CLOUDSTACK_ABSENT_KINDS: "kubernetes_cluster" })).ok).toMatch(/all 10 lists of an inventory are answered/);
  world.cloud.adjust({ lacks: [] });
  expect((await cloudstack({ CLOUDSTACK_ABSENT_KINDS: "backup" })).lines).toMatch(
    /failed {3}cloudstack .*names backup, but CloudStack answers listBackups/,
  );
  expect((await cloudstack({})).ok).toMatch(/all 11 lists of an inventory are answered/);
});

test("CloudStack: rights are told from listApis, and no command is tried", async () => {
  const loose = world.addKeys("ci-loose", ["allow listDomains", "allow listAccounts", "allow listApis"]);
  const read = await cloudstack(pair("read", loose));
  expect(read.lines).toMatch(/failed {3}cloudstack .*read key: may send deleteDomain/);
  expect(read.lines).toMatch(/failed {3}cloudstack .*read key: may not send .*listVirtualMachines.* → Allow them in the role ci-loose/);
  const eager = world.addKeys("ci-eager", ["allow deleteAccount", "allow destroyVirtualMachine", "allow createTags", ...keyRules.write]);
  const write = await cloudstack(pair("write", eager));
  expect(write.lines).toMatch(
    /failed {3}cloudstack .*write key: may send deleteAccount, destroyVirtualMachine, which is for approved deletions only/,
  );
  expect(write.lines).toMatch(/warning {2}cloudstack .*write key: may also send createTags, which it does not need/);
  const partial = world.addKeys(
    "ci-partial",
    keyRules.write.filter((rule) => rule !== "allow createTemplate"),
  );
  const lacking = /warning {2}cloudstack .*may not send createTemplate, so the button "Make a template"/;
  expect((await cloudstack(pair("write", partial))).lines).not.toMatch(lacking);
  expect((await cloudstack({ ...pair("write", partial), TWOKEY_NUDGE_AFTER_DAYS: "30" })).lines).toMatch(lacking);
  const plain = world.addKeys(
    "ci-exports",
    keyRules.export.filter((rule) => rule !== "allow registerTemplate"),
    "Admin",
  );
  expect((await cloudstack(pair("export", plain))).lines).toMatch(
    /warning {2}cloudstack .*may not send registerTemplate, so "npx twokey reimport" could not/,
  );
  const mute = world.addKeys(
    "ci-mute",
    keyRules.delete.filter((rule) => rule !== "allow listApis"),
    "Admin",
  );
  expect((await cloudstack(pair("delete", mute))).lines).toMatch(
    /warning {2}cloudstack .*delete key: what its role allows is not known.*Allow listApis/,
  );
  const weak = world.addKeys(
    "ci-weak",
    keyRules.delete.filter((rule) => rule !== "allow deleteDomain"),
    "Admin",
  );
  expect((await cloudstack(pair("delete", weak))).lines).toMatch(/failed {3}cloudstack .*delete key: may not send deleteDomain →/);
  const strong = world.addKeys("ci-strong", ["allow expungeVirtualMachine", ...keyRules.delete], "Admin");
  expect((await cloudstack(pair("delete", strong))).lines).toMatch(
    /warning {2}cloudstack .*delete key: may also send expungeVirtualMachine/,
  );
  const dumb = world.addKeys(
    "ci-dumb",
    keyRules.export.filter((rule) => rule !== "allow extractIso"),
    "Admin",
  );
  expect((await cloudstack(pair("export", dumb))).lines).toMatch(/failed {3}cloudstack .*export key: may not send extractIso/);
  expect(world.cloud.requests().filter((r) => /^(delete|destroy|expunge|disable)/.test(r.command))).toEqual([]);
});

test("CloudStack: keys that extract and delete need the type Admin, the others no more than DomainAdmin", async () => {
  for (const use of ["export", "delete"] as const) {
    const below = world.addKeys(`ci-below-${use}`, keyRules[use]);
    expect((await cloudstack(pair(use, below))).lines).toMatch(
      new RegExp(
        `failed {3}cloudstack .*${use} key: its role is of the type DomainAdmin.*an account in ROOT with a role of the type Admin`,
      ),
    );
  }
  const high = world.addKeys("ci-high", keyRules.write, "Admin");
  expect((await cloudstack(pair("write", high))).lines).toMatch(
    /warning {2}cloudstack .*write key: its role is of the type Admin, which reaches/,
  );
  const role = world.cloud.addRole({ name: "ci-low", type: "User", rules: keyRules.read });
  const low = world.cloud.addAccount({ domain: world.ids.root, name: "ci-low", role, keys: true }).keys;
  expect((await cloudstack(pair("read", low ?? high))).lines).toMatch(/read key: its role is of the type User/);
});

test.each<[string, readonly string[], "User" | "Admin", RegExp]>([
  [
    "allows what the writer may not",
    [...rulesOf(["createTags"])],
    "User",
    /failed .*no role "Other": there is none, or it may do something/,
  ],
  ["does not end in deny *", memberCommands.map((c) => `allow ${c}`), "User", /failed .*does not end in "deny \*".*cannot hand it out/],
  ["is of the type Admin", rulesOf(["listApis"]), "Admin", /failed .*Other of CLOUDSTACK_ROLES is of the type Admin/],
])("CloudStack: a role for members that %s is refused", async (_what, rules, type, words) => {
  const name = `Other`;
  const id = world.cloud.addRole({ name, type, rules });
  expect((await cloudstack({ CLOUDSTACK_ROLES: `*=${name}` })).lines).toMatch(words);
  world.cloud.removeRole(id);
});

test("CloudStack: the writing key has what the members' role has, and what that destroys is told", async () => {
  const rules = rulesOf([...memberCommands, "destroyVirtualMachine"]);
  world.cloud.addRole({ name: "Destroyer", type: "User", rules });
  const strong = world.addKeys("ci-strong-writer", ["allow destroyVirtualMachine", ...keyRules.write]);
  const { lines } = await cloudstack({ ...pair("write", strong), CLOUDSTACK_ROLES: "*=Destroyer" });
  expect(lines).toMatch(/warning .*Destroyer of CLOUDSTACK_ROLES allows destroyVirtualMachine, and so the writing key can send that, too/);
  expect(lines).not.toMatch(/failed/);
  // The usual role's commands are too many for it now, and the doctor sees that the writer could not give the new one.
  expect((await cloudstack({ CLOUDSTACK_ROLES: "*=Destroyer" })).lines).toMatch(/failed .*no role "Destroyer"/);
  const unknown = (await cloudstack({ CLOUDSTACK_ROLES: "*=User" })).lines;
  expect(unknown).toMatch(/failed .*no role "User": there is none, or it may do/);
  // What members need is not known then: nothing that the writing key has for them is called too much.
  expect(unknown).not.toContain("which it does not need");
});

test("CloudStack: shared keys, a wrong secret and an account elsewhere are told", async () => {
  const none = { CLOUDSTACK_DELETE_API_KEY: "", CLOUDSTACK_DELETE_SECRET_KEY: "" };
  const left = await cloudstack(none);
  expect(left.lines).toMatch(/warning {2}cloudstack .*deletions are only reported: CLOUDSTACK_DELETE_API_KEY is left out/);
  expect(left.lines).not.toMatch(/delete key|failed/);
  const shared = await cloudstack({ ...pair("read", world.cloud.admin), ...pair("delete", world.cloud.admin) });
  expect(shared.lines).toMatch(/warning {2}cloudstack .*read \+ delete key: one pair for 2 uses/);
  const wrong = await cloudstack({ CLOUDSTACK_EXPORT_SECRET_KEY: "a-wrong-secret" });
  expect(wrong.lines).toMatch(/failed {3}cloudstack .*export key: .*401/);
  const elsewhere = world.cloud.addDomain({ name: `other-${Date.now()}` });
  const role = world.cloud.addRole({ name: "ci-other", type: "DomainAdmin", rules: keyRules.delete });
  const { keys } = world.cloud.addAccount({ domain: elsewhere, name: "other", role, keys: true });
  const other = await cloudstack(pair("delete", keys ?? { apiKey: "", secretKey: "" }));
  expect(other.lines).toMatch(/failed {3}cloudstack .*delete key: there is no domain ROOT\/ci that this key can see/);
});

test.each<[string, number, RegExp]>([
  ["two minutes ahead", 2 * 60_000, /warning {2}cloudstack .*clock is more than 1 minute ahead/],
  ["five minutes ahead", 5 * 60_000, /failed {3}cloudstack .*clock is more than 4 minutes ahead/],
  ["eleven minutes ahead", 11 * 60_000, /failed {3}cloudstack .*clock is more than ten minutes ahead/],
])("CloudStack's clock, %s, is seen without a Date", async (_what, aheadMs, words) => {
  expect((await cloudstack({}, () => Date.now() - aheadMs)).lines).toMatch(words);
});

test("CloudStack's clock is read from the Date of a proxy before it", async () => {
  const proxy = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (d: Buffer) => chunks.push(d));
    request.on("end", () => {
      void fetch(world.cloud.url, {
        method: "POST",
        body: Buffer.concat(chunks),
        headers: { "content-type": "application/x-www-form-urlencoded" },
      }).then(async (answer) =>
        response.writeHead(answer.status, { date: new Date(Date.now() - 120_000).toUTCString() }).end(await answer.text()),
      );
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as { port: number };
  const { lines } = await cloudstack({ CLOUDSTACK_API_URL: `http://127.0.0.1:${port}/client/api` });
  expect(lines).toMatch(/warning {2}cloudstack .*its clock is 1(?:19|20|21) s behind ours/);
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});

test("CloudStack: settings that may not be read are told", async () => {
  const plain = world.addKeys(
    "ci-plain",
    keyRules.read.filter((rule) => rule !== "allow listConfigurations"),
  );
  expect((await cloudstack(pair("read", plain))).lines).toMatch(
    /warning {2}cloudstack .*settings cannot be read with the reading key → Let an administrator check expunge.delay/,
  );
});

test("Slack: archived, shared, not joined, missing scopes, and one person twice", async () => {
  const { control, workspace } = world.slack;
  const channel = workspace.channel(demoChannel);
  if (channel === undefined) throw new Error("no channel");
  const before = [...channel.members];
  channel.members = before.filter((id) => id !== "U0TWOKEY1");
  // A private channel that the bot is not in cannot even be found.
  expect((await slack()).lines).toMatch(/failed {3}slack .*There is no channel ci-team that the bot can see/);
  Object.assign(channel, { isPrivate: false });
  expect((await slack()).lines).toMatch(/failed {3}slack .*the bot is not in the channel ci-team → Write \/invite/);
  channel.members = before;
  expect((await slack({ SLACK_TEAM_GROUP: "" })).lines).toMatch(/failed {3}slack .*channel ci-team is public.*→ Set SLACK_TEAM_GROUP/);
  Object.assign(channel, { isPrivate: true });
  Object.assign(channel, { isExtShared: true });
  expect((await slack()).lines).toMatch(/failed {3}slack .*shared with another organisation/);
  Object.assign(channel, { isExtShared: false });
  const scopes = workspace.seed.app.scopes as string[];
  const all = scopes.splice(0, scopes.length, ...scopes.filter((s) => s !== "users:read.email" && s !== "files:write"), "admin");
  const lacking = await slack();
  expect(lacking.lines).toMatch(
    /failed {3}slack .*token lacks users:read.email \(to recognise two Slack accounts of one person\), files:write/,
  );
  expect(lacking.lines).toMatch(/warning {2}slack .*scopes that it does not need: admin/);
  scopes.splice(0, scopes.length, ...all);
  await control.user({ id: cast.mia.slackId, email: `${cast.chen.username}@example.org` });
  const twice = {
    SLACK_APPROVER_GROUP: "",
    SLACK_APPROVERS: Object.values(cast)
      .map((p) => p.slackId)
      .join(","),
  };
  const client = new pg.Client({ connectionString: world.ci.url });
  await client.connect();
  await client.query("delete from person where id = $1; ".replace("$1", `'${cast.mia.id}'`));
  expect((await slack(twice)).lines).toMatch(/warning {2}slack .*Chen Li, Mia Torres are one person and count once/);
  await client.query(`update person set slack_id = null, email = null where id = '${cast.ben.id}'`);
  expect((await slack()).lines).toMatch(/warning {2}slack .*U0BEN0002 of .* does not count: Ben Okafor \(not in the CI/);
  expect((await slack({ SLACK_APPROVERS: cast.ben.slackId })).lines).toMatch(
    /warning {2}slack .*Ben .* counts only because SLACK_APPROVERS names/,
  );
  await client.end();
});

test("Slack without user groups: the list of people counts where there is one, and is asked for where there is none", async () => {
  const fail = ["usergroups.list", "usergroups.users.list"].map((method) => ({ method, error: "plan_upgrade_required" }));
  world.slack.setFaults({ fail });
  const list = [cast.ada, cast.ben, cast.chen].map((p) => p.slackId).join(",");
  const both = await slack({ SLACK_APPROVERS: list, SLACK_TEAM_GROUP: "" });
  expect(both.lines).toMatch(/warning {2}slack .*plan_upgrade_required, so SLACK_APPROVERS is used/);
  expect(both.ok).toMatch(/3 approvers in SLACK_APPROVERS/);
  expect((await slack()).lines).toMatch(/failed {3}slack .*plan_upgrade_required → .*SLACK_APPROVERS instead/);
  world.slack.setFaults({});
});

test("archive: a bucket answers a list, is not there, or does not let the account in", async () => {
  const bucket = await startS3Server();
  const { options } = bucket;
  const env = {
    ARCHIVE_S3_BUCKET: options.bucket,
    ARCHIVE_S3_ENDPOINT: options.endpoint ?? "",
    ARCHIVE_S3_ACCESS_KEY_ID: options.credentials?.accessKeyId ?? "",
    ARCHIVE_S3_SECRET_ACCESS_KEY: options.credentials?.secretAccessKey ?? "",
  };
  expect((await archive(env)).ok).toMatch(/archive .*the bucket archive answers/);
  expect(bucket.seen.filter((request) => !request.startsWith("GET"))).toEqual([]);
  bucket.fault = () => ({ status: 404, code: "NoSuchBucket" });
  expect((await archive(env)).lines).toMatch(/failed {3}archive .*does not exist → Make the bucket/);
  bucket.fault = () => ({ status: 403, code: "AccessDenied" });
  expect((await archive(env)).lines).toMatch(/failed {3}archive .*denies Twokey access/);
  await bucket.close();
});

test("archive: a file in the way, and a folder that may not be written", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-doctor-archive-"));
  const file = path.join(folder, "file");
  writeFileSync(file, "");
  expect((await archive({ TWOKEY_ARCHIVE_DIR: file })).lines).toMatch(/failed {3}archive .*is a file/);
  const closed = path.join(folder, "closed");
  mkdirSync(closed);
  chmodSync(closed, 0o500);
  const shut = await archive({ TWOKEY_ARCHIVE_DIR: closed });
  // Root may write everywhere.
  if (process.getuid?.() !== 0) expect(shut.lines).toMatch(/failed {3}archive .*is not writable/);
  expect((await archive({ TWOKEY_ARCHIVE_DIR: folder })).ok).toMatch(/archive .*can be written/);
});

test("environment: names that nobody knows, and private authorities that Node would only ignore", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-doctor-ca-"));
  const [bad, good] = [path.join(folder, "bad.pem"), path.join(folder, "good.pem")];
  writeFileSync(bad, "not a certificate");
  writeFileSync(good, untrusted.cert);
  const withFile = (file: string) => http({ NODE_EXTRA_CA_CERTS: file });
  expect((await http({ TWOKEY_LOGLEVEL: "debug" })).lines).toMatch(/^warning {2}environment .*TWOKEY_LOGLEVEL.*TWOKEY_LOG_LEVEL/m);
  expect((await withFile(path.join(folder, "none.pem"))).lines).toMatch(
    /^failed {3}environment .*cannot be read \(ENOENT\), so it is ignored/m,
  );
  expect((await withFile(folder)).lines).toMatch(/^failed {3}environment .*cannot be read \(EISDIR\)/m);
  expect((await withFile(bad)).lines).toMatch(/^failed {3}environment .*holds no certificate in PEM form/m);
  writeFileSync(bad, `${untrusted.cert.replace(/\n[A-Za-z0-9+/]{8}/, "\n!!!!!!!!")}\n${untrusted.cert}`);
  expect((await withFile(bad)).lines).toMatch(/^failed {3}environment .*1 of the 2 certificates/m);
  const sound = await withFile(good);
  expect([sound.lines, sound.ok]).toEqual(["", expect.stringMatching(/NODE_EXTRA_CA_CERTS: 1 certificate in /)]);
  const { lines } = await http({ NODE_EXTRA_CA_CERTS: good }, () => Date.UTC(2200, 0));
  expect(lines).toMatch(/^warning {2}environment .*CN=ssvm\.example expired on/m);
  writeFileSync(bad, `${untrusted.cert}\n${untrusted.cert}`);
  const several = await http({ NODE_EXTRA_CA_CERTS: bad }, () => Date.UTC(2200, 0));
  expect(several.lines.match(/NODE_EXTRA_CA_CERTS/g)).toHaveLength(1);
  expect(several.lines).toMatch(/^warning {2}environment .*2 certificates in it expired, such as .*CN=ssvm\.example expired on/m);
});

test("HTTP: without a public address nobody gets a link, and that is said", async () => {
  const said = await examineHttp(configOf({ TWOKEY_HTTP_PORT: "0" }));
  expect(said).toContainEqual(
    expect.objectContaining({ state: "warning", sentence: expect.stringMatching(/TWOKEY_PUBLIC_URL is not set: nobody gets a link/) }),
  );
});

test("HTTP: where the bucket signs links none of ours is needed, and what that means is said", async () => {
  const bucket = { ARCHIVE_S3_BUCKET: "twokey", ARCHIVE_S3_SIGNED_LINKS: "true" };
  const said = await examineHttp(configOf({ TWOKEY_HTTP_PORT: "0", ...bucket }));
  expect(said).toContainEqual(
    expect.objectContaining({ state: "ok", sentence: expect.stringMatching(/TWOKEY_PUBLIC_URL is not set: .*nobody can revoke/) }),
  );
  const unsigned = await examineHttp(configOf({ TWOKEY_HTTP_PORT: "0", ARCHIVE_S3_BUCKET: "twokey" }));
  expect(unsigned).toContainEqual(expect.objectContaining({ sentence: expect.stringContaining("nobody gets a link") as string }));
});

test("HTTP: a port taken by another program, and one that a running bot holds", async () => {
  const server = createServer((request, response) => response.end(request.url === "/healthz" ? health : ""));
  let health = "something else";
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = String((server.address() as { port: number }).port);
  expect((await http({ TWOKEY_HTTP_PORT: port })).lines).toMatch(/failed {3}http .*taken by another program/);
  health = "ok\n";
  expect((await http({ TWOKEY_HTTP_PORT: port })).ok).toMatch(/http .*in use by a running bot/);
  expect((await http({ TWOKEY_PUBLIC_URL: `http://127.0.0.1:${port}` })).ok).toMatch(/TWOKEY_PUBLIC_URL: the bot answers/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
