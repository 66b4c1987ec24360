/** Claim: whatever else somebody sends with a word to the bot alone, the word is heard; what Slack tells of messages is none. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { readStop } from "../../src/store/stop-switch.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { eventBody, hear, slackId, type Heard } from "./heard.ts";

let fresh: FreshDatabase;
let heard: Heard;

beforeEach(async () => {
  fresh = await lendDatabase();
  heard = await hear(fresh.db, { approvers: ["ada", "ben", "eve"] });
});
afterEach(async () => {
  await heard.close();
  await fresh.drop();
});

const told = { type: "message", channel_type: "im", channel: "D1", text: "stop", ts: "1.2" };
const isStopped = async () => (await readStop(fresh.db)).stopped;

test.each([
  ["a picture", { subtype: "file_share", files: [{ id: "F0123456", name: "screenshot.png" }], upload: false }],
  ["a reply that is sent to the conversation too", { subtype: "thread_broadcast", thread_ts: "1.1", root: {} }],
  ["/me", { subtype: "me_message" }],
])("with %s", async (_what, more) => {
  await heard.send(eventBody({ ...told, user: slackId("ada"), ...more }));
  expect(await isStopped()).toBe(true);
});

test.each(["message_changed", "message_deleted", "message_replied", "bot_message", "channel_join", "reminder_add", "a_new_one"])(
  "a message of subtype %s is not heard",
  async (subtype) => {
    await heard.send(eventBody({ ...told, user: slackId("ada"), subtype }));
    expect(await isStopped()).toBe(false);
  },
);
