import type { ApiWorld } from "./api/method.ts";
import { wireUser } from "./api/users.ts";
import type { ActReply, ChannelChange, UserChange, UsergroupChange } from "./control-api.ts";
import type { Receipt } from "./delivery.ts";
import { removeMessage } from "./messages.ts";
import { refuse } from "./refusal.ts";
import { replyOf } from "./acts/act.ts";

/** What administrators change while the app runs. Each answers when the app has heard of it, where Slack tells it. */
export interface Administration {
  usergroup(change: UsergroupChange): Promise<ActReply>;
  user(change: UserChange): Promise<ActReply>;
  channel(change: ChannelChange): Promise<ActReply>;
  deleteMessage(place: { readonly channel: string; readonly ts: string }): Promise<ActReply>;
}

/** Lets administrators change the workspace. Errors: its functions throw a SlackRefusal for what is not there. */
export function administrationOf(world: ApiWorld): Administration {
  return {
    usergroup: (change) => changeUsergroup(world, change),
    user: (change) => changeUser(world, change),
    channel: (change) => changeChannel(world, change),
    deleteMessage: (place) => deleteMessage(world, place),
  };
}

async function changeUsergroup({ ws, events }: ApiWorld, change: UsergroupChange): Promise<ActReply> {
  const group = ws.usergroup(change.id) ?? refuse("no_such_subteam");
  const before = group.users;
  ws.state.usergroups.splice(ws.state.usergroups.indexOf(group), 1, { ...group, users: [...change.users] });
  ws.changed();
  const added = change.users.filter((id) => !before.includes(id));
  const removed = before.filter((id) => !change.users.includes(id));
  return told(
    await events.emit("subteam_members_changed", {
      type: "subteam_members_changed",
      subteam_id: group.id,
      team_id: ws.seed.team.id,
      date_previous_update: 0,
      date_update: Math.floor(ws.now() / 1000),
      added_users: added,
      added_users_count: added.length,
      removed_users: removed,
      removed_users_count: removed.length,
    }),
  );
}

async function changeUser({ ws, events }: ApiWorld, { id, ...change }: UserChange): Promise<ActReply> {
  const user = ws.user(id) ?? refuse("user_not_found");
  const changed = { ...user, ...change };
  ws.state.users.splice(ws.state.users.indexOf(user), 1, changed);
  ws.changed();
  return told(await events.emit("user_change", { type: "user_change", user: wireUser(ws, changed, true) }));
}

async function changeChannel({ ws }: ApiWorld, change: ChannelChange): Promise<ActReply> {
  const channel = ws.channel(change.id) ?? refuse("channel_not_found");
  if (change.isArchived !== undefined) channel.isArchived = change.isArchived;
  if (change.members !== undefined) channel.members = [...change.members];
  ws.changed();
  return told(null);
}

async function deleteMessage({ ws }: ApiWorld, place: { readonly channel: string; readonly ts: string }): Promise<ActReply> {
  removeMessage(ws, ws.message(place.channel, place.ts) ?? refuse("message_not_found"));
  return told(null);
}

function told(receipt: Receipt | null): ActReply {
  return replyOf(receipt);
}
