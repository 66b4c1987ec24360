import type { Reply } from "../../commands/reply.ts";
import type { Failure } from "../../core/failure.ts";
import type { Result } from "../../core/result.ts";
import { sendPicture } from "../pictures.ts";
import { bodyOf } from "../posting.ts";
import { renderReply } from "../render/reply.ts";
import { callInTime, callSlack } from "../slack.ts";
import type { Listening } from "./context.ts";

/** How long a click's own address may take to take an answer; Slack's library would wait forever. Units: milliseconds. */
const RESPOND_MS = 10_000;

/** Answers by the address that came with a click or a command. */
export type Respond = (message: {
  text: string;
  blocks?: never[];
  response_type: "ephemeral";
  replace_original: false;
}) => Promise<unknown>;

/** Where one person is answered. */
export interface Place {
  readonly channel: string;
  readonly user: string;
  /** Answers to the click's or command's own address. */
  readonly respond?: Respond | undefined;
  readonly thread?: string | undefined;
  /** The answer is a direct message: they clicked in no channel. */
  readonly isDirect?: boolean;
}

/**
 * Answers one person only: by the click's own address, else as an ephemeral message, else, where the bot is not in the channel, as a
 * direct message.
 */
export async function say(reply: Reply, { respond, channel, user, thread, isDirect = false }: Place, c: Listening): Promise<void> {
  if (reply.picture !== undefined) await sendPicture(c.client, user, reply.picture, c.events);
  const said = bodyOf(renderReply(reply));
  if (respond !== undefined) {
    const sent = await answerAt(respond, { ...said, blocks: said.blocks as never[] });
    if (sent.ok) return;
  }

  const where = { channel, user, ...(thread === undefined ? {} : { thread_ts: thread }) };
  const sent = isDirect ? null : await callSlack("chat.postEphemeral", () => c.client.chat.postEphemeral({ ...where, ...said }));
  if (sent?.ok === true) return;
  const direct = await callSlack("chat.postMessage", () => c.client.chat.postMessage({ channel: user, ...said, unfurl_links: false }));
  if (!direct.ok) c.events.failed("slack.not_said", direct.error);
}

/** Answers by a click's own address alone. */
export function answerAt(respond: Respond, said: { readonly text: string; readonly blocks?: never[] }): Promise<Result<unknown, Failure>> {
  const message = { ...said, response_type: "ephemeral", replace_original: false } as const;
  return callInTime("response_url", RESPOND_MS, () => respond(message));
}

/**
 * Acknowledges without waiting: a connection that is replaced at this moment may never say that it was sent, and the click must still
 * count.
 */
export function acknowledge(sent: Promise<void>, c: Listening): void {
  sent.catch((thrown: unknown) => c.events.warn("slack.not_acknowledged", { code: thrown instanceof Error ? thrown.name : "unknown" }));
}
