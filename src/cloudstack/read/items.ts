import type { Failure } from "../../core/failure.ts";
import { AccountId, type DomainId } from "../../core/ids.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { isUnknownId } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";
import { DomainRow } from "../api/wire.ts";
import { itemLists, type ItemList, type ReadItem } from "./item-lists.ts";
import { findAccount } from "./find.ts";
import { projectsQuery } from "./lists.ts";
import { findManagedRoot } from "./managed-root.ts";
import { accountFinder, byKindAndId, mergeRows, readDomain, readSubtree, readThings, readThingsOf, type Place } from "./things.ts";

/**
 * Reads what a domain and those below it hold of some kinds, for people to see. It is not a basis for a digest: accounts, obstacles and
 * other kinds are left out, and no item has its account's id. Each CloudStack project is asked for by its id.
 *
 * Errors: as for `readInventory`.
 */
export async function readItems(
  api: CloudStackApi,
  o: Place & { readonly kinds: readonly ItemKind[] },
): Promise<Result<readonly InventoryItem[], Failure>> {
  const held = await readSubtree(api, o);
  if (!held.ok) return held;
  const { domains, projects } = held.value;
  const owners = [{}, ...projects.map((p) => ({ projectid: p.id }))];
  const lists = itemLists.filter((list) => o.kinds.includes(list.kind));
  const things = await readThings(api, o.domainId, { domains, accounts: [], owners }, lists);
  return things.ok ? ok(things.value.items.toSorted(byKindAndId)) : things;
}

/** Beyond so many CloudStack projects one call asks for those of all: a key below the root administrator's sees only its own by it. */
const PROJECTS_APART = 3;

/**
 * Reads what several domains hold of some kinds, those below each with it, for people to see: by one list over the managed root for all of
 * them. A domain that is no longer below the root holds nothing.
 *
 * Errors: as for `readInventory`.
 */
export async function readItemsOf(
  api: CloudStackApi,
  domains: readonly DomainId[],
  kinds: readonly ItemKind[],
): Promise<Result<ReadonlyMap<DomainId, readonly InventoryItem[]>, Failure>> {
  const tree = await findManagedRoot(api);
  if (!tree.ok) return tree;
  const { id } = tree.value.root;
  const below = await readList(api, listOf("listDomainChildren", "domain", DomainRow, { id, isrecursive: "true" }));
  if (!below.ok) return below;
  const projects = await readList(api, projectsQuery(id));
  if (!projects.ok) return projects;
  const each = projects.value.length <= PROJECTS_APART ? projects.value.map((p) => ({ projectid: p.id })) : [{ projectid: "-1" }];
  const wanted = new Map(domains.map((domain) => [domain as string, domain]));
  const parents = new Map(below.value.map((row) => [row.id.toLowerCase(), row.parentdomainid?.toLowerCase()]));
  const ownerOf = (domainId: string): DomainId | undefined => {
    let at: string | undefined = domainId.toLowerCase();
    for (let depth = 0; at !== undefined && parents.has(at) && depth <= parents.size; depth += 1) {
      const owner = wanted.get(at);
      if (owner !== undefined) return owner;
      at = parents.get(at);
    }
    return undefined;
  };
  const lists = itemLists.filter((list) => kinds.includes(list.kind));
  return readThingsOf(api, id, [{}, ...each], lists, ownerOf);
}

/**
 * Reads one thing of a domain, for people to see; null when neither the domain nor one below it holds it. What is in the domain itself, as
 * nearly everything is, takes one list.
 *
 * Errors: as for `readInventory`.
 */
export async function readItem(
  api: CloudStackApi,
  o: Place & { readonly kind: ItemKind; readonly id: string },
): Promise<Result<InventoryItem | null, Failure>> {
  const domain = await readDomain(api, o);
  if (!domain.ok) return domain;
  const list = itemLists.find((one) => one.kind === o.kind);
  if (list === undefined) return ok(null);
  const asked = { ...list.query, params: { ...list.query.params, domainid: o.domainId, [list.idParam]: o.id } };
  const rows = await readList(api, asked);
  if (!rows.ok && !isUnknownId(rows.error)) return rows;
  // With an id, CloudStack ignores the other filters: the row itself says whose it is.
  const own = rows.ok ? rows.value.filter((row) => row.id === o.id && row.domainid === domain.value.id) : [];
  const [item] = mergeRows(list, own, accountFinder([]));
  if (item !== undefined) return ok(item);
  const all = await readItems(api, { ...o, kinds: [o.kind] });
  return all.ok ? ok(all.value.find((i) => i.id === o.id) ?? null) : all;
}

/** Reads one thing of an approved inventory again, or one of its accounts. Null: it is gone, or in another domain now. */
export async function findThing(
  api: CloudStackApi,
  approved: Pick<Inventory, "domainId" | "items">,
  item: Pick<InventoryItem, "kind" | "id" | "facts">,
): Promise<Result<Pick<InventoryItem, "state" | "parentId"> | null, Failure>> {
  if (item.kind !== "account") return findItem(api, approved, item);
  const id = AccountId.safeParse(item.id);
  const found = id.success ? await findAccount(api, id.data) : ok(null);
  if (!found.ok) return found;
  const isOurs = found.value !== null && domainsOf(approved).has(found.value.domainid.toLowerCase());
  return ok(isOurs ? { state: found.value.state, parentId: found.value.domainid } : null);
}

/** Reads one thing of an approved inventory again. Null: it is gone, or belongs to another domain now, and must not be touched. */
export async function findItem(
  api: CloudStackApi,
  approved: Pick<Inventory, "domainId" | "items">,
  item: Pick<InventoryItem, "kind" | "id" | "facts">,
): Promise<Result<ReadItem | null, Failure>> {
  const list = itemLists.find((one) => one.kind === item.kind);
  if (list === undefined) return ok(null);
  const project = item.facts["projectId"];
  const owner = typeof project === "string" ? { projectid: project } : {};
  const domains = domainsOf(approved);
  for (const way of waysOf(list, item.facts["isHidden"] === true)) {
    const rows = await readList(api, { ...list.query, params: { ...list.query.params, [list.idParam]: item.id, ...owner, ...way } });
    if (!rows.ok) return isUnknownId(rows.error) ? ok(null) : rows;
    const row = rows.value.find((one) => one.id === item.id && domains.has(one.domainid.toLowerCase()));
    if (row !== undefined) return ok(list.read(row));
  }
  return ok(null);
}

/** How a thing is asked for: as it was seen first, then the other way: an administrator may have changed whether it is for display. */
function waysOf({ otherWay }: ItemList, isHidden: boolean): readonly Params[] {
  if (otherWay === null) return [{}];
  // What only the filter of the whole cloud shows is in no store any more.
  if (!otherWay.isDisplayFlag) return [isHidden ? otherWay.params : {}];
  return isHidden ? [otherWay.params, {}] : [{}, otherWay.params];
}

/** The ids of an inventory's domain and of the child domains in it. */
export function domainsOf(approved: Pick<Inventory, "domainId" | "items">): ReadonlySet<string> {
  return new Set([approved.domainId, ...approved.items.filter((i) => i.kind === "child_domain").map((i) => i.id.toLowerCase())]);
}
