import type { Failure } from "../core/failure.ts";
import type { DomainId, Instant } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { classify } from "./classify.ts";
import type { CloudStackApi } from "./http.ts";
import type { Settings } from "./options.ts";
import { readList, type ListQuery } from "./paging.ts";
import { EventRow, fit } from "./wire.ts";

/**
 * Whether the event log says that the domain's deletion was completed, without error; a refused one ends `Completed` too, at level ERROR.
 *
 * Source: recording 06. A domain's events stay readable after it is gone (facts/cloudstack §7.1).
 */
export async function hasDeletionEvent(api: CloudStackApi, s: Settings, domainId: DomainId): Promise<Result<boolean, Failure>> {
  const query: ListQuery<EventRow> = {
    command: "listEvents",
    params: { resourceid: domainId, resourcetype: "Domain", listall: "true" },
    rows: "event",
    row: EventRow,
    keyOf: (row) => row.id,
  };
  const rows = await readList(api, s, query);
  if (!rows.ok) return rows;
  return ok(
    rows.value.some((e) => e.type === "DOMAIN.DELETE" && e.state === "Completed" && e.level === "INFO" && e.resourceid === domainId),
  );
}

/** When the newest event of the domain happened. Shape: null when there is none. */
export async function readLastActivity(api: CloudStackApi, domainId: DomainId): Promise<Result<Instant | null, Failure>> {
  const answer = await api.read("listEvents", { domainid: domainId, listall: "true", page: "1", pagesize: "1" });
  if (!answer.ok) return answer;
  const [newest] = Array.isArray(answer.value["event"]) ? answer.value["event"] : [];
  if (newest === undefined) return ok(null);
  const row = fit(EventRow, newest);
  if (!row.ok) return err(classify({ kind: "unknown_shape", what: row.what }, { command: "listEvents", effect: "read", page: 1 }));
  return ok(row.value.created ?? null);
}
