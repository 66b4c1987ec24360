// Must not compile: every `@ts-expect-error` is a thing that must stay impossible; each has a positive twin beside it.
import { mrkdwn, safe, section } from "../../src/bot/render/blocks.ts";
import { grant, type ApprovedDeletion, type GrantQuestion } from "../../src/approvals/grant.ts";
import { proveEmpty, type CompleteInventory, type ProvenEmpty } from "../../src/core/complete-inventory.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { JobId } from "../../src/core/ids.ts";
import type { Inventory, InventoryItem } from "../../src/core/inventory.ts";
import type { CloudStackDeleter } from "../../src/deletion/cloud.ts";
import { effects, guardRefusal, refusalOf, type Effect, type Refusal } from "../../src/deletion/reasons.ts";
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
declare const inventory: Inventory;
declare const account: InventoryItem;
declare const proof: ProvenEmpty;
declare const failed: Failure;

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

// An inventory as a list shows it proves nothing, and neither does an account that looks empty.
// @ts-expect-error what was only read is no complete inventory
grant({ ...question, fresh: inventory });
// @ts-expect-error a copy of a complete inventory is not one
export const copiedInventory: CompleteInventory = { ...question.fresh };
// @ts-expect-error emptiness is proved from a complete inventory only
proveEmpty(inventory, "id");
declare const live: ReturnType<typeof grant>;
if (live.ok) {
  // @ts-expect-error an item is no proof that an account is empty
  void deleter.deleteAccount(live.value, account, jobId);
  void deleter.deleteAccount(live.value, proof, jobId);
}

// 4. A deletion needs a grant: no proposal, no unopened result.
// @ts-expect-error a proposal is not approved
void deleter.deleteDomain(proposal, jobId);
const granted = grant(question);
// @ts-expect-error the result must be looked at first
void deleter.deleteDomain(granted, jobId);
if (granted.ok) void deleter.deleteDomain(granted.value, jobId);

// 5. What follows from a refusal: every reason has a row, every row every stage, and only a failure with a reason ends a deletion.
const { stopped, ...others } = effects;
// @ts-expect-error a reason without a row
export const withoutRow: typeof effects = others;
export const withRow: typeof effects = { ...others, stopped };
// @ts-expect-error a row without a stage
export const withoutStage: (typeof effects)["stopped"] = { untouched: "wait", quarantined: "wait", recoverable: "wait" };
// @ts-expect-error an effect that nobody carries out
export const unknownEffect: Effect = "delete";
// @ts-expect-error a failure without a reason
export const withoutReason: Refusal = failed;
export const withReason: Refusal = refusalOf(failed);
// @ts-expect-error the guard refuses for its own reasons only
guardRefusal("cloudstack_refused", "no");
guardRefusal("neighbours", "no");

// 6. Text of others gets into a message escaped, or not at all.
section(mrkdwn`*${safe("<!channel>")}*`);
// @ts-expect-error text that nobody escaped
section("<!channel>");
// @ts-expect-error text that nobody escaped, in words of ours
section(mrkdwn`*${String("<!channel>")}*`);
