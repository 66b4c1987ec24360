import { createHmac } from "node:crypto";
import type { Json } from "./control-api.ts";
import type { Carrier, Parcel, Receipt } from "./delivery.ts";
import { isJsonObject, parseJson } from "./json.ts";

/** Where and how requests are sent. Units: milliseconds. */
export interface SignedHttpOptions {
  readonly url: string;
  readonly secret: string;
  readonly now: () => number;
  readonly ackMs: number;
}

/** Slack's side of HTTP mode: signed POSTs to the app's request URL, acknowledged by their answer. */
export class SignedHttp implements Carrier {
  readonly #options: SignedHttpOptions;

  constructor(options: SignedHttpOptions) {
    this.#options = options;
  }

  async carry(parcel: Parcel): Promise<Receipt> {
    const startedAt = performance.now();
    const elapsed = (): number => performance.now() - startedAt;
    try {
      const answer = await this.#post(bodyOf(parcel), parcel);
      const text = await answer.text();
      if (answer.status !== 200) return { acked: false, ms: elapsed(), reason: "http_error" };
      return { acked: true, ms: elapsed(), body: readAck(answer.headers.get("content-type") ?? "", text) };
    } catch (error) {
      const late = error instanceof DOMException && error.name === "TimeoutError";
      return { acked: false, ms: elapsed(), reason: late ? "timeout" : "not_connected" };
    }
  }

  /** Asks the request URL to prove that it is the app's, as Slack does when one is entered. */
  async verify(): Promise<boolean> {
    const challenge = `challenge-${Math.floor(this.#options.now())}`;
    const receipt = await this.carry({ kind: "events_api", payload: { token: "", type: "url_verification", challenge } });
    if (!receipt.acked || !isJsonObject(receipt.body)) return false;
    return receipt.body["challenge"] === challenge || receipt.body["text"] === challenge;
  }

  #post(body: string, parcel: Parcel): Promise<Response> {
    const { url, secret, now, ackMs } = this.#options;
    const timestamp = String(Math.floor(now() / 1000));
    const signature = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
    return fetch(url, {
      method: "POST",
      // Bolt compares the type exactly, so the charset that fetch would add by itself must not be there.
      headers: {
        "content-type": parcel.kind === "events_api" ? "application/json" : "application/x-www-form-urlencoded",
        "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": `v0=${signature}`,
        ...(parcel.retry === undefined
          ? {}
          : { "x-slack-retry-num": String(parcel.retry.attempt), "x-slack-retry-reason": parcel.retry.reason }),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(ackMs),
    });
  }
}

function bodyOf(parcel: Parcel): string {
  if (parcel.kind === "events_api") return JSON.stringify(parcel.payload);
  if (parcel.kind === "interactive") return new URLSearchParams({ payload: JSON.stringify(parcel.payload) }).toString();
  return new URLSearchParams(Object.entries(parcel.payload).map(([name, value]): [string, string] => [name, String(value)])).toString();
}

function readAck(contentType: string, text: string): Json {
  if (text === "") return {};
  if (contentType.includes("json")) return parseJson(text) ?? {};
  return { text };
}
