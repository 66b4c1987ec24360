import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { columnsOf, insertRow, type Queryable } from "./db.ts";

/** Whether everything is stopped. */
export type StopState = { readonly stopped: false } | Stopped;

/** A stop; `seq`, `since` and `by` are null when the database could not be read. */
export interface Stopped {
  readonly stopped: true;
  readonly seq: number | null;
  readonly since: number | null;
  readonly by: string | null;
  readonly reason: string;
}

const Row = z.object({ seq: z.number(), at: z.number(), kind: z.enum(["stop", "resume"]), byOperator: z.string(), reason: z.string() });

/** Locks the switch until the transaction ends, so that the numbers of stops and resumes are in their order. */
export async function lockStop(q: Queryable): Promise<void> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.stop', 0))");
}

/** Records a stop or a resume; the table only grows. Errors: `StoreError` `resume_quorum` for a resume without two approvers. */
export async function recordStop(q: Queryable, entry: Omit<z.output<typeof Row>, "seq">): Promise<void> {
  await lockStop(q);
  await insertRow(q, "stop_switch", entry);
}

/**
 * Reads whether everything is stopped. Never throws: without the database nothing is done.
 *
 * Invariant: INV-3 (none while stopped; fails closed).
 */
export async function readStop(q: Queryable): Promise<StopState> {
  try {
    const row = await q.maybe(Row, `select ${columnsOf(Row)} from stop_switch order by seq desc limit 1`);
    if (row === null || row.kind === "resume") return { stopped: false };
    return { stopped: true, seq: row.seq, since: row.at, by: row.byOperator, reason: row.reason };
  } catch {
    // Whatever the error: a switch that cannot be read counts as stopped.
    return { stopped: true, seq: null, since: null, by: null, reason: "The stop switch could not be read from the database." };
  }
}

/** Whether a command changes nothing: reading is never stopped. */
export function isRead(command: string): boolean {
  return /^(?:list|query|get)/.test(command);
}

/**
 * Whether a command may be sent to CloudStack now; called immediately before every call, in every replica. Reading is never stopped:
 * outcomes of earlier calls must be looked up.
 *
 * Errors: `refused` `cloudstack.stopped`, also when the switch cannot be read. Invariant: INV-3.
 */
export async function mayCall(q: Queryable, command: string): Promise<Result<void, Failure>> {
  if (isRead(command)) return ok(undefined);
  const stop = await readStop(q);
  if (!stop.stopped) return ok(undefined);
  return err(stoppedBefore(command, stop.reason));
}

/** The refusal of a command that was not sent. */
export function stoppedBefore(command: string, reason: string): Failure {
  return failure("refused", "cloudstack.stopped", `${command} was not sent: everything is stopped (${reason})`);
}
