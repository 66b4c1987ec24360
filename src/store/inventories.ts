import { z } from "zod";
import type { Inventory } from "../core/inventory.ts";
import { toJson, type Queryable } from "./db.ts";

/** A stored inventory. */
export const StoredInventory = z.custom<Inventory>((v) => typeof v === "object" && v !== null && "items" in v);
const Body = z.object({ body: StoredInventory });

/** Stores the inventory that approvers are shown; once, for good. */
export async function recordApprovedInventory(q: Queryable, deletionId: string, inventory: Inventory, at: number): Promise<void> {
  await q.exec("insert into approved_inventory (deletion_id, body, stored_at) values ($1, $2, $3)", [deletionId, toJson(inventory), at]);
}

/** Reads the inventory that approvers were shown; null before it was. */
export async function readApprovedInventory(q: Queryable, deletionId: string): Promise<Inventory | null> {
  return (await q.maybe(Body, "select body from approved_inventory where deletion_id = $1", [deletionId]))?.body ?? null;
}

/** Stores the newest look at the domain, for showing. */
export async function recordLatestInventory(q: Queryable, deletionId: string, inventory: Inventory, at: number): Promise<void> {
  await q.exec(
    "insert into latest_inventory values ($1, $2, $3) on conflict (deletion_id) do update set body = excluded.body, looked_at = excluded.looked_at",
    [deletionId, toJson(inventory), at],
  );
}

/** Reads the newest look at the domain. */
export async function readLatestInventory(q: Queryable, deletionId: string): Promise<Inventory | null> {
  return (await q.maybe(Body, "select body from latest_inventory where deletion_id = $1", [deletionId]))?.body ?? null;
}
