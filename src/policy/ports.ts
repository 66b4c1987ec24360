import type { VotingView } from "../approvals/voting-view.ts";
import type { ApproverDirectory, Operator } from "../core/people.ts";
import type { Failure } from "../core/failure.ts";
import type { OperatorId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { TeamPolicy } from "../core/policy.ts";
import type { PolicyChangeRow } from "../store/policies.ts";
import type { Effect } from "./settings.ts";

/** What a card or an answer shows of one change; plain data, rendered elsewhere. */
export interface PolicyChangeView extends VotingView {
  readonly id: string;
  readonly setting: string;
  readonly title: string;
  readonly before: string;
  readonly after: string;
  readonly effect: Effect;
  readonly reason: string;
  readonly state: PolicyChangeRow["state"];
}

/** Shows a change to the team. Implemented by the bot; every call is idempotent. */
export interface PolicyAnnouncer {
  showChange(view: PolicyChangeView): Promise<void>;
}

/** Finds who may approve by a policy; `counted` as in `ApproverDirectory`. Errors: `unavailable`: then nobody may. */
export interface ApproversOf extends Pick<ApproverDirectory, "listedNow"> {
  resolve(approvers: TeamPolicy["approvers"], counted?: readonly OperatorId[]): Promise<Result<readonly Operator[], Failure>>;
}
