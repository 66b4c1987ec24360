import type { ApprovedDeletion } from "../../approvals/grant.ts";
import type { Failure } from "../../core/failure.ts";
import { AccountId, type JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { CloudStackDeleter } from "../../deletion/cloud.ts";
import type { InventoryItem, ItemKind } from "../../core/inventory.ts";
import { refusal, unknownShape } from "../api/classify.ts";
import { domainsOf, findItem } from "../read/items.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import { readInventory } from "../read/inventory.ts";
import type { ReadItem } from "../read/item-lists.ts";
import { awaitJob, readJob, runJob } from "../api/jobs.ts";
import { findAccount } from "../read/find.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { readPlace, refusalOfGrant } from "./check-grant.ts";
import { removeRules } from "./network-rules.ts";
import { fit, Success } from "../api/wire.ts";

type Done = Promise<Result<void, Failure>>;

/**
 * Makes the deleter, for the deleting key pair. What is gone already, or belongs to another domain now, counts as done.
 *
 * Source: recording 06 (the order and the commands), 11 (what CloudStack refuses). Invariant: INV-2, INV-4, INV-9.
 */
export function createCloudStackDeleter(o: CloudStackOptions): CloudStackDeleter {
  const api = createApi(o);
  return {
    quarantineAccount: (grant, account, jobId) => quarantine(api, grant, account, jobId),
    destroyMachine: (grant, machine, jobId) =>
      removeItem(api, grant, machine, ["machine"], (found) => {
        if (found.state === "Destroyed" || found.state === "Expunging") return Promise.resolve(ok(undefined));
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
      removeItem(api, grant, network, ["network", "vpc"], async () => {
        if (network.kind === "vpc") return job(api, "deleteVPC", { id: network.id }, jobId);
        const freed = await removeRules(api, grant, network, jobId);
        return freed.ok ? job(api, "deleteNetwork", { id: network.id }, jobId) : freed;
      }),
    releaseAddress: (grant, address, jobId) =>
      removeItem(api, grant, address, ["address"], (found) => {
        if (found.facts["isSourceNat"] === true) {
          return Promise.resolve(err(refusal("source_nat", `${address.name} is deleted with its network`)));
        }
        return job(api, "disassociateIpAddress", { id: address.id }, jobId);
      }),
    deleteAccount: (grant, account, jobId) => removeAccount(api, grant, account, jobId),
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
): Promise<Result<{ id: AccountId; state: string } | null, Failure>> {
  const refused = refusalOfGrant(grant, api.settings.rootPath, account, ["account"]);
  if (refused !== null) return err(refused);
  const id = AccountId.safeParse(account.id);
  if (!id.success) return err(refusal("not_a_uuid", "the account's id is no UUID"));
  const place = await readPlace(api, grant);
  if (!place.ok) return place;
  const found = await findAccount(api, id.data);
  if (!found.ok) return found;
  const isOurs = found.value !== null && domainsOf(grant.approved).has(found.value.domainid.toLowerCase());
  return ok(isOurs && found.value !== null ? { id: found.value.id, state: found.value.state } : null);
}

async function quarantine(api: CloudStackApi, grant: ApprovedDeletion, account: InventoryItem, jobId: JobId): Done {
  const found = await findOwnAccount(api, grant, account);
  if (!found.ok) return found;
  if (found.value === null || found.value.state === "disabled") return ok(undefined);
  return job(api, "disableAccount", { id: found.value.id, lock: "false" }, jobId);
}

/** `deleteAccount` destroys at once all that an account still holds (recording 11), so the deleter reads first what that is. */
async function removeAccount(api: CloudStackApi, grant: ApprovedDeletion, account: InventoryItem, jobId: JobId): Done {
  const found = await findOwnAccount(api, grant, account);
  if (!found.ok) return found;
  if (found.value === null) return ok(undefined);
  const { id } = found.value;
  const { domainId, path } = grant.request;
  const inventory = await readInventory(api, { domainId, path });
  if (!inventory.ok) return inventory;
  const left = inventory.value.items.filter((i) => i.accountId === id && i.kind !== "account" && i.kind !== "user");
  const reasons = [...left.map((i) => `${i.kind} ${i.name}`), ...inventory.value.unasked];
  const shown = reasons.slice(0, 5).join(", ");
  if (reasons.length > 0) return err(refusal("account_not_empty", `the account ${account.name} is not proved empty: ${shown}`));
  return job(api, "deleteAccount", { id }, jobId);
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
