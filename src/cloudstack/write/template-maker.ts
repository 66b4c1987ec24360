import { failure, type Failure } from "../../core/failure.ts";
import { DomainId, ResourceId, type JobId } from "../../core/ids.ts";
import { isDestroyed } from "../../core/inventory.ts";
import type { Limits } from "../../core/managed.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { MachineNow, Sought, TemplateMaker, Wanted } from "../../archive/from-machines/ports.ts";
import { isUnknownId, refusal } from "../api/classify.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import { awaitJob, readJob, runJob } from "../api/jobs.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { listOf, readList } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";
import { SnapshotRow, TemplateRow, VolumeRow, type AvailableRow } from "../api/wire.ts";
import { findAvailable, findMachine } from "../read/find.ts";
import { createFence, type TreeFence } from "./fence.ts";

/**
 * Makes snapshots and templates, for the writing key pair; it deletes nothing.
 *
 * Both commands make a row before their job begins, and a job id that is sent again is refused only after that: so nothing is sent here
 * before it was looked for. Source: recordings 05 (both commands), 23 (whose a template of a disabled account becomes).
 */
export function createTemplateMaker(o: CloudStackOptions): TemplateMaker {
  const api = createApi(o);
  const fence = createFence(api, 0);
  return {
    readMachine: (id) => readMachine(api, fence, id),
    readAccount: async (id) => {
      const found = await findAvailable(api, id);
      if (!found.ok || found.value === null) return found as Result<null, Failure>;
      const { name, state, domainid } = found.value;
      const domainId = DomainId.safeParse(domainid);
      if (!domainId.success) return err(refusal("outside_root", "its domain has an id that is not a UUID"));
      const place = await fence.within(domainId.data);
      return place.ok ? ok({ name, state, domainId: domainId.data, available: availableOf(found.value) }) : place;
    },
    findMade: async (sought, jobId) => {
      const ended = jobId === null ? ok(null) : await endOf(api, sought, jobId);
      return ended.ok ? findNamed(api, sought) : ended;
    },
    make: (wanted, jobId) => make(api, fence, wanted, jobId),
    hasSnapshot: async (id, domainId) => {
      const rows = await listSnapshots(api, { id, domainid: domainId });
      return rows.ok ? ok(rows.value.some((s) => s.id === id && s.isReady && s.domainId === domainId)) : rows;
    },
    hasTemplate: async (id, domainId) => {
      const rows = await listTemplates(api, { id, domainid: domainId });
      return rows.ok ? ok(rows.value.some((t) => t.id === id && t.domainId === domainId)) : rows;
    },
  };
}

async function readMachine(api: CloudStackApi, fence: TreeFence, id: ResourceId): Promise<Result<MachineNow | null, Failure>> {
  const found = await findMachine(api, id);
  if (!found.ok || found.value === null) return found as Result<null, Failure>;
  const { name, domainId, account, ostypeid } = found.value;
  const place = await fence.within(domainId);
  if (!place.ok) return place;
  const params = { virtualmachineid: id, type: "ROOT", domainid: domainId, listall: "true" };
  const disks = await readList(api, listOf("listVolumes", "volume", VolumeRow, params));
  if (!disks.ok) return disks;
  const disk = disks.value.find((v) => v.type === "ROOT" && v.virtualmachineid === id);
  return ok({
    name,
    domainId,
    accountName: account ?? null,
    osTypeId: ostypeid ?? null,
    isDestroyed: isDestroyed(found.value),
    disk: disk === undefined ? null : { id: disk.id, bytes: disk.size ?? null, state: disk.state ?? "unknown" },
  });
}

function availableOf(a: AvailableRow): Limits {
  const { snapshotavailable: snapshot, templateavailable: template, secondarystorageavailable: storage } = a;
  return {
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(template === undefined ? {} : { template }),
    ...(storage === undefined ? {} : { secondary_storage: storage }),
  };
}

const COMMANDS = { snapshot: "createSnapshot", template: "createTemplate" } as const;

/** Waits for the job of an earlier call. Ok: it succeeded, or nothing is known of it any more; errors: it failed, or goes on. */
async function endOf(api: CloudStackApi, { kind }: Sought, jobId: JobId): Promise<Result<null, Failure>> {
  const job = await readJob(api, jobId);
  if (!job.ok) return job;
  if (job.value.state === "unknown") return ok(null);
  const ended = await awaitJob(api, COMMANDS[kind], jobId);
  // What was interrupted may be there all the same: its name tells.
  return ended.ok || ended.error.code === "cloudstack.job_cut_off" ? ok(null) : err(forGood(ended.error));
}

/** One thing that was found, and whether it can be used. `hasFailed`: it never will be. */
interface Found {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
  readonly accountName: string | null;
  readonly isReady: boolean;
  readonly hasFailed: boolean;
}

async function findNamed(api: CloudStackApi, { kind, name, domainId }: Sought): Promise<Result<ResourceId | null, Failure>> {
  const list = kind === "snapshot" ? listSnapshots : listTemplates;
  const rows = await list(api, { name, domainid: domainId });
  if (!rows.ok) return rows;
  const same = rows.value.filter((row) => row.name === name && row.domainId === domainId && !row.hasFailed);
  const [one] = same.toSorted((a, b) => Number(b.isReady) - Number(a.isReady));
  if (one === undefined) return ok(null);
  if (!one.isReady) return err(failure("indeterminate", "cloudstack.not_ready", `the ${kind} ${name} is not ready yet`));
  return ok(ResourceId.parse(one.id));
}

async function make(api: CloudStackApi, fence: TreeFence, wanted: Wanted, jobId: JobId): Promise<Result<ResourceId, Failure>> {
  const place = await fence.within(wanted.domainId);
  if (!place.ok) return place;
  const done = await runJob(api, COMMANDS[wanted.kind], paramsOf(wanted), jobId);
  if (!done.ok) return err(forGood(done.error));
  const id = ResourceId.safeParse((done.value[wanted.kind] as { readonly id?: unknown } | undefined)?.id);
  if (!id.success) return err(failure("indeterminate", "cloudstack.unknown_shape", `CloudStack's answer does not name the ${wanted.kind}`));
  const list = wanted.kind === "snapshot" ? listSnapshots : listTemplates;
  const rows = await list(api, { id: id.data });
  if (!rows.ok) return err(failure("indeterminate", "cloudstack.unconfirmed", `the ${wanted.kind} could not be read back`));
  const isTheirs = rows.value.some((r) => r.id === id.data && r.domainId === wanted.domainId && r.accountName === wanted.accountName);
  if (isTheirs) return ok(id.data);
  const remedy = `Look for ${wanted.name} in CloudStack, also in the bot's own account.`;
  return err(failure("stuck", "cloudstack.not_as_wanted", `CloudStack made the ${wanted.kind}, but not in your account`, { remedy }));
}

/** A refusal for the time being is one for good: each try by itself could leave another row that was never completed. */
function forGood(f: Failure): Failure {
  return f.kind === "unavailable" ? { ...f, kind: "rejected" } : f;
}

function paramsOf(w: Wanted): Params {
  if (w.kind === "snapshot") return { volumeid: w.volumeId, name: w.name };
  // A snapshot becomes its volume's owner's by itself; a template only where it is said.
  return {
    name: w.name,
    displaytext: w.text,
    ostypeid: w.osTypeId,
    snapshotid: w.snapshotId,
    ispublic: "false",
    account: w.accountName,
    domainid: w.domainId,
  };
}

/** States of a snapshot that will never be whole. Source: CloudStack's Snapshot.State. */
const FAILED = new Set(["Error", "Destroying", "Destroyed"]);

async function listSnapshots(api: CloudStackApi, params: Params): Promise<Result<readonly Found[], Failure>> {
  const query = { ...listOf("listSnapshots", "snapshot", SnapshotRow, { listall: "true", ...params }), keyOf: keyIn };
  const rows = await readList(api, query);
  if (!rows.ok) return isUnknownId(rows.error) ? ok([]) : rows;
  return ok(rows.value.map((row) => foundOf(row, row.state === "BackedUp", FAILED.has(row.state ?? ""))));
}

async function listTemplates(api: CloudStackApi, params: Params): Promise<Result<readonly Found[], Failure>> {
  const query = {
    ...listOf("listTemplates", "template", TemplateRow, { templatefilter: "self", listall: "true", ...params }),
    keyOf: keyIn,
  };
  const rows = await readList(api, query);
  if (!rows.ok) return isUnknownId(rows.error) ? ok([]) : rows;
  return ok(rows.value.map((row) => foundOf(row, row.isready === true, false)));
}

function keyIn(row: { readonly id: string; readonly zoneid?: string | undefined; readonly datastoreid?: string | undefined }): string {
  return `${row.id} ${row.zoneid ?? ""} ${row.datastoreid ?? ""}`;
}

function foundOf(
  row: { readonly id: string; readonly name: string; readonly domainid: string; readonly account?: string | undefined },
  isReady: boolean,
  hasFailed: boolean,
): Found {
  return { id: row.id, name: row.name, domainId: row.domainid.toLowerCase(), accountName: row.account ?? null, isReady, hasFailed };
}
