import type { App } from "@slack/bolt";
import type { WebClient } from "@slack/web-api";
import { parseCommand, parseWords, type Command } from "../commands/command.ts";
import { replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import type { Services } from "../commands/services.ts";
import { runCommand } from "../commands/run.ts";
import type { Clock } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { OperatorId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { Events } from "../events.ts";
import type { Database } from "../store/db.ts";
import { recordSeenEvent } from "../store/seen-events.ts";
import type { Click } from "./click.ts";
import { answerClick, answerWindow } from "./clicks.ts";
import type { Workspace } from "./accounts.ts";
import type { Identity } from "./identity.ts";
import { assessOrigin } from "./payload.ts";
import { answerPolicyWindow, problemsOfWindow } from "./policy-clicks.ts";
import { bodyOf } from "./posting.ts";
import { homeView } from "./render/home.ts";
import { readMemory } from "./render/modals.ts";
import { renderReply } from "./render/reply.ts";
import { sendPicture } from "./pictures.ts";
import { callSlack } from "./slack.ts";
import { createTurns, type Turns } from "./turns.ts";
import { decodeTyped } from "./typed-text.ts";

/** What the listeners need. */
export interface ListenContext {
  readonly client: WebClient;
  readonly identity: Identity;
  readonly here: Workspace;
  readonly services: Services;
  readonly db: Database;
  readonly channel: string;
  readonly events: Events;
  readonly now: Clock;
}

interface Listening extends ListenContext {
  readonly lanes: Lanes;
}

/** What stops has turns of its own: nobody's flood of other clicks keeps it waiting. */
interface Lanes {
  readonly halts: Turns;
  readonly others: Turns;
  /** The sentences to people whose clicks are too many: who waits for one gets no second one. */
  readonly refusals: Turns;
}

/** The turns of one bot; together they take half of the connections to the database, the rest is for passes and deletions. */
function createLanes(): Lanes {
  return {
    halts: createTurns({ running: 2, waiting: 100, ofOne: 5 }),
    others: createTurns({ running: 3, waiting: 200, ofOne: 10 }),
    refusals: createTurns({ running: 5, waiting: 200, ofOne: 1 }),
  };
}

type Respond = (message: { text: string; blocks?: never[]; response_type: "ephemeral"; replace_original: false }) => Promise<unknown>;

/** Where one person is answered. */
interface Place {
  readonly channel: string;
  readonly user: string;
  /** Answers to the click's or command's own address. */
  readonly respond?: Respond | undefined;
  readonly thread?: string | undefined;
}

/** Buttons that lose nothing and must work when Slack's lists or the CI database cannot be read. */
const HALTS = new Set(["deletion_cancel", "deletion_restore"]);

/** Somebody of whom only the Slack id is known. */
function strangerOf(user: string): OperatorId {
  return `slack:${user}` as OperatorId;
}

/** Registers one listener for each kind of thing a person can do: acknowledge first, then work. Source: facts on Slack §1.5 no. 9. */
export function listen(app: App, o: ListenContext): void {
  const c: Listening = { ...o, lanes: createLanes() };
  refuseOthers(app, c);
  listenToCommands(app, c);
  listenToButtons(app, c);
  listenToWindows(app, c);
  listenToMentions(app, c);
  listenToDirectMessages(app, c);
  listenToHome(app, c);
  app.error(async (thrown) => c.events.bug("slack.listener", thrown));
}

/** What was not made for this app, in this workspace, reaches no listener: acknowledged, answered where that is possible, and recorded. */
function refuseOthers(app: App, c: Listening): void {
  app.use(async ({ body, next, ...more }) => {
    const origin = assessOrigin(body, c.here);
    if (origin.ok) return next();
    const { ack, respond } = more as unknown as { ack?: () => Promise<void>; respond?: Respond };
    if (ack !== undefined) acknowledge(ack(), c);
    const b = body as unknown as { user?: { id?: string }; user_id?: string; event?: { user?: string } };
    const user = b.user?.id ?? b.user_id ?? b.event?.user ?? "unknown";
    await inTurn("origin", c, null, async () => {
      c.events.failed("slack.other_origin", origin.error);
      await c.services.deletions.recordRefusal(strangerOf(user), "slack.payload", origin.error.message);
      const { text } = bodyOf(renderReply(replyOfFailure(origin.error)));
      if (respond !== undefined)
        await callSlack("response_url", () => respond({ text, response_type: "ephemeral", replace_original: false }));
    });
  });
}

function listenToCommands(app: App, c: Listening): void {
  app.command(/.*/, async ({ ack, command, respond }) => {
    acknowledge(ack(), c);
    const place = { channel: command.channel_id, user: command.user_id, respond: respond as Respond };
    const parsed = parseCommand(command.command, decodeTyped(command.text));
    await inTurn(
      "command",
      c,
      place,
      async () => {
        if (!(await isFirst(c, "command", command.trigger_id, place))) return;
        await say(await answer(parsed, place, c), place, c);
      },
      isStop(parsed),
    );
  });
}

function listenToButtons(app: App, c: Listening): void {
  app.action(/.*/, async ({ ack, body, action, respond }) => {
    acknowledge(ack(), c);
    const { click, once } = clickOf(body, action, c.channel);
    const place = { channel: click.channel, user: click.user, respond: respond as Respond | undefined };
    const isHalt = HALTS.has(click.action);
    const work = async (): Promise<void> => {
      if (!(await isFirst(c, "action", once, place))) return;
      const asker = await (isHalt ? c.identity.identifyToHalt(click.user) : c.identity.identify(click.user));
      if (!asker.ok) await c.services.deletions.recordRefusal(strangerOf(click.user), click.action, asker.error.message);
      await say(asker.ok ? await answerClick(click, asker.value, c) : replyOfFailure(asker.error), place, c);
    };
    await inTurn("action", c, place, work, isHalt);
  });
}

/** What was clicked, and what makes one click of Slack's repetitions; left out: it cannot be told. */
function clickOf(body: unknown, action: unknown, teamChannel: string): { readonly click: Click; readonly once: string | undefined } {
  const b = body as {
    user: { id: string };
    channel?: { id: string };
    container?: { channel_id?: string; message_ts?: string };
    message?: { ts?: string };
    trigger_id?: string;
  };
  const a = action as { action_id: string; action_ts?: string; value?: string; selected_option?: { value?: string } };
  const triggerId = b.trigger_id ?? "";
  const once = triggerId === "" ? a.action_ts : triggerId;
  const click = {
    action: a.action_id,
    value: a.value ?? a.selected_option?.value ?? "",
    user: b.user.id,
    channel: b.channel?.id ?? b.container?.channel_id ?? teamChannel,
    ts: b.message?.ts ?? b.container?.message_ts ?? null,
    triggerId,
  };
  return { click, once: once === undefined ? undefined : `${once}:${a.action_id}` };
}

function listenToWindows(app: App, c: Listening): void {
  app.view(/.*/, async ({ ack, body, view }) => {
    const { callback_id: callbackId, private_metadata: remembered } = view;
    const memory = readMemory(remembered);
    const typed = (block: string): string => view.state.values[block]?.[block]?.value ?? "";
    const isPolicy = callbackId.startsWith("policy_");

    // The only checks before the acknowledgement: they must be in it to be shown at the field.
    const isOtherName = callbackId === "deletion_type_name" && memory !== null && typed("name").trim() !== memory.name;
    const problems = isOtherName
      ? { name: `That is not the name. Type exactly: ${memory.name}`.slice(0, 200) }
      : isPolicy
        ? problemsOfWindow(callbackId, remembered, typed)
        : null;
    if (problems !== null) return acknowledge(ack({ response_action: "errors", errors: problems }), c);
    acknowledge(ack(), c);

    const place = { channel: c.channel, user: body.user.id };
    await inTurn("view", c, place, async () => {
      if (!(await isFirst(c, "view", view.id, place))) return;
      const { deletions, policy } = c.services;
      const asker = await c.identity.identify(body.user.id);
      if (isPolicy && asker.ok) {
        const reply = await answerPolicyWindow(callbackId, remembered, typed, asker.value, policy);
        return say(reply, { ...place, channel: remembered.split(" ")[1] ?? c.channel }, c);
      }
      if (asker.ok && memory !== null) {
        const reply = await answerWindow(callbackId, memory, typed, asker.value, deletions);
        return say(reply, { ...place, channel: memory.channel }, c);
      }
      const why = asker.ok ? failure("refused", "view.forged", "This window was not opened by Twokey; nothing was done") : asker.error;
      await deletions.recordRefusal(asker.ok ? asker.value.operator.id : strangerOf(body.user.id), callbackId, why.message);
      await say(replyOfFailure(why), place, c);
    });
  });
}

function listenToMentions(app: App, c: Listening): void {
  app.event("app_mention", async ({ event, body }) => {
    const { bot_id: bot, thread_ts: thread } = event as { bot_id?: string; thread_ts?: string };
    if (event.user === undefined || bot !== undefined) return;
    const place = { channel: event.channel, user: event.user, thread };
    const parsed = parseWords(decodeTyped(event.text));
    const work = async (): Promise<void> => {
      if (await isFirst(c, "event", body.event_id, place)) await say(await answer(parsed, place, c), place, c);
    };
    await inTurn("mention", c, place, work, isStop(parsed));
  });
}

function listenToDirectMessages(app: App, c: Listening): void {
  app.event("message", async ({ event, body }) => {
    const m = event as unknown as {
      channel_type?: string;
      subtype?: string;
      bot_id?: string;
      user?: string;
      text?: string;
      channel: string;
      thread_ts?: string;
    };
    const { user, channel } = m;
    if (m.channel_type !== "im" || m.subtype !== undefined || m.bot_id !== undefined || user === undefined) return;
    const parsed = parseWords(decodeTyped(m.text ?? ""));
    const work = async (): Promise<void> => {
      if (!(await isFirst(c, "event", body.event_id, { channel, user }))) return;
      const reply = await answer(parsed, { channel, user }, c);
      if (reply.picture !== undefined) await sendPicture(c.client, user, reply.picture, c.events);
      const thread = m.thread_ts === undefined ? {} : { thread_ts: m.thread_ts };
      await c.client.chat.postMessage({ channel, ...bodyOf(renderReply(reply)), unfurl_links: false, ...thread });
    };
    await inTurn("message", c, { channel, user }, work, isStop(parsed));
  });
}

function listenToHome(app: App, c: Listening): void {
  app.event("app_home_opened", async ({ event }) =>
    inTurn("home", c, null, async () => {
      const asker = await c.identity.identify(event.user);
      if (!asker.ok) return;
      const projects = await c.services.projects.projectsOf(asker.value);
      const deletions = asker.value.isTeam ? await c.services.deletions.list() : null;
      await c.client.views.publish({
        user_id: event.user,
        view: homeView(projects.ok ? projects.value : [], deletions?.ok === true ? deletions.value : []),
      });
    }),
  );
}

async function answer(command: Result<Command, Failure>, { channel, user }: Place, c: Listening): Promise<Reply> {
  if (!command.ok) return replyOfFailure(command.error);
  const asker = await (command.value.kind === "stop" ? c.identity.identifyToHalt(user) : c.identity.identify(user));
  return asker.ok ? runCommand(command.value, asker.value, c.services, { channel, user }) : replyOfFailure(asker.error);
}

/**
 * Answers one person only: by the click's own address, else as an ephemeral message, else, where the bot is not in the channel, as a
 * direct message.
 */
async function say(reply: Reply | null, { respond, channel, user, thread }: Place, c: Listening): Promise<void> {
  if (reply === null) return;
  if (reply.picture !== undefined) await sendPicture(c.client, user, reply.picture, c.events);
  const said = bodyOf(renderReply(reply));
  if (respond !== undefined) {
    const sent = await callSlack("response_url", () =>
      respond({ ...said, blocks: said.blocks as never[], response_type: "ephemeral", replace_original: false }),
    );
    if (sent.ok) return;
  }

  const where = { channel, user, ...(thread === undefined ? {} : { thread_ts: thread }) };
  const sent = await callSlack("chat.postEphemeral", () => c.client.chat.postEphemeral({ ...where, ...said }));
  if (sent.ok) return;
  const direct = await callSlack("chat.postMessage", () => c.client.chat.postMessage({ channel: user, ...said, unfurl_links: false }));
  if (!direct.ok) c.events.failed("slack.not_said", direct.error);
}

/** Whether an interaction is new: Slack and proxies repeat them. Without an id it counts as new; without the database nothing is done. */
async function isFirst(c: Listening, kind: string, id: string | undefined, place: Place): Promise<boolean> {
  if (id === undefined || id === "") return true;
  try {
    return await recordSeenEvent(c.db, `${kind}:${id}`, c.now());
  } catch (thrown) {
    c.events.bug(`slack.${kind}`, thrown);
    await say(shortReply("Nothing was done: Twokey cannot reach its own database now", "Try again in a minute."), place, c);
    return false;
  }
}

function isStop(command: Result<Command, Failure>): boolean {
  return command.ok && command.value.kind === "stop";
}

/** Runs what a person did in its turn; with too much before it, it is refused with a sentence, one at a time. `place` null: in silence. */
async function inTurn(what: string, c: Listening, place: Place | null, run: () => Promise<void>, isHalt = false): Promise<void> {
  try {
    const lane = isHalt ? c.lanes.halts : c.lanes.others;
    if ((await lane.take(place?.user ?? what, run)) || place === null) return;
    await c.lanes.refusals.take(place.user, () =>
      say(shortReply("This was not done: too much is waiting", "Wait for the answers to what you did before, then try again."), place, c),
    );
  } catch (thrown) {
    c.events.bug(`slack.${what}`, thrown);
  }
}

/**
 * Acknowledges without waiting: a connection that is replaced at this moment may never say that it was sent, and the click must still
 * count.
 */
function acknowledge(sent: Promise<void>, c: Listening): void {
  sent.catch((thrown: unknown) => c.events.warn("slack.not_acknowledged", { code: thrown instanceof Error ? thrown.name : "unknown" }));
}
