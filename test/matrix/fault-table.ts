import type { CellReport } from "./fault-worker.ts";
import { changes, faults, reads, restores } from "./faults.ts";
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

/** One cell's word. */
export function outcomeOf(r: CellReport, usualMs: number): string {
  if (r.wrong.length > 0) return "WRONG";
  if (!r.wereSent) return "never sent";
  if (r.froze !== null) return r.froze;
  const end = r.cell.life === "delete" ? "deleted" : "restored";
  return r.tookMs > usualMs + WAIT_MS ? `waited, ${end}` : end;
}
