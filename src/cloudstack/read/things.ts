import type { Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, DomainPath } from "../../core/ids.ts";
import { groupBy } from "../../core/group-by.ts";
import { absentKinds, itemKinds, type InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { isRefusedList, statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { inParallel } from "../api/parallel.ts";
import type { Params } from "../api/signature.ts";
import { DomainRow, type AccountRow, type ProjectRow } from "../api/wire.ts";
import type { ItemList, OwnedRow, ReadItem } from "./item-lists.ts";
import { projectsQuery } from "./lists.ts";
import { findDomainAt } from "./managed-root.ts";
import { pathOf } from "./domain-tree.ts";

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

/** A list of domains that was read already; `null` where there is none. */
export type KnownDomains = readonly DomainRow[] | null;

/**
 * Reads the domain itself and those below it, found along parent ids, and their CloudStack projects; from a list of all domains where
 * that was just read.
 */
export async function readSubtree(api: CloudStackApi, o: Place, known: KnownDomains = null): Promise<Result<Subtree, Failure>> {
  const listed = known?.find((row) => row.id.toLowerCase() === o.domainId);
  const isAtItsPlace = listed !== undefined && pathOf(listed, new Map((known ?? []).map((row) => [row.id, row]))) === o.path;
  // In no list, or elsewhere: asked by its id, the server says whether it is gone, hidden or moved.
  const domain = isAtItsPlace ? ok(listed) : await readDomain(api, o);
  if (!domain.ok) return domain;
  const children =
    isAtItsPlace && known !== null
      ? ok(known)
      : await readList(api, listOf("listDomainChildren", "domain", DomainRow, { id: domain.value.id, isrecursive: "true" }));
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
  /** Lists that this key could not ask, a sentence for each. */
  readonly unasked: readonly string[];
}

/** Reads lists of a domain for each owner, and keeps the rows of its own domains. */
export async function readThings(
  api: CloudStackApi,
  domainId: string,
  ours: Ours,
  lists: readonly ItemList[],
  way: "usual" | "other" = "usual",
): Promise<Result<Things, Failure>> {
  const ownerOf = accountFinder(ours.accounts);
  const absent: ReadonlySet<string> = new Set(api.settings.absentKinds);
  const asked = lists.filter((list) => !absent.has(list.kind));
  const asks = ours.owners.map((o) => ({ ...o, domainid: domainId }));
  const read = await inParallel(api.settings.parallel, asked, (list) => readKind(api, list, asks, way));
  if (!read.ok) return read;
  const items: InventoryItem[] = [];
  const unasked: string[] = [];
  for (const [i, list] of asked.entries()) {
    const found = read.value[i];
    if (found === undefined) continue;
    if ("unasked" in found) unasked.push(found.unasked);
    else if (found.ignored !== null) unasked.push(found.ignored);
    const rows = "unasked" in found ? [] : found.rows.filter((row) => ours.domains.has(row.domainid));
    const shown = "unasked" in found ? new Set() : found.shown;
    for (const item of mergeRows(list, rows, ownerOf))
      items.push(shown.has(item.id) ? item : { ...item, facts: { ...item.facts, isHidden: true } });
  }
  return ok({ items, unasked });
}

/** Reads lists over a domain and those below it, and sorts their rows by `ownerOf`; rows of no owner are left out. */
export async function readThingsOf(
  api: CloudStackApi,
  domainId: string,
  owners: readonly Params[],
  lists: readonly ItemList[],
  ownerOf: (domainId: string) => DomainId | undefined,
): Promise<Result<ReadonlyMap<DomainId, readonly InventoryItem[]>, Failure>> {
  const asks = owners.map((o) => ({ ...o, domainid: domainId }));
  const read = await inParallel(api.settings.parallel, lists, (list) => readKind(api, list, asks, "usual"));
  if (!read.ok) return read;
  const things = new Map<DomainId, InventoryItem[]>();
  for (const [i, list] of lists.entries()) {
    const found = read.value[i];
    if (found === undefined || "unasked" in found) continue;
    for (const [owner, rows] of groupBy(found.rows, (row) => ownerOf(row.domainid)))
      if (owner !== undefined) things.set(owner, [...(things.get(owner) ?? []), ...mergeRows(list, rows, accountFinder([]))]);
  }
  return ok(things);
}

type KindRead =
  | { readonly rows: readonly OwnedRow[]; readonly shown: ReadonlySet<string>; readonly ignored: string | null }
  | { readonly unasked: string };

/**
 * `shown`: what is listed without asking for hidden things. `ignored`: that CloudStack gave the same rows to the display flag, as it does to
 * a key below the root administrator's: what is not for display is not known then. A list that may be missing, and is refused, is no failure.
 */
async function readKind(
  api: CloudStackApi,
  list: ItemList,
  asks: readonly Params[],
  way: "usual" | "other",
): Promise<Result<KindRead, Failure>> {
  const { otherWay, query } = list;
  const isOther = otherWay !== null && (way === "other" || otherWay.asked === "always");
  const ways = [...(way === "usual" ? [{}] : []), ...(isOther ? [otherWay.params] : [])];
  const rows: OwnedRow[] = [];
  const shown = new Set<string>();
  let ignored: string | null = null;
  for (const asked of ways) {
    for (const params of asks) {
      const found = await readList(api, { ...query, params: { ...query.params, ...params, ...asked } });
      const isUsual = asked !== otherWay?.params;
      if (!found.ok) {
        const unasked = unaskedBecause(query.command, found.error, list.kind);
        // A key that may not ask for hidden things has asked all that it may; the totals still disagree then.
        if (unasked !== null && !isUsual && otherWay?.asked === "when totals disagree") continue;
        return unasked === null || !list.optional ? found : ok({ unasked });
      }
      rows.push(...found.value);
      if (isUsual) for (const row of found.value) shown.add(row.id);
      else if (otherWay?.isDisplayFlag === true && found.value.some((row) => shown.has(row.id)))
        ignored = ignoredFlag(query.command, otherWay);
    }
  }
  return ok({ rows, shown, ignored });
}

/** Why a key cannot be believed about what is not for display. Source: `BaseListCmd.getDisplay`: only a root administrator's flag counts. */
function ignoredFlag(command: string, { params }: { readonly params: Params }): string {
  const flag = Object.keys(params).join();
  return `CloudStack ignores ${flag} of ${command} to this key, so nobody knows what is not for display: it must be of a role of type Admin in ROOT`;
}

/** Why a list could not be asked; null: it was not refused. Source: recording 18 (432: it exists and is not allowed; 401: unknown). */
export function unaskedBecause(command: string, f: Failure, kind: string): string | null {
  const status = statusOf(f);
  if (status === 432) return `this key's role may not send ${command} (432), so nobody knows what it would show: allow it in the role`;
  if (status !== 401) return isRefusedList(f) ? `CloudStack refuses ${command} to this key: ${f.message}` : null;
  const remedy = (absentKinds as readonly string[]).includes(kind)
    ? `: if it has none of these, add ${kind} to CLOUDSTACK_ABSENT_KINDS`
    : "";
  return `the server does not know ${command} (401)${remedy}`;
}

type OwnerFinder = (row: OwnedRow) => { readonly accountId: AccountId | null; readonly accountName: string | null };

/** Finds the account that owns a row, among these. */
export function accountFinder(accounts: readonly AccountRow[]): OwnerFinder {
  const ids = new Map(accounts.map((a) => [`${a.domainid} ${a.name}`, a.id]));
  return (row) => ({ accountId: ids.get(`${row.domainid} ${row.account ?? ""}`) ?? null, accountName: row.account ?? null });
}

const isReady = ({ facts, state }: ReadItem): boolean => facts["isReady"] === true || state === "BackedUp";

/** One item for each id: what is listed twice, or in several zones, is one thing. */
export function mergeRows(list: ItemList, rows: readonly OwnedRow[], ownerOf: OwnerFinder): readonly InventoryItem[] {
  return [...groupBy(rows, (row) => row.id).values()].flatMap((same) => {
    const sorted = same.toSorted((a, b) => ((a.zoneid ?? "") < (b.zoneid ?? "") ? -1 : 1));
    // A copy that is ready speaks for all: what another zone still lacks, or has smaller, is no change of the thing.
    const [best] = sorted
      .map((row) => ({ row, read: list.read(row) }))
      .toSorted((a, b) => Number(isReady(b.read)) - Number(isReady(a.read)) || (b.read.bytes ?? 0) - (a.read.bytes ?? 0));
    if (best === undefined) return [];
    const { row: first, read } = best;
    const zones = [...new Set(sorted.flatMap((row) => row.zoneid ?? []))];
    return [
      {
        kind: list.kind,
        id: first.id,
        ...ownerOf(first),
        zoneId: first.zoneid ?? null,
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
