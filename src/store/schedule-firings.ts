/** Which firing of each schedule was begun last, and by which process. */
import { z } from "zod";
import type { Queryable } from "./db.ts";

/** A schedule that a process would run. */
export interface WantedFiring {
  readonly name: string;
  readonly everyMs: number;
}

const FiringRow = z.object({ name: z.string(), at: z.number(), tries: z.number(), wasRunBy: z.string().nullable() });
/** A firing that is this process's to run. `wasRunBy`: the process that began it before and died; null: it was not begun. */
export type Firing = Readonly<z.output<typeof FiringRow>>;
const ClaimRow = z.object({ now: z.number(), firings: z.array(FiringRow) });

/** How a firing that has begun counts as running: its process still holds its sign of life. `$5` is this process, which asks for nothing that it still runs. */
const IS_RUNNING = `f.run_by <> $5 and exists (select from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid::bigint = $4 and l.objid::bigint = hashtext(f.run_by)::bigint & 4294967295)`;

/**
 * Claims those whose time has come by the server's clock, one process for each: none that is still run somewhere, and one that was begun and
 * not ended again, at most `triesMax` times. What should have fired before `since` is left out. Also gives the server's time.
 */
export function claimFirings(
  q: Queryable,
  wanted: readonly WantedFiring[],
  by: { readonly executorId: string; readonly lifeClass: number; readonly triesMax: number; readonly since: number | null },
): Promise<z.output<typeof ClaimRow>> {
  const names = wanted.map((w) => w.name);
  const periods = wanted.map((w) => w.everyMs);
  return q.one(
    ClaimRow,
    `with present as (select (extract(epoch from clock_timestamp()) * 1000)::bigint as now),
     due as (select name, now - now % period as at from present, unnest($1::text[], $2::bigint[]) wanted (name, period)),
     before as (select f.name, f.run_by, f.at from schedule_firing f where f.name = any ($1)),
     claimed as (
       insert into schedule_firing as f (name, at, run_by, tries)
         select d.name, d.at, $5, 1 from due d left join before b on b.name = d.name
         where d.at >= coalesce($6, (select now from present)) or (b.at = d.at and b.run_by is not null)
         order by d.name
       on conflict (name) do update
         set at = excluded.at, run_by = excluded.run_by, tries = case when f.at = excluded.at then f.tries + 1 else 1 end
       where (f.at <> excluded.at or (f.run_by is not null and f.tries < $3)) and (${IS_RUNNING}) is not true
       returning f.name, f.at, f.tries)
     select (select now from present) as now, coalesce((select jsonb_agg(jsonb_build_object('name', c.name, 'at', c.at, 'tries', c.tries,
       'wasRunBy', case when c.tries > 1 then b.run_by end)) from claimed c left join before b using (name)), '[]') as firings`,
    [names, periods, by.triesMax, by.lifeClass, by.executorId, by.since],
  );
}

/** Records that a run ended; one that another process has begun meanwhile is not touched. */
export async function endFiring(q: Queryable, name: string, executorId: string): Promise<void> {
  await q.exec("update schedule_firing set run_by = null where name = $1 and run_by = $2", [name, executorId]);
}
