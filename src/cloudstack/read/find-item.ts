import type { Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import type { CloudStackApi } from "../api/http.ts";
import { itemLists, type ReadItem } from "./item-lists.ts";
import { readList, type Paging } from "../api/paging.ts";

/**
 * Looks at one thing of an approved inventory again. Null: it is gone, or belongs to another domain by now, and is not to be touched.
 */
export async function findItem(
  api: CloudStackApi,
  paging: Paging,
  approved: Pick<Inventory, "domainId" | "items">,
  item: InventoryItem,
): Promise<Result<ReadItem | null, Failure>> {
  const list = itemLists.find((one) => one.kind === item.kind);
  if (list === undefined) return ok(null);
  const project = item.facts["projectId"];
  // The same question as the inventory's, so that what it listed is found here: CloudStack's own filters by id differ from kind to kind.
  const params = { ...list.query.params, domainid: approved.domainId, ...(typeof project === "string" ? { projectid: project } : {}) };
  const rows = await readList(api, paging, { ...list.query, params });
  if (!rows.ok) return rows;
  const domains = domainsOf(approved);
  const row = rows.value.find((one) => one.id === item.id && domains.has(one.domainid.toLowerCase()));
  return ok(row === undefined ? null : list.read(row));
}

/** The ids of an inventory's domain and of the child domains in it. */
export function domainsOf(approved: Pick<Inventory, "domainId" | "items">): ReadonlySet<string> {
  return new Set([approved.domainId, ...approved.items.filter((i) => i.kind === "child_domain").map((i) => i.id.toLowerCase())]);
}
