import { z } from "zod";
import { exportKinds, type ExportKind } from "../core/archive-kinds.ts";
import type { InventoryItem } from "../core/inventory.ts";
import { DomainPath, Instant, type ProjectId, StoredProjectId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

const CopyRow = z.object({
  id: z.string(),
  projectId: StoredProjectId,
  item_kind: z.enum(exportKinds),
  item_id: z.string(),
  name: z.string(),
  store_key: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  savedAt: Instant,
  /** The order in which the copies' bytes were saved. */
  savedSeq: z.number(),
  domainPath: DomainPath,
  /** The thing as CloudStack listed it when it was saved. */
  item: z.custom<InventoryItem>((v) => typeof v === "object" && v !== null && "kind" in v && "facts" in v),
});
/** A verified copy of a project's own thing. Units: bytes, UTC epoch milliseconds. */
export type ProjectCopy = z.output<typeof CopyRow>;

/**
 * What was saved for a project, by the project's id: its domain's path and its short name may be another project's by now. An entry whose
 * owner names no project is nobody's.
 */
const OF_PROJECTS = `
  select e.id, o.project_id as "projectId", e.item_kind, e.item_id, e.name, e.store_key, e.sha256, e.bytes,
    (e.manifest ->> 'savedAt')::bigint as "savedAt", e.saved_seq as "savedSeq", e.manifest ->> 'domainPath' as "domainPath", e.manifest -> 'item' as item
  from archive_entry e join (
    select 'deletion' as kind, id, project_id from deletion
    union all select 'backup', id, project_id from backup_run
    union all select 'export', id, project_id from export
  ) o on o.kind = e.owner_kind and o.id = e.owner_id
  where o.project_id = any($1) and e.item_kind = $2 and e.state = 'verified' and e.removal_begun_at is null
    and e.manifest ? 'item' and e.manifest ? 'savedAt' and e.manifest ? 'domainPath'`;

/** Reads the newest copy of each thing of these projects. */
export async function readNewestCopies(q: Queryable, projects: readonly ProjectId[], kind: ExportKind): Promise<readonly ProjectCopy[]> {
  if (projects.length === 0) return [];
  return q.many(
    CopyRow,
    `select distinct on (c."projectId", c.item_id) c.* from (${OF_PROJECTS}) c order by c."projectId", c.item_id, c."savedSeq" desc, c.id`,
    [projects, kind],
  );
}

/** Reads the copies of one thing of a project, the newest first; each object once. */
export async function readCopiesOf(q: Queryable, project: ProjectId, kind: ExportKind, itemId: string): Promise<readonly ProjectCopy[]> {
  const found = await q.many(
    CopyRow,
    `select distinct on (c.store_key) c.* from (${OF_PROJECTS} and e.item_id = $3) c order by c.store_key, c.id`,
    [[project], kind, itemId],
  );
  return found.toSorted((a, b) => b.savedSeq - a.savedSeq);
}
