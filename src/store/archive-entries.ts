import { z } from "zod";
import { type ItemKind, itemKinds } from "../core/inventory.ts";
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
  /** Who waived it, oldest first; each person once. */
  waivers: z.array(z.object({ voter: z.string(), name: z.string() })),
});
/** One archive entry. */
export type ArchiveEntryRow = z.output<typeof EntryRow>;

/** SQL for an entry's columns, from `archive_entry`. */
export const ENTRY_COLUMNS = `id, item_kind, item_id, name, state, store_key, sha256, bytes, problem,
       coalesce((select jsonb_agg(jsonb_build_object('voter', b.voter, 'name', b.voter_name) order by b.seq)
                 from ballot b where b.kind = 'waiver' and b.question = archive_entry.id::text), '[]') as waivers`;

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

/** Records how saving an entry stands; `verified` is never taken back. Invariant: INV-8. */
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
  return e.state !== "verified" && new Set(e.waivers.map((w) => w.voter)).size >= APPROVALS_MIN;
}

const CopyRow = z.object({
  id: z.string(),
  itemKind: z.enum(itemKinds),
  itemId: z.string(),
  name: z.string(),
  key: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  savedAt: z.number(),
  inUse: z.boolean(),
});
/** One verified copy in the archive. `inUse`: its deletion is running, or a link to it is valid. Units: bytes, UTC epoch milliseconds. */
export type KeptCopy = z.output<typeof CopyRow>;
const COPY_COLUMNS = `id, item_kind as "itemKind", item_id as "itemId", name, store_key as key, sha256, bytes, updated_at as "savedAt"`;

/** Reads the verified copies whose removal has not begun. */
export async function readKeptCopies(q: Queryable, now: number): Promise<readonly KeptCopy[]> {
  return q.many(
    CopyRow,
    `select ${COPY_COLUMNS}, is_in_use(archive_entry, $1) as "inUse" from archive_entry
     where state = 'verified' and removal_begun_at is null order by item_kind, item_id, updated_at, id`,
    [now],
  );
}

/** Begins a copy's removal; false when it is in use. Errors: `StoreError` archive_last_copy for the last one. */
export async function beginRemoval(q: Queryable, id: string, at: number): Promise<boolean> {
  const n = await q.exec(
    `update archive_entry set removal_begun_at = $2
     where id = $1 and state = 'verified' and removal_begun_at is null and not is_in_use(archive_entry, $2)`,
    [id, at],
  );
  return n === 1;
}

/** Reads the copies whose removal has begun and not ended. */
export async function readBegunRemovals(q: Queryable): Promise<readonly KeptCopy[]> {
  return q.many(
    CopyRow,
    `select ${COPY_COLUMNS}, false as "inUse" from archive_entry
     where removal_begun_at is not null and removed_at is null order by removal_begun_at, id`,
    [],
  );
}

/** Records that a copy's file was removed. */
export async function recordRemoved(q: Queryable, id: string, at: number): Promise<void> {
  await q.exec("update archive_entry set removed_at = $2 where id = $1 and removal_begun_at is not null", [id, at]);
}
