/** How far quick passes have followed what changed on each side, and how much they have changed since the last pass over everything. */
import { z } from "zod";
import { CountRow, toJson, type Queryable } from "./db.ts";
import { newestFleetPlan } from "./newest-plan.ts";

/** Whose clock a mark is by. */
export type ChangedSide = "ci" | "cloudstack";

const MarkRow = z.object({ at: z.number(), seen: z.record(z.string(), z.number()) });
/** Up to when a side was followed, and the changes that were looked at lately by project. Units: milliseconds by that side's clock. */
export type ChangeMark = z.output<typeof MarkRow>;

/** Null: that side was never followed. */
export async function readChangeMarks(q: Queryable): Promise<Readonly<Record<ChangedSide, ChangeMark | null>>> {
  const rows = await q.many(MarkRow.extend({ side: z.string() }), "select side, at, seen from change_mark");
  const of = (side: ChangedSide): ChangeMark | null => rows.find((row) => row.side === side) ?? null;
  return { ci: of("ci"), cloudstack: of("cloudstack") };
}

/** Records how far a side was followed. */
export async function recordChangeMark(q: Queryable, side: ChangedSide, mark: ChangeMark): Promise<void> {
  await q.exec(
    "insert into change_mark (side, at, seen) values ($1, $2, $3) on conflict (side) do update set at = excluded.at, seen = excluded.seen",
    [side, Math.floor(mark.at), toJson(mark.seen)],
  );
}

/** How many changes quick passes have made since the last complete read of everything. */
export function countQuickChanges(q: Queryable): Promise<number> {
  return q.one(CountRow, "select quick_changes as n from sync_state");
}

/** Whether the newest plan over everything is held as a whole, or there is none yet. */
export async function isFleetHeld(q: Queryable): Promise<boolean> {
  const newest = await q.maybe(
    z.object({ held: z.boolean() }),
    newestFleetPlan(`jsonb_path_exists(p.record, '$.plan.holds[*] ? (@.blocks == "everything")') as held`),
  );
  return newest?.held ?? true;
}

/** Adds to them. */
export async function addQuickChanges(q: Queryable, made: number): Promise<void> {
  if (made > 0) await q.exec("update sync_state set quick_changes = quick_changes + $1", [made]);
}

const OwnerRow = z.object({ thing: z.string(), projectId: z.string() });

/** Whose the managed domains, accounts and users of these ids are: the project's id by the thing's. */
export async function readOwners(q: Queryable, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await q.many(
    OwnerRow,
    `select t.thing, t.project_id as "projectId" from (
       select domain_id::text as thing, project_id from managed_domain where deleted_at is null
       union all select account_id::text, project_id from managed_account
       union all select user_id::text, project_id from managed_account) t
     where t.thing = any($1)`,
    [ids],
  );
  return new Map(rows.map((row) => [row.thing, row.projectId]));
}
