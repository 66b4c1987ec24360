import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { CliCommand, CliIo } from "./cli/command.ts";
import type { Ambient, Twokey } from "./app/start.ts";
import { parseConfig, type Config } from "./config/config.ts";
import type { Instant } from "./core/ids.ts";
import { createEvents, redact, type Events } from "./events.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "./store/embedded.ts";

/** The commands of the terminal (src/cli/). Only the one that runs is loaded: Slack's library and the engine take long to load. */
const cliCommands: Readonly<Record<string, () => Promise<CliCommand>>> = {
  stop: async () => (await import("./cli/stop.ts")).stopCommand,
  resume: async () => (await import("./cli/stop.ts")).resumeCommand,
  deletions: async () => (await import("./cli/deletions.ts")).deletionsCommand,
  restore: async () => (await import("./cli/deletions.ts")).restoreCommand,
  doctor: async () => (await import("./cli/doctor/command.ts")).doctorCommand,
  audit: async () => (await import("./cli/audit.ts")).auditCommand,
  replay: async () => (await import("./cli/replay.ts")).replayCommand,
  incident: async () => (await import("./cli/incident/command.ts")).incidentCommand,
  "backup-cost": async () => (await import("./cli/backup-cost.ts")).backupCost,
  rebuild: async () => (await import("./cli/rebuild.ts")).rebuildCommand,
  reimport: async () => (await import("./cli/reimport.ts")).reimportCommand,
  migrate: async () => (await import("./cli/migrate.ts")).migrateCommand,
};

async function usage(): Promise<string> {
  const commands = await Promise.all(Object.values(cliCommands).map((load) => load()));
  return [
    "twokey: keeps CloudStack in step with a CI database, and deletes nothing that two people did not approve",
    "",
    "  twokey serve    runs the bot, configured by the environment (docs/configuration.md)",
    ...commands.map((c) => `  twokey ${c.name} ${c.usage}`),
    "  twokey help     this text",
    "",
  ].join("\n");
}

/** Real time, ids and secrets: nothing else in src/ makes them. */
export function realAmbient(events: Events, onFatal: (error: Error) => void): Ambient {
  return {
    now: () => Date.now() as Instant,
    steadyMs: () => performance.now(),
    newId: () => randomUUID(),
    newToken: () => randomBytes(32).toString("base64url"),
    sleep: (ms, signal) => pause(ms, undefined, signal === undefined ? {} : { signal }),
    events,
    onFatal,
  };
}

/** Starts Twokey on a configuration; without `DATABASE_URL` on an embedded PostgreSQL. */
export async function serve(config: Config, events: Events): Promise<{ readonly twokey: Twokey; stop(): Promise<void> }> {
  const embedded: EmbeddedPostgres | null = config.databaseUrl === null ? await startEmbeddedPostgres(`${config.dataDir}/pg`) : null;
  const url = config.databaseUrl ?? embedded?.url() ?? "";
  const { startTwokey } = await import("./app/start.ts");
  const started = await startTwokey(
    config,
    url,
    realAmbient(events, (error) => {
      events.bug("engine.fatal", error);
      process.exit(75);
    }),
  );
  if (!started.ok) {
    await embedded?.stop();
    throw new Error([started.error.message, started.error.remedy].filter((s) => s !== undefined).join("\n"));
  }
  return {
    twokey: started.value,
    async stop() {
      await started.value.stop();
      await embedded?.stop();
    },
  };
}

/** This process's terminal. */
function terminal(): CliIo {
  const { now, newId, newToken, sleep } = realAmbient(createEvents("silent", "terminal"), () => undefined);
  const out = (text: string): unknown => process.stdout.write(text);
  const err = (text: string): unknown => process.stderr.write(redact(text));
  return { env: process.env, out, err, now, newId, newToken, sleep };
}

async function main(args: readonly string[]): Promise<number> {
  const [command = "help"] = args;
  if (command === "help" || command === "--help") {
    process.stdout.write(await usage());
    return 0;
  }
  const load = Object.hasOwn(cliCommands, command) ? cliCommands[command] : undefined;
  if (load !== undefined) return (await load()).run(args.slice(1), terminal());
  if (command !== "serve") {
    process.stderr.write(`There is no command ${command}.\n\n${await usage()}`);
    return 2;
  }
  const config = parseConfig(process.env);
  if (!config.ok) {
    process.stderr.write(`${config.error.message}\n${config.error.remedy ?? ""}\n`);
    return 2;
  }
  const events = createEvents(config.value.logLevel, config.value.environment);
  const running = await serve(config.value, events);
  process.stdout.write(`Twokey is running (${config.value.environment}); export links are served at ${running.twokey.http.url}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    // Bolt's socket client rejects with nothing when it is stopped while it reconnects; anything else is a defect of Twokey.
    process.on("unhandledRejection", (reason) => {
      if (reason !== undefined) events.bug("unhandled", reason);
    });
  });
  await running.stop();
  return 0;
}

const isMain = process.argv[1] !== undefined && /(?:twokey\.mjs|src[\\/]main\.js)$/.test(process.argv[1]);
if (isMain || process.argv[1]?.endsWith("/twokey") === true) {
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (thrown: unknown) => {
      process.stderr.write(`${redact(thrown instanceof Error ? thrown.message : String(thrown))}\n`);
      process.exit(1);
    },
  );
}
