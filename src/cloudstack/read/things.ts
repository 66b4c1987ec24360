import { failure, type Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, DomainPath, Instant } from "../../core/ids.ts";
import { itemKinds, type InventoryItem } from "../../core/inventory.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import type { Settings } from "../api/options.ts";
import { readList, type ListQuery } from "../api/paging.ts";
import { inParallel } from "../api/parallel.ts";
import type { Params } from "../api/signature.ts";
import { DomainRow, ProjectRow, type AccountRow } from "../api/wire.ts";
import type { ItemList, OwnedRow } from "./item-lists.ts";
import { findDomainWithChain } from "./managed-root.ts";
import { readSupport, type Support } from "./support.ts";

/** A domain, and where it must be. */
export interface Place {
  readonly domainId: DomainId;
  readonly path: DomainPath;
}

/** The domain itself, at its path. */
export async function readDomain(api: CloudStackApi, s: Settings, o: Place): Promise<Result<DomainRow, Failure>> {
  const found = await findDomainWithChain(api, s, o.domainId);
  if (!found.ok) return found;
  if (found.value === null) return err(failure("stale", "cloudstack.domain_gone", `${o.path} does not exist any more`));
  return found.value.path === o.path
    ? ok(found.value.row)
    : err(failure("stale", "cloudstack.domain_moved", `the domain of ${o.path} is now at ${found.value.path}`));
}

/** The domain itself and those below it, found along parent ids. */
export async function readSubtree(api: CloudStackApi, s: Settings, o: Place): Promise<Result<readonly DomainRow[], Failure>> {
  const domain = await readDomain(api, s, o);
  if (!domain.ok) return domain;
  const row = domain.value;
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

/** The CloudStack projects of a domain and those below it. */
export function projectsQuery(domainId: DomainId): ListQuery<ProjectRow> {
  const params = { domainid: domainId, listall: "true", isrecursive: "true" };
  return { command: "listProjects", params, rows: "project", row: ProjectRow, keyOf: (p) => p.id };
}

/** Whose things are read. */
export interface Ours {
  readonly domains: ReadonlySet<string>;
  readonly accounts: readonly AccountRow[];
  /** Whose things each list is asked for. */
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
  s: Settings,
  support: Support,
  domainId: DomainId,
  ours: Ours,
  lists: readonly ItemList[],
): Promise<Result<Things, Failure>> {
  const ownerOf = accountFinder(ours.accounts);
  const read = await inParallel(s.parallel, lists, (list) =>
    readKind(
      api,
      s,
      support,
      list,
      ours.owners.map((o) => ({ ...o, domainid: domainId })),
    ),
  );
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

/** Tells whose a row is. */
export type OwnerFinder = (row: OwnedRow) => { readonly accountId: AccountId | null; readonly accountName: string | null };

/** Finds the account that owns a row, among these. */
export function accountFinder(accounts: readonly AccountRow[]): OwnerFinder {
  const ids = new Map(accounts.map((a) => [`${a.domainid} ${a.name}`, a.id]));
  return (row) => ({ accountId: ids.get(`${row.domainid} ${row.account ?? ""}`) ?? null, accountName: row.account ?? null });
}

/** One item for each id: what is listed twice, or in several zones, is one thing. */
export function mergeRows(list: ItemList, rows: readonly OwnedRow[], ownerOf: OwnerFinder): readonly InventoryItem[] {
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

/** In the order in which kinds are shown, then by id. */
export function byKindAndId(a: InventoryItem, b: InventoryItem): number {
  const byKind = itemKinds.indexOf(a.kind) - itemKinds.indexOf(b.kind);
  if (byKind !== 0) return byKind;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
