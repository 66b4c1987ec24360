import type { Instant, OperatorId, PassId, PlanId } from "../../core/ids.ts";
import type { Scope } from "../../core/scope.ts";
import type { Change, NotOpened, Plan } from "../planning/plan.ts";

/** The outcome of one change. `seen`: the read-back after it shows that it was made. */
export interface ChangeOutcome {
  readonly change: Change;
  readonly outcome: "waiting" | "done" | "refused" | "indeterminate" | "held" | "skipped" | "reported";
  readonly seen: boolean | null;
  readonly problem: string | null;
}

/** One pass and its plan, as stored and shown: the Slack message is a rendering of this. */
export interface PlanRecord {
  readonly id: PlanId;
  readonly passId: PassId;
  readonly plan: Plan;
  readonly state: "applying" | "applied" | "held" | "stopped" | "unchanged" | "reported";
  readonly startedBy: { readonly kind: "schedule" } | { readonly kind: "command"; readonly operator: OperatorId; readonly name: string };
  readonly scope: Scope;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  readonly outcomes: readonly ChangeOutcome[];
  /** Why changes are only reported, in a sentence; left out: they are made. */
  readonly reported?: string;
  /** Proposals about which nobody is asked now, with the reason. Left out in records of earlier versions. */
  readonly notAsked?: readonly (NotOpened & { readonly path: string })[];
  /** How far it is, while it works for long; never stored. `ended` of `total` changes, whatever became of them. */
  readonly progress?: { readonly startedAt: Instant; readonly at: Instant; readonly total: number; readonly ended: number };
  /** Whether the read-back found the plan fulfilled; null until it was read. */
  readonly readBack: { readonly complete: boolean; readonly remaining: number } | null;
  /** The holds whose end this plan's message says; `isBack`: it began again soon after. */
  readonly ended?: readonly { readonly key: string; readonly since: Instant; readonly isBack?: boolean }[];
  /** The holds that are told again by this plan's message, as they keep back `untold` things that the message of `toldAt` did not tell. */
  readonly grown?: readonly {
    readonly key: string;
    readonly toldAt: Instant;
    readonly told: number;
    readonly now: number;
    readonly untold: number;
  }[];
  /** Only in what is shown, never stored. */
  readonly standing?: Standing;
}

/** How it stands with what a plan's message tells. */
export interface Standing {
  /** Since when something is in the way; null: nothing of this message is any more. */
  readonly since: Instant | null;
  /** How many passes met it. */
  readonly tries: number;
  /** The holds that ended. */
  readonly over: readonly { readonly since: Instant; readonly until: Instant; readonly sentence: string }[];
  /** When the newer message began that tells what is still so; null: there is none. */
  readonly toldAnew: Instant | null;
}

/** Shows plans to people. Implemented by the bot; idempotent by plan id. */
export interface PlanAnnouncer {
  /** Posts the plan's message, or updates it in place. Not called for a plan that tells nothing new. */
  showPlan(record: PlanRecord): Promise<void>;
  /** Updates the plan's message in place; a message that is not there is not posted. */
  correctPlan(record: PlanRecord): Promise<void>;
}
