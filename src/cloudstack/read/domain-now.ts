import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { DomainNow } from "../../sync/planning/observed.ts";
import { isUnknownId } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { CountedDomainRow, limitsOf, totalsIn } from "../api/wire.ts";
import { observedAccounts } from "./fleet.ts";
import { accountsQuery } from "./lists.ts";

/**
 * Reads one domain's state, limits, totals and accounts by its id, for people to see, in two calls. Nothing follows from it: where the
 * domain must be is not checked.
 *
 * Errors: `stale` when it is gone or hidden. Source: recording 03 (`listDomains` without `details`).
 */
export async function readDomainNow(api: CloudStackApi, id: DomainId): Promise<Result<DomainNow, Failure>> {
  const rows = await readList(api, listOf("listDomains", "domain", CountedDomainRow, { id, listall: "true" }));
  if (!rows.ok) return isUnknownId(rows.error) ? gone(id) : rows;
  const row = rows.value.find((one) => one.id.toLowerCase() === id);
  if (row === undefined) return gone(id);
  const accounts = await readList(api, accountsQuery(id, false));
  if (!accounts.ok) return accounts;
  return ok({
    state: row.state ?? "unknown",
    createdAt: row.created ?? null,
    limits: limitsOf(row),
    used: totalsIn(row),
    accounts: observedAccounts(accounts.value, new Set([id])),
  });
}

function gone(id: DomainId): Result<never, Failure> {
  return err(failure("stale", "cloudstack.domain_gone", "CloudStack no longer lists the domain", { details: { domainId: id } }));
}
