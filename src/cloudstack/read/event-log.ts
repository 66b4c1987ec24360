import type { Failure } from "../../core/failure.ts";
import type { DomainId, Instant } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import type { Removal, RunningJob } from "../../deletion/cloud.ts";
import type { TouchedThing } from "../../sync/planning/observed.ts";
import { isUnknownId } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList, type ListQuery } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";
import { EventRow, JobRow } from "../api/wire.ts";
import { findManagedRoot } from "./managed-root.ts";

function eventsQuery(params: Params): ListQuery<EventRow> {
  return listOf("listEvents", "event", EventRow, { ...params, listall: "true" });
}

/**
 * Whether the event log says that the domain's deletion completed without error; a refused one is `Completed` too, but at level ERROR.
 *
 * Source: recording 06. A domain's events stay readable after it is gone (facts/cloudstack §7.1).
 */
export async function hasDeletionEvent(api: CloudStackApi, domainId: DomainId): Promise<Result<boolean, Failure>> {
  const rows = await readList(api, eventsQuery({ resourceid: domainId, resourcetype: "Domain" }));
  if (!rows.ok) return rows;
  return ok(
    rows.value.some((e) => e.type === "DOMAIN.DELETE" && e.state === "Completed" && e.level === "INFO" && e.resourceid === domainId),
  );
}

/** Events that say that one thing was removed by a call of its own. Source: recordings 05, 06; facts/cloudstack §7.1. */
const REMOVALS: Readonly<Record<string, Removal["kind"]>> = {
  "VM.DESTROY": "machine",
  "VM.EXPUNGE": "machine",
  "VOLUME.DELETE": "volume",
  "VOLUME.DESTROY": "volume",
  "TEMPLATE.DELETE": "template",
  "ISO.DELETE": "template",
};

/**
 * What was removed in a domain and below it since an instant, each by a call of its own. The event `Scheduled` belongs to the owner of the
 * thing, whoever called. What the clean-up of a domain removes has no event, and so is never found here.
 *
 * Source: recordings 06, 07; facts/cloudstack §7.1.
 */
export async function readRemovals(api: CloudStackApi, domainId: string, since: Instant): Promise<Result<readonly Removal[], Failure>> {
  const rows = await readList(api, eventsQuery({ domainid: domainId, isrecursive: "true", startdate: startDate(since) }));
  if (!rows.ok) return rows;
  const removals = rows.value.flatMap((e): readonly Removal[] => {
    const kind = REMOVALS[e.type];
    if (kind === undefined || e.level !== "INFO" || e.resourceid === undefined || e.created === undefined) return [];
    return [{ kind, id: e.resourceid, at: e.created }];
  });
  const byId = new Map(removals.toSorted((a, b) => b.at - a.at).map((r) => [`${r.kind} ${r.id}`, r]));
  return ok([...byId.values()]);
}

/**
 * Makes the read of what happened below the managed root since an instant, to domains, accounts and users and to what they hold, as far as
 * this key sees the events: those that belong to an administrator above it are hidden. A hint where to look, and no proof of anything.
 *
 * Source: recordings 04, 28; facts/cloudstack §7.1.
 */
export function createTouchedReader(api: CloudStackApi): (since: Instant) => Promise<Result<readonly TouchedThing[], Failure>> {
  let rootId: DomainId | null = null;
  return async (since) => {
    if (rootId === null) {
      const tree = await findManagedRoot(api);
      if (!tree.ok) return tree;
      rootId = tree.value.root.id;
    }
    const rows = await readList(api, eventsQuery({ domainid: rootId, isrecursive: "true", startdate: startDate(since) }));
    // Another domain may have the root's place by now.
    if (!rows.ok) rootId = null;
    return rows.ok ? ok(rows.value.flatMap(touchedOf)) : rows;
  };
}

function touchedOf(e: EventRow): readonly TouchedThing[] {
  // What was refused is in the log, too. Of a job only `Scheduled` belongs to the account it is about, so that this key sees it.
  if (e.level !== "INFO" || /^USER\.LOG/.test(e.type) || e.created === undefined) return [];
  const isContent = !/^(?:DOMAIN|ACCOUNT|USER)\./.test(e.type);
  return [{ resourceId: e.resourceid ?? null, domainId: e.domainid ?? null, at: e.created, isContent }];
}

/** An instant as the event log is asked by it. */
function startDate(since: Instant): string {
  return new Date(since).toISOString().slice(0, 19).replace("T", " ");
}

/**
 * The jobs that accounts of a domain began and that have not ended: CloudStack finishes them although the account is disabled meanwhile.
 * What an administrator began for them belongs to the administrator's account, and is not found here. A domain that CloudStack does not
 * know has none: that it is gone is for the read of what it holds to say.
 *
 * Source: recording 23; facts/cloudstack §1.9.
 */
export async function readRunningJobs(api: CloudStackApi, domainId: string): Promise<Result<readonly RunningJob[], Failure>> {
  const params = { domainid: domainId, isrecursive: "true", listall: "true" };
  const rows = await readList(api, {
    command: "listAsyncJobs",
    rows: "asyncjobs",
    row: JobRow,
    params,
    keyOf: (job) => job.jobid,
  });
  if (!rows.ok) return isUnknownId(rows.error) ? ok([]) : rows;
  // A job may end while it is listed.
  const running = rows.value.filter((job) => job.jobstatus === 0);
  return ok(running.map(({ accountid, cmd = "" }) => ({ accountId: accountid ?? "", command: commandOf(cmd) })));
}

/** `CreateTemplate` of `org.apache.cloudstack.api.command.user.template.CreateTemplateCmd`. */
function commandOf(className: string): string {
  return /(\w+?)Cmd(?:ByAdmin)?$/.exec(className)?.[1] ?? "an unnamed command";
}
