import type { Failure } from "../../core/failure.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import type { CloudStackApi } from "../api/http.ts";
import { readList } from "../api/paging.ts";
import type { AccountRow, DomainRow, ProjectRow } from "../api/wire.ts";
import { itemLists } from "./item-lists.ts";
import { accountsQuery } from "./lists.ts";
import { obstaclesIn } from "./obstacles.ts";
import { findDedications } from "./support.ts";
import { byKindAndId, readSubtree, readThings, type Place } from "./things.ts";

/**
 * Reads all that a domain and the domains below it hold. Every list is asked for twice, with and without what belongs to CloudStack
 * projects (recording 09), and every row is kept only if it belongs to one of these domains (recording 03, fact 8).
 *
 * Shape: `unasked` names the lists that this key could not ask; they count as obstacles too.
 * Errors: `stale` when the domain is no longer at `path`; otherwise the failure of the list that failed.
 * Invariant: INV-9.
 */
export async function readInventory(
  api: CloudStackApi,
  o: Place,
): Promise<Result<Inventory & { readonly unasked: readonly string[] }, Failure>> {
  const asOf = api.settings.now();
  const subtree = await readSubtree(api, o);
  if (!subtree.ok) return subtree;
  const { rows, domains, projects } = subtree.value;
  const accounts = await readList(api, accountsQuery(o.domainId, true));
  if (!accounts.ok) return accounts;
  const ours = {
    domains,
    accounts: accounts.value.filter((a) => domains.has(a.domainid)),
    // `-1` gives a root administrator the things of all projects, a domain administrator only those of its own: so each is asked for too.
    owners: [{}, { projectid: "-1" }, ...projects.map((p) => ({ projectid: p.id }))],
  };
  const strangers = accounts.value.filter((a) => !domains.has(a.domainid));
  const things = await readThings(api, o.domainId, ours, itemLists);
  if (!things.ok) return things;
  const dedications = await findDedications(api, domains);
  if (!dedications.ok) return dedications;
  const items = [...holderItems(rows, ours.accounts, projects), ...things.value.items].toSorted(byKindAndId);
  const obstacles = [...obstaclesIn(items, rows, strangers), ...things.value.unasked, ...dedications.value];
  return ok({ domainId: o.domainId, path: o.path, items, obstacles, asOf, unasked: things.value.unasked });
}

/** The child domains, accounts, users and CloudStack projects as items. */
function holderItems(
  domains: readonly DomainRow[],
  accounts: readonly AccountRow[],
  projects: readonly ProjectRow[],
): readonly InventoryItem[] {
  const item = (kind: ItemKind, row: HolderRow, parentId: string | null, more: Partial<InventoryItem> = {}): InventoryItem => ({
    ...{ kind, id: row.id, name: row.name, state: row.state ?? "unknown", createdAt: row.created ?? null, parentId },
    ...{ accountId: null, accountName: null, bytes: null, zoneId: null, facts: {}, ...more },
  });
  return [
    ...domains.slice(1).map((d) => item("child_domain", { ...d, state: "Active" }, d.parentdomainid ?? null)),
    ...accounts.flatMap((a) => {
      const owner = { accountId: a.id, accountName: a.name };
      return [
        item("account", a, a.domainid, { ...owner, facts: { role: a.rolename, accountType: a.accounttype } }),
        ...a.user.map((u) => item("user", { ...u, name: u.username }, a.id, { ...owner, facts: { email: u.email } })),
      ];
    }),
    ...projects.map((p) => item("cloudstack_project", p, p.domainid)),
  ];
}

type HolderRow = Pick<ProjectRow, "id" | "name" | "state" | "created">;
