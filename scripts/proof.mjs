// Runs the commands that prove something and puts what they print into docs/proof.md. `npm run proof` runs all, `npm run proof -- sim` one.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../docs/proof.md", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));

/** Each section of the page: its mark, and the command as a person types it. */
const sections = [
  ["crash", "npm run crash-matrix -- --markdown"],
  ["fault", "npm run fault-matrix -- --markdown"],
  ["sim", "npm run sim -- --seed 1 --runs 10000"],
  ["chaos", "npm run chaos"],
  ["guards", "npm run guards"],
  ["july-2017", "npx vitest run test/e2e/july-2017.test.ts"],
  ["archive", "npm run bench:archive -- --gib 10"],
  ["step", "npm run bench:step"],
  ["pass", "npm run bench"],
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !sections.some(([known]) => known === name));
if (unknown.length > 0) {
  console.error(`There is no section ${unknown.join(", ")}. There are: ${sections.map(([name]) => name).join(", ")}.`);
  process.exit(2);
}
let failed = 0;
for (const [name, command] of sections.filter(([known]) => wanted.length === 0 || wanted.includes(known))) {
  const ran = spawnSync(command, { cwd: root, shell: true, encoding: "utf8", maxBuffer: 1 << 28 });
  if (ran.status !== 0) failed += 1;
  put(name, command, readable(ran.stdout), ran.status);
  console.log(`${name}: exit code ${ran.status}`);
}
process.exit(failed === 0 ? 0 : 1);

/** What a page can show of a terminal: no colours, no npm banners, no lines that were written over. */
function readable(text) {
  return text
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "")
    .split("\n")
    .map((line) => line.split("\r").at(-1) ?? "")
    .filter((line) => !/^> |^Building dist|^\s*RUN |Start at|^\s*$/.test(line) || line.trim() === "")
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

function put(name, command, text, status) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const whole = readFileSync(page, "utf8");
  const [before, after] = [whole.split(begin)[0], whole.split(end)[1]];
  if (after === undefined) throw new Error(`docs/proof.md has no section ${name}`);
  const day = new Date().toISOString().slice(0, 10);
  const head = `\`${command}\`, ${day}, Node ${process.versions.node}, ${os.cpus().length} cores, exit code ${status}:`;
  // Tables are Markdown already; everything else is shown as it was printed.
  const body = command.includes("--markdown") ? text : `\`\`\`text\n${text}\n\`\`\``;
  writeFileSync(page, `${before}${begin}\n${head}\n\n${body}\n${end}${after}`);
}
