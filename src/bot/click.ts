import type { ModalView } from "@slack/types";
import type { WebClient } from "@slack/web-api";
import { shortReply, type Reply } from "../commands/reply.ts";
import type { Services } from "../commands/services.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Database } from "../store/db.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import { callSlack } from "./slack.ts";

/** One click. */
export interface Click {
  readonly action: string;
  readonly value: string;
  readonly user: string;
  readonly channel: string;
  /** Null when it came from no message. */
  readonly ts: string | null;
  readonly triggerId: string;
}

/** What answering a click needs. */
export interface ClickContext {
  readonly db: Database;
  readonly client: WebClient;
  readonly services: Services;
  readonly channel: string;
}

/** A window, opened once the click's turn has ended: Slack may take long over it. */
export interface OpensWindow {
  /** Null: it is open. */
  readonly opens: () => Promise<Reply | null>;
}

/** The answer to a click; null: the updated card is the answer. */
export type Answer = Reply | OpensWindow | null;

/** A modal for the person who clicked; the click's trigger is good for three seconds. */
export function openModal(click: Click, view: ModalView, c: ClickContext): OpensWindow {
  return {
    async opens() {
      const opened = await callSlack("views.open", () => c.client.views.open({ trigger_id: click.triggerId, view }));
      return opened.ok ? null : shortReply("The window did not open in time", "Click again.");
    },
  };
}

/** The refusal of a click whose value Twokey did not write. */
export function forgedClick(): Failure {
  return failure("refused", "click.forged", "This button was not made by Twokey; nothing was done", { remedy: "Use the newest message." });
}

/** The refusal of a click that does not come from the very message that Twokey posted under `key`; null when it does. */
export async function assessMessage(
  click: Click,
  key: string,
  what: "deletion" | "change" | "table" | "message",
  db: Database,
): Promise<Failure | null> {
  const message = await readPostedMessage(db, key);
  return message === null || message.channel !== click.channel || message.ts !== click.ts
    ? failure("refused", "click.other_message", `This is not the current message for this ${what}; nothing was done`, {
        remedy: "Use the card in the team's channel.",
      })
    : null;
}

/** What was clicked, and what makes one click of Slack's repetitions; left out: it cannot be told. */
export function clickOf(body: unknown, action: unknown, teamChannel: string): { readonly click: Click; readonly once: string | undefined } {
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
