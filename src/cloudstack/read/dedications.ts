import type { Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { DedicationRow } from "../api/wire.ts";

const DEDICATIONS = [
  { command: "listDedicatedHosts", rows: "dedicatedhost", what: "host", name: "hostname" },
  { command: "listDedicatedClusters", rows: "dedicatedcluster", what: "cluster", name: "clustername" },
  { command: "listDedicatedPods", rows: "dedicatedpod", what: "pod", name: "podname" },
  { command: "listDedicatedZones", rows: "dedicatedzone", what: "zone", name: "zonename" },
] as const;

/**
 * Sentences for what is dedicated to one of the domains, or to an account in them: `deleteDomain` refuses then. Only a root
 * administrator may ask: any other key is refused, and only `deleteDomain` itself would say so (docs/cloudstack.md).
 *
 * All dedications are read, without a filter: with `domainid`, CloudStack leaves out what is an account's, and what is a child domain's.
 * Source: facts/cloudstack §2.5; CloudStack 4.22, DomainManagerImpl (467-520) and DedicatedResourceDaoImpl.
 */
export async function findDedications(api: CloudStackApi, domains: ReadonlySet<string>): Promise<Result<readonly string[], Failure>> {
  const found: string[] = [];
  for (const { command, rows, what, name } of DEDICATIONS) {
    const list = await readList(api, listOf(command, rows, DedicationRow));
    if (!list.ok && [401, 432, 531].includes(statusOf(list.error) ?? 0)) continue;
    if (!list.ok) return list;
    for (const row of list.value)
      if (row.domainid === undefined || domains.has(row.domainid))
        found.push(
          `${what} ${row[name] ?? row.id} is dedicated to ${row.accountid === undefined ? "this domain" : "an account of it"}: release it first`,
        );
  }
  return ok(found);
}
