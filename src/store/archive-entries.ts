import { z } from "zod";
import { type ItemKind, itemKinds } from "../sync/planning/inventory.ts";
import { toJson, type Queryable } from "./db.ts";

const Row = z.object({
  id: z.string(),
  item_kind: z.enum(itemKinds),
  item_id: z.string(),
  name: z.string(),
  state: z.enum(["waiting", "saving", "verified", "failed"]),
  store_key: z.string().nullable(),
  sha256: z.string().nullable(),
  bytes: z.number().nullable(),
  problem: z.string().nullable(),
});
/** One archived thing as it stands. */
export type ArchiveEntryRow = z.output<typeof Row>;

/** What an entry belongs to. */
export interface EntryOwner {
  readonly kind: "deletion" | "export" | "backup";
  readonly id: string;
}

/** Makes an entry for a thing; one that is there stays as it is. */
export async function insertEntry(
  q: Queryable,
  owner: EntryOwner,
  e: { readonly id: string; readonly itemKind: ItemKind; readonly itemId: string; readonly name: string; readonly at: number },
): Promise<void> {
  await q.exec(
    "insert into archive_entry (id, owner_kind, owner_id, item_kind, item_id, name, state, updated_at) values ($1, $2, $3, $4, $5, $6, 'waiting', $7) on conflict do nothing",
    [e.id, owner.kind, owner.id, e.itemKind, e.itemId, e.name, e.at],
  );
}

/** Writes how saving an entry stands; `verified` needs key, checksum, size and manifest. Invariant: INV-8. */
export async function updateEntry(
  q: Queryable,
  id: string,
  at: number,
  e:
    | { readonly state: "saving" }
    | { readonly state: "failed"; readonly problem: string }
    | { readonly state: "verified"; readonly key: string; readonly sha256: string; readonly bytes: number; readonly manifest: unknown },
): Promise<void> {
  if (e.state === "verified") {
    await q.exec(
      "update archive_entry set state = 'verified', store_key = $2, sha256 = $3, bytes = $4, manifest = $5, problem = null, updated_at = $6 where id = $1",
      [id, e.key, e.sha256, e.bytes, toJson(e.manifest), at],
    );
  } else {
    await q.exec("update archive_entry set state = $2, problem = $3, updated_at = $4 where id = $1 and state <> 'verified'", [
      id,
      e.state,
      e.state === "failed" ? e.problem : null,
      at,
    ]);
  }
}

/** Reads an owner's entries by name. */
export async function readEntries(q: Queryable, owner: EntryOwner): Promise<readonly ArchiveEntryRow[]> {
  return q.many(
    Row,
    "select id, item_kind, item_id, name, state, store_key, sha256, bytes, problem from archive_entry where owner_kind = $1 and owner_id = $2 order by name, item_id",
    [owner.kind, owner.id],
  );
}
