/** For which closings of a project somebody was asked to settle it in the CI database. */
import { z } from "zod";
import { refusals } from "../core/phases.ts";
import { DAY_MS } from "../core/units.ts";
import type { Queryable } from "./db.ts";

/** How long after its end it is still asked. Units: milliseconds. */
const LATE_MS = 7 * DAY_MS;

const IdRow = z.object({ id: z.string() });

/** The deletions of closed projects that people did not want lately, and nobody was asked to settle. */
export async function readUnsettled(q: Queryable, now: number): Promise<readonly string[]> {
  const rows = await q.many(
    IdRow,
    `select id::text as id from deletion d where phase = 'closed' and closed_because = any ($2) and closed_by is not null
       and entered_at > $1 and evidence ->> 'kind' = 'closed' and not exists (
         select from settle_asked s where s.project_id = d.project_id and s.closing = coalesce(d.evidence ->> 'closedAt', ''))
     order by entered_at`,
    [now - LATE_MS, refusals],
  );
  return rows.map((row) => row.id);
}

/** Records that it was asked for this closing, or that there is nothing to settle any more. */
export async function recordSettleAsked(q: Queryable, project: string, closedAt: number | null, at: number): Promise<void> {
  const closing = closedAt === null ? "" : String(closedAt);
  await q.exec("insert into settle_asked (project_id, closing, at) values ($1, $2, $3) on conflict do nothing", [project, closing, at]);
}
