#!/usr/bin/env -S node --max-semi-space-size=8
// Small young generation: a pass over thousands of domains makes much that is soon forgotten, and memory is what the host is short of.
// `npx twokey <command>` in a checkout: makes it ready, then hands over to the program.
import { prepare } from "../scripts/prepare.mjs";

if (prepare({ quiet: false })) {
  // The program reads its arguments from process.argv, as when it is started directly.
  await import(new URL("../dist/src/main.js", import.meta.url));
} else {
  process.stderr.write("The build has errors, listed above.\n");
  process.exitCode = 1;
}
