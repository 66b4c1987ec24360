import { type Call, type Command, type JobSpec, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue, unresolved } from "../failure.ts";
import { type Json, type JsonObject, wireTime } from "../json.ts";
import { pageOf } from "../paging.ts";
import { like, namedDomain, requireOwner, subtreeByPath } from "../scope.ts";
import { shownPath } from "../shapes/owner.ts";
import type { Account, EventRow, Job } from "../world/rows.ts";

/** Commands that read the event log and the jobs. `lookUp` finds a command by name. Source: recordings 04, 05, 06, 07. */
export function logCommands(lookUp: (name: string) => Command | undefined): readonly Command[] {
  return [
    {
      name: "listEvents",
      params: paramSpecs(
        `id type level state startdate enddate resourceid resourcetype account domainid:domains projectid:projects ${LIST_PARAMS}`,
      ),
      run: listEvents,
    },
    { name: "queryAsyncJobResult", params: paramSpecs("jobid!:jobs"), run: (call) => queryAsyncJobResult(call, lookUp) },
    {
      name: "listAsyncJobs",
      params: paramSpecs(`startdate account domainid:domains ${LIST_PARAMS}`),
      run: (call) => pageOf(call, "asyncjobs", jobsInSight(call), (job) => jobShape(call, job, lookUp)),
    },
  ];
}

function listEvents(call: Call): JsonObject {
  const { world, params } = call;
  const wanted = {
    id: params.text("id"),
    type: params.text("type"),
    level: params.text("level"),
    state: params.text("state"),
    resourceId: params.text("resourceid"),
    resourceType: params.text("resourcetype"),
  };
  const from = parseDate(params.text("startdate"));
  const to = parseDate(params.text("enddate"));
  const keyword = params.text("keyword");
  const inScope = scopeOf(call);
  const rows = world.events
    .all()
    .reverse()
    .filter(
      (e) =>
        Object.entries(wanted).every(([key, value]) => value === undefined || e[key as keyof EventRow] === value) &&
        (from === undefined || e.created >= from) &&
        (to === undefined || e.created <= to) &&
        (keyword === undefined || like(e.description, keyword)) &&
        inScope(e),
    );
  return pageOf(call, "event", rows, (event) => eventShape(call, event));
}

function parseDate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(`${text.trim().replace(" ", "T")}${text.includes(":") ? "Z" : "T00:00:00Z"}`);
  return Number.isNaN(at) ? undefined : at;
}

/** Whether what an account did is in the scope of a list. */
function scopeOf(call: Call): (row: { readonly accountId: string }) => boolean {
  const { world, params, caller } = call;
  const domain = namedDomain(call);
  if (domain?.removed !== undefined) throw invalidValue(`Unable to find domain by id ${domain.num}`);
  const accountDomain = (row: { readonly accountId: string }): string => world.accounts.need(row.accountId).domainId;
  if (caller.reach === "self") return (row) => row.accountId === caller.account.id;
  if (domain !== undefined) {
    const ids = params.flag("isrecursive") ? subtreeByPath(world, domain) : new Set([domain.id]);
    return (row) => ids.has(accountDomain(row));
  }
  if (!params.flag("listall")) return (row) => row.accountId === caller.account.id;
  if (caller.reach === "all") return () => true;
  const ids = subtreeByPath(world, world.domains.need(caller.account.domainId));
  return (row) => ids.has(accountDomain(row));
}

function eventShape(call: Call, event: EventRow): JsonObject {
  const { world } = call;
  const account = world.accounts.need(event.accountId);
  const domain = world.domains.need(account.domainId);
  return {
    id: event.id,
    username: world.users.find(event.userId)?.username,
    type: event.type,
    level: event.level,
    description: event.description,
    account: account.name,
    domainid: domain.id,
    domain: domain.name,
    domainpath: shownPath(domain),
    resourceid: event.resourceId,
    resourcetype: event.resourceType,
    resourcename: event.resourceName,
    created: wireTime(event.created),
    state: event.state,
    parentid: event.parentId,
  };
}

function queryAsyncJobResult(call: Call, lookUp: (name: string) => Command | undefined): JsonObject {
  const id = call.params.must("jobid");
  const job = call.world.jobs.find(id);
  if (job === undefined || job.forgotten) throw unresolved("queryAsyncJobResult", "jobid", id);
  requireSight(call, job);
  return jobShape(call, job, lookUp);
}

/** A job belongs to the account that started it, not to what it is about. Source: CloudStack 4.22, ApiResponseHelper (queryJobResult). */
function requireSight(call: Call, job: Job): void {
  const { id, domainId } = call.world.accounts.need(call.world.users.need(job.userId).accountId);
  requireOwner(call, { accountId: id, domainId });
}

/** Jobs that have not ended, of the accounts whose keys began them. Source: CloudStack 4.22, QueryManagerImpl (searchForAsyncJobs). */
function jobsInSight(call: Call): readonly Job[] {
  const { world } = call;
  const inScope = scopeOf(call);
  const running = world.jobs.group("running").filter((job) => !job.forgotten);
  return running.filter((job) => inScope({ accountId: world.users.need(job.userId).accountId }));
}

function jobShape(call: Call, job: Job, lookUp: (name: string) => Command | undefined): JsonObject {
  const { world } = call;
  const spec = lookUp(job.command)?.job;
  const user = world.users.need(job.userId);
  const account = world.accounts.need(user.accountId);
  const domain = world.domains.need(account.domainId);
  const ended = job.status !== 0;
  return {
    accountid: account.id,
    account: account.name,
    domainid: domain.id,
    domainpath: shownPath(domain),
    userid: user.id,
    cmd: `org.apache.cloudstack.api.command.${classOf(spec, account)}`,
    jobprocstatus: 0,
    jobresultcode: job.resultCode,
    ...(ended ? { jobresulttype: job.cancelled ? "text" : "object", jobresult: JSON.parse(job.result ?? "{}") as Json } : {}),
    jobinstancetype: instanceTypeOf(spec, job),
    jobinstanceid: job.instanceId,
    ...(ended ? {} : { managementserverid: world.base.managementServer, managementservername: "localhost" }),
    created: wireTime(job.created),
    completed: job.completed === undefined ? undefined : wireTime(job.completed),
    jobid: job.id,
    jobstatus: job.status,
  };
}

/** Root administrators' commands have classes of their own. */
function classOf(spec: JobSpec | undefined, account: Account): string {
  const name = spec?.className ?? "Unknown";
  return account.type === 1 ? name : name.replace(/^admin\.(.*)ByAdmin$/, "user.$1");
}

/** The kind of thing that a job is about; left out where the command names that thing in another way than by its id. */
function instanceTypeOf(spec: JobSpec | undefined, job: Job): string | undefined {
  return spec?.instanceType === "Account" && job.instanceId === undefined ? undefined : spec?.instanceType;
}
