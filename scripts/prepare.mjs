#!/usr/bin/env node
// Makes a checkout ready to run: packages installed, dist/ built. Fast when nothing changed; safe when two run at once.
// Only Node's own modules are used here, since nothing else may be installed yet.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const BUILD = path.join("scripts", "tsconfig.build.json");
const SOURCES = ["src", "emulators", "demo", "test/sim", "test/matrix", "tsconfig.json", BUILD, "package.json"];
const PAGE = path.join("demo", "page");
const PAGE_BUILD = path.join(PAGE, "tsconfig.json");

/** Installs and builds what is missing. Returns true when the build had no errors; `isUnchecked` leaves those of types to somebody else. */
export function prepare({ installOnly = false, quiet = false, isUnchecked = false } = {}) {
  refuseOldNode();
  const say = quiet ? () => {} : (text) => process.stderr.write(`${text}\n`);
  if (isInstalled() && (installOnly || isBuilt())) return true;
  return withLock(() => {
    // Another process may have done the work while this one waited for its turn.
    if (!isInstalled()) install(say);
    return installOnly || isBuilt() || build(say, quiet ? "ignore" : 2, isUnchecked ? ["--noCheck"] : []);
  });
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Twokey needs Node.js 20.19 or newer; this is ${process.versions.node}. Install a newer one from https://nodejs.org and try again.`);
}

// ---- packages ----

function lockHash() {
  return createHash("sha256")
    .update(fs.readFileSync(at("package-lock.json")))
    .digest("hex");
}

function isInstalled() {
  return readText(at("node_modules", ".twokey-lock")) === lockHash();
}

function install(say) {
  // A folder that was filled by hand from this very lock file is good as it is.
  if (isFilledFromThisLock()) {
    fs.writeFileSync(at("node_modules", ".twokey-lock"), lockHash());
    return;
  }
  say("Installing packages (npm ci) …");
  // No package needs its install script: the embedded PostgreSQL's links are made when it is started.
  const args = [
    "ci",
    "--ignore-scripts",
    "--include=dev",
    "--include=optional",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  const ran = spawnSync("npm", args, { cwd: ROOT, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (ran.status !== 0) fail(`npm ci did not succeed${ran.error ? `: ${ran.error.message}` : ""}. Mend what it says above and try again.`);
  fs.writeFileSync(at("node_modules", ".twokey-lock"), lockHash());
}

/** npm keeps a copy of the lock file inside node_modules; same packages and versions there mean nothing has to be done. */
function isFilledFromThisLock() {
  const hidden = readText(at("node_modules", ".package-lock.json"));
  if (hidden === null || fs.existsSync(at("node_modules", ".twokey-lock"))) return false;
  const versions = (text) => Object.entries(JSON.parse(text).packages).filter(([name]) => name !== "");
  const there = new Map(versions(hidden).map(([name, entry]) => [name, entry.version]));
  const wanted = versions(fs.readFileSync(at("package-lock.json"), "utf8"));
  return wanted.every(([name, entry]) => there.get(name) === entry.version || (entry.optional === true && !there.has(name)));
}

// ---- dist ----

function isBuilt() {
  return readText(at("dist", ".stamp")) === sourceStamp();
}

/** Names, sizes and times of all sources: a change of any of them makes another stamp. */
function sourceStamp() {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap((name) => filesBelow(name))) {
    const { size, mtimeMs } = fs.statSync(at(file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function build(say, output, flags) {
  say("Building dist/ …");
  const stamp = sourceStamp();
  fs.rmSync(at("dist", ".stamp"), { force: true });
  const compiled = [BUILD, PAGE_BUILD]
    .filter((project) => hasInputs(project))
    .map((project) => {
      const tsc = [at("node_modules", "typescript", "bin", "tsc"), "-p", project, ...flags];
      return spawnSync(process.execPath, tsc, { cwd: ROOT, stdio: ["ignore", output, output] }).status === 0;
    });
  copyPage();
  removeOrphans();
  if (!compiled.every(Boolean)) return false;
  fs.writeFileSync(at("dist", ".stamp"), stamp);
  return true;
}

function hasInputs(project) {
  const page = filesBelow(PAGE).some((file) => file.endsWith(".ts"));
  return project === "demo/page/tsconfig.json" ? page : true;
}

function copyPage() {
  for (const file of filesBelow(PAGE).filter((name) => !/\.ts$|tsconfig\.json$/.test(name))) {
    fs.mkdirSync(path.dirname(at("dist", file)), { recursive: true });
    fs.copyFileSync(at(file), at("dist", file));
  }
}

/** A compiled file whose source is gone would still be imported. */
function removeOrphans() {
  for (const file of filesBelow("dist").filter((name) => name.endsWith(".js"))) {
    if (!fs.existsSync(at(path.relative("dist", file).replace(/\.js$/, ".ts")))) fs.rmSync(at(file));
  }
}

function filesBelow(name) {
  const full = at(name);
  if (!fs.existsSync(full)) return [];
  if (!fs.statSync(full).isDirectory()) return [name];
  return fs
    .readdirSync(full)
    .sort()
    .flatMap((entry) => filesBelow(path.join(name, entry)));
}

// ---- one at a time ----

/** A folder that only one process can make; the pid inside tells whether its maker still lives. */
function withLock(work) {
  const lock = at(".data", "prepare.lock");
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  while (!tryLock(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  try {
    return work();
  } finally {
    fs.rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock(lock) {
  // Made aside with the pid in it and renamed, so nobody ever sees a lock without its maker.
  const aside = `${lock}.${process.pid}`;
  fs.mkdirSync(aside, { recursive: true });
  fs.writeFileSync(path.join(aside, "pid"), String(process.pid));
  try {
    fs.renameSync(aside, lock);
    return true;
  } catch {
    fs.rmSync(aside, { recursive: true, force: true });
    const maker = Number(readText(path.join(lock, "pid")));
    if (maker > 0 && !isAlive(maker)) fs.rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

// ---- small things ----

function at(...names) {
  return path.join(ROOT, ...names);
}

function readText(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : null;
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  const built = prepare({ installOnly: process.argv.includes("--install-only"), quiet: process.argv.includes("--quiet") });
  if (!built) fail("The build has errors, listed above.");
}
