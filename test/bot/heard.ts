/** The bot's own listeners in a real Bolt app, fed by hand: real identity on the emulated Slack, real PostgreSQL, one deletion that waits for votes. */
import { App, LogLevel, type Receiver } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { quiet } from "../../src/bot/connection.ts";
import { createHomeTab, type HomeTab } from "../../src/bot/home/tab.ts";
import { createIdentity, type Identity } from "../../src/bot/identity.ts";
import { listen } from "../../src/bot/listeners.ts";
import { findWorkspace } from "../../src/bot/workspace.ts";
import type { Sleep } from "../../src/core/clock.ts";
import type { Instant } from "../../src/core/ids.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { createEvents, observed } from "../../src/events.ts";
import type { Database } from "../../src/store/db.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { recordKnownAccounts } from "../../src/store/known-accounts.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import type { DesiredProject } from "../../src/sync/planning/desired.ts";
import type { PartsChange, TestBot } from "../support/bot.ts";
import { at, enterAsSaved, expectRow, inventory, openOne } from "../support/deletions.ts";
import { botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";
import { ciPerson } from "./two-slacks.ts";

/** Ids of this workspace. */
export const CHANNEL = "C0CITEAM1";
export const CARD = "1.1";
const [TEAM_ID, APP_ID, BOT_USER] = ["T0HEARD01", "A0HEARD01", "U0BOT0001"];

/** The Slack id of a person. */
export const slackId = (name: string): string => `U0${name.toUpperCase()}`;

/** What a test may say of this workspace. */
export interface HeardOptions {
  /** In the group of approvers, and in the channel. */
  readonly approvers: readonly string[];
  /** In the channel only. */
  readonly team?: readonly string[];
  readonly others?: readonly string[];
  readonly projects?: readonly DesiredProject[];
  readonly change?: PartsChange;
  /** How the listeners wait; left out: for ever. */
  readonly sleep?: Sleep;
}

/** The bot that hears. */
export interface Heard {
  readonly slack: SlackEmulator;
  readonly w: SmallWorld;
  readonly bot: TestBot;
  readonly row: DeletionRow;
  readonly home: HomeTab;
  readonly identity: Identity;
  readonly logged: { readonly fact: string; readonly details: object }[];
  /** Mutable: what the CI database says. */
  projects: readonly DesiredProject[];
  /** Mutable: whether the CI database answers nothing about people, and whether Twokey's own answers nothing to listeners. */
  readonly away: { ci: boolean; database: boolean };
  /** Hands Bolt a payload; ends when all that came of it is over. After how long it was acknowledged; `refused`: Bolt takes it for none of Slack's. */
  send(body: object): Promise<{ readonly ackMs: number | null; readonly refused: unknown }>;
  close(): Promise<void>;
}

/** Whose payload it is, and what made it one. */
let made = 0;
const common = () => ({ api_app_id: APP_ID, team: { id: TEAM_ID, domain: "heard" }, trigger_id: `t.${(made += 1)}` });

/** A click on a button of the card, as Slack sends it. */
export function clickBody(user: string, action: string, value: string, more: object = {}): object {
  return {
    ...{ type: "block_actions", ...common(), user: { id: slackId(user) }, channel: { id: CHANNEL }, message: { ts: CARD } },
    ...{ container: { type: "message", channel_id: CHANNEL, message_ts: CARD }, response_url: "" },
    actions: [{ type: "button", action_id: action, block_id: "b", value, action_ts: `${made}.1` }],
    ...more,
  };
}

/** A click on the Home tab. */
export function homeClickBody(user: string, action: string, value = "-"): object {
  const view = { type: "home", id: "V1" };
  const { channel: _c, message: _m, ...body } = clickBody(user, action, value) as Record<string, unknown>;
  return { ...body, view, container: { type: "view", view_id: "V1" } };
}

/** A slash command. */
export function commandBody(user: string, command: string, text: string, more: object = {}): object {
  return {
    ...{ command, text, user_id: slackId(user), channel_id: CHANNEL, team_id: TEAM_ID, response_url: "" },
    ...commandCommon(),
    ...more,
  };
}
const commandCommon = () => ({ api_app_id: APP_ID, trigger_id: `t.${(made += 1)}` });

/** A window that was filled in. */
export function windowBody(user: string, callback: string, metadata: string, values: Readonly<Record<string, string>>): object {
  const state = Object.fromEntries(Object.entries(values).map(([k, value]) => [k, { [k]: { type: "plain_text_input", value } }]));
  const view = { type: "modal", id: `V${(made += 1)}`, callback_id: callback, private_metadata: metadata, state: { values: state } };
  return { type: "view_submission", ...common(), user: { id: slackId(user) }, view };
}

/** Somebody types into a menu whose options are asked for. */
export function typingBody(user: string, action: string, typed: unknown, more: object = {}): object {
  const { trigger_id: _t, ...from } = common();
  const where = { channel: { id: CHANNEL }, message: { ts: CARD }, container: { type: "message", channel_id: CHANNEL, message_ts: CARD } };
  return {
    type: "block_suggestion",
    ...from,
    ...where,
    user: { id: slackId(user) },
    action_id: action,
    block_id: "b",
    value: typed,
    ...more,
  };
}

/** An event. */
export function eventBody(event: object): object {
  return { type: "event_callback", api_app_id: APP_ID, team_id: TEAM_ID, event_id: `Ev${(made += 1)}`, event_time: 1, event };
}

/** Starts it. */
export async function hear(db: Database, o: HeardOptions): Promise<Heard> {
  const slack = await startSlackEmulator({ seed: seedOf(o) });
  const { w, row } = await proposed(db);
  const options = { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 }, logLevel: LogLevel.ERROR };
  const [client, patient, homes] = [1, 2, 3].map(() => new WebClient("xoxb-1", { ...options, rejectRateLimitedCalls: true }));
  if (client === undefined || patient === undefined || homes === undefined) throw new Error("no client");
  const here = await findWorkspace(client, { mode: "http" });
  if (!here.ok) throw new Error(here.error.message);
  const people = [...o.approvers, ...(o.team ?? []), ...(o.others ?? [])].map((id) => ciPerson(id));
  const now = () => w.now as Instant;
  const away = { ci: false, database: false };
  const identity = createIdentity({
    ...{ client, patient, channel: CHANNEL, here: here.value, teamGroup: null, now },
    approvers: async () => ({ group: "S0APPROVE", ids: [] }),
    listPeople: async () => (away.ci ? err(failure("unavailable", "cidb.unavailable", "The CI database could not be read")) : ok(people)),
    remember: (known) => recordKnownAccounts(db, known, now()),
    onLeftOut: () => undefined,
    sleep: () => new Promise(() => undefined),
  });
  const heard = { projects: o.projects ?? [] };
  const ci = {
    projectsOf: async (of: string) => ok(heard.projects.filter((p) => of === "all" || p.members.some((m) => m.userId === of))),
    project: async () => ok(heard.projects[0] ?? null),
  };
  const bot = botIn(w, row).with({ ...o.change, approvers: identity, ci: { ...ci, ...o.change?.ci } });
  const logged: Heard["logged"][number][] = [];
  const events = observed(createEvents("silent", "test"), (fact, details) => void logged.push({ fact, details }));
  const answered = <T>(of: (db: Database) => Promise<T>): Promise<T> => (away.database ? Promise.reject(new Error("away")) : of(db));
  const heardDb: Database = {
    ...db,
    many: (...of) => answered((one) => one.many(...of)),
    one: (...of) => answered((one) => one.one(...of)),
    maybe: (...of) => answered((one) => one.maybe(...of)),
    exec: (...of) => answered((one) => one.exec(...of)),
  };
  const parts = { db: heardDb, identity, services: bot.services, channel: CHANNEL, events, now };
  const home = createHomeTab({ ...parts, client: homes, approversNow: identity.approversNow, problems: async () => [] });
  const receiver = new ByHand();
  const app = new App({
    receiver,
    token: "xoxb-1",
    deferInitialization: true,
    convoStore: false,
    logger: quiet(events),
    clientOptions: options,
  });
  listen(app, { ...parts, client, home, here: here.value, sleep: o.sleep ?? (() => new Promise(() => undefined)) });
  await app.init();
  return Object.assign(heard, {
    ...{ slack, w, bot, row, home, identity, logged, away },
    send: (body: object) => receiver.send(body),
    close: () => slack.close(),
  });
}

/** Hands over what a test makes, in the place of Slack's connection. */
class ByHand implements Receiver {
  #app: App | null = null;
  init(app: App): void {
    this.#app = app;
  }
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async send(body: object): Promise<{ readonly ackMs: number | null; readonly refused: unknown }> {
    const began = performance.now();
    let ackMs: number | null = null;
    const ack = async (): Promise<void> => void (ackMs ??= performance.now() - began);
    try {
      await this.#app?.processEvent({ body: structuredClone(body) as Record<string, unknown>, ack });
      return { ackMs, refused: null };
    } catch (thrown) {
      // As Bolt's own receivers do: they log it and answer 500.
      return { ackMs, refused: thrown };
    }
  }
}

async function proposed(db: Database): Promise<{ readonly w: SmallWorld; readonly row: DeletionRow }> {
  const w = await smallWorld(db);
  const opened = await openOne(db);
  const shown = inventory(opened.domain_id, w.items);
  await recordApprovedInventory(db, opened.id, shown, 10);
  await enterAsSaved(db, opened, shown);
  const times = { proposed_at: at(10), expires_at: at(1_000_000), entered_at: at(10) };
  await updateDeletion(db, opened.id, { phase: "proposed", digest: inventoryDigest(shown), ...times });
  await recordPostedMessage(db, { key: `deletion:${opened.id}`, channel: CHANNEL, ts: CARD, digest: "d", at: 1 });
  w.now = 50;
  return { w, row: await expectRow(db, opened.id) };
}

function seedOf({ approvers, team = [], others = [] }: HeardOptions) {
  const person = (name: string) => ({ id: slackId(name), name, realName: name, email: `${name}@example.org` });
  const ids = (names: readonly string[]) => names.map(slackId);
  return {
    team: { id: TEAM_ID, name: "Heard", domain: "heard" },
    users: [
      ...[...approvers, ...team, ...others].map(person),
      { id: BOT_USER, name: "twokey", realName: "Twokey", email: null, isBot: true },
    ],
    channels: [{ id: CHANNEL, name: "ci-team", members: [...ids(approvers), ...ids(team), BOT_USER], isPrivate: true }],
    usergroups: [{ id: "S0APPROVE", handle: "approvers", name: "Approvers", users: ids(approvers) }],
    app: {
      ...{ id: APP_ID, name: "Twokey", botUserId: BOT_USER, botId: "B1", botToken: "xoxb-1", appToken: "xapp-1", signingSecret: "s" },
      ...{ commands: [], scopes: SCOPES },
    },
  };
}

const SCOPES =
  "users:read users:read.email usergroups:read channels:read groups:read im:write im:history chat:write files:write commands".split(" ");
