import type { BallotContext } from "../../approvals/ballot.ts";
import type { Ownership } from "../../approvals/ownership.ts";
import type { VotingView } from "../../approvals/voting-view.ts";
import type { AdoptionKind, Rest, Situation } from "../../core/adoption.ts";
import type { Clock, NewId } from "../../core/clock.ts";
import type { ApproverDirectory } from "../../core/people.ts";
import type { PolicyNow } from "../../core/policy.ts";
import type { FleetScope } from "../../core/scope.ts";
import type { AdoptionTableRow } from "../../store/adoptions.ts";
import type { Database } from "../../store/db.ts";
import type { DesiredSource, ObservedSource } from "../execution/ports.ts";
import type { Plan } from "../planning/plan.ts";

/** What a card or an answer shows of one table; plain data, rendered elsewhere. */
export interface AdoptionView extends VotingView {
  readonly id: string;
  readonly kind: AdoptionKind;
  readonly state: AdoptionTableRow["state"];
  readonly counts: Readonly<Record<Situation, number>>;
  readonly domains: number;
  readonly accounts: number;
  /** What approving does, one sentence each: all of them, or of an adoption each domain. */
  readonly lines: readonly string[];
  /** What waits for a later portion of a release; null: nothing. */
  readonly rest: Rest | null;
  /** The whole table, as the file in the card's thread. */
  readonly table: string;
  /** It was asked at a terminal, so who asked is not known: one approval more is needed. */
  readonly isFromTerminal: boolean;
}

/** Shows a table to the team. Implemented by the bot; every call is idempotent. */
export interface AdoptionAnnouncer {
  showAdoption(view: AdoptionView): Promise<void>;
}

/** What a look at both sides needs; it writes nothing. */
export interface SurveyContext {
  readonly desired: DesiredSource;
  readonly observed: ObservedSource;
  readonly fleet: FleetScope;
}

/** What adoption works with. */
export interface AdoptionContext extends SurveyContext {
  readonly db: Database;
  readonly ownership: Ownership;
  readonly ballot: BallotContext;
  readonly approvers: ApproverDirectory;
  readonly announcer: AdoptionAnnouncer;
  readonly policyNow: () => Promise<PolicyNow>;
  /** What a pass would do now; nothing is stored or sent. */
  readonly preview: () => Promise<Plan>;
  readonly now: Clock;
  readonly newId: NewId;
}
