/** Claim: driven by Slack's own WebClient, the emulator refuses what Slack refuses, with Slack's codes. */
import { WebClient } from "@slack/web-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoChannel, demoTokens, slackSeed } from "../../../demo/cast.ts";
import { person } from "../../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../../emulators/slack/server.ts";

let slack: SlackEmulator;
let now = 1_700_000_000_000;
beforeAll(async () => {
  slack = await startSlackEmulator({ seed: slackSeed(), now: () => now });
});
afterAll(() => slack.close());

const client = (token: string | undefined = demoTokens.botToken): WebClient =>
  new WebClient(token, { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } });
async function code(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (thrown) {
    return String((thrown as { data?: { error?: string } }).data?.error ?? thrown);
  }
}
const text = (n: number) => "x".repeat(n);
const section = (n: number) => ({ type: "section" as const, text: { type: "mrkdwn" as const, text: text(n) } });
const post = (blocks: unknown[], more: object = {}) =>
  code(client().chat.postMessage({ channel: demoChannel, text: "t", blocks: blocks as never, ...more }));

test.each<[string, () => Promise<string>, string]>([
  ["an unknown token", () => code(client("xoxb-nobody").auth.test()), "invalid_auth"],
  ["no token", () => code(client("").auth.test()), "not_authed"],
  ["a bot token where an app token is due", () => code(client().apps.connections.open()), "not_allowed_token_type"],
  ["an unknown method", () => code(client().apiCall("chat.noSuchThing")), "unknown_method"],
  ["an unknown channel", () => code(client().chat.postMessage({ channel: "C0NOBODY0", text: "x" })), "channel_not_found"],
  ["a missing scope", () => code(client().reactions.add({ channel: demoChannel, timestamp: "1", name: "x" })), "missing_scope"],
  ["no text and no blocks", () => code(client().chat.postMessage({ channel: demoChannel, text: "" })), "no_text"],
  [
    "an update of a message that is not there",
    () => code(client().chat.update({ channel: demoChannel, ts: "1.1", text: "x" })),
    "message_not_found",
  ],
  [
    "a trigger nobody made",
    () => code(client().views.open({ trigger_id: "1.x", view: { type: "modal", title: { type: "plain_text", text: "t" }, blocks: [] } })),
    "invalid_trigger_id",
  ],
  ["somebody unknown", () => code(client().users.info({ user: "U0NOBODY0" })), "user_not_found"],
  ["an unknown user group", () => code(client().usergroups.users.list({ usergroup: "S0NOBODY0" })), "no_such_subteam"],
  ["51 blocks", () => post(Array.from({ length: 51 }, () => section(1))), "invalid_blocks"],
  ["a section of 3,001 characters", () => post([section(3001)]), "invalid_blocks"],
  ["an empty section", () => post([section(0)]), "invalid_blocks"],
  ["a header of 151 characters", () => post([{ type: "header", text: { type: "plain_text", text: text(151) } }]), "invalid_blocks"],
  ["a header in mrkdwn", () => post([{ type: "header", text: { type: "mrkdwn", text: "x" } }]), "invalid_blocks"],
  [
    "11 fields",
    () => post([{ type: "section", fields: Array.from({ length: 11 }, () => ({ type: "mrkdwn", text: "x" })) }]),
    "invalid_blocks",
  ],
  [
    "26 buttons",
    () =>
      post([
        {
          type: "actions",
          elements: Array.from({ length: 26 }, (_, i) => ({ type: "button", action_id: `a${i}`, text: { type: "plain_text", text: "x" } })),
        },
      ]),
    "invalid_blocks",
  ],
  [
    "a button's text of 76 characters",
    () => post([{ type: "actions", elements: [{ type: "button", text: { type: "plain_text", text: text(76) } }] }]),
    "invalid_blocks",
  ],
  [
    "a button of a style that is none",
    () => post([{ type: "actions", elements: [{ type: "button", style: "red", text: { type: "plain_text", text: "x" } }] }]),
    "invalid_blocks",
  ],
  [
    "101 options",
    () =>
      post([
        {
          type: "actions",
          elements: [
            {
              type: "static_select",
              action_id: "s",
              options: Array.from({ length: 101 }, () => ({ text: { type: "plain_text", text: "x" }, value: "v" })),
            },
          ],
        },
      ]),
    "invalid_blocks",
  ],
  ["a block of no type", () => post([{ type: "hologram" }]), "invalid_blocks"],
  [
    "one action_id twice in a block",
    () =>
      post([
        { type: "actions", elements: [1, 2].map(() => ({ type: "button", action_id: "a", text: { type: "plain_text", text: "x" } })) },
      ]),
    "invalid_blocks",
  ],
])("%s is refused", async (_what, call, expected) => {
  expect(await call()).toBe(expected);
});

test("an update of more than 4,000 characters is refused, a post is not", async () => {
  const posted = await client().chat.postMessage({ channel: demoChannel, text: text(5000) });
  expect(await code(client().chat.update({ channel: demoChannel, ts: posted.ts ?? "", text: text(4001) }))).toBe("msg_too_long");
});

test("an ephemeral message is seen by one person only, and is never updated", async () => {
  const made = await client().chat.postEphemeral({ channel: demoChannel, user: "U0ADA0001", text: "for Ada" });
  const sees = async (id: string) => JSON.stringify(await person(slack.url, id).view()).includes("for Ada");
  expect([await sees("U0ADA0001"), await sees("U0BEN0002")]).toEqual([true, false]);
  expect(await code(client().chat.update({ channel: demoChannel, ts: made.message_ts ?? "", text: "x" }))).toBe("message_not_found");
});

test("a click on a message that has no such button does not reach the bot", async () => {
  const posted = await client().chat.postMessage({ channel: demoChannel, text: "no buttons" });
  expect(await person(slack.url, "U0ADA0001").click({ channel: demoChannel, ts: posted.ts ?? "", actionId: "deletion_approve" })).toEqual({
    ok: false,
    error: "no_such_element",
  });
});

test("a command is not acknowledged while no bot listens, and the person is told", async () => {
  const ada = person(slack.url, "U0ADA0001");
  const reply = await ada.command(demoChannel, "/ci-help");
  expect(reply).toMatchObject({ ok: true, acked: false });
  expect((await ada.view()).notices.at(-1)?.text).toContain("dispatch_failed");
  now += 1;
});
