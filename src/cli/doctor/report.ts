import type { Check } from "./check.ts";

/**
 * Renders checks, one line each: state, system, sentence, and after an arrow what to do; then a line that counts them.
 *
 * Names and errors of other systems cannot break a line or colour the terminal.
 */
export function renderChecks(checks: readonly Check[]): string {
  const lines = checks.map((c) => {
    const remedy = c.state === "ok" ? "" : ` → ${c.remedy}`;
    return `${c.state.padEnd(8)} ${c.system.padEnd(12)} ${plain(`${c.sentence}${remedy}`)}`;
  });
  const count = (state: Check["state"]): number => checks.filter((c) => c.state === state).length;
  const counts = `${count("ok")} ok, ${count("warning")} warnings, ${count("failed")} failed. Nothing was changed.`;
  return `${[...lines, counts].join("\n")}\n`;
}

/** The exit code: 0 everything is ok, 1 there are warnings, 2 something failed. */
export function exitCodeOf(checks: readonly Check[]): number {
  if (checks.some((c) => c.state === "failed")) return 2;
  return checks.some((c) => c.state === "warning") ? 1 : 0;
}

function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
}
