// A fleet of 100,000 domains in memory: what a pass over it costs with storing, and what people see of a plan that would change all of it.
// Usage: node --max-old-space-size=4096 scripts/bench-large.mjs [projects]. Both sides answer from memory; the database is a real PostgreSQL.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { prepare } from "./prepare.mjs";

if (!prepare({ quiet: false })) process.exit(1);
const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { migrate } = await import(dist("src/store/migrate.js"));
const { createDatabase } = await import(dist("src/store/db.js"));
const { quietService } = await import(dist("test/sim/quiet-day.js"));
const { renderPlan, isCut } = await import(dist("src/bot/render/plan.js"));
const { planLines } = await import(dist("src/sync/execution/plan-text.js"));
const { validateBlocks } = await import(dist("emulators/slack/validate-blocks.js"));

const projects = Number(process.argv[2] ?? 100_000);
/** How many changes the plan has whose message is looked at. */
const CHANGES = 100_000;
const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-large-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
let problems = ["it did not come to its end"];
try {
  await migrate(postgres.url());
  const db = createDatabase(postgres.url(), { onError: () => undefined });
  const service = await quietService(db, projects);
  report("first passes are over");
  for (let n = 0; n < 3; n += 1) {
    const began = performance.now();
    const { state } = await service.pass();
    report(
      `a pass over ${projects} domains and ${service.accounts.size} accounts: ${state}, ${((performance.now() - began) / 1000).toFixed(1)} s with storing`,
    );
  }
  problems = await tellOfAll(service);
  await db.close();
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.log(`WRONG ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

/** Every project has one more member: a change in each domain. What the plan's message is like. */
async function tellOfAll(service) {
  for (const [id, project] of Object.entries(service.projects)) project.members.add(`late-${id}`);
  const preview = await service.bot().services.sync.previewPlan(null);
  if (!preview.ok) return [preview.error.message];
  const { plan, outcomes } = preview.value;
  // With fewer domains in memory each change counts as several, so that the message is the one of so many.
  const times = Math.ceil(CHANGES / Math.max(1, plan.additive.length));
  const many = (list) => Array.from({ length: times }, () => list).flat();
  const record = {
    ...{ ...preview.value, endedAt: preview.value.startedAt, state: "held" },
    ...{ plan: { ...plan, additive: many(plan.additive) }, outcomes: many(outcomes) },
  };
  report(
    `a plan of ${record.plan.additive.length} changes, held by ${[...new Set(record.plan.holds.map((h) => h.kind))].join(", ") || "nothing"}`,
  );
  const message = renderPlan(record, "production", "file");
  const text = `${planLines(record, "production").join("\n")}\n`;
  const json = JSON.stringify(message.blocks).length;
  console.log(
    `its message: ${message.blocks.length} blocks, ${json} characters; its file: ${(Buffer.byteLength(text) / 1e6).toFixed(1)} MB, ${text.split("\n").length} lines`,
  );
  return [...validateBlocks(message.blocks, "message"), ...(isCut(record) ? [] : ["a plan that long counts as whole in its message"])];
}

function report(what) {
  const { rss } = process.memoryUsage();
  console.log(`${what}; ${Math.round(rss / 1048576)} MiB now, ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most`);
}
