import type { ApproverDirectory, Operator } from "../core/people.ts";
import type { Failure } from "../core/failure.ts";
import type { Digest, Instant, OperatorId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { TeamPolicy } from "../core/policy.ts";
import type { PolicyChangeRow } from "../store/policies.ts";
import type { Effect } from "./settings.ts";

/** What a card or an answer shows of one change; plain data, rendered elsewhere. */
export interface PolicyChangeView {
  readonly id: string;
  readonly setting: string;
  readonly title: string;
  readonly before: string;
  readonly after: string;
  readonly effect: Effect;
  readonly proposedBy: string;
  readonly reason: string;
  readonly digest: Digest;
  readonly state: PolicyChangeRow["state"];
  readonly quorum: number;
  readonly approvals: readonly { readonly name: string; readonly at: Instant }[];
  /** Names of those who may approve now; empty when the list could not be read. */
  readonly mayApprove: readonly string[];
  readonly proposedAt: Instant;
  readonly expiresAt: Instant;
  readonly endedAt: Instant | null;
  readonly endedBy: string | null;
  readonly endedReason: string | null;
}

/** Shows a change to the team. Implemented by the bot; every call is idempotent. */
export interface PolicyAnnouncer {
  showChange(view: PolicyChangeView): Promise<void>;
}

/** Finds who may approve by a policy; `counted` as in `ApproverDirectory`. Errors: `unavailable`: then nobody may. */
export interface ApproversOf extends Pick<ApproverDirectory, "listedNow"> {
  resolve(approvers: TeamPolicy["approvers"], counted?: readonly OperatorId[]): Promise<Result<readonly Operator[], Failure>>;
}
