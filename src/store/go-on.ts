import { z } from "zod";
import { Digest, Instant, OperatorId, StoredCiUserId } from "../core/ids.ts";
import type { Inventory } from "../core/inventory.ts";
import { columnsOf, insertRow, toJson, type Queryable } from "./db.ts";
import { StoredInventory } from "./inventories.ts";
import type { NeighboursRead } from "./neighbours.ts";

const Row = z.object({
  id: z.string(),
  deletionId: z.string(),
  reason: z.string(),
  sentence: z.string(),
  digest: Digest,
  body: StoredInventory,
  neighbours: z.custom<NeighboursRead>((v) => typeof v === "object").nullable(),
  openedAt: Instant,
  expiresAt: Instant,
  /** The closing that is asked about, where the reason is `closed_again`; else null. */
  closedAt: Instant.nullable(),
  closedBy: StoredCiUserId.nullable(),
});
/** What was found when a deletion froze in `removing`, put to people: may it go on? */
export type GoOnRow = z.output<typeof Row>;
const SELECT = `select ${columnsOf(Row)} from go_on g`;

/** Asks whether a deletion may go on. Errors: `StoreError` `go_on_phase` unless it is frozen in `removing`. */
export async function recordGoOn(q: Queryable, row: GoOnRow): Promise<void> {
  await insertRow(q, "go_on", {
    ...row,
    body: toJson(row.body satisfies Inventory),
    neighbours: row.neighbours === null ? null : toJson(row.neighbours),
  });
}

/** What is asked about the freeze that a deletion is in, made in the same instant; null: nothing is. */
export async function readGoOn(q: Queryable, frozen: { readonly id: string; readonly entered_at: number | null }): Promise<GoOnRow | null> {
  return q.maybe(Row, `${SELECT} where deletion_id = $1 and opened_at = $2 order by seq desc limit 1`, [frozen.id, frozen.entered_at]);
}

/** Records that two people said Go on. Errors: `StoreError` `go_on_quorum`, `go_on_open`. Invariant: INV-2. */
export async function recordGoOnDecision(q: Queryable, id: string, at: number): Promise<void> {
  await insertRow(q, "go_on_decision", { goOnId: id, at });
}

/** The decided questions of a deletion, the newest first. */
export async function readDecidedGoOns(q: Queryable, deletionId: string): Promise<readonly GoOnRow[]> {
  return q.many(Row, `${SELECT} where deletion_id = $1 and exists (select from go_on_decision where go_on_id = g.id) order by seq desc`, [
    deletionId,
  ]);
}

/** Who closed the project again, by what people were asked of this deletion: they asked for it too. Invariant: INV-2. */
export async function readClosers(q: Queryable, deletionId: string): Promise<readonly OperatorId[]> {
  const sql = "select distinct 'ci:' || closed_by as id from go_on where deletion_id = $1 and closed_by is not null order by 1";
  return (await q.many(z.object({ id: OperatorId }), sql, [deletionId])).map((r) => r.id);
}
