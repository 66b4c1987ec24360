#!/usr/bin/env node
// `npx twokey-emulators`: Slack and CloudStack to rehearse against (docs/rehearsal.md). Made ready as scripts/twokey.mjs says.
import { existsSync } from "node:fs";

const isCheckout = ["../src/main.ts", "prepare.mjs"].every((file) => existsSync(new URL(file, import.meta.url)));
if (!isCheckout || (await import("./prepare.mjs")).prepare()) {
  const { main } = await import(new URL("../dist/emulators/stand-alone/main.js", import.meta.url));
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write("The build has errors, listed above.\n");
  process.exitCode = 1;
}
