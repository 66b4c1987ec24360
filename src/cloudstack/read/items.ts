import type { Failure } from "../../core/failure.ts";
import type { InventoryItem, ItemKind } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import type { Settings } from "../api/options.ts";
import { readList } from "../api/paging.ts";
import { itemLists } from "./item-lists.ts";
import type { Support } from "./support.ts";
import { accountFinder, byKindAndId, mergeRows, projectsQuery, readDomain, readSubtree, readThings, type Place } from "./things.ts";

/**
 * Reads what a domain and those below it hold of some kinds, for people to see: too little to make a digest of, so accounts, obstacles and
 * everything else are left out, and no item tells its account's id. Each CloudStack project is asked for by its id.
 *
 * Errors: as for `readInventory`.
 */
export async function readItems(
  api: CloudStackApi,
  s: Settings,
  support: Support,
  o: Place & { readonly kinds: readonly ItemKind[] },
): Promise<Result<readonly InventoryItem[], Failure>> {
  const subtree = await readSubtree(api, s, o);
  if (!subtree.ok) return subtree;
  const projects = await readList(api, s, projectsQuery(o.domainId));
  if (!projects.ok) return projects;
  const domains = new Set(subtree.value.map((row) => row.id));
  const owners = [{}, ...projects.value.filter((p) => domains.has(p.domainid)).map((p) => ({ projectid: p.id }))];
  const lists = itemLists.filter((list) => o.kinds.includes(list.kind));
  const things = await readThings(api, s, support, o.domainId, { domains, accounts: [], owners }, lists);
  return things.ok ? ok(things.value.items.toSorted(byKindAndId)) : things;
}

/**
 * Reads one thing of a domain, for people to see; null when neither the domain nor one below it holds it. What lies in the domain itself,
 * as nearly all does, is found by one list.
 *
 * Errors: as for `readInventory`.
 */
export async function readItem(
  api: CloudStackApi,
  s: Settings,
  support: Support,
  o: Place & { readonly kind: ItemKind; readonly id: string },
): Promise<Result<InventoryItem | null, Failure>> {
  const domain = await readDomain(api, s, o);
  if (!domain.ok) return domain;
  const list = itemLists.find((one) => one.kind === o.kind);
  if (list === undefined) return ok(null);
  const asked = { ...list.query, params: { ...list.query.params, domainid: o.domainId, id: o.id } };
  const rows = await readList(api, s, asked);
  if (!rows.ok && statusOf(rows.error) !== 431) return rows;
  // With an id CloudStack looks at no other filter: whose it is, the row tells.
  const own = rows.ok ? rows.value.filter((row) => row.id === o.id && row.domainid === domain.value.id) : [];
  const [item] = mergeRows(list, own, accountFinder([]));
  if (item !== undefined) return ok(item);
  const all = await readItems(api, s, support, { ...o, kinds: [o.kind] });
  return all.ok ? ok(all.value.find((i) => i.id === o.id) ?? null) : all;
}
