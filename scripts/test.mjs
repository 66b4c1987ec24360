#!/usr/bin/env node
// The whole gate: packages, build, formatting, type check (with the must-not-compile tests), vitest. The last line is "N passed, N failed".
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { formats, typeChecks } from "./lint.mjs";
import { prepare } from "./prepare.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
// Types are left to the type check, which covers the same files and more.
prepare({ isUnchecked: true });

const counts = [formats(), typeChecks()].map((isGood) => ({ passed: isGood ? 1 : 0, failed: isGood ? 0 : 1 }));
counts.push(vitest(process.argv.slice(2)));
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

function vitest(filters) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "twokey-report-"));
  const report = path.join(folder, "report.json");
  try {
    const status = run([
      "node_modules/vitest/vitest.mjs",
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...filters,
    ]);
    return count(fs.existsSync(report) ? JSON.parse(fs.readFileSync(report, "utf8")) : null, status);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function count(report, status) {
  if (report === null) return { passed: 0, failed: 1 };
  const passed = report.numPassedTests;
  // A file that could not even be loaded holds no tests, and is a failure all the same.
  const unloaded = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((one) => one.status !== "failed"),
  ).length;
  const failed = report.numFailedTests + unloaded;
  if (report.numPendingTests + report.numTodoTests > 0) process.stdout.write(`${report.numPendingTests + report.numTodoTests} skipped\n`);
  // An error outside every test, or no test at all, must not look like success.
  return { passed, failed: failed === 0 && (status !== 0 || passed === 0) ? 1 : failed };
}

function run(args) {
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] }).status;
}
