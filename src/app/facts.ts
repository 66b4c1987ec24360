/** What is recorded in the audit log becomes a line of the log, once it is committed: each change, vote, phase, export and backup. */
import type { Details, Events } from "../events.ts";
import type { Fact } from "../store/db.ts";

/** Recorded by passes; `passAndAsk` logs how each ended, also those that record nothing. */
const SAID_ELSEWHERE = new Set(["pass.ended"]);
/** What somebody should look at soon. */
const WARNINGS = /^(?:stop|deletion\.frozen|archive\.damaged|(?:change|deletion)\.\w+\.(?:refused|indeterminate))$/;

/** Makes what writes a recorded fact into the log. */
export function factLogger(events: Events): (fact: Fact) => void {
  return ({ kind, actor, subject, data }) => {
    if (!SAID_ELSEWHERE.has(kind)) events[WARNINGS.test(kind) ? "warn" : "info"](kind, { actor, subject, ...plainOf(data) });
  };
}

/** The texts and numbers of a record; what is nested in it stays in the audit log. */
function plainOf(data: unknown): Details {
  const entries = typeof data === "object" && data !== null ? Object.entries(data as Record<string, unknown>) : [];
  return Object.fromEntries(
    entries.flatMap(([key, value]) =>
      typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[key, value]] : [],
    ),
  );
}
