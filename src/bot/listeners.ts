import type { App } from "@slack/bolt";
import type { WebClient } from "@slack/web-api";
import { parseCommand, parseWords, type Command } from "../commands/command.ts";
import { replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import type { Services } from "../commands/services.ts";
import { runCommand } from "../commands/run.ts";
import type { Clock } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { OperatorId } from "../core/ids.ts";
import { mayHalt, type Asker } from "../core/people.ts";
import type { Result } from "../core/result.ts";
import { addToTrace, runTraced } from "../core/trace.ts";
import type { Events } from "../events.ts";
import type { Database } from "../store/db.ts";
import { recordSeenEvent } from "../store/seen-events.ts";
import { clickOf, type Answer } from "./click.ts";
import { answerClick, answerWindow } from "./clicks.ts";
import type { Workspace } from "./accounts.ts";
import { answerAdoptionWindow } from "./adoption-clicks.ts";
import type { Identity } from "./identity.ts";
import { assessOrigin } from "./payload.ts";
import { answerPolicyWindow, problemsOfWindow } from "./policy-clicks.ts";
import { bodyOf } from "./posting.ts";
import { homeView } from "./render/home.ts";
import { readMemory } from "./render/modals.ts";
import { renderReply } from "./render/reply.ts";
import { sendPicture } from "./pictures.ts";
import { callInTime, callSlack } from "./slack.ts";
import { createTurns, type Turns } from "./turns.ts";
import { listenToTyping } from "./typing.ts";
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

/** The turns of one bot. What stops has its own: nobody's flood of other clicks keeps it waiting. */
interface Lanes {
  /** In which it is looked up who stops, cancels or restores; takes nothing of the database. */
  readonly callers: Turns;
  /** Of the team, which is never told that too many wait. */
  readonly halts: Turns;
  readonly others: Turns;
  /** Of Keep, which waits for no approval: that one reads CloudStack. */
  readonly keeps: Turns;
  /** Of people who type into a menu: answered from a list that is kept for a minute. */
  readonly suggestions: Turns;
  /** Refusals of those who may not stop anything, and of what comes from elsewhere. */
  readonly strangers: Turns;
  /** The sentences to people whose clicks are too many: who waits for one gets no second one. */
  readonly refusals: Turns;
}

/**
 * Together they take eight of the ten connections to the database at most, the rest is for passes and deletions; who types takes one for
 * moments only.
 */
function createLanes(): Lanes {
  const any = Number.POSITIVE_INFINITY;
  return {
    callers: createTurns({ running: any, waiting: any, ofOne: 5 }),
    halts: createTurns({ running: 2, waiting: any, ofOne: 5 }),
    others: createTurns({ running: 3, waiting: 200, ofOne: 10 }),
    keeps: createTurns({ running: 2, waiting: 200, ofOne: 5 }),
    suggestions: createTurns({ running: 2, waiting: 100, ofOne: 5 }),
    strangers: createTurns({ running: 1, waiting: 100, ofOne: 5 }),
    refusals: createTurns({ running: 5, waiting: 200, ofOne: 1 }),
  };
}

/** How long a click's own address may take to take an answer; Slack's library would wait for ever. Units: milliseconds. */
const RESPOND_MS = 10_000;

/** One thing that one person did. */
interface Doing {
  readonly what: string;
  /** The command, the button or the window. */
  readonly about: string;
  readonly place: Place;
  /** What makes it one thing of Slack's repetitions; null: it cannot be told. */
  readonly once: string | null;
  readonly halts?: "stop" | "one deletion" | null;
  readonly isKeep?: boolean;
  /** Does it; has ended once it is stored. */
  readonly run: (who: () => Promise<Result<Asker, Failure>>) => Promise<Answer>;
  /** Answers it, where that is not done by `say`. */
  readonly answer?: (reply: Reply) => Promise<void>;
}

/** The rest of what somebody did once it is stored: the answer. */
type Rest = () => Promise<unknown>;

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
  listenToTyping(app, c, c.lanes.suggestions);
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
    const said = bodyOf(renderReply(replyOfFailure(origin.error)));
    const record = async (): Promise<Rest> => {
      c.events.failed("slack.other_origin", origin.error);
      await c.services.deletions.recordRefusal(strangerOf(user), "slack.payload", origin.error.message);
      return async () => respond !== undefined && answerAt(respond, { text: said.text });
    };
    await inTurn("origin", c, null, (turn) => c.lanes.strangers.take(user, () => turn(record)));
  });
}

function listenToCommands(app: App, c: Listening): void {
  app.command(/.*/, async ({ ack, command, respond }) => {
    acknowledge(ack(), c);
    const place = { channel: command.channel_id, user: command.user_id, respond: respond as Respond };
    const parsed = parseCommand(command.command, decodeTyped(command.text));
    const run = (who: Who) => answer(parsed, who, place, c);
    await take(
      { what: "command", about: aboutOf(parsed), place, once: onceOf("command", command.trigger_id), halts: stopOf(parsed), run },
      c,
    );
  });
}

function listenToButtons(app: App, c: Listening): void {
  app.action(/.*/, async ({ ack, body, action, respond }) => {
    acknowledge(ack(), c);
    const { click, once } = clickOf(body, action, c.channel);
    const place = { channel: click.channel, user: click.user, respond: respond as Respond | undefined };
    const run = async (who: Who): Promise<Answer> => {
      const asker = await who();
      if (asker.ok) return answerClick(click, asker.value, c);
      await c.services.deletions.recordRefusal(strangerOf(click.user), click.action, asker.error.message);
      return replyOfFailure(asker.error);
    };
    const halts = HALTS.has(click.action) ? "one deletion" : null;
    const isKeep = click.action === "deletion_keep" || click.action === "status_keep";
    await take({ what: "action", about: click.action, place, once: onceOf("action", once), halts, isKeep, run }, c);
  });
}

function listenToWindows(app: App, c: Listening): void {
  app.view(/.*/, async ({ ack, body, view }) => {
    const { callback_id: callbackId, private_metadata: remembered } = view;
    const memory = readMemory(remembered);
    const typed = (block: string): string => view.state.values[block]?.[block]?.value ?? "";
    const [isPolicy, isAdoption] = [callbackId.startsWith("policy_"), callbackId.startsWith("adoption_")];

    // The only checks before the acknowledgement: they must be in it to be shown at the field.
    const isOtherName = callbackId === "deletion_type_name" && memory !== null && typed("name").trim() !== memory.name;
    const problems = isOtherName
      ? { name: `That is not the name. Type exactly: ${memory.name}`.slice(0, 200) }
      : isPolicy
        ? problemsOfWindow(callbackId, remembered, typed)
        : null;
    if (problems !== null) return acknowledge(ack({ response_action: "errors", errors: problems }), c);
    acknowledge(ack(), c);

    const channel = (isPolicy || isAdoption ? remembered.split(" ")[1] : memory?.channel) ?? c.channel;
    const run = async (who: Who): Promise<Reply | null> => {
      const { deletions, policy, adoption } = c.services;
      const asker = await who();
      if (isPolicy && asker.ok) return answerPolicyWindow(callbackId, remembered, typed, asker.value, policy);
      if (isAdoption && asker.ok) return answerAdoptionWindow(remembered, typed, asker.value, adoption);
      if (asker.ok && memory !== null) return answerWindow(callbackId, memory, typed, asker.value, deletions);
      const why = asker.ok ? failure("refused", "view.forged", "This window was not opened by Twokey; nothing was done") : asker.error;
      await deletions.recordRefusal(asker.ok ? asker.value.operator.id : strangerOf(body.user.id), callbackId, why.message);
      return replyOfFailure(why);
    };
    await take({ what: "view", about: callbackId, place: { channel, user: body.user.id }, once: onceOf("view", view.id), run }, c);
  });
}

function listenToMentions(app: App, c: Listening): void {
  app.event("app_mention", async ({ event, body }) => {
    const { bot_id: bot, thread_ts: thread } = event as { bot_id?: string; thread_ts?: string };
    if (event.user === undefined || bot !== undefined) return;
    const place = { channel: event.channel, user: event.user, thread };
    const parsed = parseWords(decodeTyped(event.text));
    const run = (who: Who) => answer(parsed, who, place, c);
    await take({ what: "mention", about: aboutOf(parsed), place, once: onceOf("event", body.event_id), halts: stopOf(parsed), run }, c);
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
    const place = { channel, user };
    await take(
      {
        ...{ what: "message", about: aboutOf(parsed), place, once: onceOf("event", body.event_id), halts: stopOf(parsed) },
        run: (who) => answer(parsed, who, place, c),
        async answer(reply) {
          if (reply.picture !== undefined) await sendPicture(c.client, user, reply.picture, c.events);
          const thread = m.thread_ts === undefined ? {} : { thread_ts: m.thread_ts };
          await c.client.chat.postMessage({ channel, ...bodyOf(renderReply(reply)), unfurl_links: false, ...thread });
        },
      },
      c,
    );
  });
}

function listenToHome(app: App, c: Listening): void {
  app.event("app_home_opened", async ({ event: { user } }) => {
    const read = async (): Promise<Rest> => {
      const asker = await c.identity.identify(user);
      if (!asker.ok) return async () => undefined;
      const projects = await c.services.projects.projectsOf(asker.value);
      const deletions = asker.value.isTeam ? await c.services.deletions.list() : null;
      const view = homeView(projects.ok ? projects.value : [], deletions?.ok === true ? deletions.value : []);
      return () => c.client.views.publish({ user_id: user, view });
    };
    await inTurn("home", c, null, (turn) => c.lanes.others.take(user, () => turn(read)));
  });
}

type Who = Parameters<Doing["run"]>[0];

async function answer(command: Result<Command, Failure>, who: Who, { channel, user }: Place, c: Listening): Promise<Reply> {
  if (!command.ok) return replyOfFailure(command.error);
  const asker = await who();
  return asker.ok ? runCommand(command.value, asker.value, c.services, { channel, user }) : replyOfFailure(asker.error);
}

/**
 * Answers one person only: by the click's own address, else as an ephemeral message, else, where the bot is not in the channel, as a
 * direct message.
 */
async function say(reply: Reply, { respond, channel, user, thread }: Place, c: Listening): Promise<void> {
  if (reply.picture !== undefined) await sendPicture(c.client, user, reply.picture, c.events);
  const said = bodyOf(renderReply(reply));
  if (respond !== undefined) {
    const sent = await answerAt(respond, { ...said, blocks: said.blocks as never[] });
    if (sent.ok) return;
  }

  const where = { channel, user, ...(thread === undefined ? {} : { thread_ts: thread }) };
  const sent = await callSlack("chat.postEphemeral", () => c.client.chat.postEphemeral({ ...where, ...said }));
  if (sent.ok) return;
  const direct = await callSlack("chat.postMessage", () => c.client.chat.postMessage({ channel: user, ...said, unfurl_links: false }));
  if (!direct.ok) c.events.failed("slack.not_said", direct.error);
}

function answerAt(respond: Respond, said: { readonly text: string; readonly blocks?: never[] }): Promise<Result<unknown, Failure>> {
  const message = { ...said, response_type: "ephemeral", replace_original: false } as const;
  return callInTime("response_url", RESPOND_MS, () => respond(message));
}

function onceOf(kind: string, id: string | undefined): string | null {
  return id === undefined || id === "" ? null : `${kind}:${id}`;
}

function aboutOf(command: Result<Command, Failure>): string {
  return command.ok ? command.value.kind : command.error.code;
}

function stopOf(command: Result<Command, Failure>): "stop" | null {
  return command.ok && command.value.kind === "stop" ? "stop" : null;
}

/** Does what a person did, in its turn, and answers it after that. */
function take(d: Doing, c: Listening): Promise<void> {
  return runTraced(d.once === null ? {} : { request: d.once }, () => takeTraced(d, c));
}

function takeTraced(d: Doing, c: Listening): Promise<void> {
  const { user } = d.place;
  return inTurn(d.what, c, d.place, async (turn) => {
    const inLane = (lane: Turns, person: string, who: Who) => lane.take(person, () => turn(() => runOnce(d, who, c)));
    const lane = d.isKeep === true ? c.lanes.keeps : c.lanes.others;
    if (d.halts == null) return inLane(lane, user, () => c.identity.identify(user));
    // A stop waits for nothing else that the same person does.
    const person = `${d.halts} ${user}`;
    let isDone = false;
    await c.lanes.callers.take(person, async () => {
      const asker = await c.identity.identifyToHalt(user);
      const lane = asker.ok && mayHalt(asker.value) ? c.lanes.halts : c.lanes.strangers;
      isDone = await inLane(lane, person, async () => asker);
    });
    return isDone;
  });
}

/** Does it if it is new: Slack and proxies repeat it. What cannot be told counts as new; without the database nothing is done. */
async function runOnce(d: Doing, who: Who, c: Listening): Promise<Rest> {
  const tell = d.answer ?? ((reply: Reply) => say(reply, d.place, c));
  try {
    if (d.once !== null && !(await recordSeenEvent(c.db, d.once, c.now()))) return async () => undefined;
  } catch (thrown) {
    c.events.bug(`slack.${d.what}`, thrown);
    const nothing = shortReply("Nothing was done: Twokey cannot reach its own database now", "Try again in a minute.");
    return () => tell(nothing);
  }
  const [began, { channel, user }] = [c.now(), d.place];
  const done = await d.run(async () => {
    const asker = await who();
    if (asker.ok) addToTrace({ operator: asker.value.operator.id });
    return asker;
  });
  c.events.info("slack.request", { what: d.what, about: d.about, user, channel, ms: c.now() - began });
  return async () => {
    const reply = done !== null && "opens" in done ? await done.opens() : done;
    return reply !== null && tell(reply);
  };
}

/**
 * Has `wait` run what a person did in its turn. Its rest comes when the turn has ended: no turn waits for an answer, which Slack may take
 * as long over as it likes. With too much before it, it is refused with a sentence, one at a time; `place` null: in silence.
 */
async function inTurn(
  what: string,
  c: Listening,
  place: Place | null,
  wait: (turn: (run: () => Promise<Rest>) => Promise<void>) => Promise<boolean>,
): Promise<void> {
  let rest: Rest = async () => undefined;
  try {
    const wasDone = await wait(async (run) => void (rest = await run()));
    if (wasDone) return void (await rest());
    if (place === null) return;
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
