import type { Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import type { DomainIds, IdState } from "../../sync/execution/ports.ts";
import { isUnknownId } from "../api/classify.ts";
import { createApi } from "../api/http.ts";
import { domainQuery } from "./lists.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { readList } from "../api/paging.ts";

/** Makes the reader of domain ids, for the reading key pair. */
export function createDomainIds(o: CloudStackOptions): DomainIds {
  const api = createApi(o);
  return {
    readIdState: async (id: DomainId): Promise<Result<IdState, Failure>> => {
      const rows = await readList(api, domainQuery({ id, listall: "true", details: "min" }));
      if (rows.ok) return ok(rows.value.some((row) => row.id.toLowerCase() === id) ? "listed" : "hidden");
      if (!isUnknownId(rows.error)) return rows;
      // CloudStack looks ids up among removed rows too, so the refusals differ: only for a spent id it names the row's number (recordings 02, 06).
      return ok(/Domain id=\d+ doesn't exist/.test(rows.error.message) ? "spent" : "free");
    },
  };
}
