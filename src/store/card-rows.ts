import { z } from "zod";
import type { Inventory } from "../core/inventory.ts";
import { ENTRY_COLUMNS, EntryRow, type ArchiveEntryRow } from "./archive-entries.ts";
import type { Queryable } from "./db.ts";
import { StoredInventory } from "./inventories.ts";
import { VoteRows, votesAsJson, type StoredVote } from "./ballots.ts";

const Row = z.object({
  votes: VoteRows,
  entries: z.array(EntryRow),
  approved: StoredInventory.nullable(),
  latest: StoredInventory.nullable(),
});

/** What a deletion's card shows besides its own row. */
export interface CardRows {
  /** Oldest first, withdrawals too. */
  readonly votes: readonly StoredVote[];
  readonly entries: readonly ArchiveEntryRow[];
  /** What approvers were shown; null before they were. */
  readonly approved: Inventory | null;
  readonly latest: Inventory | null;
}

/** Reads what a deletion's card shows in one statement, so it is of one moment: a card is built at every step. */
export async function readCardRows(q: Queryable, deletionId: string): Promise<CardRows> {
  return q.one(
    Row,
    `select ${votesAsJson("deletion", "($1::uuid)::text")} as votes,
       coalesce((select json_agg(e order by e.name, e.item_id)
                 from (select ${ENTRY_COLUMNS} from archive_entry where owner_kind = 'deletion' and owner_id = $1) e), '[]') as entries,
       (select body from approved_inventory where deletion_id = $1) as approved,
       (select body from latest_inventory where deletion_id = $1) as latest`,
    [deletionId],
  );
}
