import { z } from "zod";
import { type InventoryItem, type ItemKind, itemKinds } from "../core/inventory.ts";
import { APPROVALS_MIN } from "../core/votes.ts";
import { insertRow, toJson, updateRow, type Queryable } from "./db.ts";

/** An entry's columns, with its waivers. */
export const EntryRow = z.object({
  id: z.string(),
  item_kind: z.enum(itemKinds),
  item_id: z.string(),
  name: z.string(),
  state: z.enum(["waiting", "saving", "verified", "failed"]),
  store_key: z.string().nullable(),
  sha256: z.string().nullable(),
  bytes: z.number().int().nullable(),
  problem: z.string().nullable(),
  /** When its bytes were taken from their source; null: never, or not known. Units: UTC epoch milliseconds. */
  saved_at: z.number().nullable(),
  /** Who waived it, oldest first; `person` is the same for every name of one person. */
  waivers: z.array(z.object({ voter: z.string(), name: z.string(), person: z.string() })),
});
/** One archive entry. */
export type ArchiveEntryRow = z.output<typeof EntryRow>;

/** SQL for an entry's columns, from `archive_entry`. */
export const ENTRY_COLUMNS = `id, item_kind, item_id, name, state, store_key, sha256, bytes, problem,
       (manifest ->> 'savedAt')::bigint as saved_at,
       coalesce((select jsonb_agg(jsonb_build_object('voter', b.voter, 'name', b.voter_name,
                   'person', person_of(array[b.voter, b.slack_account])) order by b.seq)
                 from ballot b where b.kind = 'waiver' and b.question = archive_entry.id::text), '[]') as waivers`;

/** SQL for when a copy's bytes were taken from their source, from `archive_entry`; for copies of earlier versions, when they were checked. */
export const SAVED_AT = "coalesce((manifest ->> 'savedAt')::bigint, updated_at)";

/** What an entry belongs to. */
export interface EntryOwner {
  readonly kind: "deletion" | "export" | "backup";
  readonly id: string;
}

/** Adds an entry for a thing; an existing one stays as it is. */
export async function insertEntry(
  q: Queryable,
  owner: EntryOwner,
  e: { readonly id: string; readonly itemKind: ItemKind; readonly itemId: string; readonly name: string; readonly at: number },
): Promise<void> {
  const { at, ...item } = e;
  const row = { ...item, ownerKind: owner.kind, ownerId: owner.id, state: "waiting", updatedAt: at };
  await insertRow(q, "archive_entry", row, "on conflict do nothing");
}

/** The next state of an entry that is being saved. */
export type EntryChange =
  | { readonly state: "saving" }
  | { readonly state: "failed"; readonly problem: string }
  | { readonly state: "verified"; readonly key: string; readonly sha256: string; readonly bytes: number; readonly manifest: unknown };

/** Records how saving an entry stands; only `takeBackCopy` and `takeBackEntry` take `verified` back. Invariant: INV-8. */
export async function updateEntry(q: Queryable, id: string, at: number, change: EntryChange): Promise<void> {
  const { state } = change;
  if (state === "verified") {
    const { key, sha256, bytes, manifest } = change;
    const saved = { state, store_key: key, sha256, bytes, manifest: toJson(manifest), problem: null, updated_at: at };
    await updateRow(q, "archive_entry", id, saved);
  } else {
    const problem = state === "failed" ? change.problem : null;
    await updateRow(q, "archive_entry", id, { state, problem, updated_at: at }, "state <> 'verified'");
  }
}

/** Records that the archive no longer holds what was saved: no entry counts as saved by that object any longer. Invariant: INV-8. */
export async function takeBackCopy(q: Queryable, key: string, at: number, problem: string): Promise<void> {
  await q.exec(
    `update archive_entry set state = 'failed', problem = $3, updated_at = $2
     where store_key = $1 and state = 'verified' and removal_begun_at is null`,
    [key, at, problem],
  );
}

/** Records that an entry's copy, whole as it is, is not what would be destroyed now: the thing is to be saved again. Invariant: INV-8. */
export async function takeBackEntry(q: Queryable, id: string, at: number, problem: string): Promise<void> {
  await updateRow(q, "archive_entry", id, { state: "failed", problem, updated_at: at }, "state = 'verified'");
}

const SourceRow = z.object({
  id: z.string(),
  name: z.string(),
  item_kind: z.enum(itemKinds),
  store_key: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  savedAt: z.number(),
  /** No bytes of the thing were saved after these, not even some that count no longer. */
  isNewest: z.boolean(),
  /** The thing as CloudStack listed it when it was saved. */
  item: z.custom<InventoryItem>((v) => typeof v === "object" && v !== null && "kind" in v && "facts" in v),
});
/** A verified copy that another entry may share. */
export type CopyToShare = z.output<typeof SourceRow>;

/** Reads the verified copies of one thing, whoever saved it, the newest first; each object once. */
export async function readCopiesToShare(q: Queryable, kind: ItemKind, itemId: string): Promise<readonly CopyToShare[]> {
  return q.many(
    SourceRow,
    `select * from (
       select distinct on (e.saved_seq) e.id, e.name, e.item_kind, e.store_key, e.sha256, e.bytes, (e.manifest ->> 'savedAt')::bigint as "savedAt",
         not exists (select from archive_entry o where o.item_kind = $1 and o.item_id = $2 and o.saved_seq > e.saved_seq) as "isNewest",
         e.manifest -> 'item' as item
       from archive_entry e where e.item_kind = $1 and e.item_id = $2 and e.state = 'verified' and e.removal_begun_at is null
         and e.manifest ? 'item' and e.manifest ? 'savedAt' order by e.saved_seq desc, e.id) copy`,
    [kind, itemId],
  );
}

/** Makes an entry verified by the object of another one; false when that one counts no longer. Invariant: INV-8. */
export async function shareCopy(q: Queryable, id: string, from: string, at: number, manifest: unknown): Promise<boolean> {
  const n = await q.exec(
    `update archive_entry e set state = 'verified', store_key = c.store_key, sha256 = c.sha256, bytes = c.bytes, manifest = $4, problem = null, updated_at = $3
     from (select * from archive_entry where id = $2 and state = 'verified' and removal_begun_at is null for share) c where e.id = $1`,
    [id, from, at, toJson(manifest)],
  );
  return n === 1;
}

/** Reads an owner's entries by name. */
export async function readEntries(q: Queryable, owner: EntryOwner): Promise<readonly ArchiveEntryRow[]> {
  return q.many(EntryRow, `select ${ENTRY_COLUMNS} from archive_entry where owner_kind = $1 and owner_id = $2 order by name, item_id`, [
    owner.kind,
    owner.id,
  ]);
}

/** Whether an entry blocks no approval: its copy was verified, or two people waived it. Invariant: INV-8. */
export function isSettled(e: Pick<ArchiveEntryRow, "state" | "waivers">): boolean {
  return e.state === "verified" || isWaived(e);
}

/** An entry with the waivers that count: those of people who may approve now. */
export function withWaiversOf(e: ArchiveEntryRow, approversNow: readonly { readonly id: string }[]): ArchiveEntryRow {
  return { ...e, waivers: e.waivers.filter((w) => approversNow.some((a) => a.id === w.voter)) };
}

/** Whether two distinct people waived an entry. */
export function isWaived(e: Pick<ArchiveEntryRow, "state" | "waivers">): boolean {
  return e.state !== "verified" && new Set(e.waivers.map((w) => w.person)).size >= APPROVALS_MIN;
}

const CopyRow = z.object({
  id: z.string(),
  itemKind: z.enum(itemKinds),
  itemId: z.string(),
  name: z.string(),
  key: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  /** The order in which the copies' bytes were saved; entries that share an object have the same. */
  savedSeq: z.number(),
  /** When an entry began to count on it last; it is kept from then on for the age that is asked for. */
  usedAt: z.number(),
  inUse: z.boolean(),
});
/** One verified copy in the archive, by the entry that used it last. `inUse`: its deletion is running, or a link to it is valid. Units: bytes, UTC epoch milliseconds. */
export type KeptCopy = z.output<typeof CopyRow>;
const COPY_COLUMNS = `id, item_kind as "itemKind", item_id as "itemId", name, store_key as key, sha256, bytes, saved_seq as "savedSeq",
  updated_at as "usedAt"`;

/** Reads the verified copies whose removal has not begun. */
export async function readKeptCopies(q: Queryable, now: number): Promise<readonly KeptCopy[]> {
  return q.many(
    CopyRow,
    `select * from (
       select distinct on (store_key) ${COPY_COLUMNS}, is_in_use(archive_entry, $1) as "inUse" from archive_entry
       where state = 'verified' and removal_begun_at is null order by store_key, updated_at desc, id desc) copy
     order by "itemKind", "itemId", "savedSeq"`,
    [now],
  );
}

/** Reads the verified copy that was saved first and is to be in the archive still; null: there is none. */
export async function readOldestCopy(q: Queryable): Promise<KeptCopy | null> {
  return q.maybe(
    CopyRow,
    `select ${COPY_COLUMNS}, false as "inUse" from archive_entry where state = 'verified' and removal_begun_at is null
     order by saved_seq, id limit 1`,
    [],
  );
}

/** Records that the stored bytes of a copy were read and are those that were saved. */
export async function recordReadWhole(q: Queryable, key: string, at: number): Promise<void> {
  await q.exec("update archive_entry set read_whole_at = $2 where store_key = $1 and state = 'verified'", [key, at]);
}

/** Entries that share the object of entry $1. */
const SAME_OBJECT = "store_key = (select store_key from archive_entry where id = $1)";

/**
 * Begins a copy's removal, for all entries that share it; false when it is in use by now.
 *
 * Errors: `StoreError` archive_last_copy unless a newer copy of the thing was read whole within a day.
 */
export async function beginRemoval(q: Queryable, id: string, at: number): Promise<boolean> {
  const n = await q.exec(
    `update archive_entry set removal_begun_at = $2
     where ${SAME_OBJECT} and state = 'verified' and removal_begun_at is null and not is_in_use(archive_entry, $2)`,
    [id, at],
  );
  return n > 0;
}

/** Reads the copies whose removal has begun and not ended. */
export async function readBegunRemovals(q: Queryable): Promise<readonly KeptCopy[]> {
  return q.many(
    CopyRow,
    `select distinct on (removal_begun_at, store_key) ${COPY_COLUMNS}, false as "inUse" from archive_entry
     where removal_begun_at is not null and removed_at is null order by removal_begun_at, store_key, updated_at desc, id desc`,
    [],
  );
}

/** Records that a copy's file was removed. */
export async function recordRemoved(q: Queryable, id: string, at: number): Promise<void> {
  await q.exec(`update archive_entry set removed_at = $2 where ${SAME_OBJECT} and removal_begun_at is not null`, [id, at]);
}
