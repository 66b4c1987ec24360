import type { ApiWorld } from "../api/method.ts";
import type { ActReply, JsonObject } from "../control-api.ts";
import type { AppLink, Receipt } from "../delivery.ts";
import { refuse, SlackRefusal } from "../refusal.ts";
import type { StoredChannel, StoredMessage } from "../state.ts";
import type { Workspace } from "../workspace.ts";

/** What acts work on. `offered` and `inputs` are what each person's client remembers: loaded options and things put in. */
export interface ActWorld {
  readonly api: ApiWorld;
  readonly link: AppLink;
  /** By person, place and action_id. */
  readonly offered: Map<string, readonly JsonObject[]>;
  /** By person and message. */
  readonly inputs: Map<string, Record<string, Record<string, JsonObject>>>;
}

/** Runs an act; a refusal becomes `ok: false`. */
export async function act(run: () => Promise<ActReply>): Promise<ActReply> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof SlackRefusal) return { ok: false, error: error.code };
    throw error;
  }
}

/** A receipt as the person's client hears of it. Nothing to deliver counts as acknowledged. */
export function replyOf(receipt: Receipt | null): ActReply {
  if (receipt === null) return { ok: true, acked: true, ackMs: 0 };
  return { ok: true, acked: receipt.acked, ackMs: Math.round(receipt.ms * 10) / 10 };
}

/** Why the app did not answer, in the word that Slack shows. */
export function errorWord(receipt: Receipt): string {
  if (receipt.acked) return "";
  return receipt.reason === "timeout" ? "operation_timeout" : "dispatch_failed";
}

/** A channel the person is in; a bot's id means the direct message with it. Errors: refuses `channel_not_found`, `not_in_channel`. */
export function channelFor(ws: Workspace, user: string, id: string): StoredChannel {
  const channel = (id === ws.seed.app.botUserId ? ws.im(user) : ws.channel(id)) ?? refuse("channel_not_found");
  if (!channel.members.includes(user)) refuse(channel.isPrivate ? "channel_not_found" : "not_in_channel");
  return channel;
}

/** A message the person can see. Errors: refuses `message_not_found`. */
export function messageFor(ws: Workspace, user: string, channel: StoredChannel, ts: string): StoredMessage {
  const message = ws.message(channel.id, ts) ?? refuse("message_not_found");
  return message.visibleTo === null || message.visibleTo === user ? message : refuse("message_not_found");
}
