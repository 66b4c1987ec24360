import { fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { migrate } from "../../src/store/migrate.ts";
import { startDisposablePostgres } from "../support/disposable-server.ts";
import { useFastWallClock } from "../support/fast-wall-clock.ts";
import type { RunReport } from "./run.ts";
import type { Answer } from "./worker.ts";

const usage = `npm run sim -- --seed N --runs M [--workers W] [--trace]

  --seed N      the first seed (default 1)
  --runs M      how many seeds (default 200)
  --workers W   processes at once (default 2)
  --trace       prints the story of every run: for one seed that failed
`;

/** Seeds that once failed: they are played in every test run. A change of the simulation itself gives a seed another life. */
const keptFile = path.resolve("test/sim/kept-seeds.json");

interface Totals {
  runs: number;
  ticks: number;
  effects: number;
  crashes: number;
  deleted: number;
  plans: number;
  readonly failed: { readonly seed: number; readonly why: string }[];
}

async function main(): Promise<number> {
  const options = { seed: { type: "string" }, runs: { type: "string" }, workers: { type: "string" }, trace: { type: "boolean" } } as const;
  const { values } = parseArgs({ options, strict: false });
  const [first, runs, workers] = [Number(values.seed ?? 1), Number(values.runs ?? 200), Number(values.workers ?? 2)];
  if (![first, runs, workers].every((n) => Number.isInteger(n) && n > 0)) {
    process.stderr.write(usage);
    return 2;
  }
  const server = await startDisposablePostgres("twokey-sim-");
  const start = Date.now();
  const totals: Totals = { runs: 0, ticks: 0, effects: 0, crashes: 0, deleted: 0, plans: 0, failed: [] };
  try {
    const seeds = Array.from({ length: runs }, (_, i) => first + i);
    const urls = await Promise.all(Array.from({ length: workers }, (_, i) => makeDatabase(server.url(), `sim_${i}`)));
    await Promise.all(urls.map((url) => playAll(url, seeds, totals, values.trace === true, start, runs)));
  } finally {
    await server.stop();
  }
  return report(totals, first, runs, Date.now() - start);
}

async function makeDatabase(adminUrl: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query("select pg_advisory_lock(20170707)");
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  await migrate(url.href);
  await useFastWallClock(url.href);
  return url.href;
}

function playAll(url: string, seeds: number[], totals: Totals, isTracing: boolean, start: number, runs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = fork(path.join(import.meta.dirname, "worker.js"), [url], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const next = (): void => {
      const seed = seeds.shift();
      if (seed === undefined) worker.disconnect();
      else worker.send(seed);
    };
    worker.on("message", (answer: Answer) => {
      if ("report" in answer) count(totals, answer.report, isTracing);
      else {
        totals.failed.push({ seed: answer.seed, why: `the simulation itself failed: ${answer.failed}` });
        process.stdout.write(`seed ${answer.seed} FAILED: ${answer.failed}\n`);
      }
      if (totals.runs % 500 === 0) process.stdout.write(`${totals.runs} of ${runs} runs, ${Math.round((Date.now() - start) / 1000)} s\n`);
      next();
    });
    worker.once("error", reject);
    worker.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code ?? "a signal"}`))));
    next();
  });
}

function count(t: Totals, r: RunReport, isTracing: boolean): void {
  t.runs += 1;
  t.ticks += r.ticks;
  t.effects += r.effects;
  t.crashes += r.crashes;
  t.deleted += r.deleted;
  t.plans += r.plans;
  if (isTracing) process.stdout.write(`${r.trace.join("\n")}\n`);
  const [first] = r.violations;
  if (first === undefined) return;
  t.failed.push({ seed: r.seed, why: first });
  process.stdout.write(`seed ${r.seed} FAILED: ${r.violations.join("\n  ")}\n`);
}

function report(t: Totals, first: number, runs: number, ms: number): number {
  const rows = [
    ["seeds", `${first} to ${first + runs - 1}`],
    ["runs", t.runs],
    ["ticks", t.ticks],
    ["calls that change something", t.effects],
    ["plans made and made again", t.plans],
    ["processes killed", t.crashes],
    ["domains deleted, each with two approvals", t.deleted],
    ["seeds that broke an invariant", t.failed.length],
    ["time", `${(ms / 1000).toFixed(1)} s, ${(ms / Math.max(1, t.runs)).toFixed(0)} ms a run`],
  ];
  for (const [what, value] of rows) process.stdout.write(`${String(what).padEnd(42)} ${String(value)}\n`);
  if (t.failed.length === 0) return 0;
  keep(t.failed);
  process.stdout.write(
    `Kept in test/sim/kept-seeds.json; look at one with: npm run sim -- --seed ${t.failed[0]?.seed ?? first} --runs 1 --trace\n`,
  );
  return 1;
}

function keep(failed: Totals["failed"]): void {
  const kept = JSON.parse(readFileSync(keptFile, "utf8")) as { seed: number; found: string }[];
  const fresh = failed.filter((f) => !kept.some((k) => k.seed === f.seed)).map((f) => ({ seed: f.seed, found: f.why.slice(0, 200) }));
  const lines = [...kept, ...fresh].map(
    (k) =>
      `  ${JSON.stringify(k).replace('{"', '{ "').replace('":', '": ').replace(',"', ', "').replace(/":"/g, '": "').replace(/}$/, " }")}`,
  );
  writeFileSync(keptFile, `[\n${lines.join(",\n")}\n]\n`);
}

process.exitCode = await main();
