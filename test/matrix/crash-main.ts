import path from "node:path";
import { parseArgs } from "node:util";
import { playCrashes, type CrashOptions, type LifeReport } from "./crash.ts";
import type { Choice } from "./choice.ts";
import { crashRows, crashTable } from "./crash-table.ts";
import { startDatabases } from "./databases.ts";
import { lives, type Life } from "./life.ts";
import { keyOf, parseKey } from "./point.ts";
import { printTable } from "./table.ts";

const usage = `npm run crash-matrix [-- options]

  --life L        only this life: ${lives.join(", ")}
  --point P       only this point, named as the table of failures names it; give --life too
  --every-read    the second and third read of one list in one step are points of their own (takes several times as long)
  --effects       only calls that change something, intents and outcomes (under a minute)
  --workers W     chains of lives at once (default 2)
  --markdown      prints the tables for docs/proof.md
`;

const all: Choice = { covered: [], only: null, kinds: "all", acts: null, share: { index: 0, of: 1 }, isEveryRead: false };
const KILLS_PER_LIFE = 40;

async function main(): Promise<number> {
  const options = {
    life: { type: "string" },
    point: { type: "string" },
    "every-read": { type: "boolean" },
    effects: { type: "boolean" },
    workers: { type: "string" },
    markdown: { type: "boolean" },
    help: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ options, strict: false });
  const workers = Number(values.workers ?? 2);
  const wanted = lives.filter((life) => values.life === undefined || values.life === life);
  if (values.help === true || wanted.length === 0 || !Number.isInteger(workers) || workers < 1) {
    process.stderr.write(usage);
    return values.help === true ? 0 : 2;
  }
  const base: Choice = { ...all, isEveryRead: values["every-read"] === true, kinds: values.effects === true ? "effects" : "all" };
  const databases = await startDatabases();
  const o: CrashOptions = { databases, childFile: path.join(import.meta.dirname, "child.js"), killsPerLife: KILLS_PER_LIFE };
  const start = Date.now();
  try {
    const reports =
      typeof values.point === "string"
        ? [await playCrashes(wanted[0] ?? "delete", { ...base, isEveryRead: true, only: [keyOf(parseKey(values.point))] }, o)]
        : await playAll(wanted, base, workers, o);
    return report(reports, Date.now() - start, values.markdown === true);
  } finally {
    await databases.stop();
  }
}

/** Chain after chain, until every point of every life has had its death. */
async function playAll(wanted: readonly Life[], base: Choice, workers: number, o: CrashOptions): Promise<readonly LifeReport[]> {
  const reports: LifeReport[] = [];
  const covered = new Set<string>();
  for (const life of wanted) {
    const chain = async (index: number): Promise<void> => {
      for (;;) {
        const played = await playCrashes(life, { ...base, covered: [...covered], share: { index, of: workers } }, o);
        reports.push(played);
        for (const death of played.deaths) covered.add(keyOf(death));
        process.stderr.write(`${life}: ${covered.size} points, ${played.wrong.length === 0 ? "well" : played.wrong.join("; ")}\n`);
        if (played.deaths.length === 0 || (played.wrong.length === 0 && played.deaths.length < o.killsPerLife)) return;
      }
    };
    await Promise.all(Array.from({ length: workers }, (_, i) => chain(i)));
  }
  return reports;
}

function report(reports: readonly LifeReport[], ms: number, isMarkdown: boolean): number {
  const rows = crashRows(reports);
  process.stdout.write(printTable(crashTable(rows), isMarkdown));
  const failed = reports.filter((r) => r.wrong.length > 0);
  for (const r of failed) {
    process.stdout.write(`\n${r.life} FAILED: ${r.wrong.join("\n  ")}\n`);
    for (const death of r.deaths.slice(-3)) process.stdout.write(`  repeat with: --life ${r.life} --point "${keyOf(death)}"\n`);
  }
  process.stdout.write(`\n${reports.length} lives, ${(ms / 1000).toFixed(0)} s\n`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
