import { createHmac } from "node:crypto";
import type { JsonObject } from "./control-api.ts";
import type { Delivery } from "./socket-mode.ts";

/**
 * Sends one request to the bot as Slack does in HTTP mode: signed, with the exact content type, three seconds to answer.
 *
 * Source: facts on Slack §1.4; `fetch` would add a charset of its own, so the header is set.
 */
export async function sendSigned(o: {
  readonly url: string;
  readonly secret: string;
  readonly now: number;
  readonly type: string;
  readonly payload: JsonObject;
}): Promise<Delivery> {
  const started = Date.now();
  const json = o.type === "events_api";
  const body = json ? JSON.stringify(o.payload) : formOf(o.type, o.payload);
  const timestamp = String(Math.floor(o.now / 1000));
  const signature = `v0=${createHmac("sha256", o.secret).update(`v0:${timestamp}:${body}`).digest("hex")}`;
  try {
    const response = await fetch(o.url, {
      method: "POST",
      body,
      signal: AbortSignal.timeout(3000),
      headers: {
        "content-type": json ? "application/json" : "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signature,
      },
    });
    const text = await response.text();
    const payload = text.startsWith("{") ? (JSON.parse(text) as JsonObject) : text === "" ? null : { text };
    return { acked: response.ok, ms: Date.now() - started, payload };
  } catch {
    return { acked: false, ms: Date.now() - started, payload: null };
  }
}

function formOf(type: string, payload: JsonObject): string {
  if (type === "slash_commands")
    return new URLSearchParams(Object.fromEntries(Object.entries(payload).map(([k, v]) => [k, String(v)]))).toString();
  return new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
}
