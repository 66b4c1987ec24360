import type { LifeReport } from "./crash.ts";
import { phases } from "../../src/core/phases.ts";
import type { Table } from "./table.ts";

/** One kind of act in one phase: at how many points processes died, and whether all ended as it should. */
export interface CrashRow {
  readonly phase: string;
  readonly act: string;
  readonly points: ReadonlySet<string>;
  readonly before: number;
  readonly halfWay: number;
  readonly after: number;
  readonly ended: number;
}

const order = ["opening", ...phases, "restoring"];

/** Counts deaths by phase and act, in the order of a life. */
export function crashRows(reports: readonly LifeReport[]): readonly CrashRow[] {
  const rows = new Map<string, CrashRow>();
  for (const report of reports) {
    const isWell = report.wrong.length === 0 ? 1 : 0;
    for (const p of report.deaths) {
      const key = `${p.phase} ${p.act}`;
      const row = rows.get(key) ?? { phase: p.phase, act: p.act, points: new Set(), before: 0, halfWay: 0, after: 0, ended: 0 };
      rows.set(key, {
        ...row,
        points: new Set([...row.points, `${p.step} ${p.nth}`]),
        before: row.before + (p.edge === "before" ? 1 : 0),
        halfWay: row.halfWay + (p.edge === "half-way" ? 1 : 0),
        after: row.after + (p.edge === "after" ? 1 : 0),
        ended: row.ended + isWell,
      });
    }
  }
  const place = (row: CrashRow) => order.indexOf(row.phase);
  return [...rows.values()].toSorted((a, b) => place(a) - place(b) || (a.act < b.act ? -1 : 1));
}

/** The rows with their totals. `ended as it should` counts deaths, so it is the sum of the three before it when all is well. */
export function crashTable(rows: readonly CrashRow[]): Table {
  const sum = (of: (row: CrashRow) => number): number => rows.reduce((n, row) => n + of(row), 0);
  return {
    head: ["phase", "act", "points", "killed before", "half-way", "killed after", "ended as it should"],
    rows: [
      ...rows.map((r) => [r.phase, r.act, r.points.size, r.before, r.halfWay, r.after, r.ended]),
      ["all", "", sum((r) => r.points.size), sum((r) => r.before), sum((r) => r.halfWay), sum((r) => r.after), sum((r) => r.ended)],
    ],
  };
}
