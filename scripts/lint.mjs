#!/usr/bin/env node
// Formatting, types and the house rules (test/tidy.test.ts), without the other tests. With --write, only formats.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { prepare } from "./prepare.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
// What prettier found good is remembered by its content: the first look at everything takes seconds, each later one less than one.
const PRETTIER = [
  "node_modules/prettier/bin/prettier.cjs",
  "--log-level=warn",
  "--cache",
  "--cache-strategy=content",
  "--cache-location=.data/prettier",
];

/** Is every file as prettier writes it? Names those that are not. */
export function formats() {
  process.stdout.write("formatting\n");
  if (run([...PRETTIER, "--check", "."])) return true;
  process.stdout.write("npm run format puts these in order.\n");
  return false;
}

/** Do all types hold, those of tests and of the must-not-compile tests included? */
export function typeChecks() {
  process.stdout.write("type check\n");
  return run(["node_modules/typescript/bin/tsc", "-p", "."]);
}

function run(args) {
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  prepare({ installOnly: true });
  const steps = process.argv.includes("--write")
    ? [() => run([...PRETTIER, "--write", "."])]
    : [formats, typeChecks, () => run(["node_modules/vitest/vitest.mjs", "run", "test/tidy.test.ts"])];
  process.exitCode = steps.map((step) => step()).every(Boolean) ? 0 : 1;
}
