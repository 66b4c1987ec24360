import { z } from "zod";
import type { Inventory } from "../core/inventory.ts";
import { insertRow, toJson, type Queryable } from "./db.ts";

/** A stored inventory. */
export const StoredInventory = z.custom<Inventory>((v) => typeof v === "object" && v !== null && "items" in v);
const Body = z.object({ body: StoredInventory });

/** Stores the inventory that approvers are shown; it is never changed. */
export async function recordApprovedInventory(q: Queryable, deletionId: string, inventory: Inventory, at: number): Promise<void> {
  await insertRow(q, "approved_inventory", { deletionId, body: inventory, storedAt: at });
}

/** Reads the inventory that approvers were shown; null before it was. */
export async function readApprovedInventory(q: Queryable, deletionId: string): Promise<Inventory | null> {
  return (await q.maybe(Body, "select body from approved_inventory where deletion_id = $1", [deletionId]))?.body ?? null;
}

/** Stores the newest inventory of the domain, as the card shows it. */
export async function recordLatestInventory(q: Queryable, deletionId: string, inventory: Inventory, at: number): Promise<void> {
  await q.exec(
    "insert into latest_inventory values ($1, $2, $3) on conflict (deletion_id) do update set body = excluded.body, looked_at = excluded.looked_at",
    [deletionId, toJson(inventory), at],
  );
}

/** Reads the newest inventory of the domain. */
export async function readLatestInventory(q: Queryable, deletionId: string): Promise<Inventory | null> {
  return (await q.maybe(Body, "select body from latest_inventory where deletion_id = $1", [deletionId]))?.body ?? null;
}
