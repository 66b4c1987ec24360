/** Claim: the Web API says no where Slack says no, with Slack's words; Slack's own client and plain forms agree. */
import { WebAPIPlatformError, WebAPIRateLimitedError } from "@slack/web-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../../emulators/slack/control-api.ts";
import { objectsOf } from "../../../emulators/slack/json.ts";
import type { SlackEmulator } from "../../../emulators/slack/server.ts";
import * as w from "./workspace-of-tests.ts";

let slack: SlackEmulator;
beforeAll(async () => {
  slack = await w.start();
});
afterAll(() => slack.close());

const x = (n: number): string => "x".repeat(n);
const post = (args: object): Promise<JsonObject> => w.call(slack, "chat.postMessage", { channel: w.TEAM, text: "hello", ...args });

describe("who calls", () => {
  test.for([
    ["no token", "auth.test", null, "not_authed"],
    ["an unknown token", "auth.test", "xoxb-other", "invalid_auth"],
    ["an app token where a bot's is wanted", "chat.postMessage", w.APP_TOKEN, "not_allowed_token_type"],
    ["a bot token where an app's is wanted", "apps.connections.open", w.BOT_TOKEN, "not_allowed_token_type"],
    ["an unknown method", "chat.shout", w.BOT_TOKEN, "unknown_method"],
    ["a method that every object has", "constructor", w.BOT_TOKEN, "unknown_method"],
  ] as const)("%s", async ([, method, token, error]) => {
    expect(await w.call(slack, method, {}, token)).toMatchObject({ ok: false, error });
  });

  test.for([
    ["chat.postMessage", "chat:write"],
    ["users.info", "users:read"],
    ["users.lookupByEmail", "users:read.email"],
    ["usergroups.users.list", "usergroups:read"],
    ["conversations.open", "im:write"],
    ["files.getUploadURLExternal", "files:write"],
    ["conversations.history", "channels:history"],
  ] as const)("%s needs %s, and the refusal says which scopes there are", async ([method, scope]) => {
    const poor = await w.start({ seed: w.seed(["commands"]) });
    const answer = await w.call(poor, method, {});
    await poor.close();
    expect(answer).toMatchObject({ ok: false, error: "missing_scope", provided: "commands" });
    expect(String(answer["needed"]).split(",")).toContain(scope);
  });

  test("a private channel wants groups:read though the app has channels:read", async () => {
    const poor = await w.start({ seed: w.seed(["channels:read"]) });
    const answer = await w.call(poor, "conversations.info", { channel: w.PRIVATE_IN });
    await poor.close();
    expect(answer).toMatchObject({ ok: false, error: "missing_scope", needed: "groups:read" });
  });

  test("mail is withheld without its scope, and always of people from elsewhere", async () => {
    const poor = await w.start({ seed: w.seed(["users:read"]) });
    const ada = await w.call(poor, "users.info", { user: w.ADA });
    await poor.close();
    expect(ada).not.toHaveProperty("user.profile.email");
    expect(await w.call(slack, "users.info", { user: w.ADA })).toHaveProperty("user.profile.email", "ada@example.org");
    expect(await w.call(slack, "users.info", { user: w.EXTERNAL })).not.toHaveProperty("user.profile.email");
  });
});

describe("chat.postMessage refuses", () => {
  const bad = { type: "header", text: { type: "plain_text", text: x(151) } };
  test.for([
    ["no channel", { channel: "" }, "invalid_arguments"],
    ["an unknown channel", { channel: "C0NOWHERE" }, "channel_not_found"],
    ["a private channel it is not in", { channel: w.PRIVATE_OUT }, "channel_not_found"],
    ["a channel it is not in", { channel: w.NOT_IN }, "not_in_channel"],
    ["an archived channel", { channel: w.ARCHIVED }, "is_archived"],
    ["a person who is gone", { channel: w.GONE }, "user_disabled"],
    ["nothing to say", { text: "" }, "no_text"],
    ["blocks that are no JSON", { blocks: "[{" }, "invalid_blocks_format"],
    ["blocks that are no list", { blocks: "{}" }, "invalid_blocks_format"],
    ["bad blocks", { blocks: [bad] }, "invalid_blocks"],
    ["too many attachments", { attachments: Array.from({ length: 101 }, () => ({ text: "x" })) }, "too_many_attachments"],
    ["a thread that is not there", { thread_ts: "1.000001" }, "invalid_thread_ts"],
    ["metadata without a type", { metadata: { event_payload: {} } }, "invalid_metadata_format"],
    ["metadata too large", { metadata: { event_type: "a", event_payload: { a: x(20_000) } } }, "metadata_too_large"],
    ["text and markdown", { markdown_text: "x" }, "markdown_text_conflict"],
  ] as const)("%s", async ([, args, error]) => {
    expect(await post(args)).toMatchObject({ ok: false, error });
  });

  test("bad blocks with the place of each problem, also through Slack's client", async () => {
    const blocks = [{ type: "divider" }, bad] as never;
    const thrown = await w
      .client(slack)
      .chat.postMessage({ channel: w.TEAM, text: "x", blocks })
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(WebAPIPlatformError);
    expect((thrown as WebAPIPlatformError).data).toMatchObject({
      error: "invalid_blocks",
      response_metadata: { messages: ["[ERROR] must be less than 151 characters [json-pointer:/blocks/1/text/text]"] },
    });
  });

  test("nothing refused is seen by anybody", async () => {
    const view = slack.control.view(w.ADA);
    expect(view?.conversations.flatMap((c) => c.messages.map((m) => m.text))).not.toContain("hello");
  });
});

describe("messages", () => {
  test("text above 40,000 is cut, a person's id is their direct message, and ids of blocks are made", async () => {
    const web = w.client(slack);
    const posted = await web.chat.postMessage({ channel: w.BEN, text: x(40_001), blocks: [{ type: "divider" }] });
    expect(posted.channel).toBe("D0BEN0002");
    expect(posted.message?.text).toHaveLength(40_000);
    expect(posted.message?.blocks?.[0]?.block_id).toMatch(/^b/);
  });

  test("a reply to a reply is refused", async () => {
    const root = String((await post({}))["ts"]);
    const reply = String((await post({ thread_ts: root }))["ts"]);
    expect(await post({ thread_ts: reply })).toMatchObject({ ok: false, error: "cannot_reply_to_message" });
  });

  test.for([
    ["text above 4,000", { text: x(4001) }, "msg_too_long"],
    ["a message that is not there", { ts: "1.000001" }, "message_not_found"],
    ["bad blocks", { blocks: [{ type: "panel" }] }, "invalid_blocks"],
    ["nothing", { text: "" }, "no_text"],
  ] as const)("chat.update refuses %s", async ([, args, error]) => {
    const { ts } = await post({});
    expect(await w.call(slack, "chat.update", { channel: w.TEAM, ts, text: "new", ...args })).toMatchObject({ ok: false, error });
  });

  test("only its own lasting messages can be updated and deleted", async () => {
    await slack.control.message({ as: w.ADA, channel: w.TEAM, text: "mine" });
    const mine =
      slack.control
        .view(w.ADA)
        ?.conversations.find((c) => c.id === w.TEAM)
        ?.messages.at(-1)?.ts ?? "";
    const change = { channel: w.TEAM, ts: mine, text: "yours" };
    expect(await w.call(slack, "chat.update", change)).toMatchObject({ error: "cant_update_message" });
    expect(await w.call(slack, "chat.delete", change)).toMatchObject({ error: "cant_delete_message" });
    const whisper = await w.call(slack, "chat.postEphemeral", { channel: w.TEAM, user: w.ADA, text: "psst" });
    const ts = whisper["message_ts"];
    expect(await w.call(slack, "chat.update", { channel: w.TEAM, ts, text: "loud" })).toMatchObject({ error: "message_not_found" });
    const guest = { channel: w.TEAM, user: w.GUEST, text: "psst" };
    expect(await w.call(slack, "chat.postEphemeral", guest)).toMatchObject({ error: "user_not_in_channel" });
  });

  test("an ephemeral message is seen by one person", async () => {
    await w.call(slack, "chat.postEphemeral", { channel: w.TEAM, user: w.ADA, text: "for ada only" });
    const texts = (id: string): readonly string[] =>
      slack.control.view(id)?.conversations.flatMap((c) => c.messages.map((m) => m.text)) ?? [];
    expect(texts(w.ADA)).toContain("for ada only");
    expect(texts(w.BEN)).not.toContain("for ada only");
  });

  test("text without blocks takes the blocks away; metadata that is not given stays; rich text stays rich", async () => {
    const metadata = { event_type: "plan", event_payload: { id: 1 } };
    const { ts } = await post({ blocks: [{ type: "divider" }], metadata });
    const updated = await w.call(slack, "chat.update", { channel: w.TEAM, ts, text: "plain" });
    expect(updated).toMatchObject({ ok: true, message: { text: "plain", metadata } });
    expect(updated).not.toHaveProperty("message.blocks");
    const text = { type: "rich_text_section", elements: [{ type: "text", text: "x" }] };
    const rich = await post({ blocks: [{ type: "rich_text", elements: [text] }] });
    const change = { channel: w.TEAM, ts: rich["ts"], text: "x", blocks: [{ type: "divider" }] };
    expect(await w.call(slack, "chat.update", change)).toMatchObject({ error: "block_mismatch" });
  });

  test("a sixth message within a second waits, with Retry-After; another channel does not", async () => {
    let now = 1_000_000;
    const busy = await w.start({ postRateMs: 1000, now: () => now });
    const web = w.client(busy);
    for (let i = 0; i < 5; i++) await web.chat.postMessage({ channel: w.TEAM, text: `${i}` });
    const thrown = await web.chat.postMessage({ channel: w.TEAM, text: "6" }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(WebAPIRateLimitedError);
    expect((thrown as WebAPIRateLimitedError).retryAfter).toBe(1);
    await web.chat.postMessage({ channel: w.PRIVATE_IN, text: "elsewhere" });
    now += 1000;
    await web.chat.postMessage({ channel: w.TEAM, text: "6" });
    await busy.close();
  });

  test("history pages from the newest, with metadata only when asked", async () => {
    const fresh = await w.start();
    for (const n of ["1", "2", "3"])
      await w.call(fresh, "chat.postMessage", { channel: w.TEAM, text: n, metadata: { event_type: "n", event_payload: { n } } });
    const web = w.client(fresh);
    const first = await web.conversations.history({ channel: w.TEAM, limit: 2 });
    const cursor = first.response_metadata?.next_cursor ?? "";
    const rest = await web.conversations.history({ channel: w.TEAM, limit: 2, cursor, include_all_metadata: true });
    await fresh.close();
    expect(first.messages?.map((m) => m.text)).toEqual(["3", "2"]);
    expect(first.messages?.[0]?.metadata).toBeUndefined();
    expect(rest.messages?.map((m) => m.text)).toEqual(["1"]);
    expect(rest.messages?.[0]?.metadata).toMatchObject({ event_type: "n" });
    expect(rest.has_more).toBe(false);
  });
});

describe("people, groups, channels, reactions", () => {
  test.for([
    ["users.info", { user: "U0NOBODY1" }, "user_not_found"],
    ["users.lookupByEmail", { email: "nobody@example.org" }, "users_not_found"],
    ["users.lookupByEmail", { email: "gone@example.org" }, "users_not_found"],
    ["users.lookupByEmail", { email: "extern@example.org" }, "users_not_found"],
    ["usergroups.users.list", { usergroup: "S0NOBODY1" }, "no_such_subteam"],
    ["conversations.open", { users: w.GONE }, "user_disabled"],
    ["conversations.open", { users: w.BOT }, "cannot_dm_bot"],
    ["conversations.open", {}, "users_list_not_supplied"],
    ["conversations.info", { channel: w.PRIVATE_OUT }, "channel_not_found"],
    ["conversations.history", { channel: w.NOT_IN }, "not_in_channel"],
    ["conversations.replies", { channel: w.TEAM, ts: "1.000001" }, "thread_not_found"],
    ["conversations.list", { cursor: "forged" }, "invalid_cursor"],
    ["conversations.join", { channel: w.NOT_IN }, "missing_scope"],
    ["reactions.add", { channel: w.TEAM, timestamp: "1.000001", name: "eyes" }, "message_not_found"],
    ["chat.getPermalink", { channel: w.TEAM, message_ts: "1.000001" }, "message_not_found"],
    ["chat.postMessage", { channel: "U0NOBODY1", text: "x" }, "channel_not_found"],
    ["chat.postEphemeral", { channel: w.TEAM, user: w.GONE, text: "x" }, "user_not_in_channel"],
    ["conversations.open", { users: "U0NOBODY1" }, "user_not_found"],
    ["views.push", { trigger_id: "forged", view: w.modal() }, "invalid_trigger_id"],
    ["bots.info", { bot: "B0OTHER01" }, "bot_not_found"],
    ["team.info", {}, "missing_scope"],
    ["views.publish", { user_id: "U0NOBODY1", view: { type: "home", blocks: [] } }, "user_not_found"],
    ["views.update", { view_id: "V0NOWHERE", view: w.modal() }, "not_found"],
    ["views.open", { trigger_id: "forged", view: w.modal() }, "invalid_trigger_id"],
    ["files.delete", { file: "F0NOWHERE" }, "file_not_found"],
    ["files.getUploadURLExternal", { filename: "a.txt", length: 0 }, "invalid_arguments"],
  ] as const)("%s of %j: %s", async ([method, args, error]) => {
    expect(await w.call(slack, method, args)).toMatchObject({ ok: false, error });
  });

  test("guests, people from elsewhere, bots and people who are gone can be told apart", async () => {
    const info = async (user: string): Promise<unknown> => (await w.call(slack, "users.info", { user }))["user"];
    expect(await info(w.ADA)).toMatchObject({ is_restricted: false, deleted: false, is_bot: false, team_id: "T0TEST001" });
    expect(await info(w.GUEST)).toMatchObject({ is_restricted: true });
    expect(await info(w.GONE)).toMatchObject({ deleted: true });
    expect(await info(w.BOT)).toMatchObject({ is_bot: true, profile: { bot_id: "B0BOT0001" } });
    expect(await info(w.EXTERNAL)).toMatchObject({ is_stranger: true, team_id: "T0ELSEWHERE" });
  });

  test("a direct message is opened once; lists page by cursor", async () => {
    const web = w.client(slack);
    expect(await web.conversations.open({ users: w.GUEST })).toMatchObject({ already_open: false, channel: { id: "D0GUEST01" } });
    expect(await web.conversations.open({ users: w.GUEST })).toMatchObject({ already_open: true });
    const ids: string[] = [];
    for await (const page of web.paginate("users.list", { limit: 2 }))
      ids.push(...objectsOf(w.json(page)["members"]).map((m) => String(m["id"])));
    expect(ids).toEqual([w.ADA, w.BEN, w.GUEST, w.GONE, w.EXTERNAL, w.BOT]);
    const groups = await web.usergroups.list({ include_users: true });
    expect(groups.usergroups?.[0]).toMatchObject({ id: w.GROUP, handle: "approvers", users: [w.ADA, w.BEN], user_count: 2 });
  });
});

describe("files", () => {
  test("filesUploadV2 stores the very bytes; the app reads them with its token, the page without", async () => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256));
    const web = w.client(slack);
    await web.filesUploadV2({ channel_id: w.TEAM, file: bytes, filename: "disk.bin", title: "Disk", initial_comment: "here" });
    const message = slack.control
      .view(w.BEN)
      ?.conversations.find((c) => c.id === w.TEAM)
      ?.messages.at(-1);
    expect(message).toMatchObject({ text: "here", files: [{ name: "disk.bin" }] });
    const file = message?.files[0];
    const shown = await fetch(`${slack.url}${file?.url ?? ""}`);
    expect(Buffer.from(await shown.arrayBuffer()).equals(bytes)).toBe(true);
    const info = await web.files.info({ file: file?.id ?? "" });
    const address = info.file?.url_private ?? "";
    expect((await fetch(address)).status).toBe(403);
    const read = await fetch(address, { headers: { authorization: `Bearer ${w.BOT_TOKEN}` } });
    expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true);
    await web.files.delete({ file: file?.id ?? "" });
    expect((await fetch(`${slack.url}${file?.url ?? ""}`)).status).toBe(404);
  });

  test("bytes of another length are refused, and a file without bytes cannot be completed", async () => {
    const given = await w.call(slack, "files.getUploadURLExternal", { filename: "a.txt", length: 5 });
    expect((await fetch(String(given["upload_url"]), { method: "POST", body: "four" })).status).toBe(400);
    const complete = { files: [{ id: String(given["file_id"]) }], channel_id: w.TEAM };
    expect(await w.call(slack, "files.completeUploadExternal", complete)).toMatchObject({ error: "file_not_found" });
  });
});

describe("the control API", () => {
  test("faults strike as often as they say; the log shows calls without tokens", async () => {
    const fresh = await w.start();
    fresh.setFaults({
      fail: [{ method: "auth.test", error: "internal_error", status: 500, times: 1 }],
      rateLimit: [{ method: "users.list", retryAfterSeconds: 7 }],
    });
    const status = async (method: string): Promise<readonly unknown[]> => {
      const response = await fetch(`${fresh.apiUrl}${method}?token=${w.BOT_TOKEN}`);
      return [response.status, response.headers.get("retry-after")];
    };
    expect([await status("auth.test"), await status("auth.test"), await status("users.list")]).toEqual([
      [500, null],
      [200, null],
      [429, "7"],
    ]);
    expect(fresh.sent().map((sent) => sent.method)).toEqual(["auth.test", "auth.test", "users.list"]);
    expect(JSON.stringify(fresh.sent())).not.toContain(w.BOT_TOKEN);
    await fresh.close();
  });

  test.for([
    ["an unknown act", "dance", {}, {}, 404],
    ["a missing field", "click", { as: w.ADA }, {}, 400],
    ["a page of another host", "home", { as: w.ADA }, { origin: "https://evil.example" }, 403],
  ] as const)("%s", async ([, name, body, headers, status]) => {
    const response = await fetch(`${slack.url}/emulator/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status).toBe(status);
  });
});
