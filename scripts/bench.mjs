// The benchmark: each row against its limit or its rival in the same run. Prints a table, or JSON; asserts nothing: the machine decides numbers.
//   npm run bench                     all rows
//   npm run bench -- pass idle        some of them
//   npm run bench -- --json           as JSON; --write puts the table into docs/benchmarks.md
import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { prepare } from "./prepare.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, write: { type: "boolean" }, domains: { type: "string" } },
});
if (!prepare({ quiet: false })) process.exit(1);

/** The rows: their name, and the file and function that measure them. */
const rows = {
  read: ["rows-read", "observeAndPlan"],
  "read-recorded": ["rows-read", "observeAndPlanAsRecorded"],
  pass: ["rows-read", "unchangedPass"],
  "pass-recorded": ["rows-read", "unchangedPassAsRecorded"],
  plan: ["rows-plan", "planner"],
  first: ["rows-change", "firstPass"],
  "first-recorded": ["rows-change", "firstPassAsRecorded"],
  member: ["rows-change", "newMember"],
  commands: ["rows-commands", "commands"],
  idle: ["rows-idle", "idle"],
  waiting: ["rows-deletions", "waiting"],
  step: ["rows-deletions", "step"],
  "take-over": ["rows-idle", "takeOver"],
  clicks: ["rows-scripts", "clicks"],
  export: ["rows-scripts", "saving"],
  demo: ["rows-demo", "demo"],
};
const wanted = positionals.length === 0 ? Object.keys(rows) : positionals;
const unknown = wanted.filter((name) => rows[name] === undefined);
if (unknown.length > 0) {
  console.error(`There is no row ${unknown.join(", ")}. There are: ${Object.keys(rows).join(", ")}.`);
  process.exit(2);
}
const options = values.domains === undefined ? {} : { domains: Number(values.domains) };
const measured = [];
for (const name of wanted) {
  const [file, row] = rows[name];
  const load = os.loadavg()[0];
  try {
    measured.push({ row: name, load, ...(await (await import(`./bench/${file}.mjs`))[row](options)) });
  } catch (thrown) {
    measured.push({ row: name, load, name, ours: `failed: ${thrown.message}`, rival: "–", goal: "–", isMet: false });
  }
  if (!values.json) console.log(lineOf(measured.at(-1)));
}
if (values.json) console.log(JSON.stringify({ ...machine(), rows: measured }, null, 2));
if (values.write) write(measured);
process.exit(measured.some((m) => m.ours.startsWith("failed")) ? 1 : 0);

function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    cores: os.cpus().length,
    cpu: os.cpus()[0]?.model ?? "",
  };
}

function lineOf({ name, ours, rival, ratio, goal, isMet, load }) {
  const times = ratio === undefined ? "–" : `${ratio.toFixed(2)} ×`;
  return `| ${name} | ${ours} | ${rival} | ${times} | ${goal} | ${isMet ? "yes" : "**no**"} | ${load.toFixed(1)} |`;
}

function write(all) {
  const page = new URL("../docs/benchmarks.md", import.meta.url);
  const [begin, end] = ["<!-- table -->", "<!-- end of table -->"];
  const whole = readFileSync(page, "utf8");
  const [before, rest] = whole.split(begin);
  const [, after] = rest.split(end);
  const { date, node, cores } = machine();
  const head = `Measured ${date}, Node ${node}, ${cores} cores; the last column is the machine's load when the row began.\n\n| Row | Twokey | Against | Ratio | Goal | Met | Load |\n| --- | --- | --- | --- | --- | --- | --- |`;
  // Rows that were not measured this time keep their figures.
  const old = rest
    .split(end)[0]
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| Row") && !line.startsWith("| ---"));
  const kept = old.filter((line) => !all.some((m) => line.startsWith(`| ${m.name} |`)));
  writeFileSync(page, `${before}${begin}\n${head}\n${[...kept, ...all.map(lineOf)].join("\n")}\n${end}${after}`);
}
