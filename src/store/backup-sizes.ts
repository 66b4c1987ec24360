import { type SizeKind, sizeKinds } from "../core/backup-policy.ts";
import { z } from "zod";
import { Instant, ProjectId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

/** How much of one kind one project holds. A machine has no bytes of its own: they are its volumes'. */
export interface ProjectSize {
  readonly projectId: ProjectId;
  readonly slug: string;
  readonly kind: SizeKind;
  readonly things: number;
  readonly bytes: number;
}

/** One complete look at the fleet. `otherBytes` belong to no project that is managed: nobody backs them up. */
export interface Measurement {
  readonly at: Instant;
  readonly sizes: readonly ProjectSize[];
  readonly otherBytes: number;
}

const MeasurementRow = z.object({ id: z.string(), at: Instant, other_bytes: z.number() });
const SizeRow = z.object({
  measurement_id: z.string(),
  project_id: ProjectId,
  slug: z.string(),
  kind: z.enum(sizeKinds),
  things: z.number(),
  bytes: z.number(),
});

/** Stores one day's look at the fleet; false when that day has one already. For good: the table only grows. */
export async function recordMeasurement(q: Queryable, id: string, day: string, m: Measurement): Promise<boolean> {
  const made = await q.exec("insert into backup_measurement (id, day, at, other_bytes) values ($1, $2, $3, $4) on conflict do nothing", [
    id,
    day,
    m.at,
    m.otherBytes,
  ]);
  if (made === 0) return false;
  await q.exec(
    "insert into backup_size select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[]) as s (project_id, slug, kind, things, bytes)",
    [
      id,
      m.sizes.map((s) => s.projectId),
      m.sizes.map((s) => s.slug),
      m.sizes.map((s) => s.kind),
      m.sizes.map((s) => s.things),
      m.sizes.map((s) => s.bytes),
    ],
  );
  return true;
}

/** Whether a day was measured. */
export async function isMeasured(q: Queryable, day: string): Promise<boolean> {
  return (await q.maybe(z.object({ id: z.string() }), "select id from backup_measurement where day = $1", [day])) !== null;
}

/**
 * Reads the measurements since an instant, the oldest first; of those older than `daily` one a week.
 *
 * A line through one point a week is as good as through seven, and 500 projects' year of days would be a million rows.
 */
export async function readMeasurements(q: Queryable, since: number, daily: number = since): Promise<readonly Measurement[]> {
  const rows = await q.many(
    MeasurementRow,
    "select id, at, other_bytes from backup_measurement where at >= $1 and (at >= $2 or at / 86400000 % 7 = 0) order by at",
    [since, daily],
  );
  const sizes = await q.many(
    SizeRow,
    "select measurement_id, project_id, slug, kind, things, bytes from backup_size where measurement_id = any ($1::uuid[]) order by slug, project_id, kind",
    [rows.map((r) => r.id)],
  );
  const byMeasurement = new Map<string, ProjectSize[]>(rows.map((r) => [r.id, []]));
  for (const s of sizes)
    byMeasurement.get(s.measurement_id)?.push({ projectId: s.project_id, slug: s.slug, kind: s.kind, things: s.things, bytes: s.bytes });
  return rows.map((r) => ({ at: r.at, otherBytes: r.other_bytes, sizes: byMeasurement.get(r.id) ?? [] }));
}
