import { z } from "zod";
import { sizeKinds } from "../core/backup-policy.ts";
import { Instant, StoredProjectId } from "../core/ids.ts";
import { columnsOf, insertRow, toJson, type Queryable } from "./db.ts";

const SizeRow = z.object({
  projectId: StoredProjectId,
  slug: z.string(),
  kind: z.enum(sizeKinds),
  things: z.number(),
  bytes: z.number(),
});
const SizesRow = SizeRow.extend({ measurementId: z.string() });
/** How much of one kind one project holds. A machine has no bytes of its own: its volumes have them. */
export type ProjectSize = Readonly<z.output<typeof SizeRow>>;

/** One complete measurement of the fleet. `otherBytes` belong to no managed project: nobody backs them up. */
export interface Measurement {
  readonly at: Instant;
  readonly sizes: readonly ProjectSize[];
  readonly otherBytes: number;
}

const MeasurementRow = z.object({ id: z.string(), at: Instant, otherBytes: z.number() });

/** Stores one day's measurement; false when that day has one already. The table only grows. */
export async function recordMeasurement(q: Queryable, id: string, day: string, m: Measurement): Promise<boolean> {
  const row = { id, day, at: m.at, otherBytes: m.otherBytes };
  if ((await insertRow(q, "backup_measurement", row, "on conflict do nothing")) === 0) return false;
  await q.exec(
    `insert into backup_size select $1, s."projectId", s.slug, s.kind, s.things, s.bytes
     from jsonb_to_recordset($2::jsonb) s ("projectId" text, slug text, kind text, things integer, bytes bigint)`,
    [id, toJson(m.sizes)],
  );
  return true;
}

/** Whether a day has a measurement. */
export async function isMeasured(q: Queryable, day: string): Promise<boolean> {
  return (await q.maybe(z.object({ id: z.string() }), "select id from backup_measurement where day = $1", [day])) !== null;
}

/**
 * Reads the measurements since an instant, the oldest first; of those older than `daily` one a week.
 *
 * One point a week is enough for a trend, and a year of days of 500 projects would be a million rows.
 */
export async function readMeasurements(q: Queryable, since: number, daily: number = since): Promise<readonly Measurement[]> {
  const rows = await q.many(
    MeasurementRow,
    `select ${columnsOf(MeasurementRow)} from backup_measurement where at >= $1 and (at >= $2 or at / 86400000 % 7 = 0) order by at`,
    [since, daily],
  );
  const sizes = await q.many(
    SizesRow,
    `select ${columnsOf(SizesRow)} from backup_size where measurement_id = any ($1::uuid[]) order by slug, project_id, kind`,
    [rows.map((r) => r.id)],
  );
  const byMeasurement = new Map<string, ProjectSize[]>(rows.map((r) => [r.id, []]));
  for (const { measurementId, ...size } of sizes) byMeasurement.get(measurementId)?.push(size);
  return rows.map(({ id, ...row }) => ({ ...row, sizes: byMeasurement.get(id) ?? [] }));
}
