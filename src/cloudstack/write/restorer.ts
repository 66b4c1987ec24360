import { type Failure, failure } from "../../core/failure.ts";
import { ResourceId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { DeletionRestorer } from "../../deletion/cloud.ts";
import { confirm, disableAccount, enableAccount, lockAccount } from "./confirm.ts";
import { createFence } from "./fence.ts";
import { isDestroyed } from "../../core/inventory.ts";
import { refusal } from "../api/classify.ts";
import { createApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import { findMachine, findVolume } from "../read/find.ts";
import type { CloudStackOptions } from "../api/options.ts";

/**
 * Makes the restorer, for the deleting key pair: who disabled an account can enable it, and it only gives back, so it needs no grant. What
 * is as it should be counts as done.
 *
 * Source: recordings 04 (a lock is `disableAccount lock=true`), 05 (recover, attach), 23 (no machine of a disabled account starts), 29.
 */
export function createCloudStackRestorer(o: CloudStackOptions): DeletionRestorer {
  const api = createApi(o);
  const fence = createFence(api);
  const ours = async (machineId: string): Promise<Result<void, Failure>> => {
    if (!ResourceId.safeParse(machineId).success) return err(refusal("not_a_uuid", "the machine's id is no UUID"));
    const found = await findMachine(api, machineId);
    if (!found.ok) return found;
    if (found.value === null) return err(failure("rejected", "cloudstack.machine_gone", `the machine ${machineId} no longer exists`));
    return fence.within(found.value.domainId);
  };
  return {
    enableAccount: (accountId) => enableAccount(api, fence, accountId),
    lockAccount: (accountId, jobId) => lockAccount(api, fence, accountId, jobId),
    disableAccount: (accountId, jobId) => disableAccount(api, fence, accountId, jobId),
    recoverMachine: async (machineId) => {
      const place = await ours(machineId);
      if (!place.ok) return place;
      const sent = await api.change("recoverVirtualMachine", { id: machineId });
      return confirm(sent, {
        what: "recovering the machine",
        read: () => findMachine(api, machineId),
        isWanted: (m) => !isDestroyed(m),
      });
    },
    startMachine: async (machineId, jobId) => {
      const place = await ours(machineId);
      if (!place.ok) return place;
      const started = await runJob(api, "startVirtualMachine", { id: machineId }, jobId);
      return started.ok ? ok(undefined) : started;
    },
    attachVolume: async (volumeId, machineId, jobId) => {
      const place = await ours(machineId);
      if (!place.ok) return place;
      const found = await findVolume(api, volumeId);
      if (!found.ok) return found;
      if (found.value === null) return err(failure("rejected", "cloudstack.volume_gone", `the disk ${volumeId} does not exist any more`));
      const isOurs = await fence.within(found.value.domainId);
      if (!isOurs.ok) return isOurs;
      if (found.value.virtualmachineid === machineId) return ok(undefined);
      const attached = await runJob(api, "attachVolume", { id: volumeId, virtualmachineid: machineId }, jobId);
      return attached.ok ? ok(undefined) : attached;
    },
  };
}
