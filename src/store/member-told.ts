/** Whom of a project's members a deletion told what. */
import { z } from "zod";
import { DAY_MS } from "../core/units.ts";
import { memberStages } from "../core/member-stages.ts";
import type { MemberStage } from "../core/member-stages.ts";
import { columnsOf, type Queryable } from "./db.ts";

const Row = z.object({ stage: z.enum(memberStages), member: z.string(), problem: z.string().nullable() });
/** One member and one stage; `problem`: why they were not told. An empty member: why nobody is named. */
export type ToldRow = Readonly<z.output<typeof Row>>;

/** Reads who was told of a deletion, and who could not be, at every stage. */
export function readTold(q: Queryable, deletion: string): Promise<readonly ToldRow[]> {
  return q.many(Row, `select ${columnsOf(Row)} from member_told where deletion_id = $1 order by member, stage`, [deletion]);
}

/** Records that one member was told, or why not; what is known already stays, but for a reason why nobody is named. */
export async function recordTold(q: Queryable, deletion: string, told: ToldRow, at: number): Promise<void> {
  await q.exec(
    `insert into member_told (deletion_id, stage, member, problem, at) values ($1, $2, $3, $4, $5)
     on conflict (deletion_id, stage, member) do update set problem = excluded.problem, at = excluded.at
       where member_told.member = '' and member_told.problem is distinct from excluded.problem`,
    [deletion, told.stage, told.member, told.problem, at],
  );
}

/** Records that a stage's telling is over. */
export async function recordTelling(q: Queryable, deletion: string, stage: MemberStage, at: number): Promise<void> {
  await q.exec("insert into member_telling (deletion_id, stage, done_at) values ($1, $2, $3) on conflict do nothing", [
    deletion,
    stage,
    at,
  ]);
}

const TellingRow = z.object({ is_shown: z.boolean() });

/** How far a stage's telling is: `open`, `done`, or `shown` on the card too. */
export async function readTelling(q: Queryable, deletion: string, stage: MemberStage): Promise<"open" | "done" | "shown"> {
  const row = await q.maybe(TellingRow, "select is_shown from member_telling where deletion_id = $1 and stage = $2", [deletion, stage]);
  if (row === null) return "open";
  return row.is_shown ? "shown" : "done";
}

/** Records that the card shows how a stage's telling ended. */
export async function recordTellingShown(q: Queryable, deletion: string, stage: MemberStage): Promise<void> {
  await q.exec("update member_telling set is_shown = true where deletion_id = $1 and stage = $2", [deletion, stage]);
}

/** How long after its end a deletion's members are still told. Units: milliseconds. */
const LATE_MS = 7 * DAY_MS;

const IdRow = z.object({ id: z.string() });

/** The deletions whose members may still have to be told something: the live ones, and those that ended lately. */
export async function readToTell(q: Queryable, now: number): Promise<readonly string[]> {
  const rows = await q.many(
    IdRow,
    `select id::text as id from deletion d where proposed_at is not null and phase <> 'frozen'
       and (phase not in ('closed', 'deleted') or (entered_at > $1 and not exists (
         select from member_telling t where t.deletion_id = d.id and t.stage = 'ended' and t.is_shown)))
     order by opened_at`,
    [now - LATE_MS],
  );
  return rows.map((row) => row.id);
}
