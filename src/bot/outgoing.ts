import type { WebClientOptions } from "@slack/web-api";
import type { Clock } from "../core/clock.ts";
import type { Events } from "../events.ts";

/** How Slack's library sends a request. */
export type Fetch = NonNullable<WebClientOptions["fetch"]>;

/**
 * Sends the calls of Slack's library, and logs each with Slack's own id of it; never what is sent, and no address but a method of the API:
 * others open by themselves.
 */
export function loggedFetch(apiUrl: string, { events, now }: { readonly events: Events; readonly now: Clock }, send: Fetch = fetch): Fetch {
  return async (address, init) => {
    const began = now();
    const said = String(address);
    const method = said.startsWith(apiUrl) ? (said.slice(apiUrl.length).split("?")[0] ?? "") : "upload";
    try {
      const response = await send(address, init);
      const { status, headers } = response;
      const outcome = status === 429 ? "rate_limited" : status === 200 ? "answered" : "failed";
      const about = { slackRequest: headers.get("x-slack-req-id"), bytes: Number(headers.get("content-length") ?? 0) };
      events.debug("slack.call", { method, ms: now() - began, outcome, status, ...about });
      if (status === 429) events.warn("slack.rate_limited", { method, seconds: Number(headers.get("retry-after") ?? 0) });
      return response;
    } catch (thrown) {
      events.debug("slack.call", { method, ms: now() - began, outcome: "unreachable" });
      throw thrown;
    }
  };
}
