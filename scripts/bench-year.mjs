// Fills Twokey's own database with a simulated year of 5,000 projects, runs what runs all the time, and explains each statement of it.
// Usage: node scripts/bench-year.mjs [projects]. Prints each statement that takes over a millisecond or reads a large table whole; exits with 1
// when one takes longer than it may.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { prepare } from "./prepare.mjs";

if (!prepare({ quiet: false })) process.exit(1);
const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
const { explainAll, play } = await import("./bench/year-statements.mjs");
const { fillYear, sizesOf } = await import("./bench/year-fill.mjs");
const { default: pg } = await import("pg");
const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { migrate } = await import(dist("src/store/migrate.js"));
const { connectionSettings, createDatabase } = await import(dist("src/store/db.js"));
const { quietService } = await import(dist("test/sim/quiet-day.js"));
const { playScenes } = await import("./bench/year-scenes.mjs");

const projects = Number(process.argv[2] ?? 5000);
/** A table with more rows is large. */
const LARGE = 10_000;
/** How long a statement may take, and one that runs every few minutes or hours. Units: ms. */
const [STATEMENT_MS, SWEEP_MS] = [250, 2_000];
const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-year-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
let bad = 1;
try {
  await migrate(postgres.url());
  const db = createDatabase(postgres.url(), { onError: () => undefined });
  const service = await quietService(db, projects);
  const client = new pg.Client(connectionSettings(postgres.url()));
  // It ends with the server.
  client.on("error", () => undefined);
  await client.connect();
  await client.query("set statement_timeout = 0");
  const began = performance.now();
  await fillYear(client, { projects, now: service.now });
  const sizes = await sizesOf(client);
  const total = sizes.reduce((sum, t) => sum + t.bytes, 0);
  console.log(
    `a year of ${projects} projects: ${(total / 1e6).toFixed(0)} MB, filled in ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
  for (const t of sizes.slice(0, 12))
    console.log(`  ${t.name.padEnd(22)} ${String(t.rows).padStart(8)} rows ${(t.bytes / 1e6).toFixed(1).padStart(8)} MB`);
  const times = await playScenes(db, service, play);
  for (const [name, ms] of times) console.log(`${name}: ${ms.toFixed(0)} ms in all`);
  const statements = await explainAll(client, new Map(sizes.filter((t) => t.rows > LARGE).map((t) => [t.name, t.rows])));
  bad = tell(statements);
  await client.end();
  await db.close();
} catch (thrown) {
  console.error(thrown);
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(bad === 0 ? 0 : 1);

function tell(statements) {
  // An insert that was noted cannot be done again; none of them reads anything.
  const known = statements.filter((s) => s.problem === undefined);
  const worth = known.filter((s) => s.ms > 1 || (s.scans.length > 0 && s.ms > 0.5)).sort((a, b) => b.ms - a.ms);
  console.log(`${statements.length} statements; those over 1 ms, with the large tables of which they read most:`);
  for (const s of worth)
    console.log(`  ${s.scene.padEnd(7)} ${s.ms.toFixed(1).padStart(7)} ms  ${s.scans.join(", ") || "–"}  ${s.text.slice(0, 100)}`);
  const slow = known.filter((s) => s.ms > (["sweeps", "stop"].includes(s.scene) ? SWEEP_MS : STATEMENT_MS));
  console.log(slow.length === 0 ? "each within its time" : `${slow.length} statements take too long`);
  return slow.length;
}
