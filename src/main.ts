import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Ambient, Twokey } from "./app/start.ts";
import type { CliCommand, CliIo } from "./cli/command.ts";
import { runProgram } from "./cli/program.ts";
import type { Config } from "./config/config.ts";
import type { Instant } from "./core/ids.ts";
import type { Events } from "./events.ts";
import type { EmbeddedPostgres } from "./store/embedded.ts";

// Only what every command line needs is loaded at once; `--help` has to answer in a moment.

/** Real time, ids and secrets: nothing else in src/ makes them. */
function realAmbient(events: Events, onFatal: (error: Error) => void): Ambient {
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
  const { startTwokey } = await import("./app/start.ts");
  const embedded = config.databaseUrl === null ? await startEmbedded(config.dataDir) : null;
  const url = config.databaseUrl ?? embedded?.url() ?? "";
  const started = await startTwokey(
    config,
    url,
    realAmbient(events, (error) => {
      events.bug("engine.fatal", error);
      process.stderr.write(`${LOST_DATABASE}\n`);
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

/** Errors: the data folder cannot be written, with what to do. */
async function startEmbedded(dataDir: string): Promise<EmbeddedPostgres> {
  const [{ startEmbeddedPostgres }, { whyNotWritable }] = await Promise.all([import("./store/embedded.ts"), import("./core/writable.ts")]);
  const problem = await whyNotWritable(dataDir);
  const remedy = "Let its user write there, or set TWOKEY_DATA_DIR to another folder, or DATABASE_URL to a PostgreSQL of your own.";
  if (problem !== null) throw new Error(`Twokey cannot keep its own database: ${problem}. ${remedy}`);
  return startEmbeddedPostgres(`${dataDir}/pg`);
}

/** This process's terminal. */
async function terminal(): Promise<CliIo> {
  const { createEvents, redact } = await import("./events.ts");
  const { now, newId, newToken, sleep } = realAmbient(createEvents("silent", "terminal"), () => undefined);
  const err = (text: string): unknown => process.stderr.write(redact(text));
  const columns = process.stderr.isTTY ? process.stderr.columns : null;
  return { env: process.env, out, err, columns, now, newId, newToken, sleep };
}

function out(text: string): void {
  process.stdout.write(text);
}

/** `twokey serve`: runs the bot until the process is asked to end. */
const serveUntilSignal: CliCommand = async (io) => {
  const [{ parseConfig }, { createEvents }, { tellFailure }] = await Promise.all([
    import("./config/config.ts"),
    import("./events.ts"),
    import("./cli/command.ts"),
  ]);
  const config = parseConfig(io.env);
  if (!config.ok) return tellFailure(io, config.error, 2);
  const events = createEvents(config.value.logLevel, config.value.environment);
  const running = await serve(config.value, events);
  io.out(`Twokey is running (${config.value.environment}); export links are served at ${running.twokey.http.url}\n`);
  running.twokey.begin().catch((thrown: unknown) => events.bug("begin", thrown));
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    // Bolt's socket client rejects with nothing when it is stopped while it reconnects; anything else is a defect of Twokey.
    process.on("unhandledRejection", (reason) => {
      if (reason !== undefined) events.bug("unhandled", reason);
    });
  });
  await running.stop();
  return 0;
};

const LOST_DATABASE =
  "PostgreSQL went away, or does not answer. Nothing is lost: what was begun goes on from its rows. See that it answers (npx twokey doctor), then start again.";

/** Exits once all that was printed is written: a pipe takes 64 KiB at a time, and whoever reads it may be slow, or gone. */
async function exitWritten(code: number): Promise<void> {
  const written = (stream: NodeJS.WriteStream): Promise<unknown> =>
    new Promise((resolve) => {
      stream.once("error", resolve);
      stream.write("", resolve);
    });
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code);
}

const isMain = process.argv[1] !== undefined && /(?:twokey\.mjs|src[\\/]main\.js)$/.test(process.argv[1]);
if (isMain || process.argv[1]?.endsWith("/twokey") === true) {
  runProgram(process.argv.slice(2), { out, terminal, serve: serveUntilSignal }).then(
    (code) => exitWritten(code),
    async (thrown: unknown) => {
      const said = thrown instanceof Error ? thrown.message : String(thrown);
      const { isLostDatabase } = await import("./store/store-error.ts");
      const isLost = isLostDatabase(thrown);
      (await terminal()).err(isLost ? `${LOST_DATABASE} What was said: ${said}\n` : `${said}\n`);
      await exitWritten(isLost ? 75 : 1);
    },
  );
}
