import { mkdirSync } from "node:fs";
import { demoActs } from "./acts.ts";
import { startPageServer } from "./page-server.ts";
import { CannotStart, findTaken, firstPort, portsFrom, type DemoPorts } from "./ports.ts";
import { findRunning, forgetRunning, noteRunning, pidBehind } from "./running.ts";
import { startWorld } from "./world.ts";

const say = (sentence: string): void => void process.stdout.write(`${sentence}\n`);

/** Runs the demo until it is stopped. Its state is kept in `TWOKEY_DEMO_DIR`, by default `.data/demo`. */
async function main(): Promise<void> {
  const dataDir = process.env["TWOKEY_DEMO_DIR"] ?? ".data/demo";
  const ports = await portsFrom(firstPort(process.argv.slice(2), process.env));
  mkdirSync(dataDir, { recursive: true });
  const other = await findRunning(dataDir);
  if (other !== null) {
    const state = other.isReady ? "runs already, at" : "is just starting; it will be at";
    return say(
      `The demo ${state} ${other.url} (process ${other.pid}). Open that address; to begin again, stop that one with Ctrl-C first.`,
    );
  }
  await refuseTaken(ports);
  noteRunning(dataDir, urlOf(ports));
  const stop = untilStopped();
  try {
    await run(dataDir, ports, stop);
  } finally {
    forgetRunning(dataDir);
  }
}

async function run(dataDir: string, ports: DemoPorts, stop: Promise<void>): Promise<void> {
  const world = await startWorld({ dataDir, ports });
  const page = await startPageServer({ ...demoActs(world), slackUrl: world.slack.url, port: ports.page });
  noteRunning(dataDir, page.url);
  say(`\nThe demo is at ${page.url}\nStop it with Ctrl-C; it goes on where it stood. To start again from nothing, delete ${dataDir}.`);
  await stop;
  await page.close();
  await world.stop();
  say("The demo has stopped, its database too.");
}

async function refuseTaken(ports: DemoPorts): Promise<void> {
  const taken = await findTaken(ports);
  if (taken === null) return;
  const other = taken === ports.page ? await pidBehind(urlOf(ports)) : null;
  const whose = other === null ? "another program" : `a demo of another folder (process ${other}), which is at ${urlOf(ports)}`;
  throw new CannotStart(
    `Port ${taken} is used by ${whose}. The demo uses ${ports.page} to ${ports.links}; choose others: npm run demo -- --port 19000`,
  );
}

function urlOf(ports: DemoPorts): string {
  return `http://127.0.0.1:${ports.page}/`;
}

/**
 * Resolves when the demo is to stop. npm passes on a Ctrl-C that this process was sent as well, so a second signal must not end
 * the stopping. A SIGTERM to npm ends the shell in between and nothing else, so whoever npm started watches its parent.
 */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
    const parent = process.ppid;
    if (process.env["npm_lifecycle_event"] !== undefined) setInterval(() => process.ppid !== parent && resolve(), 500).unref();
  });
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    process.exit(thrown instanceof CannotStart ? 2 : 1);
  },
);
