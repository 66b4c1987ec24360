import { fork } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { startDatabases } from "./databases.ts";
import type { Lasting } from "./fault-life.ts";
import { faultTable, stateTable } from "./fault-table.ts";
import type { Cell, CellReport, StateCell, StateCellReport } from "./fault-worker.ts";
import { changes, faults, reads, restores, type Command } from "./faults.ts";
import type { Life } from "./life.ts";
import { statePhases, states } from "./states.ts";
import { printTable } from "./table.ts";

const usage = `npm run fault-matrix [-- options]

  --fault F       only this fault, as the table names it
  --command C     only this command
  --once          only faults that pass
  --forever       only faults that go on and on
  --changes       only at commands that change something
  --states        only what a server can be like, from a phase on
  --state S       only this one, as the table names it
  --phase P       only from this phase on
  --workers W     processes at once (default 2)
  --markdown      prints the tables for docs/proof.md
`;

/** One call; of a read, which the client asks three times, enough that it fails. */
const once = (command: Command): Lasting => ({ calls: (reads as readonly string[]).includes(command) ? 4 : 1 });

async function main(): Promise<number> {
  const options = {
    fault: { type: "string" },
    command: { type: "string" },
    once: { type: "boolean" },
    forever: { type: "boolean" },
    changes: { type: "boolean" },
    states: { type: "boolean" },
    state: { type: "string" },
    phase: { type: "string" },
    workers: { type: "string" },
    markdown: { type: "boolean" },
    help: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ options, strict: false });
  const commands: readonly Command[] = [...changes, ...restores, ...(values.changes === true ? [] : reads)].filter(
    (c) => values.command === undefined || values.command === c,
  );
  const wanted = faults.filter((f) => values.fault === undefined || values.fault === f.name);
  if (values.help === true || commands.length === 0 || wanted.length === 0) {
    process.stderr.write(usage);
    return values.help === true ? 0 : 2;
  }
  const cellsOf = (lasting: (command: Command) => Lasting): readonly Cell[] =>
    wanted.flatMap((f) =>
      commands.filter((c) => f.strikes(c)).map((command) => ({ life: lifeOf(command), fault: f.name, command, lasting: lasting(command) })),
    );
  const isStatesOnly = values.states === true || values.state !== undefined || values.phase !== undefined;
  const isNarrowed = [values.fault, values.command, values.once, values.forever, values.changes].some((v) => v !== undefined);
  const stateCells = states
    .filter((s) => (values.state === undefined ? !isNarrowed || isStatesOnly : values.state === s.name))
    .flatMap((s) => statePhases.map((phase): StateCell => ({ state: s.name, phase })))
    .filter((c) => values.phase === undefined || values.phase === c.phase);
  const all = (["delete", "recover"] as const).map((life): Cell => ({
    life,
    fault: "none",
    command: "listDomains",
    lasting: { calls: 0 },
  }));
  const faultCells = [
    ...all,
    ...(values.forever === true ? [] : cellsOf(once)),
    ...(values.once === true ? [] : cellsOf(() => "on and on")),
  ];
  const start = Date.now();
  const told = await playCells([...(isStatesOnly ? [] : faultCells), ...stateCells], Number(values.workers ?? 2));
  const [reports, stateReports] = [told.filter((r): r is CellReport => !isOfState(r)), told.filter(isOfState)];
  for (const [lasting, title] of [
    ["passes", "A fault that passes"],
    ["on and on", "A fault that goes on, until it is mended"],
  ] as const) {
    const of = reports.filter((r) => r.cell.fault === "none" || (r.cell.lasting === "on and on") === (lasting === "on and on"));
    if (of.length > all.length) process.stdout.write(`${title}\n\n${printTable(faultTable(of), values.markdown === true)}\n`);
  }
  if (stateReports.length > 0)
    process.stdout.write(
      `What a server can be like, from a phase on\n\n${printTable(stateTable(stateReports), values.markdown === true)}\n`,
    );
  return report(told, Date.now() - start);
}

type Told = CellReport | StateCellReport;

function isOfState(r: Told): r is StateCellReport {
  return "state" in r.cell;
}

function lifeOf(command: Command): Life {
  return (restores as readonly string[]).includes(command) ? "recover" : "delete";
}

async function playCells(cells: readonly (Cell | StateCell)[], workers: number): Promise<readonly Told[]> {
  const databases = await startDatabases();
  const left = [...cells];
  const reports: Told[] = [];
  try {
    await Promise.all(Array.from({ length: workers }, async () => playSome((await databases.create()).url, left, reports)));
  } finally {
    await databases.stop();
  }
  return reports;
}

function playSome(url: string, left: (Cell | StateCell)[], reports: Told[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = fork(path.join(import.meta.dirname, "fault-worker.js"), [url], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const next = (): void => {
      const cell = left.shift();
      if (cell === undefined) worker.disconnect();
      else worker.send(cell);
    };
    worker.on("message", (told: Told) => {
      reports.push(told);
      if (reports.length % 50 === 0) process.stderr.write(`${reports.length} cells\n`);
      next();
    });
    worker.once("error", reject);
    worker.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code ?? "a signal"}`))));
    next();
  });
}

function report(reports: readonly Told[], ms: number): number {
  const failed = reports.filter((r) => r.wrong.length > 0);
  for (const r of failed) process.stdout.write(`FAILED ${placeOf(r)}: ${r.wrong.join("\n  ")}\n`);
  process.stdout.write(`${reports.length} lives, ${failed.length} failed, ${(ms / 1000).toFixed(0)} s\n`);
  return failed.length === 0 ? 0 : 1;
}

/** The options that try it again. */
function placeOf(r: Told): string {
  if (isOfState(r)) return `--state "${r.cell.state}" --phase ${r.cell.phase}`;
  const { fault, command, lasting } = r.cell;
  return `--fault "${fault}" --command ${command} --${lasting === "on and on" ? "forever" : "once"}`;
}

process.exitCode = await main();
