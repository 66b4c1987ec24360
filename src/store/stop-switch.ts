import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { columnsOf, insertRow, type Queryable } from "./db.ts";

/** Whether everything is stopped. */
export type StopState = { readonly stopped: false } | Stopped;

/** One person's stop; a second one adds to the first. */
export interface OneStop {
  readonly at: number;
  readonly name: string;
  readonly reason: string;
}

/** All that were stopped since the last resume, oldest first; `seq`, `since` and `by` are the newest's, and null when nothing could be read. */
export interface Stopped {
  readonly stopped: true;
  readonly seq: number | null;
  readonly since: number | null;
  readonly by: string | null;
  /** All their reasons. */
  readonly reason: string;
  readonly stops: readonly OneStop[];
}

const Row = z.object({
  seq: z.number(),
  at: z.number(),
  kind: z.enum(["stop", "resume"]),
  byOperator: z.string(),
  byName: z.string().nullable(),
  reason: z.string(),
});
type Row = z.output<typeof Row>;

/** Locks the switch until the transaction ends, so that the numbers of stops and resumes are in their order. */
export async function lockStop(q: Queryable): Promise<void> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.stop', 0))");
}

/** Records a stop or a resume; the table only grows. Errors: `StoreError` `resume_quorum` for a resume without two approvers. */
export async function recordStop(q: Queryable, entry: Omit<Row, "seq" | "byName"> & { readonly byName?: string }): Promise<void> {
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
    const rows = await q.many(Row, `select ${columnsOf(Row)} from present_stops()`);
    const newest = rows.at(-1);
    if (newest === undefined) return { stopped: false };
    const { seq, at: since, byOperator: by } = newest;
    return { stopped: true, seq, since, by, reason: rows.map((r) => r.reason).join("; "), stops: rows.map(oneStop) };
  } catch {
    // Whatever the error: a switch that cannot be read counts as stopped.
    const reason = "The stop switch could not be read from the database.";
    return { stopped: true, seq: null, since: null, by: null, reason, stops: [] };
  }
}

function oneStop({ at, byOperator, byName, reason }: Row): OneStop {
  return { at, name: byName ?? byOperator, reason };
}

/** The newest stop and those it stands with, and how it ended. */
export interface LastStop {
  /** The number of the first of them, the same as long as they last. */
  readonly id: number;
  readonly stops: readonly OneStop[];
  /** Null: it lasts. Else who resumed, and when. */
  readonly resumed: { readonly names: string; readonly at: number } | null;
}

/** Reads the newest stop, also when it is over; null when nothing was ever stopped. */
export async function readLastStop(q: Queryable): Promise<LastStop | null> {
  const rows = await q.many(
    Row,
    `select ${columnsOf(Row)} from stop_switch where seq > coalesce((
       select max(seq) from stop_switch where kind = 'resume' and seq < (select max(seq) from stop_switch where kind = 'stop')), 0)
     order by seq`,
  );
  const stops = rows.filter((r) => r.kind === "stop");
  const [first] = stops;
  if (first === undefined) return null;
  const end = rows.find((r) => r.kind === "resume");
  return {
    id: first.seq,
    stops: stops.map(oneStop),
    resumed: end === undefined ? null : { names: end.byName ?? end.byOperator, at: end.at },
  };
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
