import type { Failure } from "../core/failure.ts";
import type { CiUserId, OperatorId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";

/** One person who may act: two Slack ids of one person are one operator. `name` is for showing only. */
export interface Operator {
  readonly id: OperatorId;
  readonly name: string;
  readonly ciUserId: CiUserId | null;
}

/** Who may approve now: asked at the click and again before every destructive step. Errors: `unavailable`: then nobody may. */
export interface ApproverDirectory {
  approversNow(): Promise<Result<readonly Operator[], Failure>>;
}
