import { counted } from "../../core/plural.ts";
import type { ApprovedDeletion } from "../../approvals/grant.ts";
import { isProvenEmpty, type ProvenEmpty } from "../../core/complete-inventory.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { AccountId, type JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { CloudStackDeleter } from "../../deletion/cloud.ts";
import { goesWithNetwork, isDestroyed, type InventoryItem, type ItemKind } from "../../core/inventory.ts";
import { refusal, unknownShape } from "../api/classify.ts";
import { domainsOf, findItem } from "../read/items.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import type { ReadItem } from "../read/item-lists.ts";
import { awaitJob, readJob, runJob } from "../api/jobs.ts";
import { findAccount } from "../read/find.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { readPlace, refusalOfGrant } from "./check-grant.ts";
import { removeRules } from "./network-rules.ts";
import { totalsOfOne } from "../read/totals.ts";
import { fit, Success, type AccountRow } from "../api/wire.ts";

type Done = Promise<Result<void, Failure>>;

/** Whether people's last word still permits a call: asked when the call is about to be sent, after all reads. */
export type LastWord = (grant: ApprovedDeletion, command: string) => Done;

/**
 * Makes the deleter, for the deleting key pair. What is gone already, or belongs to another domain now, counts as done.
 *
 * Source: recording 06 (the order and the commands), 11 (what CloudStack refuses). Invariant: INV-2, INV-4, INV-9.
 */
export function createCloudStackDeleter(o: Omit<CloudStackOptions, "beforeCall">, mayDelete: LastWord): CloudStackDeleter {
  const api = createApi({ ...o, beforeCall: async () => err(refusal("no_grant", "nothing is deleted without a grant")) });
  const by = (grant: ApprovedDeletion) => callsOf(api.asking((command) => mayDelete(grant, command)));
  return {
    quarantineAccount: (grant, ...of) => by(grant).quarantineAccount(grant, ...of),
    destroyMachine: (grant, ...of) => by(grant).destroyMachine(grant, ...of),
    deleteVolume: (grant, ...of) => by(grant).deleteVolume(grant, ...of),
    deleteSnapshot: (grant, ...of) => by(grant).deleteSnapshot(grant, ...of),
    deleteTemplate: (grant, ...of) => by(grant).deleteTemplate(grant, ...of),
    deleteNetwork: (grant, ...of) => by(grant).deleteNetwork(grant, ...of),
    removeNetworkRules: (grant, ...of) => by(grant).removeNetworkRules(grant, ...of),
    releaseAddress: (grant, ...of) => by(grant).releaseAddress(grant, ...of),
    deleteAccount: (grant, ...of) => by(grant).deleteAccount(grant, ...of),
    deleteDomain: (grant, ...of) => by(grant).deleteDomain(grant, ...of),
  };
}

function callsOf(api: CloudStackApi): CloudStackDeleter {
  return {
    quarantineAccount: (grant, account, jobId) => quarantine(api, grant, account, jobId),
    destroyMachine: (grant, machine, jobId) =>
      removeItem(api, grant, machine, ["machine"], (found) => {
        if (isDestroyed(found)) return Promise.resolve(ok(undefined));
        return job(api, "destroyVirtualMachine", { id: machine.id }, jobId);
      }),
    deleteVolume: (grant, volume, jobId) => removeItem(api, grant, volume, ["volume"], (found) => removeVolume(api, volume, found, jobId)),
    deleteSnapshot: (grant, snapshot, jobId) =>
      removeItem(api, grant, snapshot, ["snapshot", "vm_snapshot"], () =>
        snapshot.kind === "snapshot"
          ? job(api, "deleteSnapshot", { id: snapshot.id }, jobId)
          : job(api, "deleteVMSnapshot", { vmsnapshotid: snapshot.id }, jobId),
      ),
    deleteTemplate: (grant, template, jobId) =>
      removeItem(api, grant, template, ["template", "iso"], () => {
        // Without a zone every copy is deleted, which is what is wanted with several zones.
        const zone = template.zoneId === null || template.facts["zones"] !== undefined ? {} : { zoneid: template.zoneId };
        return job(api, template.kind === "template" ? "deleteTemplate" : "deleteIso", { id: template.id, ...zone }, jobId);
      }),
    deleteNetwork: (grant, network, jobId) =>
      removeItem(api, grant, network, ["network", "vpc"], () =>
        job(api, network.kind === "vpc" ? "deleteVPC" : "deleteNetwork", { id: network.id }, jobId),
      ),
    removeNetworkRules: (grant, network, jobId) =>
      removeItem(api, grant, network, ["network"], () => removeRules(api, grant, network, jobId)),
    releaseAddress: (grant, address, jobId) =>
      removeItem(api, grant, address, ["address"], (found) => {
        if (goesWithNetwork(found.facts)) {
          return Promise.resolve(err(refusal("source_nat", `${address.name} is deleted with its network`)));
        }
        return job(api, "disassociateIpAddress", { id: address.id }, jobId);
      }),
    deleteAccount: (grant, proof, jobId) => removeAccount(api, grant, proof, jobId),
    deleteDomain: (grant, jobId) => removeDomain(api, grant, jobId),
  };
}

async function job(api: CloudStackApi, command: string, params: Readonly<Record<string, string>>, jobId: JobId): Done {
  const ended = await runJob(api, command, params, jobId);
  return ended.ok ? ok(undefined) : ended;
}

/** Verifies the grant, the domain's place and the thing itself, then lets `remove` act on the thing as it is now. */
async function removeItem(
  api: CloudStackApi,
  grant: ApprovedDeletion,
  item: InventoryItem,
  kinds: readonly ItemKind[],
  remove: (found: ReadItem) => Done,
): Done {
  const refused = refusalOfGrant(grant, api.settings.rootPath, item, kinds);
  if (refused !== null) return err(refused);
  const place = await readPlace(api, grant);
  if (!place.ok) return place;
  const found = await findItem(api, grant.approved, item);
  if (!found.ok) return found;
  return found.value === null ? ok(undefined) : remove(found.value);
}

/** `deleteVolume` knows no job, so the job id is the detaching's (recording 06). */
async function removeVolume(api: CloudStackApi, volume: InventoryItem, found: ReadItem, jobId: JobId): Done {
  if (found.parentId !== null) {
    if (found.facts["type"] === "ROOT") {
      return err(refusal("root_disk", `${volume.name} is a machine's root disk and is deleted with the machine`));
    }
    const detached = await job(api, "detachVolume", { id: volume.id }, jobId);
    if (!detached.ok) return detached;
  }
  const command = "deleteVolume";
  const sent = await api.change(command, { id: volume.id });
  if (!sent.ok) return sent;
  const said = fit(Success, sent.value);
  if (said.ok && String(said.value.success) === "true") return ok(undefined);
  return err(unknownShape("no success", command, "change"));
}

/** The account as it is now; null when it is gone or elsewhere. */
async function findOwnAccount(
  api: CloudStackApi,
  grant: ApprovedDeletion,
  account: InventoryItem,
): Promise<Result<AccountRow | null, Failure>> {
  const refused = refusalOfGrant(grant, api.settings.rootPath, account, ["account"]);
  if (refused !== null) return err(refused);
  const id = AccountId.safeParse(account.id);
  if (!id.success) return err(refusal("not_a_uuid", "the account's id is no UUID"));
  const place = await readPlace(api, grant);
  if (!place.ok) return place;
  const found = await findAccount(api, id.data, "with totals");
  if (!found.ok) return found;
  const isOurs = found.value !== null && domainsOf(grant.approved).has(found.value.domainid.toLowerCase());
  return ok(isOurs ? found.value : null);
}

async function quarantine(api: CloudStackApi, grant: ApprovedDeletion, account: InventoryItem, jobId: JobId): Done {
  const found = await findOwnAccount(api, grant, account);
  if (!found.ok) return found;
  if (found.value === null) return ok(undefined);
  const { id, name, state, vmrunning = 0 } = found.value;
  const changed = (how: string) => err(failure("unavailable", "cloudstack.account_changed", `the account ${name} ${how}`));
  // What is given back is what was read before the step: whom somebody else shut out meanwhile is not let in.
  if (state !== account.state) return changed(`is ${state} now, and was ${account.state}`);
  // Disabled, it would stop, and nobody would know that it had run.
  if (vmrunning > 0) return changed(`has ${counted(vmrunning, "machine")} that ${vmrunning === 1 ? "runs" : "run"} now`);
  const disabled = await job(api, "disableAccount", { id, lock: "false" }, jobId);
  if (disabled.ok || disabled.error.kind !== "rejected") return disabled;
  // A job that could not stop a machine has failed, and the account is disabled.
  const now = await findAccount(api, id);
  return now.ok && now.value?.state === "disabled" ? ok(undefined) : disabled;
}

/** How old a proof may be. Units: ms. */
const PROOF_AGE_MS = 60_000;

/**
 * `deleteAccount` destroys at once all that an account still owns, hidden or not (recordings 11, 17): it is sent only with a proof, and
 * only while CloudStack itself counts nothing for the account and lets nobody into it.
 */
async function removeAccount(api: CloudStackApi, grant: ApprovedDeletion, proof: ProvenEmpty, jobId: JobId): Done {
  const refused = refusalOfGrant(grant, api.settings.rootPath);
  if (refused !== null) return err(refused);
  if (!isProvenEmpty(proof)) return err(refusal("no_proof", "this is no proof that an account is empty"));
  const { account } = proof;
  const notEmpty = (why: string): Result<never, Failure> =>
    err(refusal("account_not_empty", `the account ${account.name} is not proved empty: ${why}`));
  if (proof.domainId !== grant.request.domainId) return notEmpty("the proof is of another domain");
  if (api.settings.now() - proof.asOf > PROOF_AGE_MS) return notEmpty("the proof is too old");
  const found = await findOwnAccount(api, grant, account);
  if (!found.ok) return found;
  if (found.value === null) return ok(undefined);
  if (found.value.state !== "disabled") return notEmpty(`it is ${found.value.state} now`);
  const totals = totalsOfOne(found.value);
  if (totals === null) return notEmpty("CloudStack did not say what it counts");
  const left = [...Object.entries(totals.counts), ["projects", totals.projects] as const].filter(([, n]) => n > 0);
  if (left.length > 0) return notEmpty(`CloudStack counts ${left.map(([what, n]) => `${n} ${what}`).join(", ")}`);
  return job(api, "deleteAccount", { id: found.value.id }, jobId);
}

/** `cleanup` stays off: then CloudStack itself refuses while anything is left. */
async function removeDomain(api: CloudStackApi, grant: ApprovedDeletion, jobId: JobId): Done {
  const refused = refusalOfGrant(grant, api.settings.rootPath);
  if (refused !== null) return err(refused);
  // Sent before, by a process that died: the domain may now be hidden or gone, and only the job can tell.
  const before = await readJob(api, jobId);
  if (!before.ok) return before;
  if (before.value.state !== "unknown") {
    const ended = await awaitJob(api, "deleteDomain", jobId);
    return ended.ok ? ok(undefined) : ended;
  }
  const place = await readPlace(api, grant);
  if (!place.ok) return place;
  return job(api, "deleteDomain", { id: grant.request.domainId, cleanup: "false" }, jobId);
}
