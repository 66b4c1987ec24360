import type { Check } from "./check.ts";

const STATES = ["ok", "warning", "failed", "skipped"] as const satisfies readonly Check["state"][];

/**
 * Renders checks, one line each: state, system, sentence, and after an arrow what to do; then a line that counts them.
 *
 * Names and errors of other systems cannot break a line or colour the terminal.
 */
export function renderChecks(checks: readonly Check[]): string {
  const lines = checks.map((c) => {
    const remedy = "remedy" in c ? ` → ${c.remedy}` : "";
    return `${c.state.padEnd(8)} ${c.system.padEnd(12)} ${plain(`${c.sentence}${remedy}`)}`;
  });
  const { ok, warning, failed, skipped } = countsOf(checks);
  const counts = `${ok} ok, ${warning} warnings, ${failed} failed${skipped === 0 ? "" : `, ${skipped} not checked`}. Nothing was changed.`;
  return `${[...lines, counts].join("\n")}\n`;
}

/** The same for a script. */
export function checksAsJson(checks: readonly Check[]): string {
  const shown = checks.map((c) => ({ ...c, sentence: plain(c.sentence), ...("remedy" in c ? { remedy: plain(c.remedy) } : {}) }));
  return `${JSON.stringify({ checks: shown, counts: countsOf(checks) }, null, 2)}\n`;
}

/** The exit code: 0 nothing failed, 1 there are warnings and they count (`strict`), 2 something failed. */
export function exitCodeOf(checks: readonly Check[], isStrict = false): number {
  if (checks.some((c) => c.state === "failed")) return 2;
  return isStrict && checks.some((c) => c.state === "warning") ? 1 : 0;
}

function countsOf(checks: readonly Check[]): Readonly<Record<Check["state"], number>> {
  const pairs = STATES.map((state) => [state, checks.filter((c) => c.state === state).length]);
  return Object.fromEntries(pairs) as Readonly<Record<Check["state"], number>>;
}

function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
}
