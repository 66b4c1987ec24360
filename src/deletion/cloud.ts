import type { ApprovedDeletion } from "../approvals/grant.ts";
import type { ProvenEmpty } from "../core/complete-inventory.ts";
import type { Failure } from "../core/failure.ts";
import type { AccountId, DomainId, DomainPath, Instant, JobId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { Holdings, Neighbour } from "../store/neighbours.ts";
import type { Inventory, InventoryItem } from "../core/inventory.ts";

/** The state of an asynchronous job. `unknown`: CloudStack does not know the id (never arrived, or forgotten). */
export type JobState =
  | { readonly state: "running" }
  | { readonly state: "succeeded" }
  | { readonly state: "failed"; readonly errorCode: number; readonly message: string }
  | { readonly state: "unknown" };

/** One thing that was removed by a call of its own, as the event log has it. A domain's clean-up leaves no such line. */
export interface Removal {
  readonly kind: "machine" | "volume" | "template";
  readonly id: string;
  readonly at: Instant;
}

/** A job that has not ended, and whose key began it. */
export interface RunningJob {
  readonly accountId: string;
  /** The command, without `Cmd` and its package. */
  readonly command: string;
}

/** The other domains directly below the managed root, each with its counts, and the list they were read from. */
export interface NeighboursSeen {
  readonly neighbours: readonly Neighbour[];
  /** For `readInventory` and `readHoldings` of the same step, which then need not read it again. */
  readonly domains: unknown;
}

/** What an inventory is read with, beside the lists of things that every step asks for. */
export interface Further {
  /** The list of all domains, where it was just read. */
  readonly domains?: unknown;
  /** What hinders the end and is in none of those lists is an obstacle too: others who use its templates, groups that keep machines. */
  readonly obstacles?: "users" | "groups" | "all";
  /** Whether what goes along without a copy is named. */
  readonly alsoTaken?: boolean;
}

/** What a deletion reads. */
export interface DeletionReader {
  /** A `CompleteInventory` where it is proved to show everything; otherwise `unproven` says why not. */
  readInventory(domainId: DomainId, path: DomainPath, more?: Further): Promise<Result<Inventory, Failure>>;
  /** Null: CloudStack says that it does not exist, or not any more. An error's number alone never means that. */
  findDomain(
    domainId: DomainId,
  ): Promise<Result<{ readonly id: DomainId; readonly name: string; readonly path: DomainPath } | null, Failure>>;
  /**
   * One thing of an approved inventory as it is now, by its id: wherever its domain is by now, and whatever other lists can be read.
   * Null: it is gone, or in another domain.
   */
  findThing(
    approved: Pick<Inventory, "domainId" | "items">,
    item: Pick<InventoryItem, "kind" | "id" | "facts">,
  ): Promise<Result<Pick<InventoryItem, "state" | "parentId"> | null, Failure>>;
  findJob(jobId: JobId): Promise<Result<JobState, Failure>>;
  /** The jobs that the domain's own accounts began and that have not ended. */
  readRunningJobs(domainId: DomainId): Promise<Result<readonly RunningJob[], Failure>>;
  /** Whether the domain's event log says that its deletion completed. */
  hasDeletionEvent(domainId: DomainId): Promise<Result<boolean, Failure>>;
  /** One list, however much the neighbours hold. */
  readNeighbours(domainId: DomainId): Promise<Result<NeighboursSeen, Failure>>;
  /** What some neighbours hold now, by id; `all`: every neighbour, by lists of the whole managed root. */
  readHoldings(seen: NeighboursSeen, of: readonly string[] | "all"): Promise<Result<Holdings, Failure>>;
  /** How long CloudStack keeps a destroyed machine before it may expunge it; null when this key may not read the setting. Units: ms. */
  readExpungeDelay(): Promise<Result<number | null, Failure>>;
  /** What was removed in a domain and below it since an instant, each thing once, by calls of its own. */
  readRemovals(domainId: string, since: Instant): Promise<Result<readonly Removal[], Failure>>;
}

/** The calls that give back; they need no grant, and the stop switch does not keep them away. Each waits for its job's end. */
export interface DeletionRestorer {
  enableAccount(accountId: AccountId): Promise<Result<void, Failure>>;
  /** Locks an enabled account; CloudStack locks no other. */
  lockAccount(accountId: AccountId, jobId: JobId): Promise<Result<void, Failure>>;
  /** Disables it again: where CloudStack refuses the lock. */
  disableAccount(accountId: AccountId, jobId: JobId): Promise<Result<void, Failure>>;
  recoverMachine(machineId: string): Promise<Result<void, Failure>>;
  startMachine(machineId: string, jobId: JobId): Promise<Result<void, Failure>>;
  /** Attaches a disk to a machine, as its next device. */
  attachVolume(volumeId: string, machineId: string, jobId: JobId): Promise<Result<void, Failure>>;
}

/**
 * The calls that delete. Every call needs a grant, refuses at run time what is not one (pair assertion), and any
 * item that the grant's approved inventory does not list. Each sends `jobId` as `customjobid` where CloudStack takes one
 * and waits for the job's end; `indeterminate` when the end is not known.
 *
 * Invariant: INV-2, INV-9.
 */
export interface CloudStackDeleter {
  quarantineAccount(grant: ApprovedDeletion, account: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  destroyMachine(grant: ApprovedDeletion, machine: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  deleteVolume(grant: ApprovedDeletion, volume: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  deleteSnapshot(grant: ApprovedDeletion, snapshot: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  deleteTemplate(grant: ApprovedDeletion, template: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  deleteNetwork(grant: ApprovedDeletion, network: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  /** Deletes what keeps a network from being deleted: its firewall rules, forwards, load balancers and VPNs. */
  removeNetworkRules(grant: ApprovedDeletion, network: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  releaseAddress(grant: ApprovedDeletion, address: InventoryItem, jobId: JobId): Promise<Result<void, Failure>>;
  /** Only an account that was just proved disabled and empty: the command destroys all that it still owns (recording 11). */
  deleteAccount(grant: ApprovedDeletion, proof: ProvenEmpty, jobId: JobId): Promise<Result<void, Failure>>;
  /** Always without cleanup: CloudStack itself refuses while anything is left. */
  deleteDomain(grant: ApprovedDeletion, jobId: JobId): Promise<Result<void, Failure>>;
}
