// Must not compile: every `@ts-expect-error` is a thing that must stay impossible; each has a positive twin beside it.
import { grant, type ApprovedDeletion, type GrantQuestion } from "../../src/approvals/grant.ts";
import type { JobId } from "../../src/core/ids.ts";
import type { CloudStackDeleter } from "../../src/deletion/cloud.ts";
import type { ChangeWriter } from "../../src/sync/execution/ports.ts";
import type { CompleteDesired, Gone, PartialDesired } from "../../src/sync/planning/desired.ts";
import { join, type CompleteInput, type PartialInput } from "../../src/sync/planning/input.ts";
import type { KnownState, ManagedDomain } from "../../src/core/managed.ts";
import type { CompleteObserved, PartialObserved } from "../../src/sync/planning/observed.ts";
import { planChanges } from "../../src/sync/planning/changes.ts";
import { planDeletions, type Change, type DeletionProposal, type Plan, type ProposalFields } from "../../src/sync/planning/plan.ts";
import type { PlanPolicy } from "../../src/sync/planning/policy.ts";

declare const partialInput: PartialInput;
declare const partialDesired: PartialDesired;
declare const partialObserved: PartialObserved;
declare const desired: CompleteDesired;
declare const observed: CompleteObserved;
declare const known: KnownState;
declare const policy: PlanPolicy;
declare const managed: ManagedDomain;
declare const writer: ChangeWriter;
declare const deleter: CloudStackDeleter;
declare const plan: Plan;
declare const proposal: DeletionProposal;
declare const fields: ProposalFields;
declare const question: GrantQuestion;
declare const jobId: JobId;

// 1. Partial reads: changes yes, deletions no.
planChanges(partialInput, policy);
// @ts-expect-error a partial read cannot be planned for deletion
planDeletions(partialInput, policy);
// @ts-expect-error nor can a pair that was not joined, even when both sides are complete
planDeletions({ coverage: "complete", desired, observed, known }, policy);
// @ts-expect-error a partial side cannot prove that something is gone
partialDesired.proveGone(managed, policy);
desired.proveGone(managed, policy);
// @ts-expect-error join refuses a partial desired side
join(partialDesired, observed, known);
// @ts-expect-error join refuses a partial observed side
join(desired, partialObserved, known);
const joined = join(desired, observed, known);
// @ts-expect-error the result must be looked at first
planDeletions(joined, policy);
if (joined.ok) planDeletions(joined.value, policy);

// 2. Proofs and grants cannot be written by hand.
// @ts-expect-error an object literal is no Gone
export const forgedGone: Gone = { domainId: managed.domainId, evidence: proposal.evidence };
// @ts-expect-error a copy of a complete side is not one
export const copiedDesired: CompleteDesired = { ...desired };
// @ts-expect-error a copy of a complete side is not one
export const copiedObserved: CompleteObserved = { ...observed };
// @ts-expect-error an object literal is no CompleteInput
export const forgedInput: CompleteInput = { coverage: "complete", desired, observed, known };
// @ts-expect-error plain facts are no proposal
export const forgedProposal: DeletionProposal = { kind: "delete", ...fields };
// @ts-expect-error an object literal is no grant
export const forgedGrant: ApprovedDeletion = {
  request: question.request,
  approved: question.approved,
  approvers: [],
  grantedAt: question.now,
  seen: question.seen,
};
// @ts-expect-error a spread grant is none
export const spreadGrant: ApprovedDeletion = { ...({} as ApprovedDeletion) };
// @ts-expect-error the class does not leave its file
export type Leak = (typeof import("../../src/approvals/grant.ts"))["Grant"];
export type NoLeak = (typeof import("../../src/approvals/grant.ts"))["grant"];

// 3. What applies changes cannot be handed a deletion.
for (const change of [...plan.additive, ...plan.restrictive]) void writer.applyChange(change, jobId);
// @ts-expect-error a proposal is not a change
void writer.applyChange(proposal, jobId);
// @ts-expect-error a deletion is not a Change
export const notAChange: Change = proposal;
// @ts-expect-error the writer has no delete
void writer.deleteDomain;

// 4. A deletion needs a grant: no proposal, no unopened result.
// @ts-expect-error a proposal is not approved
void deleter.deleteDomain(proposal, jobId);
const granted = grant(question);
// @ts-expect-error the result must be looked at first
void deleter.deleteDomain(granted, jobId);
if (granted.ok) void deleter.deleteDomain(granted.value, jobId);
