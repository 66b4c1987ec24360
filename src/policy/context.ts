import type { Clock, NewId, SkewMeter } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { DomainId, DomainPath } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { Database } from "../store/db.ts";
import type { ApproversOf, PolicyAnnouncer } from "./ports.ts";
import type { PresentScope } from "./settings.ts";
import type { DatabaseSource, TeamPolicy } from "../core/policy.ts";

/** What the policy works with. */
export interface PolicyContext {
  readonly db: Database;
  readonly approvers: ApproversOf;
  readonly announcer: PolicyAnnouncer;
  /** Finds a domain by UUID or by path, as CloudStack compares names; null: there is none. */
  readonly findDomain: (idOrPath: string) => Promise<Result<{ readonly id: DomainId; readonly path: DomainPath } | null, Failure>>;
  /** What this process reads by its environment; what the CI database says of itself is not in it. */
  readonly presentScope: PresentScope;
  /** What the CI database says of itself now; null: it says nothing. */
  readonly readSource: () => Promise<Result<DatabaseSource | null, Failure>>;
  /** The environment's values, to show where they differ from the policy in force. */
  readonly environment: TeamPolicy;
  readonly now: Clock;
  /** The difference of `now` from other clocks. */
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
}
