import type { WebClient } from "@slack/web-api";

/** Sends one Web API call, and gives what Slack answers. */
export type SlackCall = (method: string, body: unknown) => Promise<unknown>;

/** One message as the channel shows it. */
export interface Message {
  readonly channel: string;
  readonly ts: string;
  readonly thread: string | null;
  text: string;
}

/** As much of Slack as a deletion speaks to: messages that are posted and updated. It keeps all of them, twice posted ones too. */
export class MessageBoard {
  readonly messages: Message[] = [];

  /** Answers one Web API call. Errors: throws for what is not offered here, so that nothing goes unnoticed. */
  answer(method: string, body: unknown): unknown {
    const args = body as { channel?: string; users?: string; text?: string; ts?: string; thread_ts?: string };
    if (method === "conversations.open") return { ok: true, channel: { id: `D-${args.users}` } };
    if (method === "chat.postMessage") {
      const ts = `${this.messages.length + 1}.0`;
      this.messages.push({ channel: args.channel ?? "", ts, thread: args.thread_ts ?? null, text: args.text ?? "" });
      return { ok: true, channel: args.channel, ts };
    }
    const known = this.messages.find((m) => m.ts === args.ts);
    if (method !== "chat.update" || known === undefined) throw new Error(`${method} is not offered here`);
    known.text = args.text ?? "";
    return { ok: true, channel: known.channel, ts: known.ts };
  }
}

/** Slack's client, as much of it as a deletion's messages need. */
export function slackClient(call: SlackCall): WebClient {
  const send = (method: string) => (args: unknown) => call(method, args);
  const client = {
    chat: { postMessage: send("chat.postMessage"), update: send("chat.update") },
    conversations: { open: send("conversations.open") },
  };
  return client as unknown as WebClient;
}
