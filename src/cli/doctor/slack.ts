import { WebClient } from "@slack/web-api";
import type { Workspace } from "../../bot/accounts.ts";
import { wayToSlack } from "../../bot/way-to-slack.ts";
import { callSlack, findChannel, libraryLogger } from "../../bot/slack.ts";
import { SKEW_MS_MAX } from "../../approvals/clocks.ts";
import { findWorkspace } from "../../bot/workspace.ts";
import type { Config } from "../../config/config.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "../../core/shown-text.ts";
import { whyUnreached } from "./reach.ts";
import { examinePeople, type SlackInspection } from "./slack-people.ts";

const { ok, warning, failed, refused } = checksOf("slack");

/** What each scope of docs/slack-app-manifest.yaml is for; a test compares the two. */
export const scopes: Readonly<Record<string, string>> = {
  "app_mentions:read": "answer when it is mentioned",
  "chat:write": "post plans and cards",
  commands: "take slash commands",
  "im:history": "read what people write to it directly",
  "im:write": "write to people directly",
  "users:read": "see who clicked, and whether they are a full member",
  "users:read.email": "recognise two Slack accounts of one person",
  "usergroups:read": "see who is in the approvers' group",
  "channels:read": "see who is in the team's channel",
  "groups:read": "see who is in it when it is private",
  "files:write": "send pictures, and plans that are longer than a message",
};

/** Checks Slack with the bot's own tokens: token, scopes, connection, channel, people. Nothing is posted. */
export async function examineSlack(o: SlackInspection): Promise<readonly Check[]> {
  const client = clientOf(o.slack.botToken, o.slack.apiUrl);
  const me = await callSlack("auth.test", () => client.auth.test());
  if (!me.ok) {
    const why =
      me.error.code === "slack.unreachable" && me.error.remedy === undefined ? await whyUnreached(o.slack.apiUrl, "SLACK_API_URL") : null;
    if (why !== null) return [failed(`it cannot be reached: ${why.sentence}`, why.remedy)];
    return [refused(me.error, "Check SLACK_BOT_TOKEN, and SLACK_API_URL when it is set.")];
  }
  const token =
    me.value.bot_id === undefined
      ? failed("SLACK_BOT_TOKEN is valid, but not a bot's token", "Use the Bot User OAuth Token of the app (docs/slack.md).")
      : ok(`the bot ${me.value.user ?? ""} of ${me.value.team ?? "a workspace"} (${me.value.url ?? "no address"})`);
  const given = me.value.response_metadata?.scopes;
  const [here, channel] = [await findWorkspace(client, o.slack.connection), await findChannel(client, o.slack.channel)];
  const about = channel.ok ? await examineChannel(client, channel.value) : [refused(channel.error, "Check SLACK_CHANNEL.")];
  const seen = channel.ok && about[0]?.state === "ok" ? channel.value : null;
  return [
    token,
    ...scopeChecks(given, o.slack),
    await connectionCheck(o.slack),
    await clockCheck(o),
    ...about,
    ...(here.ok
      ? [appCheck(here.value), ...(await examinePeople(client, o, { channel: seen, here: here.value }))]
      : [refused(here.error, "Check SLACK_BOT_TOKEN.")]),
  ];
}

function appCheck({ teamId, enterpriseId, appId }: Workspace): Check {
  const where = `the workspace ${teamId}${enterpriseId === null ? "" : ` of the organisation ${enterpriseId}`}`;
  return appId === null
    ? warning(`only what comes from ${where} counts; which app it belongs to could not be read`, "Give the token users:read.")
    : ok(`only what comes from ${where}, for the app ${appId}, counts`);
}

/** The library would write into the middle of the report; what fails is reported by the checks. */
function clientOf(token: string, slackApiUrl: string): WebClient {
  const { web } = wayToSlack(slackApiUrl);
  return new WebClient(token, {
    ...web,
    slackApiUrl,
    timeout: 10_000,
    retryConfig: { retries: 1 },
    logger: libraryLogger(() => undefined),
  });
}

function scopeChecks(given: readonly string[] | undefined, slack: Config["slack"]): readonly Check[] {
  if (given === undefined)
    return [warning("the server does not say which scopes the token has", "Compare them with docs/slack-app-manifest.yaml by hand.")];
  const usesGroups = slack.approverGroup !== null || slack.teamGroup !== null;
  const needed = Object.keys(scopes).filter((scope) => usesGroups || scope !== "usergroups:read");
  const missing = needed.filter((scope) => !given.includes(scope));
  const more = given.filter((scope) => scopes[scope] === undefined);
  return [
    missing.length === 0
      ? ok(`the token has all ${needed.length} scopes that it needs`)
      : failed(
          `the token lacks ${missing.map((scope) => `${scope} (to ${scopes[scope] ?? ""})`).join(", ")}`,
          "Add them under OAuth & Permissions, or paste docs/slack-app-manifest.yaml, and install the app again.",
        ),
    ...(more.length === 0 ? [] : [warning(`the token has scopes that it does not need: ${listed(more)}`, "Remove them.")]),
  ];
}

async function connectionCheck({ connection, apiUrl }: Config["slack"]): Promise<Check> {
  if (connection.mode === "http")
    return ok("HTTP mode with a signing secret; whether it is the right one shows when Slack verifies the request URL");
  const opened = await callSlack("apps.connections.open", () => clientOf(connection.appToken, apiUrl).apps.connections.open());
  return opened.ok
    ? ok("Socket Mode: the app token may open a connection")
    : refused(
        opened.error,
        "Check SLACK_APP_TOKEN: an app-level token with connections:write, and Socket Mode switched on (docs/slack.md).",
      );
}

/** Slack signs what it sends in HTTP mode with its time, and Twokey takes nothing older than this. Units: ms. */
const SIGNED_MS = 5 * 60_000;

/** How far Slack's clock is from ours, by the Date of an answer. */
async function clockCheck({ slack: { apiUrl, connection }, now }: SlackInspection): Promise<Check> {
  const get = wayToSlack(apiUrl).web.fetch ?? fetch;
  const asked = now();
  const answer = await get(`${apiUrl}api.test`, { method: "POST", signal: AbortSignal.timeout(10_000) }).catch(() => null);
  const date = Date.parse(answer?.headers.get("date") ?? "");
  if (Number.isNaN(date))
    return warning("how far its clock is from ours is not known: its answer has no Date", "Synchronise this machine by NTP.");
  const ms = (asked + now()) / 2 - date;
  const sentence = `this machine's clock is ${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? "ahead of" : "behind"} Slack's`;
  const remedy = "Synchronise this machine by NTP.";
  if (Math.abs(ms) <= SKEW_MS_MAX) return ok(sentence);
  return connection.mode === "http" && Math.abs(ms) > SIGNED_MS
    ? failed(`${sentence}: everything that Slack sends counts as too old or too new`, remedy)
    : warning(sentence, remedy);
}

async function examineChannel(client: WebClient, id: string): Promise<readonly Check[]> {
  const info = await callSlack("conversations.info", () => client.conversations.info({ channel: id }));
  if (!info.ok) return [refused(info.error, "Set SLACK_CHANNEL to the channel's id, and invite the bot into it.")];
  const c = info.value.channel ?? {};
  const name = `${c.is_private === true ? "the private channel" : "the channel"} ${c.name ?? id}`;
  const checks = [ok(`${name} was found (${id})`)];
  if (c.is_archived === true) checks.push(failed(`${name} is archived`, "Unarchive it, or name another one in SLACK_CHANNEL."));
  checks.push(
    c.is_member === true ? ok(`the bot is in ${name}`) : failed(`the bot is not in ${name}`, `Write /invite @twokey in ${name}.`),
    c.is_ext_shared === true || c.is_pending_ext_shared === true
      ? failed(
          `${name} is shared with another organisation, which can read every plan`,
          "Use a channel of your own; external people may not approve, but they see what is proposed.",
        )
      : ok(`${name} is not shared with another organisation`),
  );
  return checks;
}
