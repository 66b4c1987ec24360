// Breaks each safety guard once, in a copy of the tree, and runs the tests that must notice. A guard nobody misses fails this script.
// `npm run guards [-- WHICH …] [--jobs N]`: all guards, or those of an invariant, of a test file or of these words; N copies at once.
import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { guards } from "./guard-list.mjs";
import { prepare } from "./prepare.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const COPIED = [
  "src",
  "test",
  "emulators",
  "demo",
  "migrations",
  "docs",
  ".env.example",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts",
  "scripts",
];
/** A broken guard may make a test wait for what never comes. Unit: milliseconds. */
const LONGEST_TEST = 150_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { jobs: { type: "string", default: "1" } } });
const isOf = (g) => (only) => g.invariant === only || g.tests.includes(only) || g.what === only;
const chosen = guards.filter((g) => positionals.length === 0 || positionals.some(isOf(g)));
if (chosen.length === 0) {
  console.error(`No guard is of ${positionals.join(", ")}: neither an invariant, nor a test file, nor what a guard does.`);
  process.exit(2);
}
prepare();
// All runs use one server: to start one for each would be a good part of the time.
const { startDisposablePostgres } = await import("../dist/test/support/disposable-server.js");
const server = await startDisposablePostgres(`twokey-guards-${process.pid}-`, { shortLived: true });
let unnoticed = 0;
try {
  const queue = byTests(chosen);
  await Promise.all(Array.from({ length: Number(values.jobs) }, () => workOn(queue)));
} finally {
  await server.stop();
}
console.log(
  unnoticed === 0
    ? `Every broken guard was noticed (${chosen.length}).`
    : `${unnoticed} of ${chosen.length} broken guards were not noticed.`,
);
process.exit(unnoticed === 0 ? 0 : 1);

/** Guards with the same tests stand together: that the tests pass unbroken is asked once for each group. */
function byTests(list) {
  const groups = new Map();
  for (const guard of list) groups.set(guard.tests.join(), [...(groups.get(guard.tests.join()) ?? []), guard]);
  return [...groups.values()];
}

async function workOn(queue) {
  const copy = copyOfTree();
  try {
    for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
      const isSound = await passes(copy, group[0].tests);
      for (const guard of group) await breakOne(copy, guard, isSound);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function breakOne(copy, g, isSound) {
  const file = path.join(copy, g.file);
  const whole = readFileSync(file, "utf8");
  const tests = g.tests.join(", ");
  if (whole.split(g.guard).length !== 2) return tell(g, "MISSING", `: the guard is not found once in ${g.file}`);
  // A test that fails anyway would notice everything.
  if (!isSound) return tell(g, "UNSOUND", `: ${tests} fails with the guard in place`);
  writeFileSync(file, whole.replace(g.guard, g.broken));
  const noticed = !(await passes(copy, g.tests, ["--bail=1"]));
  writeFileSync(file, whole);
  return tell(g, noticed ? "noticed" : "UNNOTICED", ` (${g.file}) by ${tests}`);
}

function tell(g, verdict, rest) {
  if (verdict !== "noticed") unnoticed += 1;
  console.log(`${g.invariant.padEnd(7)} ${verdict.padEnd(9)} ${g.what}${rest}`);
}

function copyOfTree() {
  const copy = mkdtempSync(path.join(tmpdir(), "twokey-guards-"));
  // Tests of other users on this machine must be able to read it.
  chmodSync(copy, 0o755);
  for (const name of COPIED) cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  for (const name of ["node_modules", "dist"]) symlinkSync(path.join(root, name), path.join(copy, name));
  return copy;
}

function passes(copy, tests, more = []) {
  const args = ["node_modules/vitest/vitest.mjs", "run", `--testTimeout=${LONGEST_TEST}`, ...more, ...tests];
  return new Promise((resolve, reject) => {
    const run = spawn(process.execPath, args, {
      cwd: copy,
      stdio: "ignore",
      env: { ...process.env, TEST_DATABASE_URL: server.url() },
    });
    run.on("error", reject);
    run.on("exit", (code) => resolve(code === 0));
  });
}
