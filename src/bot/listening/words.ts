import type { App } from "@slack/bolt";
import { parseCommand, parseWords, type Command } from "../../commands/command.ts";
import { replyOfFailure, type Reply } from "../../commands/reply.ts";
import { runCommand } from "../../commands/run.ts";
import type { Failure } from "../../core/failure.ts";
import type { Result } from "../../core/result.ts";
import { sendPicture } from "../pictures.ts";
import { bodyOf } from "../posting.ts";
import { renderReply } from "../render/reply.ts";
import { decodeTyped } from "../typed-text.ts";
import type { Listening } from "./context.ts";
import { onceOf, take, type Who } from "./doing.ts";
import { acknowledge, type Place, type Respond } from "./say.ts";

/** Slash commands. */
export function listenToCommands(app: App, c: Listening): void {
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

/** `@twokey status aurora`. */
export function listenToMentions(app: App, c: Listening): void {
  app.event("app_mention", async ({ event, body }) => {
    const { bot_id: bot, thread_ts: thread } = event as { bot_id?: string; thread_ts?: string };
    if (event.user === undefined || bot !== undefined) return;
    const place = { channel: event.channel, user: event.user, thread };
    const parsed = parseWords(decodeTyped(event.text));
    const run = (who: Who) => answer(parsed, who, place, c);
    await take({ what: "mention", about: aboutOf(parsed), place, once: onceOf("event", body.event_id), halts: stopOf(parsed), run }, c);
  });
}

/** `status aurora`, written to the bot alone. */
export function listenToDirectMessages(app: App, c: Listening): void {
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

async function answer(command: Result<Command, Failure>, who: Who, { channel, user }: Place, c: Listening): Promise<Reply> {
  if (!command.ok) return replyOfFailure(command.error);
  const asker = await who();
  return asker.ok ? runCommand(command.value, asker.value, c.services, { channel, user }) : replyOfFailure(asker.error);
}

function aboutOf(command: Result<Command, Failure>): string {
  return command.ok ? command.value.kind : command.error.code;
}

function stopOf(command: Result<Command, Failure>): "stop" | null {
  return command.ok && command.value.kind === "stop" ? "stop" : null;
}
