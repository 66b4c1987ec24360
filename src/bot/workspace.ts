import type { WebClient } from "@slack/web-api";
import { fail, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Workspace } from "./accounts.ts";
import { callSlack } from "./slack.ts";

const ORG_WIDE = "SLACK_BOT_TOKEN is of an installation for the whole organisation; Twokey works for one workspace of it";

/**
 * Who the bot is, and where: payloads and people are compared with it.
 *
 * Errors: the token is wrong, or Slack does not say whose workspace it is; `refused` `slack.org_wide`.
 * Source: docs.slack.dev, auth.test, bots.info. An app-level token carries the id of its app: `xapp-1-A…-…`.
 */
export async function findWorkspace(
  client: WebClient,
  connection: { readonly mode: "socket"; readonly appToken: string } | { readonly mode: "http" },
): Promise<Result<Workspace, Failure>> {
  const remedy = "Check SLACK_BOT_TOKEN, and SLACK_API_URL when it is set.";
  const me = await callSlack("auth.test", () => client.auth.test());
  if (!me.ok) return err({ ...me.error, remedy });
  const { bot_id: bot, user_id: botUserId = "" } = me.value;
  const [teamId, enterpriseId] = [me.value.team_id ?? "", me.value.enterprise_id ?? ""];
  if (teamId === "" && enterpriseId === "")
    return fail("rejected", "slack.no_team", "Slack does not say which workspace the bot is in", { remedy });
  // The token of an installation for the whole organisation: its team is the organisation itself, or is left out.
  if (me.value.is_enterprise_install === true || !teamId.startsWith("T"))
    return fail("refused", "slack.org_wide", ORG_WIDE, {
      remedy:
        "Install the app to the CI team's workspace alone (Install to Workspace), and set SLACK_BOT_TOKEN to that token (docs/slack.md).",
    });
  const info = bot === undefined ? null : await callSlack("bots.info", () => client.bots.info({ bot }));
  const ofToken = connection.mode === "socket" ? /^xapp-\d+-(A[A-Z0-9]+)-/.exec(connection.appToken)?.[1] : undefined;
  const appId = me.value.app_id ?? (info?.ok === true ? info.value.bot?.app_id : undefined) ?? ofToken ?? null;
  return ok({ teamId, enterpriseId: enterpriseId === "" ? null : enterpriseId, appId, botUserId });
}
