import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Queryable } from "./db.ts";

/** Whether work may go on. `unknown` means the store could not say, and counts as stopped. */
export type StopState = { readonly stopped: false } | Stopped;

/** A stop; `seq` is its number, null when the store could not say. */
export interface Stopped {
  readonly stopped: true;
  readonly seq: number | null;
  readonly since: number | null;
  readonly by: string | null;
  readonly reason: string;
}

/** One turn of the switch. Units: `at` is UTC epoch milliseconds. */
export interface StopEntry {
  readonly at: number;
  readonly kind: "stop" | "resume";
  readonly byOperator: string;
  readonly reason: string;
}

const Row = z.object({ seq: z.number(), at: z.number(), kind: z.enum(["stop", "resume"]), by_operator: z.string(), reason: z.string() });

/** Turns of the switch happen one after the other: their numbers are then in the order in which they were made. */
export async function lockStop(q: Queryable): Promise<void> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.stop', 0))");
}

/** Turns the switch; the history stays. Errors: `StoreError` `resume_quorum` for a resume that two people did not ask for. */
export async function recordStop(q: Queryable, entry: StopEntry): Promise<void> {
  await lockStop(q);
  await q.exec("insert into stop_switch (at, kind, by_operator, reason) values ($1, $2, $3, $4)", [
    entry.at,
    entry.kind,
    entry.byOperator,
    entry.reason,
  ]);
}

/**
 * Reads whether everything is stopped. Never throws: no store, no step.
 *
 * Invariant: INV-3 (none while stopped; fails closed).
 */
export async function readStop(q: Queryable): Promise<StopState> {
  try {
    const row = await q.maybe(Row, "select seq, at, kind, by_operator, reason from stop_switch order by seq desc limit 1");
    if (row === null || row.kind === "resume") return { stopped: false };
    return { stopped: true, seq: row.seq, since: row.at, by: row.by_operator, reason: row.reason };
  } catch {
    // Whatever the error: what cannot be read must be taken for stopped.
    return { stopped: true, seq: null, since: null, by: null, reason: "The stop switch could not be read from the database." };
  }
}

/**
 * Whether a command may be sent to CloudStack just now; asked immediately before every call, in every replica. Looking is never stopped:
 * what was begun must be looked up.
 *
 * Errors: `refused` `cloudstack.stopped`, also when the switch cannot be read. Invariant: INV-3.
 */
export async function mayCall(q: Queryable, command: string): Promise<Result<void, Failure>> {
  if (/^(?:list|query|get)/.test(command)) return ok(undefined);
  const stop = await readStop(q);
  if (!stop.stopped) return ok(undefined);
  return err(failure("refused", "cloudstack.stopped", `${command} was not sent: everything is stopped (${stop.reason})`));
}
