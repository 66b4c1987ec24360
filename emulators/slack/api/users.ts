import type { Json, JsonObject } from "../control-api.ts";
import { compact } from "../json.ts";
import { refuse } from "../refusal.ts";
import type { SeedUser } from "../seed.ts";
import type { Workspace } from "../workspace.ts";
import { pageOf, type Args } from "./args.ts";
import { wireChannel } from "./conversations.ts";
import type { ApiMethods, ApiWorld } from "./method.ts";
import { isIn, typeOf } from "./reach.ts";

/** The methods of `users.*`. */
export const users: ApiMethods = {
  "users.info": { scopes: ["users:read"], run: info },
  "users.list": { scopes: ["users:read"], run: list },
  "users.lookupByEmail": { scopes: ["users:read.email"], run: lookupByEmail },
  "users.conversations": { scopes: ["channels:read", "groups:read", "im:read", "mpim:read"], run: conversationsOf },
  "users.getPresence": { scopes: ["users:read"], run: () => ({ presence: "active" }) },
};

/** A person as `users.info` gives them; mail only with its scope, and never for a person of another workspace. */
export function wireUser(ws: Workspace, user: SeedUser, withLocale: boolean): JsonObject {
  const external = user.isExternal ?? false;
  const enterprise = user.enterpriseId ?? (external ? undefined : ws.seed.team.enterpriseId);
  return compact({
    id: user.id,
    team_id: homeTeam(ws, user),
    name: user.name,
    deleted: user.deleted ?? false,
    real_name: user.realName,
    tz: user.tz ?? "Etc/UTC",
    tz_label: "Coordinated Universal Time",
    tz_offset: 0,
    profile: profileOf(ws, user),
    is_admin: user.isAdmin ?? false,
    is_owner: false,
    is_primary_owner: false,
    is_restricted: user.isGuest ?? false,
    is_ultra_restricted: false,
    is_bot: user.isBot ?? false,
    is_app_user: false,
    // Not for everybody outside: people of another organisation on Enterprise Grid come without it.
    is_stranger: external && user.enterpriseId === undefined ? true : undefined,
    enterprise_user: enterprise === undefined ? undefined : { id: user.id, enterprise_id: enterprise, teams: [homeTeam(ws, user)] },
    is_email_confirmed: !external && user.email !== null,
    updated: Math.floor(ws.now() / 1000),
    locale: withLocale && !external ? (user.locale ?? "en-US") : undefined,
  });
}

/** The workspace a person belongs to. */
export function homeTeam(ws: Workspace, user: SeedUser): string {
  return user.isExternal === true ? "T0ELSEWHERE" : ws.seed.team.id;
}

function profileOf(ws: Workspace, user: SeedUser): JsonObject {
  const [first = "", ...rest] = user.realName.split(" ");
  const mayRead = ws.seed.app.scopes.includes("users:read.email") && user.isExternal !== true;
  const isOurs = user.id === ws.seed.app.botUserId;
  return compact({
    title: user.title ?? "",
    real_name: user.realName,
    real_name_normalized: user.realName,
    display_name: user.name,
    display_name_normalized: user.name,
    first_name: first,
    last_name: rest.join(" "),
    email: mayRead ? (user.email ?? undefined) : undefined,
    bot_id: isOurs ? ws.seed.app.botId : undefined,
    api_app_id: isOurs ? ws.seed.app.id : undefined,
    team: homeTeam(ws, user),
  });
}

function info({ ws }: ApiWorld, args: Args): JsonObject {
  const user = ws.user(args.string("user")) ?? refuse("user_not_found");
  return { user: wireUser(ws, user, args.flag("include_locale")) };
}

function list({ ws }: ApiWorld, args: Args): JsonObject {
  const page = pageOf(ws.state.users, args, { most: 1000, usual: 1000 });
  return {
    members: page.items.map((user): Json => wireUser(ws, user, args.flag("include_locale"))),
    cache_ts: Math.floor(ws.now() / 1000),
    response_metadata: { next_cursor: page.next },
  };
}

function lookupByEmail({ ws }: ApiWorld, args: Args): JsonObject {
  const mail = args.string("email").toLowerCase();
  const user = ws.state.users.find((known) => known.email?.toLowerCase() === mail && known.deleted !== true && known.isExternal !== true);
  return { user: wireUser(ws, user ?? refuse("users_not_found"), false) };
}

function conversationsOf({ ws }: ApiWorld, args: Args): JsonObject {
  const user = args.optional("user") ?? ws.seed.app.botUserId;
  if (ws.user(user) === undefined) refuse("user_not_found");
  const types = args.has("types") ? args.words("types") : ["public_channel"];
  const mine = ws.state.channels.filter((channel) => channel.members.includes(user) && types.includes(typeOf(channel)));
  const shared = mine.filter((channel) => isIn(ws, channel));
  const page = pageOf(shared, args, { most: 999, usual: 100 });
  return { channels: page.items.map((channel): Json => wireChannel(ws, channel)), response_metadata: { next_cursor: page.next } };
}
