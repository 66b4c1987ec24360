/** What is measured in the database, by cheap statements; nothing is locked. Units: every `…At` and `since` is UTC epoch milliseconds. */
import { z } from "zod";
import { DAY_MS } from "../core/units.ts";
import type { Queryable } from "./db.ts";
import { readEntered } from "./deletions.ts";
import { readRestrictions } from "./intents.ts";
import { newestFleetPlan } from "./newest-plan.ts";

const PassReading = z.object({ completeAt: z.number().nullable(), holds: z.record(z.string(), z.number()) });
/** The last complete read of both sides, and how many holds of each kind the newest plan over everything has. */
export type PassReading = Readonly<z.output<typeof PassReading>>;

/** Reads when both sides were last read completely, and how many holds of each kind the newest plan over everything has. */
export function readPassReading(q: Queryable): Promise<PassReading> {
  return q.one(
    PassReading,
    `select (select complete_at from sync_state) as "completeAt", coalesce((
       select jsonb_object_agg(kind, n) from (
         select h ->> 'kind' as kind, count(*) as n from (${newestFleetPlan("p.record")}) newest,
         jsonb_array_elements(newest.record -> 'plan' -> 'holds') h group by 1) counted), '{}') as holds`,
  );
}

const PhaseReading = z.object({ phase: z.string(), count: z.number(), since: z.number() });

/** Counts the live deletions by phase, with when the oldest of each entered it. */
export function readPhases(q: Queryable): Promise<readonly z.output<typeof PhaseReading>[]> {
  return q.many(
    PhaseReading,
    `select phase, count(*)::integer as count, min(coalesce(entered_at, opened_at)) as since from deletion
     where phase not in ('deleted', 'closed') group by phase`,
  );
}

const QuestionReading = z.object({ kind: z.string(), count: z.number(), expiresAt: z.number().nullable() });

/** Counts the questions that wait for votes, with when the first of each kind expires. */
export function readQuestions(q: Queryable): Promise<readonly z.output<typeof QuestionReading>[]> {
  return q.many(
    QuestionReading,
    `select kind, count(*)::integer as count, min(expires_at) as "expiresAt" from (
       select 'deletion' as kind, expires_at from deletion where phase = 'proposed'
       union all select 'policy', expires_at from policy_change where state = 'proposed'
       union all select 'adoption', expires_at from adoption where state = 'proposed'
       union all select 'go_on', g.expires_at from go_on g join deletion d on d.id = g.deletion_id
         where d.phase = 'frozen' and d.frozen_from = 'removing' and g.opened_at = d.entered_at
           and g.seq = (select max(seq) from go_on n where n.deletion_id = d.id)
       union all select 'resume', null from (select from present_stops() limit 1) stop) waiting group by kind`,
  );
}

/** How much of each limit is used up. */
export interface Used {
  readonly deletionsPerDay: number;
  readonly deletionsPerWeek: number;
  readonly restrictionsPerDay: number;
  readonly restrictionsPerWeek: number;
}

/** Reads how much of each limit is used up. */
export async function readUsed(q: Queryable, now: number): Promise<Used> {
  const [day, week] = [now - DAY_MS, now - 7 * DAY_MS];
  const [deletionsPerDay, deletionsPerWeek, restrictionsPerDay, restrictionsPerWeek] = await Promise.all([
    readEntered(q, day),
    readEntered(q, week),
    readRestrictions(q, day),
    readRestrictions(q, week),
  ]);
  return { deletionsPerDay, deletionsPerWeek, restrictionsPerDay, restrictionsPerWeek };
}

const NumberRow = z.object({ n: z.coerce.number() }).transform((row) => row.n);

/** How many bytes the archive holds, each object once. */
export function readArchiveBytes(q: Queryable): Promise<number> {
  return q.one(
    NumberRow,
    `select coalesce(sum(bytes), 0) as n from (
       select distinct store_key, bytes from archive_entry where state = 'verified' and removed_at is null) copy`,
  );
}

const QueueReading = z.object({ count: z.number(), since: z.number().nullable() });

/**
 * How much durable work is due and waits, and since when the oldest does that waits for nothing long: exports, backups and saving have
 * turns of their own. What is put off until later does not count.
 */
export function readQueue(q: Queryable): Promise<z.output<typeof QueueReading>> {
  return q.one(
    QueueReading,
    `select count(*)::integer as count,
            min(greatest(created_at, coalesce(delay_until_epoch_ms, 0))) filter (where queue_name = 'work')::bigint as since
     from dbos.workflow_status where status = 'ENQUEUED'`,
  );
}
