import type { Mark } from "../../core/claims.ts";
import type { DeletionReader } from "../../deletion/cloud.ts";
import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath, Instant } from "../../core/ids.ts";
import type { InventoryItem, ItemKind } from "../../core/inventory.ts";
import type { ProjectDomain } from "../../core/managed.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { DomainNow, ObservedReport, PartialObserved, TouchedThing } from "../../sync/planning/observed.ts";
import { readDomainNow } from "./domain-now.ts";
import { createTouchedReader, hasDeletionEvent, readRemovals, readRunningJobs } from "./event-log.ts";
import { createApi } from "../api/http.ts";
import { readInventory } from "./inventory.ts";
import { findThing, readItem, readItems, readItemsOf } from "./items.ts";
import { readJob } from "../api/jobs.ts";
import { createMarkReader } from "./marks.ts";
import { pathByOwnRow } from "./domain-tree.ts";
import { findDomainNamed, findManagedRoot, readChain, readDomain } from "./managed-root.ts";
import { readHoldings, readNeighbours, rowsOf } from "./neighbours.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { probe, readSetting, type ProbeReport } from "./probe.ts";
import { readFleet } from "./fleet.ts";
import { readProject, type ProjectQuestion } from "./project.ts";

/** The managed root and its ancestors: domains that are never deleted. */
export interface ManagedRoot {
  readonly id: DomainId;
  readonly ancestors: readonly DomainId[];
}

/** Everything that the bot reads from CloudStack; it has no way to change anything. */
export interface CloudStackReader extends DeletionReader {
  /** Everything below the managed root, counted; or nothing, with the reason. */
  readFleet(o: { readonly withLimits: boolean }): Promise<Result<ObservedReport, PartialObserved>>;
  /** One project's domain and accounts; always partial. */
  readProject(q: ProjectQuestion): Promise<PartialObserved>;
  /** The id of the managed root, and of all above it as far as the key may read. Errors: `refused` when there is no such domain. */
  readManagedRoot(): Promise<Result<ManagedRoot, Failure>>;
  /** What happened to domains, accounts and users below the managed root since an instant, as far as this key sees it. */
  readTouched(since: Instant): Promise<Result<readonly TouchedThing[], Failure>>;
  /** Every installation's marks at the managed root. */
  readMarks(): Promise<Result<readonly Mark[], Failure>>;
  /** Finds a domain by UUID or path, as people write it; null: there is none, or it is hidden. */
  findDomainNamed(idOrPath: string): Promise<Result<{ readonly id: DomainId; readonly path: DomainPath } | null, Failure>>;
  /** A domain's state, limits, totals and accounts, for people to see. */
  readDomainNow(id: DomainId): Promise<Result<DomainNow, Failure>>;
  /** What a domain holds of some kinds only, for people to see. */
  readItems(domain: ProjectDomain, kinds: readonly ItemKind[]): Promise<Result<readonly InventoryItem[], Failure>>;
  /** The same of several domains, by one list over the managed root. */
  readItemsOf(
    domains: readonly ProjectDomain[],
    kinds: readonly ItemKind[],
  ): Promise<Result<ReadonlyMap<DomainId, readonly InventoryItem[]>, Failure>>;
  /** One thing of a domain; null when it holds none of that id. */
  readItem(domain: ProjectDomain, kind: ItemKind, id: string): Promise<Result<InventoryItem | null, Failure>>;
  /** What `twokey doctor` and the start read of the server. */
  probe(): Promise<Result<ProbeReport, Failure>>;
}

/** Makes the reader, for the reading key pair. */
export function createCloudStackReader(o: CloudStackOptions): CloudStackReader {
  const api = createApi(o);
  return {
    readFleet: (question) => readFleet(api, question),
    readProject: (question) => readProject(api, question),
    readInventory: (domainId, path, { domains, ...more } = {}) =>
      readInventory(api, { domainId, path }, { ...more, known: rowsOf(domains) }),
    findDomain: async (id) => {
      const own = await readDomain(api, id);
      if (!own.ok || own.value === null) return own as Result<null, Failure>;
      const path = pathByOwnRow(own.value);
      if (path !== null) return ok({ id, name: own.value.name, path });
      const found = await readChain(api, own.value);
      return found.ok ? ok({ id, name: own.value.name, path: found.value.path }) : found;
    },
    findThing: (approved, item) => findThing(api, approved, item),
    findJob: async (jobId) => {
      const job = await readJob(api, jobId);
      if (!job.ok) return job;
      if (job.value.state === "succeeded") return ok({ state: "succeeded" });
      if (job.value.state !== "cut_off") return ok(job.value);
      const sentence = "the job was interrupted by a restart of the server";
      return err(failure("indeterminate", "cloudstack.job_cut_off", sentence, { details: { jobId } }));
    },
    readRunningJobs: (domainId) => readRunningJobs(api, domainId),
    hasDeletionEvent: (domainId) => hasDeletionEvent(api, domainId),
    readNeighbours: (domainId) => readNeighbours(api, domainId),
    readHoldings: (seen, of) => readHoldings(api, seen, of),
    readRemovals: (domainId, since) => readRemovals(api, domainId, since),
    readExpungeDelay: async () => {
      const setting = await readSetting(api, "expunge.delay");
      if (!setting.ok) return setting;
      const seconds = Number(setting.value);
      return ok(Number.isFinite(seconds) ? seconds * 1000 : null);
    },
    readManagedRoot: async () => {
      const tree = await findManagedRoot(api);
      return tree.ok ? ok({ id: tree.value.root.id, ancestors: tree.value.ancestors }) : tree;
    },
    readTouched: createTouchedReader(api),
    readMarks: createMarkReader(api),
    findDomainNamed: (idOrPath) => findDomainNamed(api, idOrPath),
    readDomainNow: (id) => readDomainNow(api, id),
    readItems: (domain, kinds) => readItems(api, { domainId: domain.id, path: domain.path, kinds }),
    readItemsOf: (domains, kinds) =>
      readItemsOf(
        api,
        domains.map((d) => d.id),
        kinds,
      ),
    readItem: (domain, kind, id) => readItem(api, { domainId: domain.id, path: domain.path, kind, id }),
    probe: () => probe(api),
  };
}
