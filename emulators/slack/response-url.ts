import { randomBytes } from "node:crypto";
import { Args } from "./api/args.ts";
import { postAsApp, rewrite } from "./api/chat.ts";
import { fallbackText, readContent } from "./api/content.ts";
import type { ApiWorld } from "./api/method.ts";
import type { JsonObject } from "./control-api.ts";
import { addMessage, removeMessage } from "./messages.ts";
import { SlackRefusal } from "./refusal.ts";
import type { ResponseTicket, StoredChannel } from "./state.ts";

/** How often and how long a response_url can be used. Source: facts, response_url. */
const RESPONSE_USES = 5;

/** Units: milliseconds. */
const RESPONSE_MS = 30 * 60_000;

/** Gives out the response_url of what a person did in a channel, or with a message of it. */
export function giveResponseUrl(world: ApiWorld, place: Pick<ResponseTicket, "user" | "channel" | "messageTs">): string {
  const { ws } = world;
  const now = ws.now();
  ws.state.tickets = ws.state.tickets.filter((ticket) => ticket.expiresAt + RESPONSE_MS > now);
  const ticket: ResponseTicket = { ...place, token: randomBytes(12).toString("hex"), expiresAt: now + RESPONSE_MS, left: RESPONSE_USES };
  ws.state.tickets.push(ticket);
  return `${world.origin()}/actions/${ws.seed.team.id}/${ticket.token}`;
}

/** Takes what the app posts to a response_url. */
export function respond(world: ApiWorld, token: string, said: JsonObject): { readonly status: number; readonly body: JsonObject } {
  const { ws } = world;
  const ticket = ws.state.tickets.find((known) => known.token === token);
  if (ticket === undefined || ws.now() > ticket.expiresAt) return { status: 404, body: { ok: false, error: "expired_url" } };
  if (ticket.left < 1) return { status: 404, body: { ok: false, error: "used_url" } };
  const channel = ws.channel(ticket.channel);
  if (channel === undefined) return { status: 404, body: { ok: false, error: "channel_not_found" } };
  try {
    write(world, ticket, channel, new Args(said));
  } catch (error) {
    if (error instanceof SlackRefusal) return { status: 400, body: { ok: false, error: error.code, ...error.extra } };
    throw error;
  }
  ticket.left -= 1;
  ws.changed();
  return { status: 200, body: { ok: true } };
}

/** Shows what a slash command or a button was answered: to one person, or to the channel with `in_channel`. */
export function sayTo(world: ApiWorld, user: string, channel: StoredChannel, args: Args, threadTs: string | null): void {
  const content = readContent(args);
  const message = { text: fallbackText(content.text), blocks: content.blocks ?? [], attachments: content.attachments ?? [], threadTs };
  if (args.optional("response_type") === "in_channel") postAsApp(world, channel, message);
  else addMessage(world.ws, { ...message, channel: channel.id, user: world.ws.seed.app.botUserId, byApp: true, visibleTo: user });
}

function write(world: ApiWorld, ticket: ResponseTicket, channel: StoredChannel, args: Args): void {
  const { ws } = world;
  const original = ticket.messageTs === null ? undefined : ws.message(ticket.channel, ticket.messageTs);
  const isOurs = original?.user === ws.seed.app.botUserId;
  if (args.flag("delete_original")) {
    if (original === undefined || !isOurs) throw new SlackRefusal("message_not_found");
    removeMessage(ws, original);
    return;
  }
  if (args.flag("replace_original")) {
    if (original === undefined || !isOurs) throw new SlackRefusal("message_not_found");
    rewrite(world, original, readContent(args));
    return;
  }
  const asked = args.optional("thread_ts");
  const thread = asked === null ? null : (ws.message(channel.id, asked)?.threadTs ?? asked);
  sayTo(world, ticket.user, channel, args, thread);
}
