import path from "node:path";
import pg from "pg";
import { keyVariables } from "./keys.ts";
import { startSlackEmulator, type SlackEmulator } from "../emulators/slack/server.ts";
import type { CloudStackEmulator } from "../emulators/cloudstack/server.ts";
import { parseConfig } from "../src/config/config.ts";
import { createEvents } from "../src/events.ts";
import { serve } from "../src/main.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../src/store/embedded.ts";
import type { Twokey } from "../src/app/start.ts";
import { demoApproverGroup, demoChannel, demoTokens, slackSeed } from "./cast.ts";
import { openCiDatabase, type DemoCiDatabase } from "./ci-database.ts";
import { callCloudStack } from "./api.ts";
import { prepareAsMadeBefore } from "./made-before.ts";
import { portsFrom, type DemoPorts } from "./ports.ts";
import { demoPace, demoRootPath, rootOf, startDemoCloud, type DemoPace } from "./cloud.ts";

/** Waits of the demo: seconds where a real team has minutes and days. Units: seconds. */
export const demoTimes = { coolOffSeconds: 10, graceSeconds: 30, expungeSeconds: demoPace.expungeSeconds, syncEverySeconds: 5 } as const;

/** All parts of the demo, running. */
export interface DemoWorld {
  readonly slack: SlackEmulator;
  readonly cloud: CloudStackEmulator;
  readonly ci: DemoCiDatabase;
  readonly twokey: Twokey;
  readonly publicUrl: string;
  /** The project's people stop their machines, through CloudStack's own API. */
  stopMachines(slug: string): Promise<void>;
  /** Asks the bot's own database. */
  askBot(sql: string): Promise<readonly unknown[]>;
  stop(): Promise<void>;
}

/** How a world differs from the demo's own. Times in seconds. */
export interface WorldOptions {
  readonly dataDir: string;
  readonly coolOffSeconds?: number;
  readonly graceSeconds?: number;
  readonly syncEverySeconds?: number;
  /** Where the servers listen; left out: on any ports that are free. */
  readonly ports?: DemoPorts;
  readonly pace?: DemoPace;
  readonly logLevel?: string;
  /** How long Slack waits for the bot; default 3 s, as Slack does. Units: milliseconds. */
  readonly slackAckMs?: number;
  /** True gives up durability for speed, for tests. */
  readonly fast?: boolean;
}

/**
 * Starts everything in one process: embedded PostgreSQL, both emulators, and the bot, which knows them only by its environment.
 *
 * What is in `dataDir` is continued. Errors: rejects with what could not be started.
 */
export async function startWorld(o: WorldOptions): Promise<DemoWorld> {
  const postgres = await startEmbeddedPostgres(path.join(o.dataDir, "pg"), { fast: o.fast ?? false });
  try {
    return await startOn(postgres, o);
  } catch (thrown) {
    // It is a process of its own, and would stay.
    await postgres.stop();
    throw thrown;
  }
}

async function startOn(postgres: EmbeddedPostgres, o: WorldOptions): Promise<DemoWorld> {
  const ports = o.ports ?? (await portsFrom(0));
  const [ci, cloud, slack] = await Promise.all([
    openCiDatabase(postgres.url),
    startDemoCloud(o.dataDir, o.pace ?? demoPace, ports.cloudstack),
    startSlackEmulator({
      seed: slackSeed(),
      port: ports.slack,
      stateFile: path.join(o.dataDir, "slack.json"),
      ...(o.slackAckMs === undefined ? {} : { ackMs: o.slackAckMs }),
    }),
  ]);
  const config = parseConfig({
    TWOKEY_ENVIRONMENT: "demo",
    TWOKEY_DATA_DIR: o.dataDir,
    DATABASE_URL: postgres.url("postgres"),
    CI_DATABASE_URL: ci.readerUrl,
    SLACK_BOT_TOKEN: demoTokens.botToken,
    SLACK_APP_TOKEN: demoTokens.appToken,
    SLACK_API_URL: slack.apiUrl,
    SLACK_CHANNEL: demoChannel,
    SLACK_APPROVER_GROUP: demoApproverGroup,
    CLOUDSTACK_API_URL: cloud.url,
    ...keyVariables(cloud),
    CLOUDSTACK_ROOT_DOMAIN: demoRootPath,
    TWOKEY_COOL_OFF_SECONDS: String(o.coolOffSeconds ?? demoTimes.coolOffSeconds),
    TWOKEY_GRACE_SECONDS: String(o.graceSeconds ?? demoTimes.graceSeconds),
    TWOKEY_SYNC_EVERY_SECONDS: String(o.syncEverySeconds ?? demoTimes.syncEverySeconds),
    TWOKEY_DELETIONS_PER_DAY: "10",
    TWOKEY_DELETIONS_PER_WEEK: "20",
    BACKUP_POLICIES: "*=templates",
    TWOKEY_HTTP_PORT: String(ports.links),
    // Whoever plays the demo is on this machine.
    TWOKEY_PUBLIC_URL: `http://127.0.0.1:${ports.links}`,
    TWOKEY_LOG_LEVEL: o.logLevel ?? "error",
  });
  if (!config.ok) throw new Error(config.error.message);
  await prepareAsMadeBefore(config.value, cloud);
  const bot = new pg.Pool({ connectionString: postgres.url("postgres"), max: 1, options: "-c search_path=twokey" });
  bot.on("error", () => undefined);
  const running = await serve(config.value, createEvents(config.value.logLevel, "demo"));
  return {
    slack,
    cloud,
    ci,
    twokey: running.twokey,
    publicUrl: running.twokey.http.url,
    async stopMachines(slug) {
      const machines =
        rootOf(cloud.tree())
          ?.children.find((d) => d.name === slug)
          ?.accounts.flatMap((a) => a.machines) ?? [];
      for (const machine of machines.filter((m) => m.state === "Running"))
        await callCloudStack(cloud.url, cloud.admin, { command: "stopVirtualMachine", id: machine.id });
    },
    askBot: async (sql) => (await bot.query(sql)).rows as readonly unknown[],
    async stop() {
      await running.stop();
      await Promise.all([slack.close(), cloud.close(), ci.close(), bot.end()]);
      await postgres.stop();
    },
  };
}
