import { z } from "zod";
import { DomainId, DomainPath, Instant, ProjectId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

const Row = z.object({
  id: z.string(),
  project_id: ProjectId,
  domain_id: DomainId,
  path: DomainPath,
  from_at: Instant,
  /** Empty: as the manifests tell. */
  account: z.string(),
  begun_at: Instant,
  ended_at: Instant.nullable(),
});
/** One restore of a project into a domain. */
export type ReimportRow = z.output<typeof Row>;
const COLUMNS = Object.keys(Row.shape).join(", ");

const ItemRow = z.object({
  id: z.string(),
  restore_id: z.string(),
  entry_id: z.string(),
  account: z.string(),
  state: z.enum(["waiting", "registering", "downloading", "ready", "failed"]),
  /** What CloudStack made of it; kept while CloudStack has it. */
  template_id: z.string().nullable(),
  token_sha256: z.string().nullable(),
  link_until: Instant.nullable(),
  problem: z.string().nullable(),
  updated_at: Instant,
});
/** One template of a restore as it stands; of its link only a hash is kept. */
export type ReimportItemRow = z.output<typeof ItemRow>;
const ITEM_COLUMNS = Object.keys(ItemRow.shape).join(", ");

/** What tells one restore from another. */
export type ReimportKey = Pick<ReimportRow, "project_id" | "domain_id" | "from_at" | "account">;

/** Finds a restore that was begun before; null when there is none. */
export async function findReimport(q: Queryable, key: ReimportKey): Promise<ReimportRow | null> {
  return q.maybe(Row, `select ${COLUMNS} from restore where project_id = $1 and domain_id = $2 and from_at = $3 and account = $4`, [
    key.project_id,
    key.domain_id,
    key.from_at,
    key.account,
  ]);
}

/** Reads all restores into a domain, oldest first. */
export async function readReimportsInto(q: Queryable, domain: DomainId): Promise<readonly ReimportRow[]> {
  return q.many(Row, `select ${COLUMNS} from restore where domain_id = $1 order by begun_at, id`, [domain]);
}

/** Stores a new restore with the templates it will bring back. */
export async function insertReimport(
  q: Queryable,
  r: Omit<ReimportRow, "ended_at">,
  items: readonly { readonly id: string; readonly entryId: string; readonly account: string }[],
): Promise<void> {
  await q.exec("insert into restore (id, project_id, domain_id, path, from_at, account, begun_at) values ($1, $2, $3, $4, $5, $6, $7)", [
    r.id,
    r.project_id,
    r.domain_id,
    r.path,
    r.from_at,
    r.account,
    r.begun_at,
  ]);
  for (const i of items)
    await q.exec("insert into restore_item (id, restore_id, entry_id, account, state, updated_at) values ($1, $2, $3, $4, 'waiting', $5)", [
      i.id,
      r.id,
      i.entryId,
      i.account,
      r.begun_at,
    ]);
}

/** Records that everything of a restore is back, or, with null, that something is missing again. */
export async function recordReimportEnd(q: Queryable, id: string, at: number | null): Promise<void> {
  await q.exec("update restore set ended_at = $2 where id = $1", [id, at]);
}

/** Reads a restore's templates, in the order in which they were chosen. */
export async function readReimportItems(q: Queryable, restoreId: string): Promise<readonly ReimportItemRow[]> {
  return q.many(ItemRow, `select ${ITEM_COLUMNS} from restore_item where restore_id = $1 order by id`, [restoreId]);
}

/** Reads one template of a restore. */
export async function readReimportItem(q: Queryable, id: string): Promise<ReimportItemRow | null> {
  return q.maybe(ItemRow, `select ${ITEM_COLUMNS} from restore_item where id = $1`, [id]);
}

/** How a template of a restore stands next. */
export type ReimportItemChange =
  | { readonly state: "waiting" }
  | { readonly state: "registering"; readonly tokenSha256: string; readonly linkUntil: number }
  | { readonly state: "downloading"; readonly templateId: string }
  | { readonly state: "ready" }
  | { readonly state: "failed"; readonly problem: string };

/**
 * Records how a template stands. Its link is good from `registering` until it is ready or has failed; `waiting` forgets its template.
 *
 * Errors: throws `StoreError` restore_waiting, restore_once or restore_one_template for what would register it twice.
 */
export async function updateReimportItem(q: Queryable, id: string, at: number, change: ReimportItemChange): Promise<void> {
  switch (change.state) {
    case "waiting":
      return put(q, "template_id = null, token_sha256 = null, link_until = null, problem = null", [id, change.state, at]);
    case "registering":
      return put(q, "token_sha256 = $4, link_until = $5, problem = null", [id, change.state, at, change.tokenSha256, change.linkUntil]);
    case "downloading":
      return put(q, "template_id = $4, problem = null", [id, change.state, at, change.templateId]);
    case "ready":
      return put(q, "token_sha256 = null, link_until = null, problem = null", [id, change.state, at]);
    case "failed":
      return put(q, "token_sha256 = null, link_until = null, problem = $4", [id, change.state, at, change.problem]);
  }
}

async function put(q: Queryable, set: string, params: readonly unknown[]): Promise<void> {
  await q.exec(`update restore_item set state = $2, updated_at = $3, ${set} where id = $1`, params);
}

const ServedRow = z.object({ token_sha256: z.string(), key: z.string(), bytes: z.number() });

/** What a link leads to, while it is good: CloudStack was asked to fetch it and has not ended. */
export async function readServedReimport(q: Queryable, itemId: string, now: number): Promise<z.output<typeof ServedRow> | null> {
  return q.maybe(
    ServedRow,
    `select i.token_sha256, e.store_key as key, e.bytes from restore_item i join archive_entry e on e.id = i.entry_id
     where i.id = $1 and i.state in ('registering', 'downloading') and i.link_until > $2`,
    [itemId, now],
  );
}
