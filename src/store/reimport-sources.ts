import { z } from "zod";
import { type DomainId, Instant, ProjectId } from "../core/ids.ts";
import { itemKinds, type Inventory, type InventoryItem } from "../core/inventory.ts";
import { SAVED_AT } from "./archive-entries.ts";
import type { Queryable } from "./db.ts";
import { StoredInventory } from "./inventories.ts";

const Item = z.custom<InventoryItem>((v) => typeof v === "object" && v !== null && "kind" in v && "facts" in v);
const CopyRow = z.object({
  entryId: z.string(),
  kind: z.enum(itemKinds),
  itemId: z.string(),
  name: z.string(),
  key: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  /** When its bytes were taken from CloudStack. */
  savedAt: Instant,
  /** The order in which the copies' bytes were saved. */
  savedSeq: z.number(),
  savedFor: z.enum(["deletion", "export", "backup"]),
  /** As CloudStack listed it when it was saved. */
  item: Item,
  manifestSha256: z.string(),
  manifestBytes: z.number(),
  /** The thing from whose copy a re-import registered it; null: it comes from no re-import. */
  madeFrom: z.string().nullable(),
});
/** One verified copy of a project's thing. Units: bytes, UTC epoch milliseconds. */
export type SavedCopy = z.output<typeof CopyRow>;

/** An entry's owner belongs to project `$1`. An export has only a short name: the managed domain of that time tells the project. */
const OF_PROJECT = `(
  (e.owner_kind = 'deletion' and exists (select 1 from deletion d where d.id = e.owner_id and d.project_id = $1))
  or (e.owner_kind = 'backup' and exists (select 1 from backup_run r where r.id = e.owner_id and r.project_id = $1))
  or (e.owner_kind = 'export' and exists (
    select 1 from export x join managed_domain m on m.project_id = $1
      and m.recorded_at <= x.asked_at and coalesce(m.deleted_at, x.asked_at) >= x.asked_at
    where x.id = e.owner_id and x.slug = any ($2::text[])
  )))`;
const COPY = `select e.id as "entryId", e.item_kind as kind, e.item_id as "itemId", e.name, e.store_key as key, e.sha256, e.bytes,
  ${SAVED_AT} as "savedAt", e.saved_seq as "savedSeq", e.owner_kind as "savedFor", e.manifest -> 'item' as item, e.manifest ->> 'sha256' as "manifestSha256",
  (e.manifest ->> 'bytes')::bigint as "manifestBytes",
  (select o.item_id from restore_item i join archive_entry o on o.id = i.entry_id where i.template_id::text = e.item_id) as "madeFrom"
  from archive_entry e`;

/** Reads every verified copy of a project's things, whoever saved it, that is not being pruned. */
export async function readSavedCopies(q: Queryable, project: ProjectId, slugs: readonly string[]): Promise<readonly SavedCopy[]> {
  return q.many(
    CopyRow,
    `${COPY} where e.state = 'verified' and e.removal_begun_at is null and ${OF_PROJECT} order by e.item_kind, e.name, e.item_id, e.saved_seq, e.id`,
    [project, slugs],
  );
}

/** Reads the copies of a re-import's templates, pruned or not. */
export async function readCopiesOf(q: Queryable, entryIds: readonly string[]): Promise<readonly SavedCopy[]> {
  return q.many(CopyRow, `${COPY} where e.id = any ($1::uuid[]) order by e.id`, [entryIds]);
}

const UnsavedRow = z.object({ kind: z.enum(itemKinds), itemId: z.string(), name: z.string(), problem: z.string() });
/** Something of a project that could not be saved, with the reason. */
export type Unsaved = z.output<typeof UnsavedRow>;

/** Reads what could not be saved of a project up to a time; of each thing the newest failure. */
export async function readUnsaved(q: Queryable, project: ProjectId, slugs: readonly string[], until: Instant): Promise<readonly Unsaved[]> {
  return q.many(
    UnsavedRow,
    `select distinct on (e.item_id) e.item_kind as kind, e.item_id as "itemId", e.name, e.problem from archive_entry e
     where e.state = 'failed' and e.problem is not null and e.updated_at <= $3 and ${OF_PROJECT} order by e.item_id, e.updated_at desc`,
    [project, slugs, until],
  );
}

const InventoryRow = z.object({ body: StoredInventory }).transform((row) => row.body);

/** Reads the inventories that approvers of a project's deletions were shown up to a time, oldest first. */
export async function readInventoriesUntil(q: Queryable, project: ProjectId, until: Instant): Promise<readonly Inventory[]> {
  return q.many(
    InventoryRow,
    `select a.body from approved_inventory a join deletion d on d.id = a.deletion_id
     where d.project_id = $1 and a.stored_at <= $2 order by a.stored_at`,
    [project, until],
  );
}

const NameRow = z.object({ projectId: ProjectId, slug: z.string() });
/** A project in Twokey's own tables, with one of its short names. */
export type RememberedProject = z.output<typeof NameRow>;

/** Finds the projects that have or had this id or short name in Twokey's own tables, also when the CI database has forgotten them. */
export async function findRememberedProjects(q: Queryable, name: string): Promise<readonly RememberedProject[]> {
  return q.many(
    NameRow,
    `select distinct project_id as "projectId", slug from (
       select project_id, slug from backup_run union all select project_id, slug from deletion
       union all select project_id, slug from backup_size union all select project_id, '' from managed_domain) known
     where project_id = $1 or project_id in (
       select project_id from backup_run where slug = $1 union select project_id from deletion where slug = $1
       union select project_id from backup_size where slug = $1)
     order by 1, 2`,
    [name],
  );
}

const OwnerRow = z.object({ project_id: ProjectId }).transform((row) => row.project_id);

/** The project of a managed domain; null for an unmanaged one. */
export async function readDomainOwner(q: Queryable, domain: DomainId): Promise<ProjectId | null> {
  return q.maybe(OwnerRow, "select project_id from managed_domain where domain_id = $1 and deleted_at is null", [domain]);
}
