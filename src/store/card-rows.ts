import { z } from "zod";
import type { Inventory } from "../core/inventory.ts";
import { ENTRY_COLUMNS, EntryRow, type ArchiveEntryRow } from "./archive-entries.ts";
import type { Queryable } from "./db.ts";
import { StoredInventory } from "./inventories.ts";
import { VOTES_AS_JSON, VoteRow, WITHDRAWALS_AS_JSON, WithdrawalRow, asStoredVote, type Ballot } from "./votes.ts";

const Row = z.object({
  votes: z.array(VoteRow),
  withdrawals: z.array(WithdrawalRow),
  entries: z.array(EntryRow),
  approved: StoredInventory.nullable(),
  latest: StoredInventory.nullable(),
});

/** All that a deletion's card shows beside its own row. */
export interface CardRows extends Ballot {
  readonly entries: readonly ArchiveEntryRow[];
  /** What approvers were shown; null before they were. */
  readonly approved: Inventory | null;
  readonly latest: Inventory | null;
}

/** Reads what a deletion's card shows in one statement, as it stands at one moment: a card is built at every step. */
export async function readCardRows(q: Queryable, deletionId: string): Promise<CardRows> {
  const row = await q.one(
    Row,
    `select ${VOTES_AS_JSON} as votes, ${WITHDRAWALS_AS_JSON} as withdrawals,
       coalesce((select json_agg(e order by e.name, e.item_id)
                 from (select ${ENTRY_COLUMNS} from archive_entry where owner_kind = 'deletion' and owner_id = $1) e), '[]') as entries,
       (select body from approved_inventory where deletion_id = $1) as approved,
       (select body from latest_inventory where deletion_id = $1) as latest`,
    [deletionId],
  );
  return { ...row, votes: row.votes.map(asStoredVote) };
}
