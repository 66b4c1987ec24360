import { failure, type Failure } from "./failure.ts";
import type { CiUserId, Instant, OperatorId } from "./ids.ts";
import type { Result } from "./result.ts";

/** One person who may act: two Slack ids of one person are one operator. `name` is only shown. */
export interface Operator {
  readonly id: OperatorId;
  readonly name: string;
  readonly ciUserId: CiUserId | null;
}

/** Who may approve now: read at the click and again before every destructive step. Errors: `unavailable`: then nobody may. */
export interface ApproverDirectory {
  approversNow(): Promise<Result<readonly Operator[], Failure>>;
}

/** Who asks: mapped from Slack by the bot before a command runs. */
export interface Asker {
  readonly operator: Operator;
  /** Member of the CI team: may see every project, stop, reject and start passes. */
  readonly isTeam: boolean;
  /** When they asked: the answer may use what was read of the CI database since then. Left out: all is read again. */
  readonly since?: Instant;
  /** Their Slack account, with its workspace; left out outside Slack. */
  readonly account?: string;
}

/** The refusal for somebody who is not a member of the CI team. */
export function teamOnly(what: string): Failure {
  return failure("refused", "command.team_only", `Only members of the CI team may ${what}`, { remedy: "Ask in the CI team's channel." });
}
