import { z } from "zod";
import { DomainId, DomainPath, Instant, ProjectId } from "../core/ids.ts";
import { columnsOf, insertRow, updateRow, type Queryable } from "./db.ts";

const Row = z.object({
  id: z.string(),
  project_id: ProjectId,
  domain_id: DomainId,
  path: DomainPath,
  from_at: Instant,
  /** Empty: the accounts of the manifests. */
  account: z.string(),
  begun_at: Instant,
  ended_at: Instant.nullable(),
});
/** One re-import of a project into a domain. */
export type ReimportRow = z.output<typeof Row>;
const SELECT = `select ${columnsOf(Row)} from restore`;

const ItemRow = z.object({
  id: z.string(),
  restore_id: z.string(),
  entry_id: z.string(),
  account: z.string(),
  state: z.enum(["waiting", "registering", "downloading", "ready", "failed"]),
  /** The template that CloudStack registered, while it has it. */
  template_id: z.string().nullable(),
  token_sha256: z.string().nullable(),
  link_until: Instant.nullable(),
  problem: z.string().nullable(),
  updated_at: Instant,
});
/** One template of a re-import; of its link only a hash is stored. */
export type ReimportItemRow = z.output<typeof ItemRow>;
const SELECT_ITEM = `select ${columnsOf(ItemRow)} from restore_item`;

/** What tells one re-import from another. */
export type ReimportKey = Pick<ReimportRow, "project_id" | "domain_id" | "from_at" | "account">;

/** Finds an earlier re-import; null when there is none. */
export async function findReimport(q: Queryable, key: ReimportKey): Promise<ReimportRow | null> {
  const values = [key.project_id, key.domain_id, key.from_at, key.account];
  return q.maybe(Row, `${SELECT} where project_id = $1 and domain_id = $2 and from_at = $3 and account = $4`, values);
}

/** Reads all re-imports into a domain, oldest first. */
export async function readReimportsInto(q: Queryable, domain: DomainId): Promise<readonly ReimportRow[]> {
  return q.many(Row, `${SELECT} where domain_id = $1 order by begun_at, id`, [domain]);
}

/** Stores a new re-import with the templates that it will register. */
export async function insertReimport(
  q: Queryable,
  r: Omit<ReimportRow, "ended_at">,
  items: readonly { readonly id: string; readonly entryId: string; readonly account: string }[],
): Promise<void> {
  await insertRow(q, "restore", r);
  for (const { id, entryId, account } of items)
    await insertRow(q, "restore_item", { id, restoreId: r.id, entryId, account, state: "waiting", updatedAt: r.begun_at });
}

/** Records that a re-import is complete, or, with null, that something is missing again. */
export async function recordReimportEnd(q: Queryable, id: string, at: number | null): Promise<void> {
  await q.exec("update restore set ended_at = $2 where id = $1", [id, at]);
}

/** Reads a re-import's templates, in the order in which they were chosen. */
export async function readReimportItems(q: Queryable, reimportId: string): Promise<readonly ReimportItemRow[]> {
  return q.many(ItemRow, `${SELECT_ITEM} where restore_id = $1 order by id`, [reimportId]);
}

/** Reads one template of a re-import. */
export async function readReimportItem(q: Queryable, id: string): Promise<ReimportItemRow | null> {
  return q.maybe(ItemRow, `${SELECT_ITEM} where id = $1`, [id]);
}

/** The next state of a re-import's template. */
export type ReimportItemChange =
  | { readonly state: "waiting" }
  | { readonly state: "registering"; readonly tokenSha256: string; readonly linkUntil: number }
  | { readonly state: "downloading"; readonly templateId: string }
  | { readonly state: "ready" }
  | { readonly state: "failed"; readonly problem: string };

/**
 * Records how a template stands. Its link is valid from `registering` until it is ready or has failed; `waiting` forgets its template.
 *
 * Errors: throws `StoreError` restore_waiting, restore_once or restore_one_template for what would register it twice.
 */
export async function updateReimportItem(q: Queryable, id: string, at: number, change: ReimportItemChange): Promise<void> {
  const noLink = { token_sha256: null, link_until: null };
  const set = (columns: object): Promise<unknown> =>
    updateRow(q, "restore_item", id, { state: change.state, updated_at: at, problem: null, ...columns });
  if (change.state === "waiting") await set({ ...noLink, template_id: null });
  else if (change.state === "registering") await set({ token_sha256: change.tokenSha256, link_until: change.linkUntil });
  else if (change.state === "downloading") await set({ template_id: change.templateId });
  else await set({ ...noLink, problem: change.state === "failed" ? change.problem : null });
}

const ServedRow = z.object({ token_sha256: z.string(), key: z.string(), bytes: z.number(), sha256: z.string() });

/** What a link leads to while it is valid: CloudStack was asked to download it and has not ended. */
export async function readServedReimport(q: Queryable, itemId: string, now: number): Promise<z.output<typeof ServedRow> | null> {
  return q.maybe(
    ServedRow,
    `select i.token_sha256, e.store_key as key, e.bytes, e.sha256 from restore_item i join archive_entry e on e.id = i.entry_id
     where i.id = $1 and i.state in ('registering', 'downloading') and i.link_until > $2`,
    [itemId, now],
  );
}
