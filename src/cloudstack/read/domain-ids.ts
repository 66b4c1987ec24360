import type { Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import type { DomainIds, IdState } from "../../sync/execution/ports.ts";
import { statusOf } from "../api/classify.ts";
import { createApi } from "../api/http.ts";
import { domainQuery } from "./lists.ts";
import { settingsOf, type CloudStackOptions } from "../api/options.ts";
import { readList } from "../api/paging.ts";

/** Makes the look at domain ids, for the reading key pair. */
export function createDomainIds(o: CloudStackOptions): DomainIds {
  const s = settingsOf(o);
  const api = createApi(s);
  return {
    readIdState: async (id: DomainId): Promise<Result<IdState, Failure>> => {
      const rows = await readList(api, s, domainQuery({ id, listall: "true", details: "min" }));
      if (rows.ok) return ok(rows.value.some((row) => row.id.toLowerCase() === id) ? "listed" : "hidden");
      if (statusOf(rows.error) !== 431) return rows;
      // Ids are looked up among removed rows too, so the two refusals differ: only a spent id is known by its number (recordings 02, 06).
      return ok(/Domain id=\d+ doesn't exist/.test(rows.error.message) ? "spent" : "free");
    },
  };
}
