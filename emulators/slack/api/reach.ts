import { refuse } from "../refusal.ts";
import { imIdOf, type StoredChannel, type StoredMessage } from "../state.ts";
import type { Workspace } from "../workspace.ts";

/** The channel as the app can see it: a private one it is not in does not exist. Errors: refuses `channel_not_found`. */
export function visibleChannel(ws: Workspace, id: string): StoredChannel {
  const byName = ws.state.channels.find((channel) => channel.kind === "channel" && id === `#${channel.name}`);
  const channel = byName ?? ws.channel(id) ?? refuse("channel_not_found");
  return channel.isPrivate && !isIn(ws, channel) ? refuse("channel_not_found") : channel;
}

/**
 * The channel the app writes to; a person's id means their direct message.
 *
 * Errors: refuses `channel_not_found`, `not_in_channel`, `is_archived`, `user_disabled`.
 */
export function writableChannel(ws: Workspace, id: string): StoredChannel {
  const user = ws.user(id);
  if (user?.deleted === true) refuse("user_disabled");
  const channel = visibleChannel(ws, user === undefined ? id : imIdOf(id));
  if (channel.isArchived) refuse("is_archived");
  if (!isIn(ws, channel) && !ws.seed.app.scopes.includes("chat:write.public")) refuse("not_in_channel");
  return channel;
}

/** A message that everybody in the channel can see. Errors: refuses `message_not_found`. */
export function lastingMessage(ws: Workspace, channel: StoredChannel, ts: string): StoredMessage {
  const message = ws.message(channel.id, ts);
  return message === undefined || message.visibleTo !== null ? refuse("message_not_found") : message;
}

/** Refuses `missing_scope` unless the app has the scope of this kind of channel, as `channels:read` for a public one. */
export function needScope(ws: Workspace, channel: StoredChannel, what: "read" | "history"): void {
  const needed = `${channel.kind === "im" ? "im" : channel.isPrivate ? "groups" : "channels"}:${what}`;
  if (!ws.seed.app.scopes.includes(needed)) refuse("missing_scope", { needed, provided: ws.seed.app.scopes.join(",") });
}

/** Is the app in this channel? */
export function isIn(ws: Workspace, channel: StoredChannel): boolean {
  return channel.members.includes(ws.seed.app.botUserId);
}

/** The kind of a channel as `types` of a list names it. */
export function typeOf(channel: StoredChannel): string {
  if (channel.kind === "im") return "im";
  return channel.isPrivate ? "private_channel" : "public_channel";
}
