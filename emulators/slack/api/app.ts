import type { JsonObject } from "../control-api.ts";
import { compact } from "../json.ts";
import { refuse } from "../refusal.ts";
import type { Args } from "./args.ts";
import type { ApiMethods, ApiWorld } from "./method.ts";
import { isIn, lastingMessage, visibleChannel } from "./reach.ts";

/** Methods about the app itself, its team and its sockets, and reactions. */
export const app: ApiMethods = {
  "api.test": { token: "any", run: (_world, args) => (args.has("error") ? refuse(args.string("error")) : { args: args.raw }) },
  "auth.test": { token: "any", run: authTest },
  "apps.connections.open": { token: "app", run: openConnection },
  "team.info": { scopes: ["team:read"], run: ({ ws }) => ({ team: { ...ws.seed.team, email_domain: "", icon: {} } }) },
  "bots.info": { scopes: ["users:read"], run: botInfo },
  "reactions.add": { scopes: ["reactions:write"], run: addReaction },
  "reactions.remove": { scopes: ["reactions:write"], run: removeReaction },
};

function authTest({ ws }: ApiWorld): JsonObject {
  const { app: installed, team } = ws.seed;
  return compact({
    url: `https://${team.domain}.slack.com/`,
    team: team.name,
    user: ws.user(installed.botUserId)?.name ?? installed.name,
    team_id: team.id,
    user_id: installed.botUserId,
    bot_id: installed.botId,
    enterprise_id: team.enterpriseId,
    is_enterprise_install: team.isOrgWide ?? false,
  });
}

function openConnection({ sockets, origin }: ApiWorld): JsonObject {
  return { url: `${origin().replace(/^http/, "ws")}${sockets.openTicket()}` };
}

function botInfo({ ws }: ApiWorld, args: Args): JsonObject {
  const { app: installed } = ws.seed;
  if ((args.optional("bot") ?? installed.botId) !== installed.botId) refuse("bot_not_found");
  const { botId: id, botUserId: userId, name } = installed;
  return { bot: { id, deleted: false, name, updated: 0, app_id: installed.id, user_id: userId, icons: {} } };
}

function addReaction({ ws }: ApiWorld, args: Args): JsonObject {
  const channel = visibleChannel(ws, args.string("channel"));
  const name = args.string("name");
  if (!/^[a-z0-9_+'-]+$/.test(name)) refuse("invalid_name");
  const message = lastingMessage(ws, channel, args.string("timestamp"));
  if (!isIn(ws, channel)) refuse("not_in_channel");
  const bot = ws.seed.app.botUserId;
  const reaction = message.reactions.find((known) => known.name === name);
  if (reaction?.users.includes(bot) === true) refuse("already_reacted");
  if (reaction === undefined) message.reactions.push({ name, users: [bot] });
  else reaction.users.push(bot);
  ws.changed();
  return {};
}

function removeReaction({ ws }: ApiWorld, args: Args): JsonObject {
  const channel = visibleChannel(ws, args.string("channel"));
  const name = args.string("name");
  const message = lastingMessage(ws, channel, args.string("timestamp"));
  const bot = ws.seed.app.botUserId;
  const reaction = message.reactions.find((known) => known.name === name && known.users.includes(bot)) ?? refuse("no_reaction");
  reaction.users = reaction.users.filter((id) => id !== bot);
  message.reactions = message.reactions.filter((known) => known.users.length > 0);
  ws.changed();
  return {};
}
