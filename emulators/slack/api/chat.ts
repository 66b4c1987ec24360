import type { JsonObject } from "../control-api.ts";
import { addMessage, permalinkOf, removeMessage, replaceBlocks, wireMessage, type NewMessage } from "../messages.ts";
import { refuse } from "../refusal.ts";
import type { StoredChannel, StoredMessage } from "../state.ts";
import type { Workspace } from "../workspace.ts";
import type { Args } from "./args.ts";
import { fallbackText, POST_TEXT_LIMIT, readContent, UPDATE_TEXT_LIMIT, type Content } from "./content.ts";
import { RateLimited, type ApiMethods, type ApiWorld } from "./method.ts";
import { lastingMessage, visibleChannel, writableChannel } from "./reach.ts";

const scopes = ["chat:write"];

/** The methods of `chat.*`. */
export const chat: ApiMethods = {
  "chat.postMessage": { scopes, run: postMessage },
  "chat.postEphemeral": { scopes, run: postEphemeral },
  "chat.update": { scopes, run: update },
  "chat.delete": { scopes, run: remove },
  "chat.getPermalink": { run: getPermalink },
};

/** Stores a message of the app and tells the app of it where it listens. */
export function postAsApp(world: ApiWorld, channel: StoredChannel, message: Omit<NewMessage, "channel" | "user" | "byApp">): StoredMessage {
  const { ws } = world;
  const stored = addMessage(ws, { ...message, channel: channel.id, user: ws.seed.app.botUserId, byApp: true });
  channel.isOpen = true;
  void world.events.emitMessage(channel, { ...wireMessage(ws, stored, world.origin(), false), event_ts: stored.ts });
  return stored;
}

/** Replaces what a message says; blocks that are not given go, unless no text is given either. */
export function rewrite(world: ApiWorld, message: StoredMessage, content: Content): void {
  const { ws } = world;
  const previous = wireMessage(ws, message, world.origin(), false);
  if (content.text !== undefined || content.blocks !== undefined) {
    message.text = fallbackText(content.text);
    replaceBlocks(ws, message, content.blocks ?? []);
  }
  if (content.attachments !== undefined) message.attachments = [...content.attachments];
  if (content.metadata !== undefined) message.metadata = content.metadata;
  if (content.blocks === undefined) message.editedTs = ws.nextTs();
  ws.changed();
  const channel = ws.channel(message.channel);
  if (message.visibleTo !== null || channel === undefined) return;
  const now = wireMessage(ws, message, world.origin(), false);
  const subtype = "message_changed";
  void world.events.emitMessage(channel, { subtype, message: now, previous_message: previous, hidden: true, ts: ws.nextTs() });
}

function postMessage(world: ApiWorld, args: Args): JsonObject {
  const { ws } = world;
  const channel = writableChannel(ws, args.string("channel"));
  const content = readContent(args);
  const threadTs = readThread(ws, channel, args);
  const wait = world.postRate.take(channel.id);
  if (wait > 0) throw new RateLimited(wait);
  const message = postAsApp(world, channel, {
    text: fallbackText(content.text).slice(0, POST_TEXT_LIMIT),
    blocks: content.blocks ?? [],
    attachments: content.attachments ?? [],
    metadata: content.metadata ?? null,
    threadTs,
  });
  return { channel: channel.id, ts: message.ts, message: wireMessage(ws, message, world.origin()) };
}

function postEphemeral(world: ApiWorld, args: Args): JsonObject {
  const { ws } = world;
  const channel = writableChannel(ws, args.string("channel"));
  const user = ws.user(args.string("user"));
  if (user === undefined || user.deleted === true || !channel.members.includes(user.id)) return refuse("user_not_in_channel");
  const content = readContent(args);
  const message = addMessage(ws, {
    channel: channel.id,
    user: ws.seed.app.botUserId,
    byApp: true,
    text: fallbackText(content.text).slice(0, POST_TEXT_LIMIT),
    blocks: content.blocks ?? [],
    attachments: content.attachments ?? [],
    threadTs: readThread(ws, channel, args),
    visibleTo: user.id,
  });
  return { message_ts: message.ts };
}

function update(world: ApiWorld, args: Args): JsonObject {
  const { ws } = world;
  const channel = visibleChannel(ws, args.string("channel"));
  const message = lastingMessage(ws, channel, args.string("ts"));
  if (message.user !== ws.seed.app.botUserId) refuse("cant_update_message");
  if (channel.isArchived) refuse("is_inactive");
  const content = readContent(args);
  if ((content.text?.length ?? 0) > UPDATE_TEXT_LIMIT) refuse("msg_too_long");
  if (content.blocks !== undefined && hasRichText(message.blocks) && !hasRichText(content.blocks)) refuse("block_mismatch");
  rewrite(world, message, content);
  return { channel: channel.id, ts: message.ts, text: message.text, message: wireMessage(ws, message, world.origin()) };
}

function remove(world: ApiWorld, args: Args): JsonObject {
  const { ws } = world;
  const channel = visibleChannel(ws, args.string("channel"));
  const message = lastingMessage(ws, channel, args.string("ts"));
  if (message.user !== ws.seed.app.botUserId) refuse("cant_delete_message");
  const previous = wireMessage(ws, message, world.origin(), false);
  removeMessage(ws, message);
  const subtype = "message_deleted";
  void world.events.emitMessage(channel, { subtype, deleted_ts: message.ts, previous_message: previous, hidden: true, ts: ws.nextTs() });
  return { channel: channel.id, ts: message.ts };
}

function getPermalink({ ws }: ApiWorld, args: Args): JsonObject {
  const channel = visibleChannel(ws, args.string("channel"));
  const message = lastingMessage(ws, channel, args.string("message_ts"));
  return { channel: channel.id, permalink: permalinkOf(ws, channel, message) };
}

function readThread(ws: Workspace, channel: StoredChannel, args: Args): string | null {
  const ts = args.optional("thread_ts");
  if (ts === null) return null;
  const root = ws.message(channel.id, ts);
  if (root === undefined || root.visibleTo !== null) return refuse("invalid_thread_ts");
  return root.threadTs === null ? ts : refuse("cannot_reply_to_message");
}

function hasRichText(blocks: readonly JsonObject[]): boolean {
  return blocks.some((block) => block["type"] === "rich_text");
}
