import type { App } from "@slack/bolt";
import type { WebClient } from "@slack/web-api";
import { z } from "zod";
import { parseCommand, parseWords } from "../commands/command.ts";
import { replyOfFailure, type Reply } from "../commands/reply.ts";
import type { Services } from "../commands/services.ts";
import { runCommand } from "../commands/run.ts";
import type { Clock } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import { DeletionId, Digest, type OperatorId } from "../core/ids.ts";
import type { Events } from "../events.ts";
import type { Database } from "../store/db.ts";
import { recordSeenEvent } from "../store/seen-events.ts";
import { answerClick, approveTyped, rejectWithReason } from "./clicks.ts";
import type { Identity } from "./identity.ts";
import { answerPolicyWindow, problemsOfWindow } from "./policy-clicks.ts";
import { homeView } from "./render/home.ts";
import { renderReply } from "./render/reply.ts";
import { sendPicture } from "./pictures.ts";
import { callSlack } from "./slack.ts";

/** What the listeners need. */
export interface ListenContext {
  readonly client: WebClient;
  readonly identity: Identity;
  readonly services: Services;
  readonly db: Database;
  readonly channel: string;
  readonly events: Events;
  readonly now: Clock;
}

const Memory = z.object({ id: DeletionId, version: z.number().int(), digest: Digest.nullable(), name: z.string(), channel: z.string() });
type Respond = (message: { text: string; blocks?: never[]; response_type: "ephemeral"; replace_original: false }) => Promise<unknown>;

/** Somebody of whom only Slack's id is known. */
function strangerOf(user: string): OperatorId {
  return `slack:${user}` as OperatorId;
}

/** Registers one listener for each kind of thing a person can do: acknowledge first, then work. Source: facts on Slack §1.5 no. 9. */
export function listen(app: App, c: ListenContext): void {
  listenToCommands(app, c);
  listenToButtons(app, c);
  listenToWindows(app, c);
  listenToMentions(app, c);
  listenToDirectMessages(app, c);
  listenToHome(app, c);
  app.error(async (thrown) => c.events.bug("slack.listener", thrown));
}

function listenToCommands(app: App, c: ListenContext): void {
  app.command(/.*/, async ({ ack, command, respond }) => {
    acknowledge(ack(), c);
    await guarded("command", c, async () => {
      if (!(await isFirst(c, "command", command.trigger_id))) return;
      await say(
        await answerWords(command.command, command.text, command.user_id, command.channel_id, c),
        respond as Respond,
        command.channel_id,
        command.user_id,
        c,
      );
    });
  });
}

function listenToButtons(app: App, c: ListenContext): void {
  app.action(/.*/, async ({ ack, body, action, respond }) => {
    acknowledge(ack(), c);
    await guarded("action", c, async () => {
      const b = body as unknown as {
        user: { id: string };
        channel?: { id: string };
        container?: { channel_id?: string; message_ts?: string };
        message?: { ts?: string };
        trigger_id?: string;
      };
      const a = action as unknown as { action_id: string; action_ts?: string; value?: string; selected_option?: { value?: string } };
      const triggerId = b.trigger_id ?? "";
      const once = triggerId === "" ? a.action_ts : triggerId;
      if (!(await isFirst(c, "action", once === undefined ? undefined : `${once}:${a.action_id}`))) return;
      const channel = b.channel?.id ?? b.container?.channel_id ?? c.channel;
      const asker = await c.identity.identify(b.user.id);
      if (!asker.ok) await c.services.deletions.recordRefusal(strangerOf(b.user.id), a.action_id, asker.error.message);
      const reply = asker.ok
        ? await answerClick(
            {
              action: a.action_id,
              value: a.value ?? a.selected_option?.value ?? "",
              user: b.user.id,
              channel,
              ts: b.message?.ts ?? b.container?.message_ts ?? null,
              triggerId,
            },
            asker.value,
            c,
          )
        : replyOfFailure(asker.error);
      await say(reply, respond as Respond | undefined, channel, b.user.id, c);
    });
  });
}

function listenToWindows(app: App, c: ListenContext): void {
  app.view(/.*/, async ({ ack, body, view }) => {
    const memory = Memory.safeParse(safeJson(view.private_metadata));
    const typed = (block: string): string => view.state.values[block]?.[block]?.value ?? "";
    // The only checks before the acknowledgement: they must be in it to be shown beside the field.
    if (view.callback_id === "deletion_type_name" && memory.success && typed("name").trim() !== memory.data.name) {
      acknowledge(
        ack({ response_action: "errors", errors: { name: `That is not it. Type exactly: ${memory.data.name}`.slice(0, 200) } }),
        c,
      );
      return;
    }
    const isPolicy = view.callback_id.startsWith("policy_");
    const problems = isPolicy ? problemsOfWindow(view.callback_id, view.private_metadata, typed) : null;
    if (problems !== null) {
      acknowledge(ack({ response_action: "errors", errors: problems }), c);
      return;
    }
    acknowledge(ack(), c);
    await guarded("view", c, async () => {
      const { deletions } = c.services;
      const asker = await c.identity.identify(body.user.id);
      if (isPolicy && asker.ok) {
        const reply = await answerPolicyWindow(view.callback_id, view.private_metadata, typed, asker.value, c.services.policy);
        return say(reply, undefined, view.private_metadata.split(" ")[1] ?? c.channel, body.user.id, c);
      }
      if (!asker.ok || !memory.success) {
        const why = asker.ok ? failure("refused", "view.forged", "This window's content is not mine; nothing was done") : asker.error;
        await deletions.recordRefusal(asker.ok ? asker.value.operator.id : strangerOf(body.user.id), view.callback_id, why.message);
        return say(replyOfFailure(why), undefined, c.channel, body.user.id, c);
      }
      const reply =
        view.callback_id === "deletion_type_name"
          ? await approveTyped(memory.data, typed("name"), asker.value, deletions)
          : view.callback_id === "deletion_reason"
            ? await rejectWithReason(memory.data, typed("reason"), asker.value, deletions)
            : null;
      await say(reply, undefined, memory.data.channel, body.user.id, c);
    });
  });
}

function listenToMentions(app: App, c: ListenContext): void {
  app.event("app_mention", async ({ event, body }) =>
    guarded("mention", c, async () => {
      const { bot_id: bot } = event as { bot_id?: string };
      if (event.user === undefined || bot !== undefined || !(await isFirst(c, "event", body.event_id))) return;
      const reply = await answerTyped(event.text, event.user, event.channel, c);
      await say(reply, undefined, event.channel, event.user, c, (event as { thread_ts?: string }).thread_ts);
    }),
  );
}

function listenToDirectMessages(app: App, c: ListenContext): void {
  app.event("message", async ({ event, body }) =>
    guarded("message", c, async () => {
      const m = event as unknown as {
        channel_type?: string;
        subtype?: string;
        bot_id?: string;
        user?: string;
        text?: string;
        channel: string;
        thread_ts?: string;
      };
      if (
        m.channel_type !== "im" ||
        m.subtype !== undefined ||
        m.bot_id !== undefined ||
        m.user === undefined ||
        !(await isFirst(c, "event", body.event_id))
      )
        return;
      const reply = await answerTyped(m.text ?? "", m.user, m.channel, c);
      if (reply.picture !== undefined) await sendPicture(c.client, m.user, reply.picture, c.events);
      const r = renderReply(reply);
      const thread = m.thread_ts === undefined ? {} : { thread_ts: m.thread_ts };
      await c.client.chat.postMessage({ channel: m.channel, text: r.text, blocks: [...r.blocks], unfurl_links: false, ...thread });
    }),
  );
}

function listenToHome(app: App, c: ListenContext): void {
  app.event("app_home_opened", async ({ event }) =>
    guarded("home", c, async () => {
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

async function answerTyped(text: string, user: string, channel: string, c: ListenContext): Promise<Reply> {
  const command = parseWords(text);
  return command.ok ? answer(command.value, user, channel, c) : replyOfFailure(command.error);
}

async function answerWords(name: string, text: string, user: string, channel: string, c: ListenContext): Promise<Reply> {
  const command = parseCommand(name, text);
  return command.ok ? answer(command.value, user, channel, c) : replyOfFailure(command.error);
}

async function answer(command: Parameters<typeof runCommand>[0], user: string, channel: string, c: ListenContext): Promise<Reply> {
  const asker = await c.identity.identify(user);
  return asker.ok ? runCommand(command, asker.value, c.services, { channel, user }) : replyOfFailure(asker.error);
}

/**
 * Says something to one person only: by the click's own address, else as an ephemeral message, else, where the bot is not in the
 * channel, as a direct message.
 */
async function say(
  reply: Reply | null,
  respond: Respond | undefined,
  channel: string,
  user: string,
  c: ListenContext,
  threadTs?: string,
): Promise<void> {
  if (reply === null) return;
  if (reply.picture !== undefined) await sendPicture(c.client, user, reply.picture, c.events);
  const r = renderReply(reply);
  if (respond !== undefined) {
    const sent = await callSlack("response_url", () =>
      respond({ text: r.text, blocks: [...r.blocks] as never[], response_type: "ephemeral", replace_original: false }),
    );
    if (sent.ok) return;
  }
  const said = { text: r.text, blocks: [...r.blocks] };
  const thread = threadTs === undefined ? {} : { thread_ts: threadTs };
  const sent = await callSlack("chat.postEphemeral", () => c.client.chat.postEphemeral({ channel, user, ...said, ...thread }));
  if (sent.ok) return;
  const direct = await callSlack("chat.postMessage", () => c.client.chat.postMessage({ channel: user, ...said, unfurl_links: false }));
  if (!direct.ok) c.events.failed("slack.not_said", direct.error);
}

/**
 * Whether this is the first time we hear of an interaction: Slack and proxies repeat. One without an id of its own cannot be told
 * from another, so it counts as first. Errors: a store that is away counts as first.
 */
async function isFirst(c: ListenContext, kind: string, id: string | undefined): Promise<boolean> {
  return id === undefined || id === "" ? true : recordSeenEvent(c.db, `${kind}:${id}`, c.now()).catch(() => true);
}

async function guarded(what: string, c: ListenContext, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (thrown) {
    c.events.bug(`slack.${what}`, thrown);
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Acknowledges, and does not wait for the line: a connection that is replaced at this moment may never say that it sent it, and what a
 * person did must not be lost with it.
 */
function acknowledge(sent: Promise<void>, c: ListenContext): void {
  sent.catch((thrown: unknown) => c.events.warn("slack.not_acknowledged", { code: thrown instanceof Error ? thrown.name : "unknown" }));
}
