import type { Failure } from "../../core/failure.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import type { Further } from "../../deletion/cloud.ts";
import { ok, type Result } from "../../core/result.ts";
import { listed } from "../../core/shown-text.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { inParallel } from "../api/parallel.ts";
import { NamedRow } from "../api/wire.ts";
import { notForDisplay } from "./display.ts";
import { readRunningJobs } from "./event-log.ts";
import { unaskedBecause, type Ours } from "./things.ts";

/** What in or around a domain would make its deletion fail, and which of these lists this key could not ask: a sentence each. */
export interface FurtherObstacles {
  readonly obstacles: readonly string[];
  readonly unasked: readonly string[];
}

/** What keeps machines alive by itself. Its machines say so at every step (`obstaclesIn`); a group without any is only in these lists. */
export const furtherLists = [
  { kind: "autoscale_group", command: "listAutoScaleVmGroups", rows: "autoscalevmgroup", what: "autoscale group" },
  { kind: "shared_file_system", command: "listSharedFileSystems", rows: "sharedfs", what: "shared file system" },
] as const;

/** By which parameter `listVirtualMachines` finds the machines that keep an image from being deleted. */
const USES = { template: "templateid", iso: "isoid" } as const;

/** How many machines a sentence names. */
const NAMED_MAX = 5;

/**
 * Looks for what no list of the domain's own things shows. A template or ISO may be in use by anybody's machine, also when it is no longer
 * public: a list for each, over all that this key sees. Networks are lent to nobody outside the domain but shared ones.
 *
 * Source: recordings 20, 24, 31; CloudStack 4.22, `checkIfVmActionAllowed` in AutoScaleManagerImpl, `destroyVm` in UserVmManagerImpl.
 */
export async function readFurtherObstacles(
  api: CloudStackApi,
  domainId: string,
  ours: Ours,
  { items, further }: { readonly items: readonly InventoryItem[]; readonly further: NonNullable<Further["obstacles"]> },
): Promise<Result<FurtherObstacles, Failure>> {
  const absent: ReadonlySet<string> = new Set(api.settings.absentKinds);
  const obstacles: string[] = [];
  const unasked: string[] = [];
  for (const { kind, command, rows, what } of further === "users" ? [] : furtherLists) {
    if (absent.has(kind)) continue;
    const found = await readList(api, listOf(command, rows, NamedRow, { domainid: domainId, listall: "true", isrecursive: "true" }));
    const why = found.ok ? null : unaskedBecause(command, found.error, kind);
    if (!found.ok && why === null) return found;
    if (why !== null) unasked.push(why);
    const own = found.ok ? found.value.filter((row) => ours.domains.has(row.domainid)) : [];
    obstacles.push(...own.map(({ id, name }) => `${what} ${name ?? id}: it has to be deleted first`));
  }
  // The quarantine waits for running jobs: a key that may not ask for them is to be known before anybody is shut out.
  const jobs = further === "all" ? await readRunningJobs(api, domainId) : ok([]);
  const blind = jobs.ok ? null : unaskedBecause("listAsyncJobs", jobs.error, "job");
  if (!jobs.ok && blind === null) return jobs;
  if (blind !== null) unasked.push(blind);
  const used = further === "groups" ? ok([]) : await readUsers(api, ours, items);
  return used.ok ? ok({ obstacles: [...obstacles, ...used.value], unasked }) : used;
}

/** A sentence for each template and ISO that machines of others were made from, or have in their drive. */
async function readUsers(api: CloudStackApi, ours: Ours, items: readonly InventoryItem[]): Promise<Result<readonly string[], Failure>> {
  const images = items.filter((i) => i.kind === "template" || i.kind === "iso");
  const read = await inParallel(api.settings.parallel, images, async ({ kind, id, name }) => {
    const params = { listall: "true", isrecursive: "true", [kind === "iso" ? USES.iso : USES.template]: id };
    const machines = new Map<string, NamedRow>();
    // Machines of others may not be for display either.
    for (const way of [{}, notForDisplay.machine]) {
      const found = await readList(api, listOf("listVirtualMachines", "virtualmachine", NamedRow, { ...params, ...way }));
      if (!found.ok) return found;
      for (const row of found.value) machines.set(row.id, row);
    }
    const theirs = [...machines.values()].filter((m) => !ours.domains.has(m.domainid));
    const names = theirs.map((m) => `${m.name ?? m.id} (${m.account ?? "a project"} in ${m.domainpath ?? m.domainid})`);
    const users = `${theirs.length === 1 ? "a machine" : "machines"} outside this domain: ${listed(names, NAMED_MAX)}`;
    return ok(theirs.length === 0 ? [] : [`${kind} ${name} is used by ${users}; CloudStack keeps it until they are gone`]);
  });
  return read.ok ? ok(read.value.flat()) : read;
}
