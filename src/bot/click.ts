import type { ModalView } from "@slack/types";
import type { WebClient } from "@slack/web-api";
import { shortReply, type Reply } from "../commands/reply.ts";
import type { Services } from "../commands/services.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Database } from "../store/db.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import { textAt } from "./payload.ts";
import { callSlack } from "./slack.ts";

/** One click. */
export interface Click {
  readonly action: string;
  readonly value: string;
  readonly user: string;
  readonly channel: string;
  /** It was made in a window or on the Home tab, and answers to it are direct messages. */
  readonly isInView?: boolean;
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
export async function assessMessage(click: Click, key: string, what: About, db: Database): Promise<Failure | null> {
  const message = await readPostedMessage(db, key);
  return message === null || message.channel !== click.channel || message.ts !== click.ts
    ? failure("refused", "click.other_message", `This is not the current message ${abouts[what][0]}; nothing was done`, {
        remedy: abouts[what][1],
      })
    : null;
}

/** What the buttons of a card of adoption or policy carry: the id of what is asked, and the digest of what people were shown. */
export interface CardValue {
  readonly id: string;
  readonly digest: string;
}

/** Reads the value of such a button, or of the window that it opened; null: Twokey did not write it. */
export function parseCardValue(value: string): CardValue | null {
  const [, id = "", digest = ""] = /^v1:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9a-f]{64})$/.exec(value) ?? [];
  return id === "" ? null : { id, digest };
}

/** A click on such a card must carry a value that Twokey wrote, and come from the very message that it posted for that question. */
export async function parseCardClick(click: Click, card: "adoption" | "policy", c: ClickContext): Promise<Result<CardValue, Failure>> {
  const value = parseCardValue(click.value);
  if (value === null || ![`${card}_approve`, `${card}_reject`].includes(click.action)) return err(forgedClick());
  const refusal = await assessMessage(click, `${card}:${value.id}`, card, c.db);
  return refusal === null ? ok(value) : err(refusal);
}

/** What a message is about, and where its current buttons are for whoever has it. */
const abouts = {
  deletion: ["for this deletion", "Use the card in the team's channel."],
  policy: ["for this change", "Use the card in the team's channel."],
  adoption: ["for this table", "Use the card in the team's channel."],
  export: ["for this export", "Use the newest message of this export."],
  keep: [
    "about this domain",
    "Use Twokey's newest message to you about it, or write /ci-status: as long as it can be kept, its answer has Keep.",
  ],
  nudge: ["about templates, or is older than a month", "The next one comes within a week, with new buttons."],
} as const;
type About = keyof typeof abouts;

/** What was clicked, and what makes one click of Slack's repetitions; left out: it cannot be told. */
export function clickOf(body: unknown, action: unknown, teamChannel: string): { readonly click: Click; readonly once: string | undefined } {
  const at = (...keys: readonly string[]): string => textAt(body, ...keys);
  const acted = (...keys: readonly string[]): string => textAt(action, ...keys);
  const [triggerId, user] = [at("trigger_id"), at("user", "id")];
  const once = triggerId === "" ? acted("action_ts") : triggerId;
  const from = at("channel", "id") || at("container", "channel_id");
  // In a window or on Home there is neither a channel nor a message.
  const isInView = from === "" && at("view", "type") !== "";
  const click = {
    isInView,
    action: acted("action_id"),
    value: acted("value") || acted("selected_option", "value"),
    user,
    channel: from || (isInView ? user : teamChannel),
    ts: at("message", "ts") || at("container", "message_ts") || null,
    triggerId,
  };
  return { click, once: once === "" ? undefined : `${once}:${click.action}` };
}
