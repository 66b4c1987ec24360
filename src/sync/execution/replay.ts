import { canonicalJson } from "../../core/digest.ts";
import { failure, type Failure } from "../../core/failure.ts";
import type { Digest, Instant } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { PlanInputs } from "../../store/plans.ts";
import { buildPlan } from "../planning/build-plan.ts";
import { completeDesired, type CompleteDesired, type DesiredReport, type PartialDesired } from "../planning/desired.ts";
import { join, type CompleteInput, type PartialInput } from "../planning/input.ts";
import type { KnownState } from "../../core/managed.ts";
import { completeObserved, type CompleteObserved, type ObservedReport, type PartialObserved } from "../planning/observed.ts";
import type { PlanPolicy, PlanSettings } from "../planning/policy.ts";
import type { PlanRecord } from "./record.ts";

/** Two plans as canonical JSON: the one that was stored, and the one made again. */
export interface Replay {
  readonly stored: string;
  readonly again: string;
}

/**
 * Makes a stored plan again from its stored inputs, without CloudStack, the CI database or Slack.
 *
 * What comes out is text: a replayed plan can be compared and read, and nothing in the program can carry it out.
 * Errors: `contract_broken` when the inputs are of an older version or contradict each other. Invariant: INV-7.
 */
export function replayPlan(inputs: PlanInputs): Result<Replay, Failure> {
  if (inputs.readAt === null)
    return err(failure("contract_broken", "replay.too_old", "This plan was stored before the instants of its reads were kept"));
  const input = inputAgain(inputs, inputs.readAt);
  if (!input.ok) return input;
  const again = buildPlan(input.value, policyAgain(inputs.policy), inputs.scopeFingerprint as Digest, inputs.plannedAt as Instant);
  return ok({ stored: canonicalJson((inputs.record as PlanRecord).plan), again: canonicalJson(JSON.parse(JSON.stringify(again))) });
}

/** The policy that a plan was made under; plans from before one policy type have other names for the same limits. */
function policyAgain(stored: unknown): PlanPolicy {
  const old = stored as Partial<OldPlanPolicy>;
  if (old.absence === undefined) return stored as PlanPolicy;
  const { absence, restrictionsPerPassMax, proposalsPerPassMax, changesPerPassMax, ...same } = old as OldPlanPolicy;
  return {
    ...same,
    absenceReads: absence.reads,
    absenceMs: absence.forMs,
    restrictionsPerPass: restrictionsPerPassMax,
    proposalsPerPass: proposalsPerPassMax,
    changesPerPass: changesPerPassMax,
  };
}

interface OldPlanPolicy extends PlanSettings, Pick<PlanPolicy, "shrinkMinShare" | "protectedDomains"> {
  readonly absence: { readonly reads: number; readonly forMs: number };
  readonly restrictionsPerPassMax: number;
  readonly proposalsPerPassMax: number;
  readonly changesPerPassMax: number;
}

type Stored<T> = Omit<T, "asOf">;

function inputAgain(
  inputs: PlanInputs,
  readAt: { readonly desired: number; readonly observed: number },
): Result<CompleteInput | PartialInput, Failure> {
  const desired = desiredAgain(inputs.desired as Stored<PartialDesired | CompleteDesired>, readAt.desired as Instant);
  const observed = observedAgain(inputs.observed as Stored<PartialObserved | CompleteObserved>, readAt.observed as Instant);
  if (!desired.ok) return desired;
  if (!observed.ok) return observed;
  const known = inputs.known as KnownState;
  if (desired.value.coverage === "complete" && observed.value.coverage === "complete") {
    const joined = join(desired.value, observed.value, known);
    if (joined.ok) return ok(joined.value);
  }
  return ok({ coverage: "partial", desired: desired.value, observed: observed.value, known });
}

function desiredAgain(stored: Stored<PartialDesired | CompleteDesired>, asOf: Instant): Result<PartialDesired | CompleteDesired, Failure> {
  if (stored.coverage === "partial") return ok({ ...stored, asOf } as PartialDesired);
  // The rows were counted when they were read; what was stored is what was counted.
  const counted = { projects: Math.max(1, stored.projects.length), memberships: 0 };
  const made = completeDesired({ ...(stored as Omit<Stored<DesiredReport>, "counted" | "rows">), counted, rows: counted, asOf });
  return made.ok ? made : err(broken(made.error.sentence));
}

function observedAgain(
  before: Stored<PartialObserved | CompleteObserved> & { readonly odd?: PartialObserved["nonUuid"] },
  asOf: Instant,
): Result<PartialObserved | CompleteObserved, Failure> {
  // Older plans were stored with another name for it.
  const { odd, ...stored } = { ...before, nonUuid: before.nonUuid ?? before.odd };
  if (stored.coverage === "partial") return ok({ ...stored, asOf } as PartialObserved);
  const report = { ...stored, listedAgain: stored.domains.map((d) => d.id), asOf } as ObservedReport;
  const made = completeObserved(report);
  return made.ok ? made : err(broken(made.error.sentence));
}

function broken(sentence: string): Failure {
  return failure("contract_broken", "replay.broken", `The stored inputs contradict each other: ${sentence}`);
}

/** The first place where two plans differ, as a path like `additive.3.kind`; null when they are equal. */
export function firstDifference(a: unknown, b: unknown, path = ""): string | null {
  if (Object.is(a, b)) return null;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return path === "" ? "(all of it)" : path;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key of [...new Set([...Object.keys(x), ...Object.keys(y)])].toSorted()) {
    const found = firstDifference(x[key], y[key], path === "" ? key : `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}
