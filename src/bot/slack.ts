import type { WebClient } from "@slack/web-api";
import type { Failure } from "../core/failure.ts";
import { failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";

/** Calls the Web API and sorts what goes wrong; the message names Slack's own error code and nothing secret. */
export async function callSlack<T>(what: string, call: () => Promise<T>): Promise<Result<T, Failure>> {
  try {
    return ok(await call());
  } catch (thrown) {
    const code = errorCode(thrown);
    return err(
      failure(code === "unreachable" ? "unavailable" : "rejected", `slack.${code}`, `Slack refused ${what}: ${code}`, {
        details: { code },
      }),
    );
  }
}

/** Slack's own error code of what was thrown, or `unreachable`. */
export function errorCode(thrown: unknown): string {
  const data = (thrown as { data?: { error?: unknown } }).data;
  return typeof data?.error === "string" ? data.error : "unreachable";
}

/** Follows cursors to the end of a list. */
export async function allPages<T>(
  read: (cursor: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 100; page++) {
    const got = await read(cursor);
    items.push(...got.items);
    if (got.next === undefined || got.next === "") return items;
    cursor = got.next;
  }
  return items;
}

/** Finds a channel's id by its id or name. Errors: `rejected` with what to do. */
export async function findChannel(client: WebClient, channel: string): Promise<Result<string, Failure>> {
  if (/^[CGD][A-Z0-9]{2,}$/.test(channel)) return ok(channel);
  const name = channel.replace(/^#/, "");
  const listed = await callSlack("conversations.list", () =>
    allPages(async (cursor) => {
      const page = await client.conversations.list({
        exclude_archived: true,
        limit: 200,
        types: "public_channel,private_channel",
        ...(cursor === undefined ? {} : { cursor }),
      });
      return { items: page.channels ?? [], next: page.response_metadata?.next_cursor };
    }),
  );
  if (!listed.ok) return listed;
  const found = listed.value.find((c) => c.name === name)?.id;
  return found === undefined
    ? err(
        failure("rejected", "slack.no_channel", `There is no channel ${name} that the bot can see`, {
          mending: "Set SLACK_CHANNEL to the channel's id, and invite the bot into it.",
        }),
      )
    : ok(found);
}
