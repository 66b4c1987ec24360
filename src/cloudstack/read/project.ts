import type { Failure } from "../../core/failure.ts";
import type { DomainId, ProjectId, Slug } from "../../core/ids.ts";
import type { ProjectScope } from "../../core/scope.ts";
import {
  nothingObserved,
  type NonUuidDomain,
  type ObservedAccount,
  type ObservedDomain,
  type PartialObserved,
} from "../../sync/planning/observed.ts";
import { observed } from "./domain-tree.ts";
import type { CloudStackApi } from "../api/http.ts";
import { accountsQuery, domainQuery } from "./lists.ts";
import { findDomainWithChain, findManagedRoot } from "./managed-root.ts";
import { readList } from "../api/paging.ts";
import { observedAccounts } from "./fleet.ts";
import { asDomainId } from "../api/wire.ts";

/** Which project is read: its name, and the domain that is recorded as its own. */
export interface ProjectQuestion {
  readonly projectId: ProjectId;
  readonly slug: Slug;
  readonly domainId: DomainId;
}

/**
 * Reads one project's domain, whatever domain has its name, and their accounts. Always partial: it cannot prove anything absent.
 *
 * Invariant: INV-1.
 */
export async function readProject(api: CloudStackApi, q: ProjectQuestion): Promise<PartialObserved> {
  const asOf = api.settings.now();
  const scope: ProjectScope = { kind: "project", root: api.settings.rootPath, projectId: q.projectId };
  const failed = (f: Failure): PartialObserved => nothingObserved(scope, asOf, f.message);
  const tree = await findManagedRoot(api);
  if (!tree.ok) return failed(tree.error);
  const { root } = tree.value;
  const own = await findDomainWithChain(api, q.domainId);
  if (!own.ok) return failed(own.error);
  const named = await readList(api, domainQuery({ name: q.slug, level: String(levelOf(api) + 1), listall: "true" }));
  if (!named.ok) return failed(named.error);
  const domains = new Map<DomainId, ObservedDomain>();
  const nonUuid: NonUuidDomain[] = [];
  if (own.value !== null && own.value.path.startsWith(`${api.settings.rootPath}/`)) {
    const { row, path } = own.value;
    domains.set(q.domainId, observed(row, q.domainId, path, row.level - levelOf(api)));
  }
  for (const row of named.value.filter((one) => asDomainId(one.parentdomainid) === root.id)) {
    const id = asDomainId(row.id);
    if (id === null) nonUuid.push({ rawId: row.id, path: `${api.settings.rootPath}/${row.name}` });
    else domains.set(id, observed(row, id, `${api.settings.rootPath}/${row.name}`, 1));
  }
  const accounts: ObservedAccount[] = [];
  for (const id of domains.keys()) {
    const rows = await readList(api, accountsQuery(id, false));
    if (!rows.ok) return failed(rows.error);
    accounts.push(...observedAccounts(rows.value, new Set([id])));
  }
  return { coverage: "partial", scope, root, domains: [...domains.values()], accounts, nonUuid, asOf, reason: "narrowed to one project" };
}

function levelOf(api: CloudStackApi): number {
  return api.settings.rootPath.split("/").length - 1;
}
