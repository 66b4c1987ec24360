import { z } from "zod";
import { exportKinds } from "../core/archive-kinds.ts";
import { ExportId, Instant, ProjectId, Slug } from "../core/ids.ts";
import { columnsOf, insertRow, updateRow, type Queryable, type Transaction } from "./db.ts";

const Row = z.object({
  id: ExportId,
  slug: Slug,
  /** Null: asked for before it was kept. */
  project_id: ProjectId.nullable(),
  item_kind: z.enum(exportKinds),
  /** Of the thing, whatever its kind; so is its name. */
  template_id: z.string(),
  template_name: z.string(),
  asked_by: z.string(),
  /** As messages name them; null: asked for before it was kept. */
  asked_by_name: z.string().nullable(),
  listener: z.object({ channel: z.string(), user: z.string() }),
  state: z.enum(["waiting", "saving", "ready", "failed"]),
  done_bytes: z.number(),
  total_bytes: z.number().nullable(),
  /** Ours, an address of the bucket's own, which nobody can revoke, or none. */
  link: z.enum(["ours", "bucket"]).nullable(),
  token_sha256: z.string().nullable(),
  link_until: Instant.nullable(),
  problem: z.string().nullable(),
  asked_at: Instant,
  /** When its link was taken back, and by whom, as messages name them. */
  revoked_at: Instant.nullable(),
  revoked_by: z.string().nullable(),
  /** Whether who asked for it was told how it ended. */
  told: z.boolean(),
});
/** One export; of its link only a hash is stored. */
export type ExportRow = z.output<typeof Row>;

/** Stores a new export. */
export async function insertExport(
  q: Queryable,
  e: Omit<ExportRow, "state" | "done_bytes" | "link" | "token_sha256" | "link_until" | "problem" | "revoked_at" | "revoked_by" | "told">,
): Promise<void> {
  await insertRow(q, "export", { ...e, state: "waiting" });
}

/** Reads one export by its id, without locking it; null: there is none. */
export async function readExport(q: Queryable, id: string): Promise<ExportRow | null> {
  return q.maybe(Row, `select ${columnsOf(Row)} from export where id = $1`, [id]);
}

/** Reads one export, and locks it until the transaction ends. */
export async function lockExport(q: Transaction, id: string): Promise<ExportRow | null> {
  return q.maybe(Row, `select ${columnsOf(Row)} from export where id::text = $1 for update`, [id]);
}

/** Takes the link of an export back: nothing is left that it could be compared with, and its copy is counted on no longer. */
export async function revokeLink(q: Transaction, id: string, at: Instant, by: string): Promise<void> {
  await q.exec(
    "update export set token_sha256 = null, link_until = least(link_until, $2), revoked_at = $2, revoked_by = $3 where id = $1",
    [id, at, by],
  );
}

/** Locks the exports until the transaction ends, so that two asked for at once know of each other. */
export async function lockExports(q: Queryable): Promise<void> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.export', 0))");
}

const LIVE = "state in ('waiting', 'saving')";

/** Reads the exports of one person that have not ended. */
export async function readLiveExportsOf(q: Queryable, askedBy: string): Promise<readonly ExportRow[]> {
  return q.many(Row, `select ${columnsOf(Row)} from export where asked_by = $1 and ${LIVE} order by asked_at`, [askedBy]);
}

/** Reads the exports of one thing that have not ended, the oldest first; `of` may be an export's own id. */
export async function readLiveExports(q: Queryable, of: string): Promise<readonly ExportRow[]> {
  return q.many(Row, `select ${columnsOf(Row)} from export where (template_id = $1 or id::text = $1) and ${LIVE} order by asked_at, id`, [
    of,
  ]);
}

/** Reads the exports of one template that have not ended, or of whose end nobody was told, the oldest first; `of` may be an export's own id. */
export async function readUntoldExports(q: Queryable, of: string): Promise<readonly ExportRow[]> {
  return q.many(Row, `select ${columnsOf(Row)} from export where (template_id = $1 or id::text = $1) and not told order by asked_at, id`, [
    of,
  ]);
}

const ServedRow = Row.pick({ project_id: true, listener: true }).extend({
  name: z.string(),
  token_sha256: z.string(),
  key: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  /** Such as QCOW2; null: not known. */
  format: z.string().nullable(),
  /** Such as KVM; null: not known. */
  hypervisor: z.string().nullable(),
});

/** What the link of an export leads to while it is valid. */
export async function readServedExport(q: Queryable, id: string, now: number): Promise<z.output<typeof ServedRow> | null> {
  return q.maybe(
    ServedRow,
    `select x.project_id, x.listener, x.template_name as name, x.token_sha256, e.store_key as key, e.bytes, e.sha256,
       e.manifest #>> '{item,facts,format}' as format, e.manifest #>> '{item,facts,hypervisor}' as hypervisor
     from export x join archive_entry e on e.owner_kind = 'export' and e.owner_id = x.id
     where x.id = $1 and x.state = 'ready' and x.token_sha256 is not null and x.revoked_at is null and x.link_until > $2 and e.state = 'verified'`,
    [id, now],
  );
}

/** Reads what was saved for an export: under which key, and of what its file's name is made; null: nothing. */
export async function readSavedFile(
  q: Queryable,
  id: string,
): Promise<Pick<z.output<typeof ServedRow>, "key" | "name" | "format" | "hypervisor"> | null> {
  return q.maybe(
    ServedRow.pick({ key: true, name: true, format: true, hypervisor: true }),
    `select e.store_key as key, x.template_name as name,
       e.manifest #>> '{item,facts,format}' as format, e.manifest #>> '{item,facts,hypervisor}' as hypervisor
     from export x join archive_entry e on e.owner_kind = 'export' and e.owner_id = x.id where x.id = $1 and e.state = 'verified'`,
    [id],
  );
}

/** Whether the link of an export was revoked; asked while it is used. */
export async function isRevoked(q: Queryable, id: string): Promise<boolean> {
  const row = await q.maybe(Row.pick({ revoked_at: true }), "select revoked_at from export where id = $1", [id]);
  return row === null || row.revoked_at !== null;
}

/** Reads the exports that ended and of whose end nobody was told, of those asked for since an instant: each by its thing's id. */
export async function readThingsWithUntoldEnd(q: Queryable, since: number): Promise<readonly string[]> {
  const row = z.object({ thing: z.string() });
  const sql =
    "select distinct template_id as thing from export where not told and state in ('ready', 'failed') and asked_at > $1 order by 1 limit 200";
  return (await q.many(row, sql, [since])).map((r) => r.thing);
}

const LinkRow = z.object({
  id: ExportId,
  slug: z.string(),
  name: z.string(),
  askedBy: z.string(),
  until: Instant,
  isRevocable: z.boolean(),
  /** How many there are, with those that are not read. */
  of: z.number(),
});
/** A link that can be used now. */
export type LiveLink = Readonly<Omit<z.output<typeof LinkRow>, "of">>;
/** The newest of the links that can be used now, and how many there are. */
export interface LiveLinks {
  readonly links: readonly LiveLink[];
  readonly of: number;
}

/** Reads the links that can be used now, of one project or of all, the newest first. */
export async function readLiveLinks(q: Queryable, now: number, slug: string | null, limit: number): Promise<LiveLinks> {
  const links = await q.many(
    LinkRow,
    `select id, slug, template_name as name, coalesce(asked_by_name, asked_by) as "askedBy", link_until as until,
       link = 'ours' as "isRevocable", count(*) over () as of
     from export where state = 'ready' and link is not null and revoked_at is null and link_until > $1 and ($2::text is null or slug = $2)
     order by link_until desc, id limit $3`,
    [now, slug, limit],
  );
  return { links, of: links[0]?.of ?? 0 };
}

/** Changes an export's row. */
export async function updateExport(
  q: Queryable,
  id: string,
  change: Partial<Pick<ExportRow, "state" | "done_bytes" | "total_bytes" | "link" | "token_sha256" | "link_until" | "problem" | "told">>,
): Promise<void> {
  await updateRow(q, "export", id, change);
}
