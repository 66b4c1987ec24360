// Measures what unchanged passes cost in Twokey's own database: a day of one each five minutes, by a clock of its own, on a real PostgreSQL.
// Both sides answer from memory and never change. Not counted: the engine's rows, which are deleted after a day (src/engine/reaper.ts).
// Usage: node scripts/bench-growth.mjs [projects] [passes]. Prints bytes by table; exits with 1 when a day is over its budget.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { prepare } from "./prepare.mjs";

if (!prepare({ quiet: false })) process.exit(1);
const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { migrate } = await import(dist("src/store/migrate.js"));
const { createDatabase } = await import(dist("src/store/db.js"));
const { costOf, PASSES_A_DAY, quietService } = await import(dist("test/sim/quiet-day.js"));

const projects = Number(process.argv[2] ?? 400);
const passes = Number(process.argv[3] ?? PASSES_A_DAY);
const budget = projects <= 400 ? 1_000_000 : 10_000_000;
const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-growth-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
let perDay = Infinity;
try {
  await migrate(postgres.url());
  const db = createDatabase(postgres.url(), { onError: () => {} });
  const { grown, bytes, msPerPass } = await costOf(db, await quietService(db, projects), passes);
  await db.close();
  perDay = (bytes * PASSES_A_DAY) / passes;
  for (const [table, n] of grown) console.log(`${table.padEnd(24)} ${(n / 1e6).toFixed(3)} MB`);
  console.log(
    `${projects} unchanged projects, ${passes} passes of ${msPerPass.toFixed(0)} ms: ${(perDay / 1e6).toFixed(2)} MB a day, ` +
      `${(perDay / PASSES_A_DAY).toFixed(0)} bytes a pass, over all tables with their indexes, after vacuum`,
  );
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
const ok = perDay < budget;
console.log(`budget ${budget / 1e6} MB a day: ${ok ? "kept" : "NOT KEPT"}`);
process.exit(ok ? 0 : 1);
