import { type Failure, failure } from "../../core/failure.ts";
import { ResourceId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { DeletionRestorer } from "../../deletion/cloud.ts";
import { confirm } from "./confirm.ts";
import { createFence } from "./fence.ts";
import { createApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import { findAccount } from "../read/find.ts";
import { findMachine } from "../read/machines.ts";
import { settingsOf, type CloudStackOptions } from "../api/options.ts";

/** Makes the restorer, for the writing key pair: it only gives back, so it needs no grant. */
export function createCloudStackRestorer(o: CloudStackOptions): DeletionRestorer {
  const s = settingsOf(o);
  const api = createApi(s);
  const fence = createFence(api, s);
  const ours = async (machineId: string): Promise<Result<void, Failure>> => {
    if (!ResourceId.safeParse(machineId).success) return err(failure("refused", "cloudstack.not_a_uuid", "the machine's id is no UUID"));
    const found = await findMachine(api, s, machineId);
    if (!found.ok) return found;
    if (found.value === null)
      return err(failure("rejected", "cloudstack.machine_gone", `the machine ${machineId} does not exist any more`));
    return fence.within(found.value.domainId);
  };
  return {
    enableAccount: async (accountId) => {
      const account = await fence.account(accountId);
      if (!account.ok) return account;
      const sent = await api.change("enableAccount", { id: accountId });
      return confirm(sent, {
        what: "enabling the account",
        look: () => findAccount(api, s, accountId),
        isWanted: (a) => a.state === "enabled",
      });
    },
    recoverMachine: async (machineId) => {
      const place = await ours(machineId);
      if (!place.ok) return place;
      const sent = await api.change("recoverVirtualMachine", { id: machineId });
      return confirm(sent, {
        what: "recovering the machine",
        look: () => findMachine(api, s, machineId),
        isWanted: (m) => m.state !== "Destroyed" && m.state !== "Expunging",
      });
    },
    startMachine: async (machineId, jobId) => {
      const place = await ours(machineId);
      if (!place.ok) return place;
      const started = await runJob(api, s, "startVirtualMachine", { id: machineId }, jobId);
      return started.ok ? ok(undefined) : started;
    },
  };
}
