import type { ActReply, JsonObject, MessageAct } from "../control-api.ts";
import type { Receipt } from "../delivery.ts";
import { addMessage, wireMessage } from "../messages.ts";
import { refuse } from "../refusal.ts";
import type { StoredChannel, StoredMessage } from "../state.ts";
import { encodeTyped } from "../typed-text.ts";
import { wireView } from "../views.ts";
import { channelFor, messageFor, replyOf, type ActWorld } from "./act.ts";

/** A person writes a message; the app hears of it in a direct message, or when it is mentioned in a channel it is in. */
export async function message(world: ActWorld, given: MessageAct): Promise<ActReply> {
  const { ws, events, origin } = world.api;
  const user = ws.actor(given.as);
  const channel = channelFor(ws, user.id, given.channel);
  if (channel.isArchived) refuse("is_archived");
  if (given.text.trim() === "") refuse("no_text");
  const root = given.threadTs === undefined ? null : messageFor(ws, user.id, channel, given.threadTs);
  const text = encodeTyped(ws, given.text);
  const stored = addMessage(ws, {
    channel: channel.id,
    user: user.id,
    byApp: false,
    text,
    blocks: [{ type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text: given.text }] }] }],
    threadTs: root === null ? null : (root.threadTs ?? root.ts),
  });
  channel.isOpen = true;
  const wire: JsonObject = { ...wireMessage(ws, stored, origin()), client_msg_id: ws.nextId("c"), event_ts: stored.ts };
  const receipts = [events.emitMessage(channel, wire), mention(world, channel, stored, wire)];
  const first = (await Promise.all(receipts)).find((receipt) => receipt !== null);
  return replyOf(first ?? null);
}

/** A person opens the app's home tab. */
export async function home(world: ActWorld, given: { readonly as: string }): Promise<ActReply> {
  const { ws, events } = world.api;
  const user = ws.actor(given.as);
  const view = ws.home(user.id);
  const receipt = await events.emit("app_home_opened", {
    type: "app_home_opened",
    user: user.id,
    channel: ws.im(user.id)?.id ?? "",
    tab: "home",
    ...(view === undefined ? {} : { view: wireView(ws, view) }),
  });
  return replyOf(receipt);
}

function mention(world: ActWorld, channel: StoredChannel, stored: StoredMessage, wire: JsonObject): Promise<Receipt> | null {
  const bot = world.api.ws.seed.app.botUserId;
  if (channel.kind === "im" || !channel.members.includes(bot) || !stored.text.includes(`<@${bot}>`)) return null;
  return world.api.events.emit("app_mention", { ...wire, type: "app_mention", channel: channel.id });
}
