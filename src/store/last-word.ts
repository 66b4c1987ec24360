import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import type { Phase } from "../core/phases.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Queryable } from "./db.ts";
import { isRead, stoppedBefore } from "./stop-switch.ts";

/** How long a grant is good for: a call that took longer to come to is asked for again, from a new inventory. Units: ms. */
const GRANT_MS = 60_000;

/** What a grant says of its deletion: as the guard saw it, and when. */
export interface SeenByGuard {
  readonly deletionId: string;
  readonly phase: Phase;
  readonly version: number;
  readonly lease: number;
  readonly grantedAt: number;
}

/** The reasons of all stops that nobody resumed; null while nothing is stopped. */
const STOPS = "(select string_agg(reason, '; ' order by seq) as reason from present_stops()) s";
const Row = z.object({
  isStop: z.boolean(),
  reason: z.string().nullable(),
  isHeld: z.boolean().nullable(),
  isSame: z.boolean().nullable(),
  isApproved: z.boolean().nullable(),
});
const SQL = `
  select s.reason is not null as "isStop", s.reason, d.lease = $4 as "isHeld",
         d.phase = $2 and d.version = $3 and d.restore_by is null as "isSame", deletion_has_quorum(d) as "isApproved"
  from (select) one left join deletion d on d.id = $1
  cross join ${STOPS}`;

/**
 * Asked immediately before each call that deletes or disables, in one statement: not stopped; the deletion in the phase and version that
 * the guard saw, and nobody asked for it back; still held by the run that got the grant; approved by distinct people, by all that
 * PostgreSQL knows of them; the grant younger than a minute.
 *
 * Errors: `refused` `cloudstack.stopped`, also when the database cannot be read, and `deletion.no_quorum`; `unavailable`
 * `deletion.overtaken`, `deletion.grant_old`: the deletion is read again and goes on from what it is now. Invariant: INV-2, INV-3.
 */
export async function mayDelete(q: Queryable, seen: SeenByGuard, command: string, now: number): Promise<Result<void, Failure>> {
  if (isRead(command)) return ok(undefined);
  const params = [seen.deletionId, seen.phase, seen.version, seen.lease];
  // Whatever the error: what cannot be read counts as stopped.
  const row = await q.one(Row, SQL, params).catch(() => null);
  if (row === null) return err(stoppedBefore(command, "what people decided could not be read from the database"));
  if (row.isStop) return err(stoppedBefore(command, row.reason ?? ""));
  const refusal = (code: string, why: string) => err(failure("unavailable", code, `${command} was not sent: ${why}`));
  if (row.isSame !== true) return refusal("deletion.overtaken", "somebody decided on this deletion since the checks before it");
  if (row.isHeld !== true) return refusal("deletion.overtaken", "another run has taken this deletion over");
  if (row.isApproved !== true)
    return err(failure("refused", "deletion.no_quorum", `${command} was not sent: its approvals are not those of two distinct people`));
  // A clock that was set back would make it count as young again.
  const age = now - seen.grantedAt;
  if (age < 0 || age >= GRANT_MS) return refusal("deletion.grant_old", "the checks before it are older than a minute");
  return ok(undefined);
}

const PassRow = z.object({ isStop: z.boolean(), reason: z.string().nullable(), isNewest: z.boolean() });
/** By the index of passes alone: `exists` with a number that PostgreSQL does not know beforehand reads the whole table. */
export const PASS_SQL = `
  select s.reason is not null as "isStop", s.reason,
         ((select max(seq) from pass) > (select seq from pass where id = $1)) is not true as "isNewest"
  from (select) one cross join ${STOPS}`;

/**
 * Asked before each change of a pass, in one statement: not stopped, and no other pass has begun since, as after a loss of the passes' lock
 * that this process has not noticed.
 *
 * Returns why not, as a sentence; null: it may be made. Invariant: INV-3.
 */
export async function refusalOfChange(q: Queryable, passId: string): Promise<string | null> {
  const row = await q.one(PassRow, PASS_SQL, [passId]).catch(() => null);
  if (row === null) return "stopped: the stop switch could not be read from the database";
  if (row.isStop) return `stopped: ${row.reason ?? ""}`;
  return row.isNewest ? null : "another pass has begun since";
}
