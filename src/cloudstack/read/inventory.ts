import type { Failure } from "../../core/failure.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import type { CloudStackApi } from "../api/http.ts";
import type { Settings } from "../api/options.ts";
import { readList } from "../api/paging.ts";
import type { AccountRow, DomainRow, ProjectRow } from "../api/wire.ts";
import { itemLists } from "./item-lists.ts";
import { accountsQuery } from "./lists.ts";
import { obstaclesIn } from "./obstacles.ts";
import { findDedications, type Support } from "./support.ts";
import { byKindAndId, projectsQuery, readSubtree, readThings, type Place } from "./things.ts";

/**
 * Reads all that a domain and the domains below it hold. Every list is asked for twice, with and without what belongs to CloudStack
 * projects (recording 09), and every row is kept only if it belongs to one of these domains (recording 03, fact 8).
 *
 * Shape: `unasked` names the lists that this key could not ask; they are obstacles too.
 * Errors: `stale` when the domain is not at `path` any more or is gone; otherwise the failure of the list that failed.
 * Invariant: INV-9.
 */
export async function readInventory(
  api: CloudStackApi,
  s: Settings,
  support: Support,
  o: Place,
): Promise<Result<Inventory & { readonly unasked: readonly string[] }, Failure>> {
  const asOf = s.now();
  const subtree = await readSubtree(api, s, o);
  if (!subtree.ok) return subtree;
  const domains = new Set(subtree.value.map((row) => row.id));
  const accounts = await readList(api, s, accountsQuery(o.domainId, true));
  if (!accounts.ok) return accounts;
  const projects = await readList(api, s, projectsQuery(o.domainId));
  if (!projects.ok) return projects;
  const ownProjects = projects.value.filter((p) => domains.has(p.domainid));
  const ours = {
    domains,
    accounts: accounts.value.filter((a) => domains.has(a.domainid)),
    // `-1` gives a root administrator all projects' things, a domain administrator only those of its own projects: so each is asked for too.
    owners: [{}, { projectid: "-1" }, ...ownProjects.map((p) => ({ projectid: p.id }))],
  };
  const strangers = accounts.value.filter((a) => !domains.has(a.domainid));
  const things = await readThings(api, s, support, o.domainId, ours, itemLists);
  if (!things.ok) return things;
  const dedications = await findDedications(api, s, support, domains);
  if (!dedications.ok) return dedications;
  const items = [...peopleItems(subtree.value, ours.accounts, ownProjects), ...things.value.items].toSorted(byKindAndId);
  const obstacles = [...obstaclesIn(items, subtree.value, strangers), ...things.value.unasked, ...dedications.value];
  return ok({ domainId: o.domainId, path: o.path, items, obstacles, asOf, unasked: things.value.unasked });
}

function peopleItems(
  domains: readonly DomainRow[],
  accounts: readonly AccountRow[],
  projects: readonly ProjectRow[],
): readonly InventoryItem[] {
  const plain = { accountId: null, accountName: null, bytes: null, zoneId: null, parentId: null, createdAt: null, facts: {} };
  return [
    ...domains.slice(1).map((d): InventoryItem => ({
      ...plain,
      kind: "child_domain",
      id: d.id,
      name: d.name,
      state: "Active",
      createdAt: d.created ?? null,
      parentId: d.parentdomainid ?? null,
    })),
    ...accounts.flatMap((a): readonly InventoryItem[] => {
      const owner = { ...plain, accountId: a.id, accountName: a.name };
      return [
        {
          ...owner,
          kind: "account",
          id: a.id,
          name: a.name,
          state: a.state,
          createdAt: a.created ?? null,
          parentId: a.domainid,
          facts: { role: a.rolename, accountType: a.accounttype },
        },
        ...a.user.map((u): InventoryItem => ({
          ...owner,
          kind: "user",
          id: u.id,
          name: u.username,
          state: u.state,
          createdAt: u.created ?? null,
          parentId: a.id,
          facts: { email: u.email },
        })),
      ];
    }),
    ...projects.map((p): InventoryItem => ({
      ...plain,
      kind: "cloudstack_project",
      id: p.id,
      name: p.name,
      state: p.state ?? "unknown",
      createdAt: p.created ?? null,
      parentId: p.domainid,
    })),
  ];
}
