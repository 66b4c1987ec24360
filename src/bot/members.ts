import type { WebClient } from "@slack/web-api";
import { fail, type Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import { allPages, callSlack } from "./slack.ts";

/**
 * The Slack users of a group, given by id, handle or name. What is written like a handle is a handle only: a name may be given to another
 * group, which would take the place of one whose handle was changed, or that was disabled.
 *
 * Errors: `refused` `slack.unknown_group` for none, or more than one, of that name; what Slack says.
 */
export async function groupMembers(client: WebClient, group: string): Promise<Result<readonly string[], Failure>> {
  const id = await groupId(client, group);
  if (!id.ok) return id;
  return callSlack("usergroups.users.list", async () => (await client.usergroups.users.list({ usergroup: id.value })).users ?? []);
}

/** The id of a user group that is given by its id, its handle or its name. Errors: as for `groupMembers`. */
export async function groupId(client: WebClient, group: string): Promise<Result<string, Failure>> {
  return /^S[A-Z0-9]{2,}$/.test(group) ? ok(group) : findGroup(client, group);
}

/** Slack's handles: small letters, digits, and these; never a space. */
const HANDLE = /^@|^[\p{Ll}\p{Lo}\p{N}._-]+$/u;

/** The id of the one group with this handle or name. */
async function findGroup(client: WebClient, group: string): Promise<Result<string, Failure>> {
  const all = await callSlack("usergroups.list", async () => (await client.usergroups.list({})).usergroups ?? []);
  if (!all.ok) return all;
  const isHandle = HANDLE.test(group);
  const found = all.value.filter((g) => (isHandle ? g.handle === group.replace(/^@/, "") : g.name === group));
  const [one, ...more] = found.flatMap(({ id }) => (id === undefined ? [] : [id]));
  if (one !== undefined && more.length === 0) return ok(one);
  const seen =
    one === undefined
      ? `Slack has no user group ${group}${isHandle ? " (looked for by its handle)" : ""}`
      : `Slack has ${more.length + 1} user groups ${group}`;
  return fail("refused", "slack.unknown_group", `${seen}, so it is not known who is meant`, {
    remedy: "Give the group's id (S…): it stays the same whatever the group is called.",
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
