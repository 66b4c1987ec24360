import { createHmac } from "node:crypto";
import { wayToSlack } from "../bot/way-to-slack.ts";
import type { Config } from "../config/config.ts";
import { refusedByProxy } from "../core/proxies.ts";
import { readDueMessages, recordTry, type WaitingMessage } from "../store/notices.ts";
import type { Parts } from "./parts.ts";

type Webhook = NonNullable<Config["notices"]["webhook"]>;

/** Waits before the next try; after the last one it is given up. Units: milliseconds. */
const AGAIN_MS = [60_000, 300_000, 900_000, 3600_000, 4 * 3600_000] as const;
const ANSWER_MS_MAX = 10_000;

/** Sends what is due, side by side. What fails is a line of the log, and is sent again later; nothing else waits for it. */
export async function sendDue(webhook: Webhook, c: Pick<Parts, "db" | "now" | "events">): Promise<void> {
  await Promise.all(
    (await readDueMessages(c.db, c.now())).map(async (waiting) => {
      const problem = await post(webhook, waiting, c.now());
      const wait = AGAIN_MS[waiting.tries];
      const details = { key: waiting.key, tries: waiting.tries + 1, problem };
      await recordTry(c.db, waiting.key, problem === null || wait === undefined ? null : c.now() + wait);
      if (problem === null) c.events.info("webhook.sent", details);
      else if (wait === undefined) c.events.error("webhook.given_up", details);
      else c.events.warn("webhook.failed", details);
    }),
  );
}

const ways = new Map<string, typeof fetch>();

/** The same way out as to Slack: through the proxies of the environment, whose connections are kept from one message to the next. */
function wayTo(url: string): typeof fetch {
  const way = ways.get(url) ?? wayToSlack(url).web.fetch ?? fetch;
  ways.set(url, way);
  return way;
}

/** Null: it was taken. Else why not, without the address, which may be a secret. */
async function post({ url, secret }: Webhook, { message }: WaitingMessage, now: number): Promise<string | null> {
  const body = JSON.stringify(message);
  const timestamp = String(Math.floor(now / 1000));
  const signed = secret === null ? {} : { "x-twokey-signature": signatureOf(secret, timestamp, body) };
  const headers = { "content-type": "application/json", "x-twokey-timestamp": timestamp, ...signed };
  try {
    const answer = await wayTo(url)(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    await answer.body?.cancel();
    return answer.ok ? null : `it answered ${answer.status}`;
  } catch (thrown) {
    const byProxy = refusedByProxy(thrown);
    if (byProxy !== null) return byProxy;
    const cause = thrown instanceof Error ? (thrown.cause as { readonly code?: string } | undefined)?.code : undefined;
    return cause ?? (thrown instanceof Error ? thrown.name : "unknown");
  }
}

/** The time and the body, signed: whoever gets them can tell that they are Twokey's, and not old ones sent again. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}
