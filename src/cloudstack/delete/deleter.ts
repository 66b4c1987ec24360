import type { ApprovedDeletion } from "../../approvals/grant.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { AccountId, type JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { CloudStackDeleter } from "../../deletion/cloud.ts";
import type { InventoryItem, ItemKind } from "../../core/inventory.ts";
import { classify } from "../api/classify.ts";
import { domainsOf, findItem } from "../read/find-item.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import { readInventory } from "../read/inventory.ts";
import type { ReadItem } from "../read/item-lists.ts";
import { awaitJob, readJob, runJob } from "../api/jobs.ts";
import { findAccount } from "../read/find.ts";
import { settingsOf, type CloudStackOptions, type Settings } from "../api/options.ts";
import type { Support } from "../read/support.ts";
import { readPlace, refusalOfGrant } from "./check-grant.ts";
import { fit, Success } from "../api/wire.ts";

/** What one deleter works with. */
interface Tools {
  readonly api: CloudStackApi;
  readonly s: Settings;
  readonly support: Support;
}

type Done = Promise<Result<void, Failure>>;

/**
 * Makes the deleter, for the deleting key pair. What is gone already, or belongs to another domain by now, counts as done.
 *
 * Source: recording 06 (the order and the commands), 11 (what CloudStack refuses). Invariant: INV-2, INV-4, INV-9.
 */
export function createCloudStackDeleter(o: CloudStackOptions): CloudStackDeleter {
  const s = settingsOf(o);
  const tools: Tools = { api: createApi(s), s, support: new Map() };
  return {
    quarantineAccount: (grant, account, jobId) => quarantine(tools, grant, account, jobId),
    destroyMachine: (grant, machine, jobId) =>
      removeItem(tools, grant, machine, ["machine"], (found) => {
        if (found.state === "Destroyed" || found.state === "Expunging") return Promise.resolve(ok(undefined));
        return job(tools, "destroyVirtualMachine", { id: machine.id }, jobId);
      }),
    deleteVolume: (grant, volume, jobId) =>
      removeItem(tools, grant, volume, ["volume"], (found) => removeVolume(tools, volume, found, jobId)),
    deleteSnapshot: (grant, snapshot, jobId) =>
      removeItem(tools, grant, snapshot, ["snapshot", "vm_snapshot"], () =>
        snapshot.kind === "snapshot"
          ? job(tools, "deleteSnapshot", { id: snapshot.id }, jobId)
          : job(tools, "deleteVMSnapshot", { vmsnapshotid: snapshot.id }, jobId),
      ),
    deleteTemplate: (grant, template, jobId) =>
      removeItem(tools, grant, template, ["template", "iso"], () => {
        // Without a zone every copy goes; with several zones that is what is wanted.
        const zone = template.zoneId === null || template.facts["zones"] !== undefined ? {} : { zoneid: template.zoneId };
        return job(tools, template.kind === "template" ? "deleteTemplate" : "deleteIso", { id: template.id, ...zone }, jobId);
      }),
    deleteNetwork: (grant, network, jobId) =>
      removeItem(tools, grant, network, ["network", "vpc"], () =>
        job(tools, network.kind === "network" ? "deleteNetwork" : "deleteVPC", { id: network.id }, jobId),
      ),
    releaseAddress: (grant, address, jobId) =>
      removeItem(tools, grant, address, ["address"], (found) => {
        if (found.facts["isSourceNat"] === true) {
          return Promise.resolve(err(failure("refused", "cloudstack.source_nat", `${address.name} goes with its network`)));
        }
        return job(tools, "disassociateIpAddress", { id: address.id }, jobId);
      }),
    deleteAccount: (grant, account, jobId) => removeAccount(tools, grant, account, jobId),
    deleteDomain: (grant, jobId) => removeDomain(tools, grant, jobId),
  };
}

async function job({ api, s }: Tools, command: string, params: Readonly<Record<string, string>>, jobId: JobId): Done {
  const ended = await runJob(api, s, command, params, jobId);
  return ended.ok ? ok(undefined) : ended;
}

/** Asks every question, then lets `remove` act on the thing as it is now. */
async function removeItem(
  { api, s }: Tools,
  grant: ApprovedDeletion,
  item: InventoryItem,
  kinds: readonly ItemKind[],
  remove: (found: ReadItem) => Done,
): Done {
  const refused = refusalOfGrant(grant, s.rootPath, item, kinds);
  if (refused !== null) return err(refused);
  const place = await readPlace(api, s, grant);
  if (!place.ok) return place;
  const found = await findItem(api, s, grant.approved, item);
  if (!found.ok) return found;
  return found.value === null ? ok(undefined) : remove(found.value);
}

/** `deleteVolume` knows no job, so the job id is the detaching's (recording 06). */
async function removeVolume(tools: Tools, volume: InventoryItem, found: ReadItem, jobId: JobId): Done {
  if (found.parentId !== null) {
    if (found.facts["type"] === "ROOT") {
      return err(failure("refused", "cloudstack.root_disk", `${volume.name} is a machine's root disk and goes with the machine`));
    }
    const detached = await job(tools, "detachVolume", { id: volume.id }, jobId);
    if (!detached.ok) return detached;
  }
  const command = "deleteVolume";
  const sent = await tools.api.change(command, { id: volume.id });
  if (!sent.ok) return sent;
  const said = fit(Success, sent.value);
  if (said.ok && String(said.value.success) === "true") return ok(undefined);
  return err(classify({ kind: "unknown_shape", what: "no success" }, { command, effect: "change", page: null }));
}

/** The account as it is now; null when it is gone or elsewhere. */
async function findOwnAccount(
  { api, s }: Tools,
  grant: ApprovedDeletion,
  account: InventoryItem,
): Promise<Result<{ id: AccountId; state: string } | null, Failure>> {
  const refused = refusalOfGrant(grant, s.rootPath, account, ["account"]);
  if (refused !== null) return err(refused);
  const id = AccountId.safeParse(account.id);
  if (!id.success) return err(failure("refused", "cloudstack.not_a_uuid", "the account's id is no UUID"));
  const place = await readPlace(api, s, grant);
  if (!place.ok) return place;
  const found = await findAccount(api, s, id.data);
  if (!found.ok) return found;
  const isOurs = found.value !== null && domainsOf(grant.approved).has(found.value.domainid.toLowerCase());
  return ok(isOurs && found.value !== null ? { id: found.value.id, state: found.value.state } : null);
}

async function quarantine(tools: Tools, grant: ApprovedDeletion, account: InventoryItem, jobId: JobId): Done {
  const found = await findOwnAccount(tools, grant, account);
  if (!found.ok) return found;
  if (found.value === null || found.value.state === "disabled") return ok(undefined);
  return job(tools, "disableAccount", { id: found.value.id, lock: "false" }, jobId);
}

/** `deleteAccount` destroys at once all that an account still holds (recording 11), so the deleter looks for itself first. */
async function removeAccount(tools: Tools, grant: ApprovedDeletion, account: InventoryItem, jobId: JobId): Done {
  const found = await findOwnAccount(tools, grant, account);
  if (!found.ok) return found;
  if (found.value === null) return ok(undefined);
  const { id } = found.value;
  const { domainId, path } = grant.request;
  const inventory = await readInventory(tools.api, tools.s, tools.support, { domainId, path });
  if (!inventory.ok) return inventory;
  const left = inventory.value.items.filter((i) => i.accountId === id && i.kind !== "account" && i.kind !== "user");
  const reasons = [...left.map((i) => `${i.kind} ${i.name}`), ...inventory.value.unasked];
  if (reasons.length > 0) {
    return err(
      failure(
        "refused",
        "cloudstack.account_not_empty",
        `the account ${account.name} is not proved empty: ${reasons.slice(0, 5).join(", ")}`,
      ),
    );
  }
  return job(tools, "deleteAccount", { id }, jobId);
}

/** The switch stays off: CloudStack itself then refuses while anything is left. */
async function removeDomain(tools: Tools, grant: ApprovedDeletion, jobId: JobId): Done {
  const { api, s } = tools;
  const refused = refusalOfGrant(grant, s.rootPath);
  if (refused !== null) return err(refused);
  // Sent before, by a process that died: the domain may be hidden or gone by now, and only its job can tell.
  const before = await readJob(api, jobId);
  if (!before.ok) return before;
  if (before.value.state !== "unknown") {
    const ended = await awaitJob(api, s, "deleteDomain", jobId);
    return ended.ok ? ok(undefined) : ended;
  }
  const place = await readPlace(api, s, grant);
  if (!place.ok) return place;
  return job(tools, "deleteDomain", { id: grant.request.domainId, cleanup: "false" }, jobId);
}
