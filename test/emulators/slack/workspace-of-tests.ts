import { App, HTTPReceiver, LogLevel, SocketModeReceiver, type Receiver } from "@slack/bolt";
import { WebClient, type WebAPICallResult } from "@slack/web-api";
import type { JsonObject } from "../../../emulators/slack/control-api.ts";
import { startSlackEmulator, type SlackEmulator, type SlackEmulatorOptions, type SlackSeed } from "../../../emulators/slack/server.ts";

/** Ids of the tests' workspace. */
export const TEAM = "C0TEAM0001";
export const PRIVATE_IN = "G0SECRET1";
export const PRIVATE_OUT = "G0OTHERS1";
export const NOT_IN = "C0NOTIN01";
export const ARCHIVED = "C0ARCHIVE";
export const ADA = "U0ADA0001";
export const BEN = "U0BEN0002";
export const GUEST = "U0GUEST01";
export const GONE = "U0GONE001";
export const EXTERNAL = "U0EXTERN1";
export const BOT = "U0BOT0001";
export const GROUP = "S0APPROVE";
export const BOT_TOKEN = "xoxb-test-bot";
export const APP_TOKEN = "xapp-test-app";
export const SECRET = "test-signing-secret";

/** Scopes of the tests' app, unless a test takes some away. */
export const SCOPES = [
  "app_mentions:read",
  "channels:history",
  "channels:read",
  "chat:write",
  "commands",
  "files:read",
  "files:write",
  "groups:read",
  "im:history",
  "im:read",
  "im:write",
  "reactions:write",
  "usergroups:read",
  "users:read",
  "users:read.email",
];

/** The tests' workspace. */
export function seed(scopes: readonly string[] = SCOPES): SlackSeed {
  const person = (id: string, name: string, more: object = {}): SlackSeed["users"][number] => ({
    id,
    name,
    realName: `${name} Person`,
    email: `${name}@example.org`,
    ...more,
  });
  return {
    team: { id: "T0TEST001", name: "Test", domain: "test" },
    users: [
      person(ADA, "ada", { isAdmin: true }),
      person(BEN, "ben"),
      person(GUEST, "guest", { isGuest: true }),
      person(GONE, "gone", { deleted: true }),
      person(EXTERNAL, "extern", { isExternal: true }),
      { id: BOT, name: "twokey", realName: "Twokey", email: null, isBot: true },
    ],
    channels: [
      { id: TEAM, name: "ci-team", members: [ADA, BEN, EXTERNAL, BOT] },
      { id: PRIVATE_IN, name: "secret", members: [ADA, BOT], isPrivate: true },
      { id: PRIVATE_OUT, name: "others", members: [ADA], isPrivate: true },
      { id: NOT_IN, name: "not-in", members: [ADA] },
      { id: ARCHIVED, name: "archive", members: [ADA, BOT], isArchived: true },
    ],
    usergroups: [{ id: GROUP, handle: "approvers", name: "Approvers", users: [ADA, BEN] }],
    app: {
      id: "A0TEST001",
      name: "Twokey",
      botUserId: BOT,
      botId: "B0BOT0001",
      botToken: BOT_TOKEN,
      appToken: APP_TOKEN,
      signingSecret: SECRET,
      scopes,
      commands: [
        { command: "/ci-status", description: "Status", usageHint: "[project]" },
        { command: "/ci-raw", description: "Not escaped", usageHint: "", shouldEscape: false },
      ],
    },
  };
}

/** An emulator of the tests' workspace. */
export function start(options: Partial<SlackEmulatorOptions> = {}): Promise<SlackEmulator> {
  return startSlackEmulator({ seed: seed(), ...options });
}

/** Slack's own client, without retries. */
export function client(slack: SlackEmulator, token: string | undefined = BOT_TOKEN): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logLevel: LogLevel.ERROR,
  });
}

/** Calls a method as Slack's client does, and gives the answer whether it is ok or not. */
export async function call(slack: SlackEmulator, method: string, args: object, token: string | null = BOT_TOKEN): Promise<JsonObject> {
  const form = Object.entries(args).map(([name, value]): [string, string] => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const response = await fetch(`${slack.apiUrl}${method}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    body: new URLSearchParams(form).toString(),
  });
  return (await response.json()) as JsonObject;
}

/** A Bolt app in Socket Mode, wired as Twokey wires its own; it is started. A lost socket is opened again after `pingMs`. */
export async function boltOverSocket(slack: SlackEmulator, pingMs = 5_000): Promise<App> {
  const receiver = new SocketModeReceiver({
    appToken: APP_TOKEN,
    clientPingTimeout: pingMs,
    logLevel: LogLevel.ERROR,
    installerOptions: {
      clientOptions: { slackApiUrl: slack.apiUrl, retryConfig: { forever: true, minTimeout: 20, maxTimeout: 200 } },
    },
  });
  const app = newApp(slack, receiver);
  await app.init();
  await app.start();
  return app;
}

/** A Bolt app in HTTP mode on a free port, whose address the emulator is told; after `unhandledMs` it answers what no listener took. */
export async function boltOverHttp(slack: SlackEmulator, unhandledMs = 60_000): Promise<App> {
  const receiver = new HTTPReceiver({
    signingSecret: SECRET,
    endpoints: ["/slack/events"],
    logLevel: LogLevel.ERROR,
    unhandledRequestTimeoutMillis: unhandledMs,
  });
  const app = newApp(slack, receiver);
  await app.init();
  const server = await app.start({ port: 0, host: "127.0.0.1" });
  const address = (server as import("node:http").Server).address();
  if (address === null || typeof address === "string") throw new Error("the app has no port");
  slack.setRequestUrl(`http://127.0.0.1:${address.port}/slack/events`);
  return app;
}

/** A button in a row of its own. */
export function button(actionId: string, value: string): JsonObject {
  return {
    type: "actions",
    block_id: `row-${actionId}`,
    elements: [{ type: "button", action_id: actionId, value, text: plain(actionId) }],
  };
}

/** A plain_text object. */
export function plain(text: string): JsonObject {
  return { type: "plain_text", text };
}

/** A modal with one text input. */
export function modal(more: object = {}): JsonObject {
  return {
    type: "modal",
    callback_id: "reason",
    title: plain("Why"),
    submit: plain("Send"),
    blocks: [
      { type: "input", block_id: "why", label: plain("Why"), element: { type: "plain_text_input", action_id: "text", min_length: 5 } },
    ],
    ...more,
  };
}

/** The answer of a call that went well, as plain JSON. */
export function json(answer: WebAPICallResult): JsonObject {
  return answer as unknown as JsonObject;
}

function newApp(slack: SlackEmulator, receiver: Receiver): App {
  return new App({
    receiver,
    token: BOT_TOKEN,
    deferInitialization: true,
    convoStore: false,
    logLevel: LogLevel.ERROR,
    clientOptions: { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } },
  });
}
