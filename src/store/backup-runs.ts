import { z } from "zod";
import { policies } from "../core/backup-policy.ts";
import { DomainId, DomainPath, Instant, type ProjectId, StoredProjectId } from "../core/ids.ts";
import { itemKinds } from "../core/inventory.ts";
import { columnsOf, insertRow, updateRow, type Queryable } from "./db.ts";

const Row = z.object({
  id: z.string(),
  project_id: StoredProjectId,
  slug: z.string(),
  domain_id: DomainId,
  path: DomainPath,
  policy: z.enum(policies),
  state: z.enum(["waiting", "saving", "complete", "partial", "failed"]),
  problem: z.string().nullable(),
  asked_at: Instant,
  ended_at: Instant.nullable(),
});
/** One backup of one project. */
export type BackupRunRow = z.output<typeof Row>;

const ContentRow = z.object({
  run_id: z.string(),
  entry_id: z.string(),
  item_id: z.string(),
  item_kind: z.enum(itemKinds),
  name: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  store_key: z.string(),
  verified_at: Instant,
});
/** One saved thing of a backup. */
export type BackupContentRow = z.output<typeof ContentRow>;

const SELECT = `select ${columnsOf(Row)} from backup_run`;
const contents = `select c.run_id, c.entry_id, e.item_id, e.item_kind, e.name, e.bytes, e.sha256, e.store_key, c.verified_at
  from backup_content c join archive_entry e on e.id = c.entry_id`;

/** Stores a new backup; false while another one of the project runs. */
export async function insertBackupRun(
  q: Queryable,
  r: Pick<BackupRunRow, "id" | "project_id" | "slug" | "domain_id" | "path" | "policy" | "asked_at">,
): Promise<boolean> {
  return (await insertRow(q, "backup_run", { ...r, state: "waiting" }, "on conflict do nothing")) > 0;
}

/** Reads one backup by its id; null: there is none. */
export async function readBackupRun(q: Queryable, id: string): Promise<BackupRunRow | null> {
  return q.maybe(Row, `${SELECT} where id = $1`, [id]);
}

/** Marks a backup as begun. */
export async function beginBackupRun(q: Queryable, id: string): Promise<void> {
  await q.exec("update backup_run set state = 'saving' where id = $1 and state = 'waiting'", [id]);
}

/** Ends a backup; an ended one stays as it is. */
export async function endBackupRun(
  q: Queryable,
  id: string,
  end: { readonly state: "complete" | "partial" | "failed"; readonly problem: string | null; readonly at: number },
): Promise<void> {
  await updateRow(q, "backup_run", id, { state: end.state, problem: end.problem, ended_at: end.at }, "ended_at is null");
}

/** Reads the newest backup of every project. */
export async function readNewestBackupRuns(q: Queryable): Promise<readonly BackupRunRow[]> {
  return q.many(Row, `select distinct on (project_id) ${columnsOf(Row)} from backup_run order by project_id, asked_at desc`);
}

/** Reads a project's backups, the newest first. */
export async function readBackupRuns(q: Queryable, projectId: ProjectId, limit: number): Promise<readonly BackupRunRow[]> {
  return q.many(Row, `${SELECT} where project_id = $1 order by asked_at desc limit $2`, [projectId, limit]);
}

/** Finds the project that was last backed up with this short name. */
export async function findBackedUpProject(q: Queryable, slug: string): Promise<ProjectId | null> {
  const run = await q.maybe(Row, `${SELECT} where slug = $1 order by asked_at desc limit 1`, [slug]);
  return run?.project_id ?? null;
}

/** Records that an archive entry belongs to a backup. */
export async function recordBackupContent(q: Queryable, runId: string, entryId: string, verifiedAt: number): Promise<void> {
  await q.exec("insert into backup_content values ($1, $2, $3) on conflict do nothing", [runId, entryId, verifiedAt]);
}

/** Reads what backups saved or tried to save, sorted by kind and name. */
export async function readBackupContents(q: Queryable, runIds: readonly string[]): Promise<readonly BackupContentRow[]> {
  return q.many(ContentRow, `${contents} where c.run_id = any ($1::uuid[]) order by e.item_kind, e.name, e.item_id`, [runIds]);
}

/** Reads the newest saved copy of each thing of a project. */
export async function readSavedBefore(q: Queryable, projectId: ProjectId): Promise<readonly BackupContentRow[]> {
  return q.many(
    ContentRow,
    `select distinct on (item_id) * from (${contents} join backup_run r on r.id = c.run_id where r.project_id = $1 and e.state = 'verified') s
     order by item_id, verified_at desc`,
    [projectId],
  );
}
