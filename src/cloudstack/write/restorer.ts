import { type Failure, failure } from "../../core/failure.ts";
import { ResourceId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { DeletionRestorer } from "../../deletion/cloud.ts";
import { confirm, enableAccount } from "./confirm.ts";
import { createFence } from "./fence.ts";
import { refusal } from "../api/classify.ts";
import { createApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import { findMachine } from "../read/find.ts";
import type { CloudStackOptions } from "../api/options.ts";

/** Makes the restorer, for the deleting key pair: who disabled an account can enable it. It only gives back, so it needs no grant. */
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
    recoverMachine: async (machineId) => {
      const place = await ours(machineId);
      if (!place.ok) return place;
      const sent = await api.change("recoverVirtualMachine", { id: machineId });
      return confirm(sent, {
        what: "recovering the machine",
        read: () => findMachine(api, machineId),
        isWanted: (m) => m.state !== "Destroyed" && m.state !== "Expunging",
      });
    },
    startMachine: async (machineId, jobId) => {
      const place = await ours(machineId);
      if (!place.ok) return place;
      const started = await runJob(api, "startVirtualMachine", { id: machineId }, jobId);
      return started.ok ? ok(undefined) : started;
    },
  };
}
