/**
 * Claim: the bot works against a Slack that nobody here wrote it for: only the fields of Slack's own samples, every list in pages of one,
 * no user groups, no response_url, refused and late calls; a deletion is approved and carried out through it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentWithoutSlack } from "../support/environment.ts";
import { eventually } from "../support/eventually.ts";
import { buttonsOf, SecondSlack, type Kept } from "./second-slack.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-second-"));
const slack = new SecondSlack();
const [egon = "", glinda = "", peter = ""] = slack.people;
const CHANNEL = "C0CI77777";
let own: FreshDatabase;
let ci: FreshDatabase;
let cloud: CloudStackEmulator;
let database: pg.Client;
let bot: ChildProcess | null = null;
let said = "";
let apiUrl = "";

function env(more: Record<string, string> = {}): Record<string, string> {
  return environmentWithoutSlack(
    { cloud, state: own, ci, dataDir },
    {
      SLACK_API_URL: apiUrl,
      SLACK_BOT_TOKEN: "xoxb-another-slack",
      SLACK_APP_TOKEN: "xapp-another-slack",
      SLACK_CHANNEL: "#ci-team",
      SLACK_APPROVER_GROUP: "ghost-approvers",
      SLACK_APPROVERS: slack.people.join(","),
      TWOKEY_SYNC_EVERY_SECONDS: "1",
      TWOKEY_COOL_OFF_SECONDS: "1",
      TWOKEY_GRACE_SECONDS: "1",
      TWOKEY_LOG_LEVEL: "info",
      ...more,
    },
  );
}

function start(more: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [path.resolve("dist/src/main.js"), "serve"], { env: env(more), stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (d: Buffer) => (said += d.toString()));
  return child;
}

beforeAll(async () => {
  [own, ci] = await Promise.all([freshDatabase(), emptyDatabase()]);
  database = new pg.Client({ connectionString: ci.url });
  await database.connect();
  await database.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  await database.query("insert into project (id, slug, name) values ('p-1', 'slimer', 'Slimer'), ('p-2', 'zuul', 'Zuul')");
  await database.query("insert into person values ('u-1', 'egon', null, 'Egon', 'Spengler', true, $1)", [egon]);
  await database.query("insert into membership values ('p-1', 'u-1', 'user')").catch(() => undefined);
  cloud = await startCloudStackEmulator({ expungeDelayMs: 1000, expungeIntervalMs: 500 });
  addManagedRoot(cloud);
  apiUrl = await slack.start();
});

afterAll(async () => {
  bot?.kill("SIGKILL");
  await database?.end();
  await Promise.all([slack.close(), cloud?.close(), own?.drop(), ci?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

const tell = (): string => `${slack.messages.map((m) => `${m.channel} ${m.user ?? "all"}: ${m.text}`).join("\n")}\n${said.slice(-4000)}`;
const seen = (what: string, holds: (m: Kept) => boolean): Promise<void> => eventually(what, () => slack.messages.some(holds), { tell });
const acked = (id: string): Promise<void> => eventually("an acknowledgement", () => slack.acks.has(id), { tell });
const childrenOfRoot = (): readonly string[] =>
  cloud
    .tree()
    .children.find((d) => d.name === "ci")
    ?.children.map((d) => d.name) ?? [];
const card = (m: Kept): boolean => m.channel === CHANNEL && buttonsOf(m.blocks).some((b) => b["action_id"] === "deletion_approve");

test("without user groups and without a list of people it does not start, and says what to set", async () => {
  const child = start({ SLACK_APPROVERS: "" });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  expect(said).toMatch(/plan_upgrade_required[\s\S]*SLACK_APPROVERS=U1,U2,U3/);
  expect(code).not.toBe(0);
});

test("in a public channel everybody could join the team: without a group for it, it does not start, and says what to set", async () => {
  slack.isPublic = true;
  const child = start();
  const code = await new Promise((resolve) => child.once("exit", resolve));
  slack.isPublic = false;
  expect(said).toMatch(/The channel ci-team is public[\s\S]*SLACK_TEAM_GROUP/);
  expect(code).not.toBe(0);
});

test("it starts on the list of people, finds the channel by name in pages, and posts the first plan although Slack says 429", async () => {
  slack.moods.push({ method: "chat.postMessage", retryAfter: 1 });
  bot = start();
  await seen("the first plan", (m) => m.channel === CHANNEL && m.text.includes(" made"));
  await eventually("the connection", () => slack.connected, { tell });
  await eventually("the log line", () => said.includes("slack.no_user_groups"), { tell });
});

test("commands without a trigger_id or a response_url are each answered, to one person; where the bot is not, by a direct message", async () => {
  const command = {
    command: "/ci-help",
    text: "",
    user_id: egon,
    user_name: "egon",
    team_id: "T12345678",
    channel_id: CHANNEL,
    api_app_id: "A1234",
  };
  for (const n of [1, 2]) {
    await acked(slack.send("slash_commands", command));
    await eventually(`answer ${n}`, () => slack.messages.filter((m) => m.user === egon && m.text.includes("Commands")).length === n, {
      tell,
    });
  }
  slack.moods.push({ method: "chat.postEphemeral", error: "not_in_channel" });
  await acked(slack.send("slash_commands", { ...command, channel_id: "C012AB3CD" }));
  await seen("a direct message", (m) => m.channel === egon && m.text.includes("Commands"));
});

test("a direct message is answered once and in its thread; bots, edits and repeats are not", async () => {
  const event = { type: "message", channel: "D024BE91L", user: egon, text: "help", ts: "1355517523.000005", channel_type: "im" };
  const wrap = (id: string, more: Record<string, unknown>) => ({
    type: "event_callback",
    team_id: "T12345678",
    api_app_id: "A1234",
    event_id: id,
    event_time: 1,
    event: { ...event, ...more },
  });
  const answers = (): readonly Kept[] => slack.messages.filter((m) => m.channel === "D024BE91L");
  for (const more of [{ bot_id: "B1" }, { subtype: "message_changed" }, { user: undefined }])
    await acked(slack.send("events_api", wrap(randomUUID(), more)));
  for (let i = 0; i < 2; i++) await acked(slack.send("events_api", wrap("Ev0PV52K21", { thread_ts: "1355517523.000004" })));
  await eventually("the answer", () => answers().length > 0, { tell });
  await acked(slack.send("events_api", wrap("Ev0PV52K22", { text: "deletions" })));
  await eventually("the next answer", () => answers().length > 1, { tell });
  expect(answers().map((m) => m.thread)).toEqual(["1355517523.000004", null]);
});

test("a deletion is approved by two of the list and carried out; a lost card is posted once more, and only that one counts", async () => {
  await database.query("update project set closed_at = now(), closed_by = 'u-1' where id = 'p-2'");
  await seen("the card", card);
  await acked(slack.click(egon, "deletion_approve"));
  await seen("the requester's refusal", (m) => m.user === egon && m.text.includes("may not approve"));
  // Of another workspace, another app, another organisation: acknowledged, recorded, and nothing more.
  for (const more of [{ team: { id: "TEVIL", domain: "evil" } }, { api_app_id: "AEVIL" }, { enterprise: { id: "EEVIL", name: "Evil" } }])
    await acked(slack.click(glinda, "deletion_approve", randomUUID(), more));
  const refused = () => own.db.exec("select from audit where kind = 'refused.slack.payload' and actor = $1", [`slack:${glinda}`]);
  await eventually("three refusals", async () => (await refused()) === 3, { tell });
  expect(await own.db.exec("select from ballot")).toBe(0);
  // Somebody deletes the message; the next update finds that out.
  const lost = slack.messages.findLast(card);
  if (lost === undefined) throw new Error("no card");
  slack.moods.push({ method: "chat.update", error: "message_not_found" });
  await acked(slack.click(glinda, "deletion_approve", null));
  await seen("the first approval", (m) => m.user === glinda && m.text.includes("recorded"));
  await seen("a new card", (m) => card(m) && m !== lost && m.text !== "");
  expect(slack.messages.filter((m) => m.channel === CHANNEL && m.thread === null && m.text.startsWith("Delete ROOT/ci/zuul"))).toHaveLength(
    2,
  );
  const hellos = slack.hellos;
  slack.refresh();
  await eventually("a new connection", () => slack.hellos > hellos && slack.connected, { tell });
  await acked(slack.click(peter, "deletion_approve"));
  await eventually("the window", () => slack.views.length > 0, { tell });
  const wrong = slack.submit(peter, "name", "slimer");
  await acked(wrong);
  expect(slack.acks.get(wrong)).toMatchObject({ response_action: "errors" });
  await acked(slack.submit(peter, "name", "zuul"));
  await seen("the end", (m) => m.channel === CHANNEL && m.text.includes("zuul: Deleted"));
  expect(childrenOfRoot()).toEqual(["slimer"]);
  // The last line of its thread: what is posted next is something else.
  await seen("the last note", (m) => m.thread !== null && m.text.startsWith("Deleted. "));
});

test("blocks that this Slack refuses are posted as words alone, without a button", async () => {
  slack.moods.push({ method: "chat.postMessage", error: "invalid_blocks" });
  await database.query("insert into project (id, slug, name) values ('p-3', 'gozer', 'Gozer')");
  await seen("the plan in words", (m) => m.channel === CHANNEL && m.blocks.length === 0 && m.thread === null && m.text.includes("Plan"));
  // With two domains one deletion is half of them: it was approved, so it does not hold what comes after.
  await eventually("the new domain", () => childrenOfRoot().includes("gozer"), { tell });
  await eventually("the log line", () => said.includes("slack.blocks_refused"), { tell });
});

test("a message that Slack cannot take just now is shown later", async () => {
  for (let i = 0; i < 3; i++) slack.moods.push({ method: "chat.postMessage", error: "service_unavailable" });
  await database.query("insert into project (id, slug, name) values ('p-4', 'vinz', 'Vinz')");
  await seen("the plan after all", (m) => m.channel === CHANNEL && JSON.stringify(m.blocks).includes("ROOT/ci/vinz"));
  await eventually("the log line", () => said.includes("slack.not_shown"), { tell });
});

test("no secret of it all is in the log", () => {
  expect(said).not.toMatch(/xoxb-another|xapp-another/);
  for (const { secretKey } of Object.values(keysOf(cloud))) expect(said).not.toContain(secretKey);
});
