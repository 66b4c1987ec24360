/**
 * Claim: the bot's main story runs against a Slack that others wrote, `emulate@0.12.2`, in HTTP mode: a plan is posted, a deletion proposed,
 * approved by two people, and carried out in the emulated CloudStack. That Slack has no interactivity: clicks and windows are made here of the
 * messages and views it stored, with triggers it gave, and signed as Slack signs.
 */
import { createHmac } from "node:crypto";
import { spawn, type ChildProcess } from "node:child_process";
import { createEmulator, type Emulator } from "emulate";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addManagedRoot } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentWithoutSlack } from "../support/environment.ts";
import { eventually } from "../support/eventually.ts";

type Fields = Record<string, unknown>;
const [TOKEN, SECRET] = ["xoxb-emulate", "emulate-signing-secret"];
const PEOPLE = ["egon", "glinda", "peter"] as const;
const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-emulate-"));
let own: FreshDatabase;
let ci: FreshDatabase;
let database: pg.Client;
let cloud: CloudStackEmulator;
let theirs: Emulator;
let bot: ChildProcess | null = null;
let said = "";
let port = 0;
let channel = "";
const ids: Record<string, string> = {};
/** The windows that the bot opened: that Slack lists none. */
const views: Fields[] = [];
const between = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  // It may close while a last call is on its way.
  const type = String(request.headers["content-type"]);
  request.on("end", () => void passOn(request.url ?? "", Buffer.concat(parts), type, response).catch(() => response.destroy()));
});

/** Passes a call of the bot on, and keeps the answers of `views.open`. */
async function passOn(url: string, body: Buffer, type: string, response: ServerResponse): Promise<void> {
  const answer = await fetch(`${theirs.url}${url}`, {
    method: "POST",
    body: new Uint8Array(body),
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": type },
  });
  const text = await answer.text();
  if (url.startsWith("/api/views.open")) views.push((JSON.parse(text) as { view?: Fields }).view ?? {});
  response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
}

async function api(method: string, args: Record<string, string> = {}): Promise<Fields> {
  const answer = await fetch(`${theirs.url}/api/${method}`, {
    method: "POST",
    body: new URLSearchParams(args).toString(),
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/x-www-form-urlencoded" },
  });
  return (await answer.json()) as Fields;
}

beforeAll(async () => {
  [own, ci] = await Promise.all([freshDatabase(), emptyDatabase()]);
  theirs = await createEmulator({
    service: "slack",
    port: 0,
    seed: {
      slack: {
        ...{ signing_secret: SECRET, team: { name: "Ghostbusters", domain: "ghostbusters" }, bots: [{ name: "twokey" }] },
        users: [{ name: "twokey" }, ...PEOPLE.map((name) => ({ name, email: `${name}@example.org` }))],
        channels: [{ name: "ci-team", is_private: true }],
        tokens: [{ token: TOKEN, user: "twokey", type: "bot" }],
      },
    },
  });
  for (const user of (await api("users.list"))["members"] as readonly { id: string; name: string }[]) ids[user.name] = user.id;
  channel = ((await api("conversations.list", { types: "private_channel" }))["channels"] as readonly { id: string }[])[0]?.id ?? "";
  await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));

  database = new pg.Client({ connectionString: ci.url });
  await database.connect();
  await database.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  await database.query("insert into project (id, slug, name) values ('p-1', 'slimer', 'Slimer'), ('p-2', 'zuul', 'Zuul')");
  await database.query("insert into person values ('u-1', 'egon', null, 'Egon', 'Spengler', true, $1)", [ids["egon"]]);
  cloud = await startCloudStackEmulator({ expungeDelayMs: 1000, expungeIntervalMs: 500 });
  addManagedRoot(cloud);
});

afterAll(async () => {
  bot?.kill("SIGKILL");
  await database?.end();
  between.closeAllConnections();
  between.close();
  await Promise.all([theirs?.close(), cloud?.close(), own?.drop(), ci?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

interface Message {
  readonly ts: string;
  readonly text: string;
  readonly blocks?: readonly { readonly elements?: readonly Fields[] }[];
}
const history = async (): Promise<readonly Message[]> =>
  (await api("conversations.history", { channel }))["messages"] as readonly Message[];
const buttonOf = (m: Message, action: string): Fields | undefined =>
  (m.blocks ?? []).flatMap((b) => b.elements ?? []).find((e) => e["action_id"] === action);
const seen = (what: string, holds: (m: Message) => boolean): Promise<void> =>
  eventually(what, async () => (await history()).some(holds), { tell: () => said.slice(-3000) });
const childrenOfRoot = (): readonly string[] =>
  cloud
    .tree()
    .children.find((d) => d.name === "ci")
    ?.children.map((d) => d.name) ?? [];

async function startBot(): Promise<void> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  ({ port } = free.address() as AddressInfo);
  await new Promise((resolve) => free.close(resolve));
  const env = environmentWithoutSlack(
    { cloud, state: own, ci, dataDir },
    {
      ...{ SLACK_API_URL: `http://127.0.0.1:${(between.address() as AddressInfo).port}/api/`, SLACK_BOT_TOKEN: TOKEN },
      ...{ SLACK_SIGNING_SECRET: SECRET, SLACK_PORT: String(port), SLACK_CHANNEL: "#ci-team" },
      SLACK_APPROVERS: PEOPLE.map((name) => ids[name]).join(","),
      ...{ TWOKEY_SYNC_EVERY_SECONDS: "1", TWOKEY_COOL_OFF_SECONDS: "1", TWOKEY_GRACE_SECONDS: "1" },
    },
  );
  const child = spawn(process.execPath, [path.resolve("dist/src/main.js"), "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (d: Buffer) => (said += d.toString()));
  bot = child;
}

/** Sends a payload to the bot as Slack does; gives what it answered. */
async function send(payload: Fields, secret = SECRET): Promise<{ readonly status: number; readonly body: string }> {
  const team = { id: "T000000001", domain: "ghostbusters" };
  const body = `payload=${encodeURIComponent(JSON.stringify({ team, ...payload }))}`;
  const at = String(Math.floor(Date.now() / 1000));
  const mac = createHmac("sha256", secret).update(`v0:${at}:${body}`).digest("hex");
  const answer = await fetch(`http://127.0.0.1:${port}/slack/events`, {
    ...{ method: "POST", body },
    headers: { "content-type": "application/x-www-form-urlencoded", "x-slack-request-timestamp": at, "x-slack-signature": `v0=${mac}` },
  });
  return { status: answer.status, body: await answer.text() };
}

async function click(who: (typeof PEOPLE)[number], action: string, secret = SECRET): Promise<number> {
  const message = (await history()).find((m) => buttonOf(m, action) !== undefined);
  if (message === undefined) throw new Error(`no message has a button ${action}`);
  const { trigger_id: trigger } = await api("views.generateTriggerId", { user_id: ids[who] ?? "" });
  const place = { channel: { id: channel }, container: { type: "message", channel_id: channel, message_ts: message.ts } };
  const actions = [{ ...buttonOf(message, action), block_id: "b", action_ts: `${Date.now()}.1` }];
  const payload = { type: "block_actions", user: { id: ids[who] }, trigger_id: trigger, ...place, message: { ts: message.ts }, actions };
  return (await send(payload, secret)).status;
}

async function submit(who: (typeof PEOPLE)[number], name: string) {
  const state = { values: { name: { name: { type: "plain_text_input", value: name } } } };
  return send({ type: "view_submission", user: { id: ids[who] }, view: { ...views.at(-1), state } });
}

const votes = () => own.db.exec("select from ballot");

test("a plan, a proposal, two approvals, and the domain is gone", { timeout: 240_000 }, async () => {
  await startBot();
  await seen("the first plan", (m) => /change(?:\(s\)|s)? made/.test(m.text));
  await eventually("both domains", () => childrenOfRoot().length === 2);
  await database.query("update project set closed_at = now(), closed_by = 'u-1' where id = 'p-2'");
  await seen("the card", (m) => buttonOf(m, "deletion_approve") !== undefined);

  // Refused: another's signature, who asked, and a wrong name.
  expect(await click("glinda", "deletion_approve", "another secret")).toBe(401);
  expect(await click("egon", "deletion_approve")).toBe(200);
  await eventually("the refusal", async () => (await own.db.exec("select from audit where kind = 'refused.deletion.approve'")) === 1);
  expect(await votes()).toBe(0);

  expect(await click("glinda", "deletion_approve")).toBe(200);
  await eventually("the first vote", async () => (await votes()) === 1);
  await seen("the card with it", (m) => JSON.stringify(m.blocks ?? []).includes("glinda"));
  expect(await click("peter", "deletion_approve")).toBe(200);
  await eventually("the window", () => views.length === 1);
  expect((await submit("peter", "slimer")).body).toContain('"response_action":"errors"');
  expect(await votes()).toBe(1);
  expect((await submit("peter", "zuul")).status).toBe(200);
  await seen("the end", (m) => /zuul: (?:deleted|Deleted)|Deleted/.test(m.text) && m.text.includes("zuul"));
  expect(childrenOfRoot()).toEqual(["slimer"]);
});
