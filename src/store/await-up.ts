/** Waits for a PostgreSQL that is not up yet: a container, or a machine, that starts at the same time. */
import pg from "pg";
import type { Sleep } from "../core/clock.ts";
import { classifyStoreError } from "./store-error.ts";

/** How long it is waited for; whatever supervises the process starts it again. Units: milliseconds. */
const UP_MS_MAX = 60_000;
const PAUSE_MS = 2_000;

/** Starting up or shutting down, too many connections, a connection that broke. Source: PostgreSQL manual, appendix A. */
const PASSING_STATES = /^(?:57P0[123]|53300|08...)$/;

/** What waiting needs. */
export interface AwaitUp {
  /** The addresses; only their hosts and ports are ever named. */
  readonly urls: readonly string[];
  readonly sleep: Sleep;
  /** A monotonic clock, in milliseconds. */
  readonly steadyMs: () => number;
  /** Gets a sentence before each further try. */
  readonly say: (sentence: string) => void;
}

/** PostgreSQL did not answer in all that time; the message says where, why, and what to do. */
export class NotUp extends Error {
  override readonly name = "NotUp";
}

/** Does it, again and again while PostgreSQL cannot be reached. Errors: `NotUp` after a minute; any other error at once. */
export async function onceUp<T>(o: AwaitUp, run: () => Promise<T>): Promise<T> {
  const until = o.steadyMs() + UP_MS_MAX;
  for (;;) {
    try {
      return await run();
    } catch (thrown) {
      const why = whyNotUp(thrown);
      if (why === null) throw thrown;
      const where = [...new Set(o.urls.map(placeOf))].join(" and ");
      const leftMs = until - o.steadyMs();
      if (leftMs <= 0) {
        const remedy = "Start it, or correct DATABASE_URL; Twokey does nothing without its own database.";
        throw new NotUp(`PostgreSQL at ${where} did not answer within ${UP_MS_MAX / 1000} s (${why}). ${remedy}`, { cause: thrown });
      }
      o.say(`PostgreSQL at ${where} is not up yet (${why}); it is tried again for ${Math.ceil(leftMs / 1000)} s`);
      await o.sleep(Math.min(PAUSE_MS, leftMs));
    }
  }
}

/** Why it cannot be reached now; null: another error, for which waiting is no remedy. */
function whyNotUp(thrown: unknown): string | null {
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  if (cause instanceof pg.DatabaseError) return PASSING_STATES.test(cause.code ?? "") ? `${cause.message}` : null;
  if (classifyStoreError(thrown).kind !== "unavailable") return null;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = typeof first === "object" && first !== null && "code" in first ? String(first.code) : "";
  if (/^E(?:CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|PIPE)$|^(?:EAI_AGAIN|ENOTFOUND)$/.test(code)) return code;
  const said = first instanceof Error ? first.message : "";
  return /Connection terminated|timeout expired/.test(said) ? said : null;
}

function placeOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname === "" ? "its socket" : hostname}:${port === "" ? 5432 : port}`;
}
