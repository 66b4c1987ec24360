import type { Json, JsonObject } from "../control-api.ts";
import { repliesOf, wireMessage } from "../messages.ts";
import { refuse } from "../refusal.ts";
import { imIdOf, type StoredChannel, type StoredMessage } from "../state.ts";
import type { Workspace } from "../workspace.ts";
import { pageOf, type Args } from "./args.ts";
import type { ApiMethods, ApiWorld } from "./method.ts";
import { isIn, lastingMessage, needScope, typeOf, visibleChannel } from "./reach.ts";

const read = ["channels:read", "groups:read", "im:read", "mpim:read"];
const history = ["channels:history", "groups:history", "im:history", "mpim:history"];

/** The methods of `conversations.*`. */
export const conversations: ApiMethods = {
  "conversations.info": { scopes: read, run: info },
  "conversations.list": { scopes: read, run: list },
  "conversations.members": { scopes: read, run: members },
  "conversations.history": { scopes: history, run: historyOf },
  "conversations.replies": { scopes: history, run: replies },
  "conversations.open": { scopes: ["im:write", "mpim:write"], run: open },
  "conversations.join": { scopes: ["channels:join"], run: join },
};

/** A channel or direct message as the Web API gives it. */
export function wireChannel(ws: Workspace, channel: StoredChannel): JsonObject {
  const base = {
    id: channel.id,
    created: channel.created,
    is_archived: channel.isArchived,
    is_im: channel.kind === "im",
    is_org_shared: false,
    context_team_id: ws.seed.team.id,
  };
  if (channel.kind === "im") {
    const person = channel.members.find((id) => id !== ws.seed.app.botUserId) ?? "";
    return { ...base, user: person, is_user_deleted: ws.user(person)?.deleted ?? false, is_open: channel.isOpen };
  }
  return {
    ...base,
    name: channel.name,
    name_normalized: channel.name,
    is_channel: !channel.isPrivate,
    is_group: channel.isPrivate,
    is_mpim: false,
    is_private: channel.isPrivate,
    is_general: false,
    is_shared: channel.isExtShared,
    is_ext_shared: channel.isExtShared,
    is_pending_ext_shared: false,
    is_member: isIn(ws, channel),
    creator: ws.state.users[0]?.id ?? "",
    topic: { value: "", creator: "", last_set: 0 },
    purpose: { value: "", creator: "", last_set: 0 },
    previous_names: [],
  };
}

function info({ ws }: ApiWorld, args: Args): JsonObject {
  const channel = visibleChannel(ws, args.string("channel"));
  needScope(ws, channel, "read");
  const counted = args.flag("include_num_members") ? { num_members: channel.members.length } : {};
  return { channel: { ...wireChannel(ws, channel), ...counted } };
}

function list({ ws }: ApiWorld, args: Args): JsonObject {
  const types = args.has("types") ? args.words("types") : ["public_channel"];
  const known = ws.state.channels.filter(
    (channel) =>
      types.includes(typeOf(channel)) &&
      !(args.flag("exclude_archived") && channel.isArchived) &&
      (!channel.isPrivate || isIn(ws, channel)),
  );
  for (const channel of known) needScope(ws, channel, "read");
  const page = pageOf(known, args, { most: 1000, usual: 100 });
  return {
    channels: page.items.map((channel): Json => ({ ...wireChannel(ws, channel), num_members: channel.members.length })),
    response_metadata: { next_cursor: page.next },
  };
}

function members({ ws }: ApiWorld, args: Args): JsonObject {
  const channel = visibleChannel(ws, args.string("channel"));
  needScope(ws, channel, "read");
  const page = pageOf(channel.members, args, { most: 1000, usual: 100 });
  return { members: page.items, response_metadata: { next_cursor: page.next } };
}

function historyOf(world: ApiWorld, args: Args): JsonObject {
  const { ws } = world;
  const channel = readable(ws, args);
  const roots = ws.messages(channel.id).filter((message) => message.visibleTo === null && message.threadTs === null);
  return messagePage(world, args, roots.toReversed());
}

function replies(world: ApiWorld, args: Args): JsonObject {
  const { ws } = world;
  const channel = readable(ws, args);
  const asked = ws.message(channel.id, args.string("ts")) ?? refuse("thread_not_found");
  const root = lastingMessage(ws, channel, asked.threadTs ?? asked.ts);
  return messagePage(world, args, [root, ...repliesOf(ws, channel.id, root.ts)]);
}

function open({ ws }: ApiWorld, args: Args): JsonObject {
  const asked = args.optional("channel");
  const ids = args.words("users");
  if (asked === null && ids.length === 0) refuse("users_list_not_supplied");
  if (ids.length > 1) refuse("method_not_supported_for_channel_type");
  const id = ids[0] ?? "";
  const user = asked === null ? (ws.user(id) ?? refuse("user_not_found")) : undefined;
  if (user?.deleted === true) refuse("user_disabled");
  if (user?.isBot === true) refuse("cannot_dm_bot");
  const channel = visibleChannel(ws, asked ?? imIdOf(id));
  if (channel.kind !== "im") refuse("method_not_supported_for_channel_type");
  const before = channel.isOpen;
  channel.isOpen = true;
  if (!before) ws.changed();
  return { no_op: before, already_open: before, channel: args.flag("return_im") ? wireChannel(ws, channel) : { id: channel.id } };
}

function join({ ws }: ApiWorld, args: Args): JsonObject {
  const channel = visibleChannel(ws, args.string("channel"));
  if (channel.kind === "im") refuse("method_not_supported_for_channel_type");
  if (channel.isArchived) refuse("is_archived");
  if (!isIn(ws, channel)) channel.members.push(ws.seed.app.botUserId);
  ws.changed();
  return { channel: wireChannel(ws, channel) };
}

function readable(ws: Workspace, args: Args): StoredChannel {
  const channel = visibleChannel(ws, args.string("channel"));
  needScope(ws, channel, "history");
  return isIn(ws, channel) ? channel : refuse("not_in_channel");
}

function messagePage(world: ApiWorld, args: Args, all: readonly StoredMessage[]): JsonObject {
  const oldest = Number(args.optional("oldest") ?? 0);
  const latest = Number(args.optional("latest") ?? Number.POSITIVE_INFINITY);
  const inclusive = args.flag("inclusive");
  const within = all.filter((message) => {
    const at = Number(message.ts);
    return inclusive ? at >= oldest && at <= latest : at > oldest && at < latest;
  });
  const page = pageOf(within, args, { most: 999, usual: 100 });
  const withMetadata = args.flag("include_all_metadata");
  return {
    messages: page.items.map((message): Json => wireMessage(world.ws, message, world.origin(), withMetadata)),
    has_more: page.next !== "",
    pin_count: 0,
    ...(page.next === "" ? {} : { response_metadata: { next_cursor: page.next } }),
  };
}
