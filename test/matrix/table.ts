/** A table: its head, and its rows; numbers stand to the right. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Prints a table in columns, or as Markdown. */
export function printTable(t: Table, isMarkdown: boolean): string {
  const rows = [t.head, ...t.rows].map((row) => row.map(String));
  const widths = t.head.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const isNumber = t.head.map((_, i) => t.rows.every((row) => typeof row[i] === "number"));
  const pad = (cell: string, i: number): string => (isNumber[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0));
  const cells = rows.map((row) => row.map(pad));
  if (!isMarkdown) return `${cells.map((row) => row.join("  ").trimEnd()).join("\n")}\n`;
  const rule = isNumber.map((n) => (n ? "---:" : "---"));
  return `${[t.head, rule, ...t.rows.map((row) => row.map(String))].map((row) => `| ${row.join(" | ")} |`).join("\n")}\n`;
}
