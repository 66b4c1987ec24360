import type { Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import type { Settings } from "../api/options.ts";
import { readList } from "../api/paging.ts";
import { DedicationRow } from "../api/wire.ts";

/** Which commands the server has, as far as it was asked; plug-ins bring and take commands only at a restart. */
export type Support = Map<string, boolean>;

/**
 * Whether the server offers a command to this key. A command that it does not know would be answered like a wrong key, 401, so it is
 * asked for by name first. Source: recording 01 (530 for an unknown name), recording 02 (401).
 */
export async function readSupport(api: CloudStackApi, support: Support, command: string): Promise<Result<boolean, Failure>> {
  const known = support.get(command);
  if (known !== undefined) return ok(known);
  const answer = await api.read("listApis", { name: command });
  if (!answer.ok) {
    // 432: the key may not even ask; the list itself then says what it says. 530 is how the server says that it does not know it.
    const status = statusOf(answer.error);
    if (status === 432) return ok(true);
    if (status !== 530) return answer;
  }
  support.set(command, answer.ok && answer.value["api"] !== undefined);
  return ok(answer.ok && answer.value["api"] !== undefined);
}

const DEDICATIONS = [
  { command: "listDedicatedHosts", rows: "dedicatedhost", what: "host", name: "hostname" },
  { command: "listDedicatedClusters", rows: "dedicatedcluster", what: "cluster", name: "clustername" },
  { command: "listDedicatedPods", rows: "dedicatedpod", what: "pod", name: "podname" },
  { command: "listDedicatedZones", rows: "dedicatedzone", what: "zone", name: "zonename" },
] as const;

/**
 * Sentences for what is dedicated to one of the domains, or to an account in them: `deleteDomain` refuses then. Only a root administrator
 * may ask; to any other key the lists do not exist, and only `deleteDomain` itself would say so (docs/cloudstack.md).
 *
 * Every dedication there is, is read: with `domainid`, CloudStack leaves out what is an account's, and what is a child domain's.
 * Source: facts/cloudstack §2.5; CloudStack 4.22, DomainManagerImpl (467-520) and DedicatedResourceDaoImpl.
 */
export async function findDedications(
  api: CloudStackApi,
  s: Settings,
  support: Support,
  domains: ReadonlySet<string>,
): Promise<Result<readonly string[], Failure>> {
  const found: string[] = [];
  for (const { command, rows, what, name } of DEDICATIONS) {
    const offered = await readSupport(api, support, command);
    if (!offered.ok) return offered;
    if (!offered.value) continue;
    const list = await readList(api, s, { command, params: {}, rows, row: DedicationRow, keyOf: (row) => row.id });
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
