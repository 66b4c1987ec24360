// Breaks each safety guard once, in a copy of the tree, and runs the tests that must notice. A guard nobody misses fails this script.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { guards } from "./guard-list.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const copy = mkdtempSync(path.join(tmpdir(), "twokey-guards-"));
// Tests of other users on this machine must be able to read it.
chmodSync(copy, 0o755);
for (const name of [
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
])
  cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
symlinkSync(path.join(root, "dist"), path.join(copy, "dist"));
// A test that fails anyway would notice everything.
const sound = new Map();
const passes = (tests) => {
  const known = sound.get(tests.join());
  if (known !== undefined) return known;
  const passed = spawnSync("npx", ["vitest", "run", ...tests], { cwd: copy, encoding: "utf8" }).status === 0;
  sound.set(tests.join(), passed);
  return passed;
};
let unnoticed = 0;
// Left out: every guard; else those of one invariant, or those that one test file must notice.
const only = process.argv[2];
for (const g of guards.filter((x) => only === undefined || x.invariant === only || x.tests.includes(only))) {
  const file = path.join(copy, g.file);
  const whole = readFileSync(file, "utf8");
  if (whole.split(g.guard).length !== 2) {
    console.log(`${g.invariant}  MISSING   ${g.what}: the guard is not found once in ${g.file}`);
    unnoticed += 1;
    continue;
  }
  if (!passes(g.tests)) {
    console.log(`${g.invariant}  UNSOUND   ${g.what}: ${g.tests.join(", ")} fails with the guard in place`);
    unnoticed += 1;
    continue;
  }
  writeFileSync(file, whole.replace(g.guard, g.broken));
  const run = spawnSync("npx", ["vitest", "run", ...g.tests], { cwd: copy, encoding: "utf8" });
  writeFileSync(file, whole);
  const noticed = run.status !== 0;
  if (!noticed) unnoticed += 1;
  console.log(`${g.invariant.padEnd(7)} ${noticed ? "noticed  " : "UNNOTICED"} ${g.what} (${g.file}) by ${g.tests.join(", ")}`);
}
rmSync(copy, { recursive: true, force: true });
console.log(unnoticed === 0 ? "Every broken guard was noticed." : `${unnoticed} broken guard(s) were not noticed.`);
process.exit(unnoticed === 0 ? 0 : 1);
