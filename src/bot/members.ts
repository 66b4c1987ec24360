import type { WebClient } from "@slack/web-api";
import { fail, type Failure } from "../core/failure.ts";
import type { Result } from "../core/result.ts";
import { allPages, callSlack } from "./slack.ts";

/** The Slack users of a group, given by id, handle or name. */
export async function groupMembers(client: WebClient, group: string): Promise<Result<readonly string[], Failure>> {
  return callSlack("usergroups.users.list", async () => {
    let id = group;
    if (!/^S[A-Z0-9]{2,}$/.test(group)) {
      const handle = group.replace(/^@/, "");
      const all = (await client.usergroups.list({})).usergroups ?? [];
      id = all.find((g) => g.handle === handle || g.name === group)?.id ?? group;
    }
    return (await client.usergroups.users.list({ usergroup: id })).users ?? [];
  });
}

/**
 * Who is the CI team: the members of its group, or of its channel, which must be private: a public one everybody can join.
 *
 * Errors: `refused` `slack.public_channel`; what Slack says.
 */
export async function teamMembers(client: WebClient, channel: string, group: string | null): Promise<Result<readonly string[], Failure>> {
  if (group !== null) return groupMembers(client, group);
  const info = await callSlack("conversations.info", async () => (await client.conversations.info({ channel })).channel ?? {});
  if (!info.ok) return info;
  if (info.value.is_private !== true)
    return fail(
      "refused",
      "slack.public_channel",
      `The channel ${info.value.name ?? channel} is public: whoever joins it would be the CI team`,
      {
        remedy: "Set SLACK_TEAM_GROUP to the CI team's user group, or make the channel private.",
      },
    );
  return channelMembers(client, channel);
}

async function channelMembers(client: WebClient, channel: string): Promise<Result<readonly string[], Failure>> {
  return callSlack("conversations.members", () =>
    allPages(async (cursor) => {
      const page = await client.conversations.members({ channel, limit: 200, ...(cursor === undefined ? {} : { cursor }) });
      return { items: page.members ?? [], next: page.response_metadata?.next_cursor };
    }),
  );
}
