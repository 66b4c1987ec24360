/**
 * Claims: every command with garbage, another's project, or one that is gone gets an answer, in which nothing of it is a mention or a link;
 * replayed, reordered, late and foreign payloads count for nothing; whatever Slack answers, the person is answered or the log has a line.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { readStop } from "../../src/store/stop-switch.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { clickBody, commandBody, eventBody, hear, slackId, windowBody, type Heard } from "./heard.ts";

let fresh: FreshDatabase;
let heard: Heard;

beforeEach(async () => {
  fresh = await lendDatabase();
  heard = await hear(fresh.db, { approvers: ["ada", "ben", "dora"], team: ["chen"], others: ["mia"] });
});
afterEach(async () => {
  await heard.close();
  await fresh.drop();
});

const value = () => `v1:${heard.row.id}:${heard.row.version}:${heard.row.digest}`;
const votes = () => fresh.db.exec("select from ballot");
const posts = (from = 0) =>
  heard.slack
    .sent()
    .slice(from)
    .filter((c) => c.method.startsWith("chat."));
const said = (from = 0): string => JSON.stringify(posts(from).map((c) => c.args));
const bugs = () => heard.logged.filter((l) => /^slack\.(?:command|action|view|mention|message|home|origin|listener)$/.test(l.fact));

const GARBAGE = [
  ...[
    "x".repeat(4000),
    "'; drop table ballot; --",
    "$(rm -rf /)",
    "../../etc/passwd",
    "\u202Egpj\u0000",
    "constructor",
    "%00%0a",
    "🔥".repeat(400),
  ],
  ...[
    "<!channel> *b* _i_ ~s~ `c` <http://evil.example|ok>",
    "&lt;!here&gt; &amp;",
    "<@U0ADA|ada>",
    "gone",
    "proj-of-others",
    "-- -- --",
    "NaN",
  ],
];
const COMMANDS = [
  "status",
  "export-template",
  "export-links",
  "plan",
  "sync",
  "backups",
  "policy",
  "adopt",
  "deletions",
  "resume",
  "help",
  "backup-cost",
  "nothing",
];

test.each(["mia", "ada"])("every command of %s with garbage is answered with a sentence, and does nothing", async (user) => {
  for (const command of COMMANDS) {
    for (const text of GARBAGE) {
      const before = heard.slack.sent().length;
      await heard.send(commandBody(user, `/ci-${command}`, text));
      // Who is not in the channel gets a direct message after it.
      expect(posts(before), `${command} ${text.slice(0, 20)}`).toHaveLength(user === "mia" ? 2 : 1);
      expect(said(before)).not.toMatch(/<!channel>|<!here>|<http:\/\/evil|<@U0ADA/);
    }
  }
  expect(await votes()).toBe(0);
  expect(bugs()).toEqual([]);
  expect((await readStop(fresh.db)).stopped).toBe(false);
});

test("a stop with garbage for its reason stops, and its reason is escaped", async () => {
  await heard.send(commandBody("chen", "/ci-stop", "<!channel> '; -- \u202E" + "x".repeat(4000)));
  expect((await readStop(fresh.db)).stopped).toBe(true);
  const before = heard.slack.sent().length;
  await heard.send(commandBody("ada", "/ci-help", ""));
  expect(said(before)).toMatch(/Everything is stopped/);
  expect(said(before)).not.toContain("<!channel>");
});

test("a member is told the same of another's project, of one that is gone, and of none", async () => {
  const answers: string[] = [];
  for (const slug of ["others", "gone", "nothing-there"]) {
    const before = heard.slack.sent().length;
    await heard.send(commandBody("mia", "/ci-status", slug));
    answers.push(said(before).replaceAll(slug, "it"));
  }
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toContain("You have no project it");
});

test("a click that is replayed counts once; clicks and windows in the wrong order, late or of another place count for nothing", async () => {
  const first = clickBody("ada", "deletion_approve", value());
  for (let n = 0; n < 5; n++) await heard.send(first);
  expect(await votes()).toBe(1);
  // A window before the click that opens it, of somebody who voted already, and of an older version.
  const memory = { id: heard.row.id, version: heard.row.version, digest: heard.row.digest, name: "a", channel: "C1" };
  await heard.send(windowBody("ada", "deletion_type_name", JSON.stringify(memory), { name: "a" }));
  await heard.send(windowBody("ben", "deletion_type_name", JSON.stringify({ ...memory, digest: "0".repeat(64) }), { name: "a" }));
  await heard.send(
    windowBody("ben", "deletion_type_name", JSON.stringify({ ...memory, id: "6f1c9a1e-0000-4000-8000-00000000000f" }), { name: "a" }),
  );
  const foreign = [
    { api_app_id: "AEVIL" },
    { team: { id: "TEVIL" } },
    { team: null, enterprise: { id: "EEVIL" } },
    { team: { id: "T0HEARD01", enterprise_id: "EEVIL" } },
  ];
  for (const more of foreign) await heard.send(clickBody("ben", "deletion_approve", value(), more));
  expect(await votes()).toBe(1);
  expect(await fresh.db.exec("select from audit where kind = 'refused.slack.payload'")).toBe(foreign.length);
});

test("with a trigger that is too old no window opens, which the person is told, and nothing is counted", async () => {
  await heard.send(clickBody("ada", "deletion_approve", value()));
  const before = heard.slack.sent().length;
  await heard.send(clickBody("ben", "deletion_approve", value(), { trigger_id: "1.2.stale" }));
  expect(said(before)).toContain("The window did not open in time");
  expect(await votes()).toBe(1);
});

test.each([
  ["ratelimited", { rateLimit: [{ method: "chat.postEphemeral", retryAfterSeconds: 30 }] }],
  ["fatal_error", { fail: [{ method: "chat.postEphemeral", error: "fatal_error" }] }],
  ["a page instead of an answer", { fail: [{ method: "chat.postEphemeral", error: "x", status: 502 }] }],
  ["that the channel is archived", { fail: [{ method: "chat.postEphemeral", error: "is_archived" }] }],
  ["that the bot is not in the channel", { fail: [{ method: "chat.postEphemeral", error: "not_in_channel" }] }],
  ["that there is no such channel", { fail: [{ method: "chat.postEphemeral", error: "channel_not_found" }] }],
])("where Slack answers %s, the vote counts and the person gets a direct message", async (_, faults) => {
  heard.slack.setFaults(faults);
  await heard.send(clickBody("ada", "deletion_approve", value()));
  expect(await votes()).toBe(1);
  const direct = posts().filter((c) => c.method === "chat.postMessage");
  expect(JSON.stringify(direct.map((c) => c.args))).toMatch(new RegExp(`${slackId("ada")}.*Your approval is recorded`));
});

test("where Slack takes no message at all, the vote counts, and the log says what was not said", async () => {
  heard.slack.setFaults({
    fail: [
      { method: "chat.postEphemeral", error: "fatal_error" },
      { method: "chat.postMessage", error: "fatal_error" },
    ],
  });
  await heard.send(clickBody("ada", "deletion_approve", value()));
  expect(await votes()).toBe(1);
  expect(heard.logged.map((l) => l.fact)).toContain("slack.not_said");
});

test("a mistake of Twokey's own is told to the person, and is in the log", async () => {
  await heard.close();
  heard = await hear(fresh.db, {
    ...{ approvers: ["ada", "ben", "dora"], others: ["mia"] },
    change: { ci: { projectsOf: () => Promise.reject(new Error("a mistake")) } },
  });
  for (const body of [
    commandBody("mia", "/ci-status", ""),
    eventBody({ type: "app_mention", user: slackId("mia"), channel: "C0CITEAM1", text: "status" }),
  ]) {
    const before = heard.slack.sent().length;
    await heard.send(body);
    expect(said(before)).toMatch(/This did not work: Twokey itself has a fault/);
    expect(said(before)).not.toContain("Error");
  }
  expect(bugs()).toHaveLength(2);
});
