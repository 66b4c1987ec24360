import type { Failure } from "../../core/failure.ts";
import type { DomainId, JobId, OperatorId, ProjectId, Slug } from "../../core/ids.ts";
import type { Result } from "../../core/result.ts";
import type { Scope } from "../../core/scope.ts";
import type { CompleteDesired, PartialDesired } from "../planning/desired.ts";
import type { ObservedReport, PartialObserved } from "../planning/observed.ts";
import type { Change, DeletionProposal, NotOpened } from "../planning/plan.ts";

/** The CI database, as a pass reads it. Never throws: what fails makes the read partial. */
export interface DesiredSource {
  readDesired(scope: Scope): Promise<CompleteDesired | PartialDesired>;
}

/** CloudStack, as a pass reads it. Never throws. */
export interface ObservedSource {
  readFleet(o: { readonly withLimits: boolean }): Promise<Result<ObservedReport, PartialObserved>>;
  readProject(q: { readonly projectId: ProjectId; readonly slug: Slug; readonly domainId: DomainId }): Promise<PartialObserved>;
  /** How it stands with a job that a change started. Errors: `cloudstack.job_cut_off`; CloudStack does not answer. */
  findJob(jobId: JobId): Promise<Result<{ readonly state: string }, Failure>>;
}

/** Carries out one change; it cannot delete. `jobId` is for changes that run as a job. */
export interface ChangeWriter {
  applyChange(change: Change, jobId: JobId): Promise<Result<void, Failure>>;
}

/** Where proposals go: idempotent for each domain. */
export interface DeletionOpener {
  openDeletion(proposal: DeletionProposal, requesters: readonly OperatorId[]): Promise<void>;
  /** Why a proposal opens no deletion now, such as that people refused it lately; null: it would open one. */
  whyNotOpened(proposal: DeletionProposal, requesters: readonly OperatorId[]): Promise<NotOpened | null>;
  /** Domains under a live deletion. */
  liveDomains(): Promise<readonly DomainId[]>;
  /** Has deletions that only wait looked at now, where their project no longer stands as people were told. */
  lookAtChanged(read: Pick<PartialDesired, "projects" | "held">): Promise<void>;
  /** Has deletions that wait for approvals looked at soon, where CloudStack's event log says that something happened in their domains. */
  lookAtTouched(domains: readonly string[]): Promise<void>;
}

/**
 * What CloudStack knows of a domain's id.
 *
 * | listed | the domain is there |
 * | hidden | it is there but Inactive: being deleted, or left so by a deletion that failed |
 * | spent  | it belongs to a removed domain, and is refused forever |
 * | free   | it was never used |
 */
export type IdState = "listed" | "hidden" | "spent" | "free";

/** Tells whether a domain's id can be used. */
export interface DomainIds {
  readIdState(id: DomainId): Promise<Result<IdState, Failure>>;
}
