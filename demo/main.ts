import { mkdirSync } from "node:fs";
import { demoActs } from "./acts.ts";
import { startPageServer } from "./page-server.ts";
import { startWorld } from "./world.ts";

/** Runs the demo until it is stopped. Its state is kept in `TWOKEY_DEMO_DIR`, by default `.data/demo`. */
async function main(): Promise<void> {
  const dataDir = process.env["TWOKEY_DEMO_DIR"] ?? ".data/demo";
  mkdirSync(dataDir, { recursive: true });
  const world = await startWorld({ dataDir });
  const page = await startPageServer({ ...demoActs(world), slackUrl: world.slack.url, port: Number(process.env["TWOKEY_DEMO_PORT"] ?? 0) });
  process.stdout.write(`\nThe demo is at ${page.url}\nStop it with Ctrl-C; it goes on where it stood. To begin anew, delete ${dataDir}.\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await page.close();
  await world.stop();
}

main().then(
  () => process.exit(0),
  (thrown: unknown) => {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    process.exit(1);
  },
);
