import { demoApproverGroup, demoChannel, demoTokens } from "../../demo/cast.ts";
import { keyVariables } from "../../demo/keys.ts";
import type { CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import type { FreshDatabase } from "./database.ts";

/** What a test started for its bot. */
export interface Servers {
  readonly cloud: Pick<CloudStackEmulator, "url" | "findKeys">;
  readonly state: Pick<FreshDatabase, "url">;
  readonly ci: Pick<FreshDatabase, "url">;
  readonly dataDir: string;
}

type Environment = Readonly<Record<string, string>>;

/** The environment by which a started bot finds its servers, without Slack; `more` adds to it and replaces. */
export function environmentWithoutSlack({ cloud, state, ci, dataDir }: Servers, more: Environment = {}): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    TWOKEY_ENVIRONMENT: "test",
    TWOKEY_DATA_DIR: dataDir,
    DATABASE_URL: state.url,
    CI_DATABASE_URL: ci.url,
    CLOUDSTACK_API_URL: cloud.url,
    ...keyVariables(cloud),
    CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
    TWOKEY_HTTP_PORT: "0",
    TWOKEY_LOG_LEVEL: "warn",
    ...more,
  };
}

/** The same with the Slack emulator, over its WebSocket. */
export function environmentOf(
  servers: Servers & { readonly slack: { readonly apiUrl: string } },
  more: Environment = {},
): Record<string, string> {
  return environmentWithoutSlack(servers, {
    SLACK_BOT_TOKEN: demoTokens.botToken,
    SLACK_APP_TOKEN: demoTokens.appToken,
    SLACK_API_URL: servers.slack.apiUrl,
    SLACK_CHANNEL: demoChannel,
    SLACK_APPROVER_GROUP: demoApproverGroup,
    ...more,
  });
}
