import { groupBy } from "../../core/group-by.ts";
import type { Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { NeighboursSeen } from "../../deletion/cloud.ts";
import type { Holding, Holdings, Neighbour } from "../../store/neighbours.ts";
import { unknownShape } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { readList } from "../api/paging.ts";
import { inParallel } from "../api/parallel.ts";
import type { Params } from "../api/signature.ts";
import type { DomainRow } from "../api/wire.ts";
import { growTree } from "./domain-tree.ts";
import { itemLists } from "./item-lists.ts";
import { domainsQuery, projectsQuery } from "./lists.ts";
import type { KnownDomains } from "./things.ts";

/** The rows of all domains as one list gave them: a value that only this room can open. */
class DomainList {
  readonly rows: readonly DomainRow[];
  constructor(rows: readonly DomainRow[]) {
    this.rows = rows;
  }
}

/** The rows of a list that `readNeighbours` gave; null: it is none. */
export function rowsOf(domains: unknown): KnownDomains {
  return domains instanceof DomainList ? domains.rows : null;
}

/**
 * Reads the domains directly below the managed root, but for one, with their counts: one list, however much they hold.
 *
 * Shape: ascending by id; a domain's counts are those of all below it too, as CloudStack keeps them.
 * Source: recordings 03, 12 (`listDomains` gives the totals; `listDomainChildren` does not).
 */
export async function readNeighbours(api: CloudStackApi, domainId: DomainId): Promise<Result<NeighboursSeen, Failure>> {
  const rows = await readList(api, domainsQuery(true));
  if (!rows.ok) return rows;
  const tree = growTree(rows.value, api.settings.rootPath);
  if (!tree.ok) return tree;
  const { root } = tree.value;
  const neighbours: Neighbour[] = [];
  for (const row of rows.value) {
    if (row.parentdomainid?.toLowerCase() !== root.id || row.id.toLowerCase() === domainId) continue;
    const { vmtotal: machines, volumetotal: volumes, templatetotal: templates } = row;
    // A missing count would look like one that never falls.
    if (machines === undefined || volumes === undefined || templates === undefined)
      return err(unknownShape("a domain without totals", "listDomains"));
    neighbours.push({ id: row.id, name: row.name, machines, volumes, templates });
  }
  return ok({ neighbours: neighbours.toSorted((a, b) => (a.id < b.id ? -1 : 1)), domains: new DomainList(rows.value) });
}

/**
 * Reads by id what neighbours hold: of some, by lists of each, also what is not for display: CloudStack no longer counts such a thing,
 * and it is there. Of all, by lists of the managed root.
 *
 * Shape: an entry for each neighbour asked for, with all that lies below it; without what is destroyed already.
 */
export async function readHoldings(
  api: CloudStackApi,
  seen: NeighboursSeen,
  of: readonly string[] | "all",
): Promise<Result<Holdings, Failure>> {
  const rows = rowsOf(seen.domains) ?? [];
  const tree = growTree(rows, api.settings.rootPath);
  if (!tree.ok) return tree;
  const wanted = of === "all" ? seen.neighbours.map((n) => n.id) : of;
  const neighbourOf = neighboursAbove(rows, wanted);
  const held: Record<string, Holding[]> = Object.fromEntries(wanted.map((id) => [id, []]));
  // A domain's count is that of all below it too. One that lags hides things that were seen before: that looks like a loss, and holds.
  const mayHaveProjects = rows.some((row) => neighbourOf.has(row.id) && row.projecttotal !== 0);
  for (const domainId of of === "all" ? [tree.value.root.id] : of) {
    const found = await readThingsBelow(api, domainId, { mayHaveProjects, hiddenToo: of !== "all" });
    if (!found.ok) return found;
    for (const { domain, ...thing } of found.value) held[neighbourOf.get(domain) ?? ""]?.push(thing);
  }
  return ok(held);
}

/** The neighbour of each domain that is one or lies below one. */
function neighboursAbove(rows: readonly DomainRow[], neighbours: readonly string[]): ReadonlyMap<string, string> {
  const children = groupBy(rows, (row) => row.parentdomainid);
  const found = new Map<string, string>();
  const mark = (id: string, neighbour: string): void => {
    if (found.has(id)) return;
    found.set(id, neighbour);
    for (const child of children.get(id) ?? []) mark(child.id, neighbour);
  };
  for (const id of neighbours) mark(id, id);
  return found;
}

const KINDS: Readonly<Record<string, Holding["kind"]>> = { machine: "machine", volume: "volume", template: "template", iso: "template" };
/** States in which CloudStack no longer counts a machine or a volume. */
const GONE: ReadonlySet<string> = new Set(["Destroyed", "Destroy", "Expunging", "Expunged"]);

/** Machines, volumes, templates and ISOs of a domain and those below it, each with its domain; those of CloudStack projects too. */
async function readThingsBelow(
  api: CloudStackApi,
  domainId: string,
  { mayHaveProjects, hiddenToo }: { readonly mayHaveProjects: boolean; readonly hiddenToo: boolean },
): Promise<Result<readonly (Holding & { readonly domain: string })[], Failure>> {
  const projects = mayHaveProjects ? await readList(api, projectsQuery(domainId)) : ok([]);
  if (!projects.ok) return projects;
  const owners: readonly Params[] = [{}, ...(projects.value.length === 0 ? [] : [{ projectid: "-1" }])];
  const asks = itemLists.flatMap((list) => {
    const kind = KINDS[list.kind];
    if (kind === undefined) return [];
    const hidden = hiddenToo && list.otherWay?.isDisplayFlag === true ? [list.otherWay.params] : [];
    const all = [...owners, ...projects.value.map((p) => ({ projectid: p.id }))];
    return [{}, ...hidden].flatMap((way) => all.map((owner) => ({ list, kind, owner: { ...owner, ...way } })));
  });
  const read = await inParallel(api.settings.parallel, asks, async ({ list, kind, owner }) => {
    const rows = await readList(api, { ...list.query, params: { ...list.query.params, ...owner, domainid: domainId } });
    if (!rows.ok) return rows;
    const things = rows.value.map((row) => ({ kind, id: row.id, domain: row.domainid, ...list.read(row) }));
    return ok(things.filter((t) => !GONE.has(t.state)).map(({ id, domain, parentId }) => ({ kind, id, domain, machineId: parentId })));
  });
  if (!read.ok) return read;
  // What is listed twice, or in several zones, is one thing.
  return ok([...new Map(read.value.flat().map((thing) => [`${thing.kind} ${thing.id}`, thing])).values()]);
}
