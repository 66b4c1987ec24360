/** Claim: Bolt over Socket Mode meets here what it meets at Slack: each person's own click, modal, answer and error. */
import { SocketModeClient } from "@slack/socket-mode";
import type { BlockAction, SlackCommandMiddlewareArgs, ViewSubmitAction } from "@slack/bolt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import WebSocket from "ws";
import type { JsonObject } from "../../../emulators/slack/control-api.ts";
import { person, type Person } from "../../../emulators/slack/person.ts";
import type { SlackEmulator } from "../../../emulators/slack/server.ts";
import { eventually } from "../../support/eventually.ts";
import * as w from "./workspace-of-tests.ts";

type Bolt = Awaited<ReturnType<typeof w.boltOverSocket>>;

let slack: SlackEmulator;
let app: Bolt;
let ada: Person;
let ben: Person;

const begin = async (o: { ackMs?: number; pingMs?: number } = {}): Promise<void> => {
  slack = await w.start({ ackMs: o.ackMs ?? 60_000, retryDelaysMs: [0, 20, 40] });
  app = await w.boltOverSocket(slack, o.pingMs);
  ada = person(slack.url, w.ADA);
  ben = person(slack.url, w.BEN);
};
const end = async (): Promise<void> => {
  await app.stop();
  await slack.close();
};
beforeEach(() => begin());
afterEach(end);

/** The same with shorter waits: where no acknowledgement comes, or where a lost socket is opened again. */
const beginAgain = async (o: { ackMs?: number; pingMs?: number }): Promise<void> => {
  await end();
  await begin(o);
};

const post = async (blocks: readonly JsonObject[]): Promise<string> =>
  (await app.client.chat.postMessage({ channel: w.TEAM, text: "card", blocks: blocks as never })).ts ?? "";

describe("buttons", () => {
  test("a click carries the person, the message and the value; the update is seen by all", async () => {
    const bodies: BlockAction[] = [];
    app.action<BlockAction>("approve", async ({ ack, body, client }) => {
      await ack();
      bodies.push(body);
      await client.chat.update({ channel: w.TEAM, ts: body.container["message_ts"], text: "done" });
    });
    const ts = await post([w.button("approve", "v1:7")]);
    const reply = await ada.click({ channel: w.TEAM, ts, actionId: "approve" });
    expect(reply).toMatchObject({ ok: true, acked: true });
    await ben.waitFor("the update", (view) => view.conversations.find((c) => c.id === w.TEAM)?.messages.find((m) => m.text === "done"));
    expect(bodies[0]).toMatchObject({
      type: "block_actions",
      user: { id: w.ADA, username: "ada", team_id: "T0TEST001" },
      container: { type: "message", message_ts: ts, channel_id: w.TEAM, is_ephemeral: false },
      channel: { id: w.TEAM, name: "ci-team" },
      message: { ts, user: w.BOT, bot_id: "B0BOT0001" },
      state: { values: {} },
      actions: [{ type: "button", action_id: "approve", block_id: "row-approve", value: "v1:7" }],
    });
    expect(bodies[0]?.response_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/actions\/T0TEST001\//);
  });

  test.for([
    ["a button that is not there", { actionId: "other" }, "no_such_element"],
    ["a message that is not there", { ts: "1.000001" }, "message_not_found"],
    ["a channel the person is not in", { as: w.GUEST }, "not_in_channel"],
    ["a person who is gone", { as: w.GONE }, "account_inactive"],
    ["a bot", { as: w.BOT }, "user_is_bot"],
  ] as const)("Slack does not let one click %s", async ([, other, error]) => {
    const ts = await post([w.button("approve", "1")]);
    expect(await slack.control.click({ as: w.ADA, channel: w.TEAM, ts, actionId: "approve", ...other })).toEqual({ ok: false, error });
  });

  test("a forged value and a stale picture reach the app as they are", async () => {
    const seen: unknown[] = [];
    app.action(/.*/, async ({ ack, action }) => {
      await ack();
      seen.push((action as { value?: string }).value);
    });
    const ts = await post([w.button("approve", "1")]);
    await ada.click({ channel: w.TEAM, ts, actionId: "approve", value: "forged" });
    await app.client.chat.update({ channel: w.TEAM, ts, text: "no buttons" });
    expect(await ada.click({ channel: w.TEAM, ts, actionId: "approve" })).toEqual({ ok: false, error: "no_such_element" });
    await ada.click({ channel: w.TEAM, ts, actionId: "approve", stale: true });
    expect(seen).toEqual(["forged", "1"]);
  });

  test("an app that does not acknowledge leaves a notice for that person alone", async () => {
    await beginAgain({ ackMs: 400 });
    app.action("slow", async () => undefined);
    const ts = await post([w.button("slow", "1")]);
    expect(await ada.click({ channel: w.TEAM, ts, actionId: "slow" })).toMatchObject({ ok: true, acked: false });
    expect((await ada.view()).notices.map((n) => n.text)).toEqual([expect.stringContaining("operation_timeout")]);
    expect((await ben.view()).notices).toEqual([]);
  });

  test("two people click in one moment: two payloads, two triggers, each gets their own modal", async () => {
    app.action<BlockAction>("open", async ({ ack, body, client }) => {
      await ack();
      await client.views.open({ trigger_id: body.trigger_id, view: w.modal({ private_metadata: body.user.id }) as never });
    });
    const ts = await post([w.button("open", "1")]);
    await Promise.all([ada, ben].map((one) => one.click({ channel: w.TEAM, ts, actionId: "open" })));
    const metadata = await Promise.all([ada, ben].map((one) => one.waitFor("a modal", (v) => v.modals[0]?.view["private_metadata"])));
    expect(metadata).toEqual([w.ADA, w.BEN]);
  });

  test("the fault that doubles a click runs the listener twice", async () => {
    let runs = 0;
    app.action("approve", async ({ ack }) => {
      await ack();
      runs += 1;
    });
    const ts = await post([w.button("approve", "1")]);
    slack.setFaults({ deliver: 2 });
    await ada.click({ channel: w.TEAM, ts, actionId: "approve" });
    await eventually("two runs", () => runs === 2);
  });

  test("a select in a message keeps what each person chose", async () => {
    const states: unknown[] = [];
    app.action<BlockAction>("size", async ({ ack, body }) => {
      await ack();
      states.push(body.state?.values);
    });
    const option = (value: string): JsonObject => ({ text: w.plain(value), value });
    const element = { type: "static_select", action_id: "size", options: [option("s"), option("l")] };
    const ts = await post([{ type: "actions", block_id: "b", elements: [element] }]);
    await ada.click({ channel: w.TEAM, ts, actionId: "size", value: "l" });
    expect(states).toEqual([{ b: { size: { type: "static_select", selected_option: option("l") } } }]);
    expect(await ben.click({ channel: w.TEAM, ts, actionId: "size", value: "xl" })).toEqual({ ok: false, error: "no_such_option" });
  });
});

describe("triggers", () => {
  test("a trigger opens one view, within three seconds", async () => {
    let now = 1_700_000_000_000;
    const clocked = await w.start({ now: () => now });
    const bolt = await w.boltOverSocket(clocked);
    const triggers: string[] = [];
    bolt.command("/ci-status", async ({ ack, body }) => {
      await ack();
      triggers.push(body.trigger_id);
    });
    const command = { as: w.ADA, channel: w.TEAM, command: "/ci-status", text: "" };
    await clocked.control.command(command);
    await clocked.control.command(command);
    const open = (trigger: string | undefined): Promise<JsonObject> =>
      w.call(clocked, "views.open", { trigger_id: trigger ?? "", view: w.modal() });
    expect(await open(triggers[0])).toMatchObject({ ok: true });
    expect(await open(triggers[0])).toMatchObject({ error: "exchanged_trigger_id" });
    now += 3001;
    expect(await open(triggers[1])).toMatchObject({ error: "expired_trigger_id" });
    await bolt.stop();
    await clocked.close();
  });
});

describe("commands", () => {
  test("names become ids, an acknowledgement with text is for the person alone", async () => {
    let given: SlackCommandMiddlewareArgs["body"] | undefined;
    app.command("/ci-status", async ({ ack, body }) => {
      given = body;
      await ack({ text: "only you" });
    });
    await ada.command(w.TEAM, "/ci-status", "of @ben in #ci-team & <b>");
    expect(given).toMatchObject({
      text: `of <@${w.BEN}|ben> in <#${w.TEAM}|ci-team> &amp; &lt;b&gt;`,
      user_id: w.ADA,
      channel_name: "ci-team",
      is_enterprise_install: "false",
    });
    expect((await ada.view()).conversations[0]?.messages.at(-1)).toMatchObject({ text: "only you", ephemeral: true });
    expect((await ben.view()).conversations[0]?.messages).toEqual([]);
  });

  test("raw text for a command that is not escaped", async () => {
    let text = "";
    app.command("/ci-raw", async ({ ack, body }) => {
      text = body.text;
      await ack();
    });
    await ada.command(w.TEAM, "/ci-raw", "@ben & <b>");
    expect(text).toBe("@ben & <b>");
  });

  test.for([
    ["an unknown command", { command: "/other" }, "unknown_command"],
    ["a person from elsewhere", { as: w.EXTERNAL }, "not_available_to_externals"],
    ["an archived channel", { channel: w.ARCHIVED }, "is_archived"],
    ["somebody else's direct message", { channel: "D0BEN0002" }, "channel_not_found"],
  ] as const)("refused: %s", async ([, other, error]) => {
    const act = { as: w.ADA, channel: w.TEAM, command: "/ci-status", text: "", ...other };
    expect(await slack.control.command(act)).toEqual({ ok: false, error });
  });

  test("without an app behind it the person reads dispatch_failed; an answer that Slack does not take is told too", async () => {
    app.command("/ci-status", async ({ ack }) => ack({ blocks: [{ type: "panel" }] as never }));
    await ada.command(w.TEAM, "/ci-status");
    await app.stop();
    await ada.command(w.TEAM, "/ci-status");
    expect((await ada.view()).notices.map((n) => n.text)).toEqual([
      '/ci-status failed with the error "invalid_blocks"',
      '/ci-status failed with the error "dispatch_failed"',
    ]);
    await app.start();
  });

  test("a response_url answers five times: for one, for all, in place of the original", async () => {
    const errors: unknown[] = [];
    app.command("/ci-status", async ({ ack, respond }) => {
      await ack();
      await respond("1");
      await respond({ text: "2", response_type: "in_channel" });
      for (const text of ["3", "4", "5", "6"]) await respond(text).catch((error: unknown) => errors.push(error));
    });
    await ada.command(w.TEAM, "/ci-status");
    await eventually("the sixth answer is refused", () => errors.length === 1);
    expect(errors[0]).toMatchObject({ statusCode: 404 });
    const texts = async (who: Person): Promise<readonly string[]> => (await who.view()).conversations[0]?.messages.map((m) => m.text) ?? [];
    expect(await texts(ada)).toEqual(["1", "2", "3", "4", "5"]);
    expect(await texts(ben)).toEqual(["2"]);
  });

  test("a response_url of a click replaces and deletes its message, and refuses bad blocks", async () => {
    const errors: unknown[] = [];
    app.action("go", async ({ ack, respond }) => {
      await ack();
      await respond({ blocks: [{ type: "panel" }] as never }).catch((error: unknown) => errors.push(error));
      await respond({ replace_original: true, text: "replaced" });
    });
    const ts = await post([w.button("go", "1")]);
    await ada.click({ channel: w.TEAM, ts, actionId: "go" });
    await ben.waitFor("the replacement", (view) => view.conversations[0]?.messages.find((m) => m.text === "replaced"));
    expect(errors[0]).toMatchObject({ statusCode: 400 });
  });
});

describe("modals", () => {
  const open = async (who: Person, view: JsonObject = w.modal()): Promise<string> => {
    app.command("/ci-status", async ({ ack, body, client }) => {
      await ack();
      await client.views.open({ trigger_id: body.trigger_id, view: view as never });
    });
    await who.command(w.TEAM, "/ci-status");
    return who.waitFor("a modal", (v) => v.modals.at(-1)?.id);
  };
  const why = (text: string): { why: { text: string } } => ({ why: { text } });

  test("what was put in arrives, and the modal closes", async () => {
    let given: ViewSubmitAction["view"] | undefined;
    app.view("reason", async ({ ack, view }) => {
      given = view;
      await ack();
    });
    const viewId = await open(ada, w.modal({ private_metadata: "plan 7" }));
    await ada.submit({ viewId, values: why("because") });
    expect(given).toMatchObject({
      id: viewId,
      private_metadata: "plan 7",
      state: { values: { why: { text: { type: "plain_text_input", value: "because" } } } },
    });
    expect((await ada.view()).modals).toEqual([]);
  });

  test("Slack's client keeps an empty or short input back and says why", async () => {
    const viewId = await open(ada);
    expect(await ada.submit({ viewId, values: {} })).toEqual({ ok: false, error: "invalid_input" });
    expect((await ada.view()).modals[0]?.errors).toEqual({ why: "Please complete this required field." });
    await ada.submit({ viewId, values: why("no") });
    expect((await ada.view()).modals[0]?.errors).toEqual({ why: "Must be at least 5 characters." });
    expect(await ada.submit({ viewId, values: { why: { other: "x" } } })).toEqual({ ok: false, error: "no_such_element" });
    expect(await ben.submit({ viewId, values: why("not mine") })).toEqual({ ok: false, error: "view_not_found" });
  });

  test("the app's answer: errors stay with the input, then update, push, clear", async () => {
    const answers: JsonObject[] = [
      { response_action: "errors", errors: { why: "Not the name." } },
      { response_action: "update", view: w.modal({ callback_id: "second" }) },
      { response_action: "push", view: w.modal({ callback_id: "third" }) },
      { response_action: "clear" },
    ];
    app.view(/.*/, async ({ ack }) => ack(answers.shift() as never));
    await open(ada);
    const submit = async (): Promise<unknown> => {
      const viewId = (await ada.view()).modals.at(-1)?.id ?? "";
      await ada.submit({ viewId, values: why("borealis") });
      const { modals } = await ada.view();
      return modals.map((modal) => [modal.view["callback_id"], modal.errors]);
    };
    expect(await submit()).toEqual([["reason", { why: "Not the name." }]]);
    expect(await submit()).toEqual([["second", {}]]);
    expect(await submit()).toEqual([
      ["second", {}],
      ["third", {}],
    ]);
    expect(await submit()).toEqual([]);
  });

  test("an answer with errors for no input of the modal is trouble, and the modal stays", async () => {
    app.view("reason", async ({ ack }) => ack({ response_action: "errors", errors: { nowhere: "x" } }));
    const viewId = await open(ada);
    await ada.submit({ viewId, values: why("because") });
    expect((await ada.view()).modals).toHaveLength(1);
    expect((await ada.view()).notices[0]?.text).toContain("invalid_errors");
  });

  test("an update with an old hash is refused; what was put in stays when its input stays", async () => {
    const viewId = await open(ada);
    const first = slack.workspace.view(viewId)?.hash ?? "";
    await ada.submit({ viewId, values: why("no") });
    expect(await w.call(slack, "views.update", { view_id: viewId, hash: first, view: w.modal() })).toMatchObject({ ok: true });
    const again = await w.call(slack, "views.update", { view_id: viewId, hash: first, view: w.modal() });
    expect(again).toMatchObject({ ok: false, error: "hash_conflict" });
    expect(slack.workspace.view(viewId)?.values).toMatchObject({ why: { text: { value: "no" } } });
  });

  test("at most three lie on each other; closing tells the app only when it asked", async () => {
    const closed: string[] = [];
    app.view({ callback_id: /.*/, type: "view_closed" }, async ({ ack, view }) => {
      await ack();
      closed.push(view.callback_id);
    });
    app.view("reason", async ({ ack }) => ack({ response_action: "push", view: w.modal({ notify_on_close: true }) as never }));
    await open(ada);
    for (let i = 0; i < 3; i++) await ada.submit({ viewId: (await ada.view()).modals.at(-1)?.id ?? "", values: why("because") });
    expect((await ada.view()).modals).toHaveLength(3);
    expect((await ada.view()).notices[0]?.text).toContain("push_limit_reached");
    const ids = (await ada.view()).modals.map((modal) => modal.id);
    expect(await ada.close(ids[0] ?? "")).toEqual({ ok: false, error: "view_not_found" });
    for (const id of ids.toReversed()) await ada.close(id);
    expect(closed).toEqual(["reason", "reason"]);
  });

  test("an external select offers what the app answers, and takes nothing else", async () => {
    const asked: string[] = [];
    app.options("project", async ({ ack, options }) => {
      asked.push(options.value);
      await ack({ options: [{ text: { type: "plain_text", text: "Borealis" }, value: "borealis" }] });
    });
    let state: unknown;
    app.view("reason", async ({ ack, view }) => {
      state = view.state.values;
      await ack();
    });
    const element = { type: "external_select", action_id: "project", min_query_length: 2 };
    const viewId = await open(ada, w.modal({ blocks: [{ type: "input", block_id: "p", label: w.plain("Project"), element }] }));
    expect(await ada.options({ viewId, actionId: "project", value: "b" })).toMatchObject({ ok: true, options: [] });
    expect(await ada.submit({ viewId, values: { p: { project: "borealis" } } })).toEqual({ ok: false, error: "no_such_option" });
    expect(await ada.options({ viewId, actionId: "project", value: "bo" })).toMatchObject({ options: [{ value: "borealis" }] });
    await ada.submit({ viewId, values: { p: { project: "borealis" } } });
    expect(asked).toEqual(["bo"]);
    expect(state).toMatchObject({ p: { project: { type: "external_select", selected_option: { value: "borealis" } } } });
  });
});

describe("events", () => {
  test("a direct message, a mention and the home tab; a message in a channel without a mention is not told", async () => {
    const seen: string[] = [];
    app.event("app_mention", async ({ event }) => void seen.push(`mention ${event.text}`));
    app.message(async ({ message }) => void seen.push(`${message.channel_type} ${"text" in message ? (message.text ?? "") : ""}`));
    app.event("app_home_opened", async ({ event, client }) => {
      await client.views.publish({ user_id: event.user, view: { type: "home", blocks: [{ type: "divider" }] } });
    });
    await ada.message("D0ADA0001", "help & more");
    await ada.message(w.TEAM, "@twokey help");
    await ada.message(w.TEAM, "just talk");
    await ada.home();
    await ada.waitFor("a home", (view) => view.home);
    await eventually("both events", () => seen.length === 2);
    expect(seen).toEqual(["im help &amp; more", `mention <@${w.BOT}> help`]);
    expect((await ben.view()).home).toBeNull();
  });

  test("a changed group is told with who came and who went", async () => {
    const seen: unknown[] = [];
    app.event("subteam_members_changed", async ({ event }) => void seen.push(event));
    await slack.control.usergroup({ id: w.GROUP, users: [w.BEN, w.GUEST] });
    await eventually("the event", () => seen.length === 1);
    expect(seen[0]).toMatchObject({ subteam_id: w.GROUP, added_users: [w.GUEST], removed_users: [w.ADA] });
    expect((await app.client.usergroups.users.list({ usergroup: w.GROUP })).users).toEqual([w.BEN, w.GUEST]);
  });

  test("an event that nobody acknowledges comes again, three times, with its number and the same id", async () => {
    await beginAgain({ ackMs: 400 });
    const seen: [number | undefined, string | undefined, string][] = [];
    const quiet = new SocketModeClient({
      appToken: w.APP_TOKEN,
      clientOptions: { slackApiUrl: slack.apiUrl },
      logLevel: "error" as never,
    });
    await app.stop();
    quiet.on("slack_event", ({ retry_num, retry_reason, body }) => void seen.push([retry_num, retry_reason, body.event_id]));
    await quiet.start();
    expect(await ada.message("D0ADA0001", "anybody?")).toMatchObject({ ok: true, acked: false });
    await eventually("four deliveries", () => seen.length === 4);
    expect(seen.map(([n, reason]) => [n, reason])).toEqual([[0, ""], ...[1, 2, 3].map((n) => [n, "http_timeout"])]);
    expect(new Set(seen.map(([, , id]) => id)).size).toBe(1);
    await quiet.disconnect();
    await app.start();
  });
});

describe("sockets", () => {
  test("a ticket is good once", async () => {
    const { url } = await app.client.apps.connections.open({ token: w.APP_TOKEN });
    const status = (address: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(address);
        socket.once("message", (data) => {
          resolve(String(JSON.parse(String(data)).type));
          socket.close();
        });
        socket.once("error", (error) => resolve(error.message));
      });
    expect(await status(String(url))).toBe("hello");
    expect(await status(String(url))).toContain("401");
    expect(await status(`${slack.url.replace("http", "ws")}/link/?ticket=forged`)).toContain("401");
  });

  test("the eleventh socket is sent away; each payload goes to one of the ten", async () => {
    await beginAgain({ ackMs: 400 });
    const open = async (): Promise<WebSocket> => {
      const { url } = await app.client.apps.connections.open({ token: w.APP_TOKEN });
      return new WebSocket(String(url));
    };
    const said: string[] = [];
    const more = await Promise.all(Array.from({ length: 10 }, open));
    for (const socket of more) socket.on("message", (data) => said.push(String(data)));
    await eventually("all have heard", () => said.length === 10);
    expect(said.filter((text) => text.includes("too_many_websockets"))).toHaveLength(1);
    expect(slack.connections()).toBe(10);
    let atBolt = 0;
    app.command("/ci-status", async ({ ack }) => {
      await ack();
      atBolt += 1;
    });
    await Promise.all(Array.from({ length: 10 }, () => ada.command(w.TEAM, "/ci-status")));
    expect(said.filter((text) => text.includes('"slash_commands"'))).toHaveLength(9);
    expect(atBolt).toBe(1);
    for (const socket of more) socket.terminate();
    await eventually("one is left", () => slack.connections() === 1);
  });

  test.for(["dropSockets", "refreshSockets"] as const)("after %s the app comes back and works", async (fault) => {
    await beginAgain({ pingMs: 500 });
    app.command("/ci-status", async ({ ack }) => ack("back"));
    const before = slack.workspace.state.version;
    slack.setFaults({ [fault]: true });
    await eventually("gone", () => slack.connections() === 0);
    await eventually("back", () => slack.connections() === 1);
    expect(await ada.command(w.TEAM, "/ci-status")).toMatchObject({ ok: true, acked: true });
    expect(slack.workspace.state.version).toBeGreaterThan(before);
  });
});
