import type { Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, DomainPath } from "../../core/ids.ts";
import { groupBy } from "../../core/group-by.ts";
import { itemKinds, type InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { inParallel } from "../api/parallel.ts";
import type { Params } from "../api/signature.ts";
import { DomainRow, type AccountRow, type ProjectRow } from "../api/wire.ts";
import type { ItemList, OwnedRow } from "./item-lists.ts";
import { projectsQuery } from "./lists.ts";
import { findDomainAt } from "./managed-root.ts";
import { readSupport } from "./support.ts";

/** A domain, and where it must be. */
export interface Place {
  readonly domainId: DomainId;
  readonly path: DomainPath;
}

/** The domain itself, at its path. */
export async function readDomain(api: CloudStackApi, o: Place): Promise<Result<DomainRow, Failure>> {
  const found = await findDomainAt(api, o.domainId, o.path);
  return found.ok ? ok(found.value.row) : found;
}

/** A domain with those below it, and the CloudStack projects in them. */
export interface Subtree {
  /** The domain itself first. */
  readonly rows: readonly DomainRow[];
  readonly domains: ReadonlySet<string>;
  readonly projects: readonly ProjectRow[];
}

/** Reads the domain itself and those below it, found along parent ids, and their CloudStack projects. */
export async function readSubtree(api: CloudStackApi, o: Place): Promise<Result<Subtree, Failure>> {
  const domain = await readDomain(api, o);
  if (!domain.ok) return domain;
  const children = await readList(api, listOf("listDomainChildren", "domain", DomainRow, { id: domain.value.id, isrecursive: "true" }));
  if (!children.ok) return children;
  const rows = [domain.value];
  // Rows of a neighbour whose name matches as a pattern are never below our domain.
  for (let i = 0; i < rows.length; i += 1) rows.push(...children.value.filter((c) => c.parentdomainid === rows[i]?.id));

  const projects = await readList(api, projectsQuery(o.domainId));
  if (!projects.ok) return projects;
  const domains = new Set(rows.map((row) => row.id));
  return ok({ rows, domains, projects: projects.value.filter((p) => domains.has(p.domainid)) });
}

/** Whose things are read. */
export interface Ours {
  readonly domains: ReadonlySet<string>;
  readonly accounts: readonly AccountRow[];
  /** The parameters by which each list is asked for: one call for each. */
  readonly owners: readonly Params[];
}

/** What the lists gave. */
export interface Things {
  readonly items: readonly InventoryItem[];
  /** Lists that the server has, but this key could not ask. */
  readonly unasked: readonly string[];
}

/** Reads lists of a domain for each owner, and keeps the rows of its own domains. */
export async function readThings(
  api: CloudStackApi,
  domainId: DomainId,
  ours: Ours,
  lists: readonly ItemList[],
): Promise<Result<Things, Failure>> {
  const ownerOf = accountFinder(ours.accounts);
  const asks = ours.owners.map((o) => ({ ...o, domainid: domainId }));
  const read = await inParallel(api.settings.parallel, lists, (list) => readKind(api, list, asks));
  if (!read.ok) return read;
  const items: InventoryItem[] = [];
  const unasked: string[] = [];
  for (const [i, list] of lists.entries()) {
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

/** Null: the server has the command, but refuses it; for a plug-in's command that is an obstacle, not a failure. */
async function readKind(api: CloudStackApi, list: ItemList, asks: readonly Params[]): Promise<Result<readonly OwnedRow[] | null, Failure>> {
  if (list.optional) {
    const offered = await readSupport(api, list.query.command);
    if (!offered.ok) return offered;
    if (!offered.value) return ok([]);
  }
  const rows: OwnedRow[] = [];
  for (const params of asks) {
    const found = await readList(api, { ...list.query, params: { ...list.query.params, ...params } });
    if (!found.ok) return list.optional && REFUSED.has(statusOf(found.error) ?? 0) ? ok(null) : found;
    rows.push(...found.value);
  }
  return ok(rows);
}

/** Statuses with which a server refuses a command to this key, or as it is set up. */
const REFUSED = new Set([430, 431, 432, 530, 531]);

type OwnerFinder = (row: OwnedRow) => { readonly accountId: AccountId | null; readonly accountName: string | null };

/** Finds the account that owns a row, among these. */
export function accountFinder(accounts: readonly AccountRow[]): OwnerFinder {
  const ids = new Map(accounts.map((a) => [`${a.domainid} ${a.name}`, a.id]));
  return (row) => ({ accountId: ids.get(`${row.domainid} ${row.account ?? ""}`) ?? null, accountName: row.account ?? null });
}

/** One item for each id: what is listed twice, or in several zones, is one thing. */
export function mergeRows(list: ItemList, rows: readonly OwnedRow[], ownerOf: OwnerFinder): readonly InventoryItem[] {
  return [...groupBy(rows, (row) => row.id).values()].flatMap((same) => {
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
        facts: {
          ...read.facts,
          ...(zones.length > 1 ? { zones: zones.join(" ") } : {}),
          ...(first.projectid === undefined ? {} : { projectId: first.projectid }),
        },
      },
    ];
  });
}

/** In the order in which kinds are shown, then by id. */
export function byKindAndId(a: InventoryItem, b: InventoryItem): number {
  const byKind = itemKinds.indexOf(a.kind) - itemKinds.indexOf(b.kind);
  if (byKind !== 0) return byKind;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
