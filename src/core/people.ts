import { failure, type Failure } from "./failure.ts";
import type { CiUserId, Instant, OperatorId, Slug } from "./ids.ts";
import type { Result } from "./result.ts";

/** One person who may act: two Slack ids of one person are one operator. `name` is only shown. */
export interface Operator {
  readonly id: OperatorId;
  readonly name: string;
  readonly ciUserId: CiUserId | null;
  /** The Slack accounts through which they are known now, as votes keep them; left out outside Slack. */
  readonly accounts?: readonly string[];
}

/** Who may approve now: read at the click and again before every destructive step. Errors: `unavailable`: then nobody may. */
export interface ApproverDirectory {
  /** `counted`: people whose votes are counted now; Slack is asked about them again, about the others only now and then. */
  approversNow(counted?: readonly OperatorId[]): Promise<Result<readonly Operator[], Failure>>;
  /** Whether the users view of the CI database has a row of a person now, disabled ones too. Errors: it cannot be read. */
  listedNow(): Promise<Result<(person: OperatorId) => boolean, Failure>>;
  /** Looks up the Slack accounts of people who ask for something, disabled ones too, and keeps them; what is missing stays missing. */
  learnAccounts(people: readonly OperatorId[]): Promise<void>;
}

/** Who asks: mapped from Slack by the bot before a command runs. */
export interface Asker {
  readonly operator: Operator;
  /** Member of the CI team: may see every project, stop, reject and start passes. */
  readonly isTeam: boolean;
  /** Whether they are of the team is not known: Slack's lists cannot be read just now. */
  readonly mayBeTeam?: boolean;
  /** When they asked: the answer may use what was read of the CI database since then. Left out: all is read again. */
  readonly since?: Instant;
  /** Their Slack account, with its workspace; left out outside Slack. */
  readonly account?: string;
  /** Their time zone, such as Europe/Berlin, as Slack said it within ten minutes; left out where it did not. */
  readonly zone?: string;
}

/** Whether a person is one of these, by any of their names: ids and Slack accounts. Invariant: INV-2. */
export function isOneOf(
  person: { readonly id: OperatorId; readonly accounts?: readonly string[] },
  identities: readonly string[],
): boolean {
  return [person.id, ...(person.accounts ?? [])].some((name) => identities.includes(name));
}

/**
 * Whether a person may stop, cancel or restore: nothing is lost by it, so nobody is refused because a list is missing. Cancel and Restore
 * are buttons of a card in the team's channel, so who presses them is in it.
 */
export function mayHalt(by: Asker): boolean {
  return by.isTeam || by.mayBeTeam === true;
}

/** The refusal for somebody who is not a member of the CI team. */
export function teamOnly(what: string): Failure {
  return failure("refused", "command.team_only", `Only members of the CI team may ${what}`, { remedy: "Ask in the CI team's channel." });
}

/** The refusal for a project that the asker is not a member of: the same words whether it exists or not. */
export function notYours(slug: Slug): Failure {
  return failure("refused", "project.not_yours", `You have no project ${slug}`, { remedy: "/ci-status without a name lists yours." });
}
