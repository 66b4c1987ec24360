import type { App } from "@slack/bolt";
import { parseCommand, parseWords, type Command } from "../../commands/command.ts";
import { replyOfFailure, type Reply } from "../../commands/reply.ts";
import { runCommand } from "../../commands/run.ts";
import type { Failure } from "../../core/failure.ts";
import type { Result } from "../../core/result.ts";
import { textAt } from "../payload.ts";
import { sendPicture } from "../pictures.ts";
import { bodyOf } from "../posting.ts";
import { renderReply } from "../render/reply.ts";
import { decodeTyped } from "../typed-text.ts";
import type { Listening } from "./context.ts";
import { onceOf, take, type Doing, type Who } from "./doing.ts";
import { acknowledge, type Place, type Respond } from "./say.ts";

/** Answers slash commands: acknowledged at once, then each person in turn. */
export function listenToCommands(app: App, c: Listening): void {
  app.command(/.*/, async ({ ack, command, respond }) => {
    acknowledge(ack(), c);
    const place = { channel: textAt(command, "channel_id"), user: textAt(command, "user_id"), respond: respond as Respond };
    const parsed = parseCommand(textAt(command, "command"), decodeTyped(textAt(command, "text")));
    const run = (who: Who) => answer(parsed, who, place, c);
    await take(
      {
        what: "command",
        about: aboutOf(parsed),
        place,
        once: onceOf("command", textAt(command, "trigger_id")),
        ...laneOf(parsed),
        run,
      },
      c,
    );
  });
}

/** `@twokey status aurora`. */
export function listenToMentions(app: App, c: Listening): void {
  app.event("app_mention", async ({ event, body }) => {
    const [user, channel, thread] = [textAt(event, "user"), textAt(event, "channel"), textAt(event, "thread_ts")];
    if (user === "" || textAt(event, "bot_id") !== "") return;
    const place = { channel, user, thread: thread === "" ? undefined : thread };
    const parsed = parseWords(decodeTyped(textAt(event, "text")));
    const run = (who: Who) => answer(parsed, who, place, c);
    await take(
      { what: "mention", about: aboutOf(parsed), place, once: onceOf("event", textAt(body, "event_id")), ...laneOf(parsed), run },
      c,
    );
  });
}

/** What a person wrote: words alone, with a file, from a thread, by `/me`. Source: docs.slack.dev, message event, subtypes. */
const WRITTEN = new Set(["", "file_share", "thread_broadcast", "me_message"]);

/** `status aurora`, written to the bot alone. */
export function listenToDirectMessages(app: App, c: Listening): void {
  app.event("message", async ({ event, body }) => {
    const [user, channel, thread] = [textAt(event, "user"), textAt(event, "channel"), textAt(event, "thread_ts")];
    if (textAt(event, "channel_type") !== "im" || !WRITTEN.has(textAt(event, "subtype")) || textAt(event, "bot_id") !== "" || user === "")
      return;
    const parsed = parseWords(decodeTyped(textAt(event, "text")));
    const place = { channel, user };
    await take(
      {
        ...{ what: "message", about: aboutOf(parsed), place, once: onceOf("event", textAt(body, "event_id")), ...laneOf(parsed) },
        run: (who) => answer(parsed, who, place, c),
        async answer(reply) {
          if (reply.picture !== undefined) await sendPicture(c.client, user, reply.picture, c.events);
          const inThread = thread === "" ? {} : { thread_ts: thread };
          await c.client.chat.postMessage({ channel, ...bodyOf(renderReply(reply)), unfurl_links: false, ...inThread });
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

function laneOf(command: Result<Command, Failure>): Pick<Doing, "halts" | "lane"> {
  if (!command.ok) return {};
  if (command.value.kind === "stop") return { halts: "stop" };
  return command.value.kind === "resume" ? { lane: "decisions" } : {};
}
