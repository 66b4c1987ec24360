#!/usr/bin/env -S node --max-semi-space-size=8 --max-old-space-size=768
// A small young generation and a bound on the heap (a fleet of 5,000 domains needs a tenth of it): with a bound V8 lets the heap grow
// by half between two collections rather than fourfold, which keeps the bot's peak near 220 MiB instead of 320 (npm run bench).
// `npx twokey <command>`: a checkout is made ready first; an installed package has dist/ and no sources, and never compiles.
import { existsSync } from "node:fs";

if (!isCheckout() || (await isReady())) {
  // The program reads its arguments from process.argv, as when it is started directly.
  await import(new URL("../dist/src/main.js", import.meta.url));
} else {
  process.stderr.write("The build has errors, listed above.\n");
  process.exitCode = 1;
}

function isCheckout() {
  return ["../src/main.ts", "prepare.mjs"].every((file) => existsSync(new URL(file, import.meta.url)));
}

async function isReady() {
  const { prepare } = await import("./prepare.mjs");
  return prepare({ quiet: false });
}
