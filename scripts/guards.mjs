// Breaks each safety guard once, in a copy of the tree, and runs the tests that must notice. A guard nobody misses fails this script.
// `npm run guards [-- WHICH …] [--jobs N] [--learn]`: all guards, or those of an invariant, of a test file or of these words; N copies at once.
// The test that noticed a guard the last time (guard-noticed.json, written by --learn) is tried first, and the others when it does not.
import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

const NOTICED_BY = path.join(root, "scripts/guard-noticed.json");
/** The full name of the test that noticed a guard, by what the guard does. */
const noticedBy = JSON.parse(readFileSync(NOTICED_BY, "utf8"));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: "string", default: "1" }, learn: { type: "boolean", default: false } },
});
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
      const soundness = await soundnessOf(copy, group);
      for (const guard of group) await breakOne(copy, guard, soundness);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Whether the tests of a group pass with every guard in place: those that are known to notice, and all of them once they are needed. */
async function soundnessOf(copy, group) {
  const known = group.map((g) => noticedBy[g.what]).filter((name) => name !== undefined);
  let all = null;
  const ofAll = async () => (all ??= (await run(copy, group[0].tests)).isPassed);
  const ofKnown = known.length > 0 && (await run(copy, group[0].tests, known)).isPassed;
  return { ofKnown, ofAll };
}

async function breakOne(copy, g, soundness) {
  const file = path.join(copy, g.file);
  const whole = readFileSync(file, "utf8");
  const tests = g.tests.join(", ");
  if (whole.split(g.guard).length !== 2) return tell(g, "MISSING", `: the guard is not found once in ${g.file}`);
  const known = noticedBy[g.what];
  const by = soundness.ofKnown && known !== undefined ? await noticing(copy, g, whole, [known]) : null;
  if (by !== null && by !== "") return tell(g, "noticed", ` (${g.file}) by ${tests}`);
  // A test that fails anyway would notice everything.
  if (!(await soundness.ofAll())) return tell(g, "UNSOUND", `: ${tests} fails with the guard in place`);
  const found = await noticing(copy, g, whole);
  if (found !== null && found !== "" && values.learn) learn(g.what, found);
  return tell(g, found === null ? "UNNOTICED" : "noticed", ` (${g.file}) by ${tests}`);
}

/** Written each time: the whole list takes long, and what was learnt before it is stopped counts. */
function learn(what, test) {
  noticedBy[what] = test;
  const known = guards.flatMap((g) => (noticedBy[g.what] === undefined ? [] : [[g.what, noticedBy[g.what]]]));
  writeFileSync(NOTICED_BY, `${JSON.stringify(Object.fromEntries(known.toSorted(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`);
}

/** Breaks the guard and gives the name of the first test that fails; empty: it fails outside of a test; null: none does. */
async function noticing(copy, g, whole, names = []) {
  const file = path.join(copy, g.file);
  writeFileSync(file, whole.replace(g.guard, g.broken));
  try {
    const { isPassed, failed } = await run(copy, g.tests, names, ["--bail=1"]);
    return isPassed ? null : failed;
  } finally {
    writeFileSync(file, whole);
  }
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

/** Runs test files, or only the tests of these names in them. */
function run(copy, tests, names = [], more = []) {
  const report = path.join(copy, "guard-report.json");
  rmSync(report, { force: true });
  const only = names.length === 0 ? [] : ["-t", `^(?:${names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|")})$`];
  const args = ["node_modules/vitest/vitest.mjs", "run", `--testTimeout=${LONGEST_TEST}`, "--reporter=json", `--outputFile=${report}`];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args, ...more, ...only, ...tests], {
      cwd: copy,
      stdio: "ignore",
      env: { ...process.env, TEST_DATABASE_URL: server.url() },
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      const found = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : { numPassedTests: 0, testResults: [] };
      const failed = found.testResults.flatMap((file) => file.assertionResults).find((one) => one.status === "failed");
      // Names that are in no file any more run nothing, which proves nothing.
      resolve({ isPassed: code === 0 && found.numPassedTests > 0, failed: failed?.fullName ?? "" });
    });
  });
}
