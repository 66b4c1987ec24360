import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createDatabase } from "../../src/store/db.ts";
import { faults, type Command } from "./faults.ts";
import { playFault, type FaultReport, type Lasting } from "./fault-life.ts";
import type { Life } from "./life.ts";
import { playState, type StateReport } from "./state-life.ts";
import { states, type StatePhase } from "./states.ts";

/** What the parent asks for: one fault, by its name, at one command; none: a life in which all is well. */
export interface Cell {
  readonly life: Life;
  readonly fault: string;
  readonly command: Command;
  readonly lasting: Lasting;
}
/** What it hears back. */
export interface CellReport extends FaultReport {
  readonly cell: Cell;
}

/** The same of a state of the server, by its name, that begins in a phase. */
export interface StateCell {
  readonly state: string;
  readonly phase: StatePhase;
}
/** What a state came to. */
export interface StateCellReport extends StateReport {
  readonly cell: StateCell;
}

/** Plays a state that begins in a phase. Errors: what is thrown in it counts as wrong. */
export async function playStateCell(cell: StateCell, db: ReturnType<typeof createDatabase>): Promise<StateCellReport> {
  const archive = mkdtempSync(path.join(tmpdir(), "twokey-matrix-"));
  try {
    const state = states.find((s) => s.name === cell.state);
    if (state === undefined) throw new Error(`there is no state ${cell.state}`);
    return { cell, ...(await playState(state, cell.phase, db, archive)) };
  } catch (thrown) {
    return { cell, ended: "", wrong: [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)] };
  } finally {
    rmSync(archive, { recursive: true, force: true });
  }
}

/** Plays one cell of the matrix. Errors: what is thrown in it counts as wrong. */
export async function playCell(cell: Cell, db: ReturnType<typeof createDatabase>): Promise<CellReport> {
  const archive = mkdtempSync(path.join(tmpdir(), "twokey-matrix-"));
  const at = faults.filter((f) => f.name === cell.fault).map((fault) => ({ fault, command: cell.command }));
  try {
    return { cell, ...(await playFault({ life: cell.life, at, lasting: cell.lasting }, db, archive)) };
  } catch (thrown) {
    const wrong = [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)];
    return { cell, froze: null, wereSent: true, tookMs: 0, wrong };
  } finally {
    rmSync(archive, { recursive: true, force: true });
  }
}

const url = process.argv[2];
if (url !== undefined && process.send !== undefined) {
  const db = createDatabase(url, { max: 4, onError: () => undefined });
  process.on("message", (cell: Cell | StateCell) => {
    const played: Promise<CellReport | StateCellReport> = "state" in cell ? playStateCell(cell, db) : playCell(cell, db);
    void played.then((report) => process.send?.(report));
  });
  process.on("disconnect", () => process.exit(0));
}
