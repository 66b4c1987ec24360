import type { Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { Neighbour } from "../../store/neighbours.ts";
import { unknownShape } from "../api/classify.ts";
import { growTree } from "./domain-tree.ts";
import type { CloudStackApi } from "../api/http.ts";
import { domainsQuery } from "./lists.ts";
import { readList } from "../api/paging.ts";

/**
 * Reads the domains directly below the managed root, but for one, with their counts: one list, however much they hold.
 *
 * Shape: ascending by id; a domain's counts are those of all below it too, as CloudStack keeps them.
 * Source: recordings 03, 12 (`listDomains` gives the totals; `listDomainChildren` does not).
 */
export async function readNeighbours(api: CloudStackApi, domainId: DomainId): Promise<Result<readonly Neighbour[], Failure>> {
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
  return ok(neighbours.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
}
