/**
 * Claims: a member learns of the deletion of their domain by direct message as soon as it is proposed, and one click on Keep ends it. From
 * outside one sees what runs: who was called, numbers, health, and every step in the log with the ids of its work. Whatever the process
 * prints, at `debug` too, holds no secret.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { addManagedRoot, keyVariables } from "../../demo/keys.ts";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { cast, demoApproverGroup, demoChannel, demoTokens, slackSeed } from "../../demo/cast.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { person, type Person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentOf } from "../support/environment.ts";
import { eventually } from "../support/eventually.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-keep-"));
let state: FreshDatabase;
let ciDatabase: FreshDatabase;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let bot: ChildProcess | null = null;
let output = "";
let hook: Server | null = null;
let [hookPort, metricsPort] = [0, 0];
/** What the webhook got. */
const called: string[] = [];
/** Secrets that are nowhere else. */
const planted = { password: "planted-password", hook: "planted-hook", hookSecret: "planted-hook-secret" };

beforeAll(async () => {
  [state, ciDatabase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  const client = new pg.Client({ connectionString: ciDatabase.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  for (const p of Object.values(cast)) {
    const row = [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId];
    await client.query("insert into person values ($1, $2, $3, $4, $5, true, $6)", row);
  }
  await client.query("insert into project (id, slug, name, closed_at, closed_by) values ('p-1', 'wanted', 'Wanted', now(), $1)", [
    cast.chen.id,
  ]);
  await client.query("insert into project (id, slug, name) values ('p-2', 'other', 'Other')");
  await client.query("insert into membership values ('p-1', $1, 'member'), ('p-2', $1, 'member')", [cast.mia.id]);
  await client.end();
  cloud = await startCloudStackEmulator({ jobMs: 20 });
  const root = addManagedRoot(cloud);
  for (const [id, name] of [
    ["p-1", "wanted"],
    ["p-2", "other"],
  ] as const) {
    const domain = cloud.addDomain({ name, parent: root, id: domainIdFor(id as ProjectId, 1) });
    cloud.addTemplate({ account: cloud.addAccount({ domain, name: `${name}-one` }).accountId, name: `${name}-tpl`, bytes: 1000 });
  }
  await recordAsMadeBefore(state.db, cloud);
  slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 120_000 });
  hook = createServer(async (request, response) => {
    called.push(await text(request));
    response.end();
  });
  [hookPort, metricsPort] = [await listen(hook), await freePort()];
  bot = spawn(process.execPath, [path.resolve("dist/src/main.js"), "serve"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environmentOf(
      { cloud, slack, state: withPassword(state), ci: withPassword(ciDatabase), dataDir },
      {
        ...{ TWOKEY_SYNC_EVERY_SECONDS: "2", TWOKEY_LOG_LEVEL: "debug", TWOKEY_GRACE_SECONDS: "10" },
        ...{ TWOKEY_PUBLIC_URL: "https://twokey.example.org", TWOKEY_METRICS_PORT: String(metricsPort) },
        ...{ TWOKEY_WEBHOOK_URL: `http://127.0.0.1:${hookPort}/${planted.hook}`, TWOKEY_WEBHOOK_SECRET: planted.hookSecret },
      },
    ),
  });
  for (const stream of [bot.stdout, bot.stderr]) stream?.on("data", (d: Buffer) => (output += d.toString()));
});

/** Servers of the tests ask for no password, and take any. */
function withPassword({ url }: Pick<FreshDatabase, "url">): Pick<FreshDatabase, "url"> {
  const address = new URL(url);
  address.password = planted.password;
  return { url: address.href };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

afterAll(async () => {
  bot?.kill("SIGKILL");
  hook?.close();
  await Promise.all([slack?.close(), cloud?.close()]);
  await Promise.all([state?.drop(), ciDatabase?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

/** The newest message to a person that holds these words, with where it stands. */
function told(p: Person, words: string) {
  return p
    .waitFor(`a message: ${words}`, (v) =>
      v.conversations
        .flatMap((c) => c.messages.map((m) => ({ channel: c.id, ts: m.ts, text: m.text, blocks: JSON.stringify(m.blocks) })))
        .findLast((m) => m.text.includes(words)),
    )
    .catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}\n${output}`);
    });
}

test("the approvers were called for the card, once, in Slack and by the webhook", async () => {
  await eventually("the webhook is called", () => called.length > 0);
  expect(called.map((body) => JSON.parse(body) as unknown)).toMatchObject([
    { kind: "card", about: "ROOT/ci/wanted", sentence: expect.stringContaining("waits for approvals") as string },
  ]);
  expect((JSON.parse(called[0] ?? "") as { link: string }).link).toContain(demoChannel);
  const mention = await told(
    person(slack.url, cast.ada.slackId),
    `<!subteam^${demoApproverGroup}> ROOT/ci/wanted is proposed for deletion`,
  );
  expect(mention.channel).toBe(demoChannel);
});

test("a member's Keep ends it, in the message that told of it and on the card", async () => {
  const mia = person(slack.url, cast.mia.slackId);
  const ada = person(slack.url, cast.ada.slackId);
  const dm = await told(mia, "ROOT/ci/wanted may be deleted");
  expect(dm.channel).not.toBe(demoChannel);
  expect(dm.blocks).toContain("deletion_keep");
  await mia.click({ channel: dm.channel, ts: dm.ts, actionId: "deletion_keep" });
  expect((await told(ada, "ROOT/ci/wanted: Kept, nothing deleted")).channel).toBe(demoChannel);
  const after = await told(mia, "ROOT/ci/wanted is kept");
  expect([after.channel, after.ts]).toEqual([dm.channel, dm.ts]);
  expect(after.blocks).not.toContain("deletion_keep");
  expect(after.blocks).toContain("asked to keep it");
  expect(cloud.requests().some((r) => /^(?:disable|destroy|delete)/.test(r.command))).toBe(false);
});

/** The lines of the log. */
const lines = (): readonly Readonly<Record<string, unknown>>[] =>
  output.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));

test("the ids of a click, of the person and of the deletion are in each line of its work; a pass has its own in its calls", async () => {
  const click = lines().find((l) => l["msg"] === "slack.request" && l["about"] === "deletion_keep");
  expect(click).toMatchObject({ operator: `ci:${cast.mia.id}`, request: expect.stringContaining("action:") as string });
  const { request, deletion } = click ?? {};
  expect(lines().find((l) => l["msg"] === "deletion.keep")).toMatchObject({ request, deletion, operator: `ci:${cast.mia.id}` });
  const calls = lines().filter((l) => l["msg"] === "cloudstack.call");
  expect(calls.some((l) => l["deletion"] === deletion)).toBe(true);
  const pass = lines().find((l) => l["msg"] === "pass")?.["pass"];
  expect(calls.filter((l) => l["pass"] === pass).map((l) => l["command"])).toContain("listDomains");
  for (const fact of ["started", "deletion.opened", "deletion.proposed", "slack.call"])
    expect(lines().map((l) => l["msg"])).toContain(fact);
});

test("an export is downloaded, and nothing that was printed holds a secret", async () => {
  const mia = person(slack.url, cast.mia.slackId);
  await mia.command("C0CIUSERS", "/ci-export-template", "other other-tpl");
  const ready = await mia.waitFor("the link", (v) =>
    v.conversations
      .flatMap((c) => c.messages)
      .map((m) => /https:\/\/twokey\.example\.org(\/exports\/[\w-]+\/([\w-]+))/.exec(JSON.stringify(m.blocks)))
      .findLast((m) => m !== null),
  );
  const [, link = "", token = ""] = ready;
  const own = /served at (\S+)/.exec(output)?.[1] ?? "";
  const got = await fetch(`${own}${link}`);
  expect([got.status, (await got.arrayBuffer()).byteLength]).toEqual([200, 1000]);
  expect((await fetch(`${own}/metrics`)).status).toBe(404);
  expect(await (await fetch(`${own}/readyz`)).json()).toEqual({ ready: true, database: "ok", slack: "ok", engine: "ok" });
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(metrics).toContain('twokey_http_requests_total{route="/exports",status="200"} 1');
  expect(metrics).toMatch(/twokey_webhook_calls_total\{outcome="sent"\} 1/);
  expect((await fetch(`http://127.0.0.1:${metricsPort}${link}`)).status).toBe(404);

  const given = [...Object.values(planted), ...Object.values(demoTokens), ...Object.values(keyVariables(cloud)), token];
  expect(given.length).toBeGreaterThan(12);
  for (const secret of given) expect(output).not.toContain(secret);
  expect(output).not.toMatch(/\/userdata\/|signature=|secretkey=|apikey=|postgres:\/\//i);
  // What is searched is there: the download, and calls that had all these secrets.
  expect(lines().find((l) => l["route"] === "/exports")).toMatchObject({ status: 200, subject: link.split("/")[2] });
  expect(lines().map((l) => l["command"])).toEqual(expect.arrayContaining(["extractTemplate", "download"]));
});
