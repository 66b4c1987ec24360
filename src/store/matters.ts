import { z } from "zod";
import { Instant } from "../core/ids.ts";
import { DAY_MS } from "../core/units.ts";
import { columnsOf, toJson, type Queryable } from "./db.ts";

const MatterRow = z.object({
  key: z.string(),
  kind: z.enum(["hold", "project_hold", "row", "drift", "not_asked", "proposal", "undone", "reported"]),
  /** `fleet`, or a project's id; null: its ids say enough. */
  scope: z.string().nullable(),
  /** The plan whose message tells it now. */
  plan: z.string(),
  since: Instant,
  /** How many passes found it. */
  tries: z.number(),
  /** Null: it is so. */
  endedAt: Instant.nullable(),
  /** The plan whose message said that it ended; null: none did. */
  overPlan: z.string().nullable(),
});
/** One thing that a plan's message tells: a hold, a held row, drift, a proposal, a change that is not made, or is only reported. */
export type Told = Readonly<z.output<typeof MatterRow>>;

/** How long what ended is kept. Units: milliseconds. */
const KEPT_MS = 7 * DAY_MS;

/** What is told now, and what ended lately. */
export function readTold(q: Queryable): Promise<readonly Told[]> {
  return q.many(MatterRow, `select ${columnsOf(MatterRow)} from matter order by key`);
}

/** Records what is told. `plan` is the newest shown plan whose matters are among it; null: the same as before. */
export async function recordTold(q: Queryable, told: readonly Told[], plan: string | null, now: number): Promise<void> {
  await q.exec("delete from matter where ended_at < $1", [now - KEPT_MS]);
  await q.exec(
    `insert into matter select * from jsonb_to_recordset($1::jsonb) as m (key text, kind text, scope text, plan uuid, since bigint,
       tries integer, ended_at bigint, over_plan uuid)
     on conflict (key) do update set kind = excluded.kind, scope = excluded.scope, plan = excluded.plan, since = excluded.since,
       tries = excluded.tries, ended_at = excluded.ended_at, over_plan = excluded.over_plan`,
    [toJson(told.map(({ endedAt: ended_at, overPlan: over_plan, ...same }) => ({ ...same, ended_at, over_plan })))],
  );
  if (plan !== null) await q.exec("update sync_state set told_plan = $1", [plan]);
}

const ShownRow = z.object({
  id: z.string(),
  at: Instant,
  record: z.unknown(),
  /** Whether its message is the newest; else it only told of changes that are still undone. */
  isNewest: z.boolean(),
});
/** A plan that was shown. */
export type ShownPlan = Readonly<z.output<typeof ShownRow>>;

/**
 * What an earlier version showed since this one did, oldest first: the newest plan over everything, the newest of all, and those that told
 * of the changes that are undone.
 */
export async function readShownByOthers(q: Queryable): Promise<readonly ShownPlan[]> {
  const newest = (of: string): string => `(select id from plan where shown ${of} order by planned_at desc, id limit 1)`;
  const ours = `select coalesce(${newest("")} = told_plan, not exists ${newest("")}) as ours from sync_state`;
  if ((await q.one(z.object({ ours: z.boolean() }), ours)).ours) return [];
  return q.many(
    ShownRow,
    `with newest as (select ${newest("")} as id union select ${newest("and record -> 'scope' ->> 'kind' = 'fleet'")})
     select id::text, planned_at as at, record, id in (select id from newest) as "isNewest" from plan
     where id in (select id from newest) or id::text in (select u ->> 'plan' from sync_state, jsonb_array_elements(undone) u)
     order by planned_at, id`,
  );
}
