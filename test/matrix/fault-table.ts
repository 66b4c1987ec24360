import type { CellReport, StateCellReport } from "./fault-worker.ts";
import { changes, faults, reads, restores } from "./faults.ts";
import { statePhases, states } from "./states.ts";
import type { Table } from "./table.ts";

/** A retry waits this long at least. Units: ms. */
const WAIT_MS = 30_000;

/** Fault by command: what the deletion came to. */
export function faultTable(reports: readonly CellReport[]): Table {
  const usual = new Map(reports.filter((r) => r.cell.fault === "none").map((r) => [r.cell.life, r.tookMs]));
  const names = faults.map((f) => f.name).filter((name) => reports.some((r) => r.cell.fault === name));
  const commands = [...changes, ...restores, ...reads].filter((c) => reports.some((r) => r.cell.command === c && r.cell.fault !== "none"));
  return {
    head: ["command", ...names],
    rows: commands.map((command) => [
      command,
      ...names.map((name) => {
        const found = reports.find((r) => r.cell.command === command && r.cell.fault === name);
        return found === undefined ? "" : outcomeOf(found, usual.get(found.cell.life) ?? 0);
      }),
    ]),
  };
}

/** State by phase: how the deletion ended. */
export function stateTable(reports: readonly StateCellReport[]): Table {
  const names = states.map((s) => s.name).filter((name) => reports.some((r) => r.cell.state === name));
  const begun = statePhases.filter((phase) => reports.some((r) => r.cell.phase === phase));
  const cellOf = (name: string, phase: string): string => {
    const found = reports.find((r) => r.cell.state === name && r.cell.phase === phase);
    return found === undefined ? "" : found.wrong.length > 0 ? "WRONG" : found.ended;
  };
  return { head: ["state", ...begun], rows: names.map((name) => [name, ...begun.map((phase) => cellOf(name, phase))]) };
}

/** One cell's word. */
export function outcomeOf(r: CellReport, usualMs: number): string {
  if (r.wrong.length > 0) return "WRONG";
  if (!r.wereSent) return "never sent";
  if (r.froze !== null) return r.froze;
  const end = r.cell.life === "delete" ? "deleted" : "restored";
  return r.tookMs > usualMs + WAIT_MS ? `waited, ${end}` : end;
}
