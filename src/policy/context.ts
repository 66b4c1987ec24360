import type { Clock, NewId, SkewMeter } from "../core/clock.ts";
import type { Database } from "../store/db.ts";
import type { ApproversOf, PolicyAnnouncer } from "./ports.ts";
import type { PresentScope } from "./settings.ts";
import type { TeamPolicy } from "../core/policy.ts";

/** All that the policy needs; every collaborator is required. */
export interface PolicyContext {
  readonly db: Database;
  readonly approvers: ApproversOf;
  readonly announcer: PolicyAnnouncer;
  readonly presentScope: PresentScope;
  /** What the environment says, for showing where it differs from what is in force. */
  readonly environment: TeamPolicy;
  readonly now: Clock;
  /** What other clocks say of `now`. */
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
}
