import { failure, type Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, DomainPath, Instant } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { itemKinds, type Inventory, type InventoryItem } from "../../core/inventory.ts";
import { findDedications, readSupport, type Support } from "./support.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { itemLists, type ItemList, type OwnedRow } from "./item-lists.ts";
import { accountsQuery } from "./lists.ts";
import { findDomainWithChain } from "./managed-root.ts";
import { obstaclesIn } from "./obstacles.ts";
import type { Settings } from "../api/options.ts";
import { readList, type ListQuery } from "../api/paging.ts";
import { inParallel } from "../api/parallel.ts";
import type { Params } from "../api/signature.ts";
import { DomainRow, ProjectRow, type AccountRow } from "../api/wire.ts";

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
  o: { readonly domainId: DomainId; readonly path: DomainPath },
): Promise<Result<Inventory & { readonly unasked: readonly string[] }, Failure>> {
  const asOf = s.now();
  const subtree = await readSubtree(api, s, o);
  if (!subtree.ok) return subtree;
  const domains = new Set(subtree.value.map((row) => row.id));
  const accounts = await readList(api, s, accountsQuery(o.domainId, true));
  if (!accounts.ok) return accounts;
  const projects = await readList(api, s, projectsQuery(o.domainId));
  if (!projects.ok) return projects;
  const ours = {
    domains,
    accounts: accounts.value.filter((a) => domains.has(a.domainid)),
    projects: projects.value.filter((p) => domains.has(p.domainid)),
  };
  const strangers = accounts.value.filter((a) => !domains.has(a.domainid));
  const things = await readThings(api, s, support, o.domainId, ours);
  if (!things.ok) return things;
  const dedications = await findDedications(api, s, support, domains);
  if (!dedications.ok) return dedications;
  const items = [...peopleItems(subtree.value, ours.accounts, ours.projects), ...things.value.items].toSorted(byKindAndId);
  const obstacles = [...obstaclesIn(items, subtree.value, strangers), ...things.value.unasked, ...dedications.value];
  return ok({ domainId: o.domainId, path: o.path, items, obstacles, asOf, unasked: things.value.unasked });
}

/** The domain itself and those below it, found along parent ids. */
async function readSubtree(
  api: CloudStackApi,
  s: Settings,
  o: { domainId: DomainId; path: DomainPath },
): Promise<Result<readonly DomainRow[], Failure>> {
  const found = await findDomainWithChain(api, s, o.domainId);
  if (!found.ok) return found;
  if (found.value === null) return err(failure("stale", "cloudstack.domain_gone", `${o.path} does not exist any more`));
  if (found.value.path !== o.path) {
    return err(failure("stale", "cloudstack.domain_moved", `the domain of ${o.path} is now at ${found.value.path}`));
  }
  const { row } = found.value;
  const query: ListQuery<DomainRow> = {
    command: "listDomainChildren",
    params: { id: row.id, isrecursive: "true" },
    rows: "domain",
    row: DomainRow,
    keyOf: (d) => d.id,
  };
  const children = await readList(api, s, query);
  if (!children.ok) return children;
  const kept = [row];
  // Rows of a neighbour whose name matches as a pattern never hang on our domain.
  for (let i = 0; i < kept.length; i += 1) kept.push(...children.value.filter((c) => c.parentdomainid === kept[i]?.id));
  return ok(kept);
}

function projectsQuery(domainId: DomainId): ListQuery<ProjectRow> {
  const params = { domainid: domainId, listall: "true", isrecursive: "true" };
  return { command: "listProjects", params, rows: "project", row: ProjectRow, keyOf: (p) => p.id };
}

interface Ours {
  readonly domains: ReadonlySet<string>;
  readonly accounts: readonly AccountRow[];
  readonly projects: readonly ProjectRow[];
}

interface Things {
  readonly items: readonly InventoryItem[];
  readonly unasked: readonly string[];
}

async function readThings(
  api: CloudStackApi,
  s: Settings,
  support: Support,
  domainId: DomainId,
  ours: Ours,
): Promise<Result<Things, Failure>> {
  // `-1` gives a root administrator all projects' things, a domain administrator only those of its own projects: so each is asked for too.
  const owners: readonly Params[] = [{}, { projectid: "-1" }, ...ours.projects.map((p) => ({ projectid: p.id }))];
  const ownerOf = accountFinder(ours.accounts);
  const read = await inParallel(s.parallel, itemLists, (list) =>
    readKind(
      api,
      s,
      support,
      list,
      owners.map((o) => ({ ...o, domainid: domainId })),
    ),
  );
  if (!read.ok) return read;
  const items: InventoryItem[] = [];
  const unasked: string[] = [];
  for (const [i, list] of itemLists.entries()) {
    const rows = read.value[i];
    if (rows === undefined || rows === null) unasked.push(`the server knows ${list.query.command}, but this key could not ask it`);
    else
      items.push(
        ...mergeRows(
          list,
          rows.filter((row) => ours.domains.has(row.domainid)),
          ownerOf,
        ),
      );
  }
  return ok({ items, unasked });
}

/** Null: the server has the command, but refuses it; for what a plug-in brings that is an obstacle, not a failure. */
async function readKind(
  api: CloudStackApi,
  s: Settings,
  support: Support,
  list: ItemList,
  asks: readonly Params[],
): Promise<Result<readonly OwnedRow[] | null, Failure>> {
  if (list.optional) {
    const offered = await readSupport(api, support, list.query.command);
    if (!offered.ok) return offered;
    if (!offered.value) return ok([]);
  }
  const rows: OwnedRow[] = [];
  for (const params of asks) {
    const found = await readList(api, s, { ...list.query, params: { ...list.query.params, ...params } });
    if (!found.ok) return list.optional && REFUSED.has(statusOf(found.error) ?? 0) ? ok(null) : found;
    rows.push(...found.value);
  }
  return ok(rows);
}

/** Statuses that say: this key, or this server as it is set up, does not answer that command. */
const REFUSED = new Set([430, 431, 432, 530, 531]);

type OwnerFinder = (row: OwnedRow) => { readonly accountId: AccountId | null; readonly accountName: string | null };

function accountFinder(accounts: readonly AccountRow[]): OwnerFinder {
  const ids = new Map(accounts.map((a) => [`${a.domainid} ${a.name}`, a.id]));
  return (row) => ({ accountId: ids.get(`${row.domainid} ${row.account ?? ""}`) ?? null, accountName: row.account ?? null });
}

/** One item for each id: what is listed twice, or in several zones, is one thing. */
function mergeRows(list: ItemList, rows: readonly OwnedRow[], ownerOf: OwnerFinder): readonly InventoryItem[] {
  const byId = new Map<string, OwnedRow[]>();
  for (const row of rows) byId.set(row.id, [...(byId.get(row.id) ?? []), row]);
  return [...byId.values()].flatMap((same) => {
    const sorted = same.toSorted((a, b) => ((a.zoneid ?? "") < (b.zoneid ?? "") ? -1 : 1));
    const [first] = sorted;
    if (first === undefined) return [];
    const read = list.read(first);
    const zones = [...new Set(sorted.flatMap((row) => row.zoneid ?? []))];
    return [
      {
        kind: list.kind,
        id: first.id,
        ...ownerOf(first),
        zoneId: zones[0] ?? null,
        ...read,
        createdAt: read.createdAt as Instant | null,
        facts: {
          ...read.facts,
          ...(zones.length > 1 ? { zones: zones.join(" ") } : {}),
          ...(first.projectid === undefined ? {} : { projectId: first.projectid }),
        },
      },
    ];
  });
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

function byKindAndId(a: InventoryItem, b: InventoryItem): number {
  const byKind = itemKinds.indexOf(a.kind) - itemKinds.indexOf(b.kind);
  if (byKind !== 0) return byKind;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
