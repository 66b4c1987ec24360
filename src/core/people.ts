import { failure, type Failure } from "./failure.ts";
import type { CiUserId, Instant, OperatorId } from "./ids.ts";
import type { Result } from "./result.ts";

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

/** Who asks: mapped from Slack by the bot before a command runs. */
export interface Asker {
  readonly operator: Operator;
  /** Member of the CI team: may see every project, stop, reject and start passes. */
  readonly isTeam: boolean;
  /** When they asked: what was read of the CI database since then need not be read again for the answer. Left out: all is read anew. */
  readonly since?: Instant;
  /** The Slack account that speaks, with its workspace; left out where nobody speaks through Slack. */
  readonly account?: string;
}

/** The refusal for who is not of the CI team. */
export function teamOnly(what: string): Failure {
  return failure("refused", "command.team_only", `Only members of the CI team may ${what}`, { remedy: "Ask in the CI team's channel." });
}
