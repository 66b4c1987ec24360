/**
 * What follows when a step of a deletion is refused: one table, reason × stage → effect. Only this table decides it.
 *
 * A reason without a row does not compile. `docs/life-of-a-deletion.md` shows the table.
 */
import { failure, type Failure, type FailureKind } from "../core/failure.ts";
import type { ClosedBecause, Phase } from "../core/phases.ts";
import { err, type Result } from "../core/result.ts";

/** Why the guard refuses a step. The failure's code is `deletion.` and the reason. */
type GuardReason =
  | "stopped"
  | "scope_unconfirmed"
  | "outside"
  | "protected"
  | "came_back"
  | "alive"
  | "enabled"
  /** An account that is disabled began a job before, which has not ended. */
  | "job_running"
  | "unproven"
  | "neighbours"
  | "no_quorum"
  | "changed"
  /** The project is closed, but not by the closing that people were asked about. */
  | "closed_again";

/** Why a step is refused, by the guard or by what was read or called. */
export type Reason =
  | GuardReason
  /** Something cannot be read now: CloudStack, the CI database, Slack, the clocks. */
  | "unavailable"
  /** Whether a call was carried out is not known yet. */
  | "unknown_outcome"
  /** CloudStack refused a call. */
  | "cloudstack_refused"
  /** The account still owns something. */
  | "account_not_empty"
  /** The domain is gone, and CloudStack's event log has its deletion. */
  | "domain_deleted"
  /** The domain is gone, and nothing says who deleted it. */
  | "domain_gone"
  | "domain_moved"
  /** A copy in the archive is missing or is not what was saved. */
  | "archive_damaged"
  /** The deleter found a call not covered by its grant. */
  | "not_granted"
  /** CloudStack's answers contradict each other. */
  | "contradiction";

/** What is lost or not yet lost; phases of one stage are treated alike. */
export type Stage = "untouched" | "quarantined" | "recoverable" | "removing";

/** What is done once a reason does not pass by itself. */
type Decisive =
  /** It ends with nothing lost; in `removing`, whose only end is `deleted`, it ends as deleted. */
  | "close"
  /** Everything is restored, and then it ends. */
  | "give_back"
  /** It freezes, and two people may say *Go on* to what was found. */
  | "ask_people"
  /** It freezes until the reason is gone and a person pressed *Look again*, or *Restore* where that is possible. */
  | "freeze";

/** What is done without anybody: it waits on; `rest`: it waits on, with its machines recovered, so that CloudStack expunges none. */
type Waiting = "wait" | "rest";

/** One effect; with `waitMs`, the reason has so long to pass by itself. Units: milliseconds. */
export type Effect = Waiting | Decisive | { readonly waitMs: number; readonly then: Decisive | "rest" };

/**
 * CloudStack counts again every five minutes, Slack's groups follow within one, and who was removed from a group by mistake is soon back.
 * Shorter than CloudStack's delay before it expunges: machines can still be recovered afterwards. Units: milliseconds.
 */
export const SHORT_MS = 30 * 60_000;

/**
 * Whatever a step waits for, its machines are recovered so long before CloudStack may expunge them: several looks fit in. A longer time
 * would let one read that failed start the whole time again. Units: milliseconds.
 */
export const REST_MS = 15 * 60_000;

/** How often the machines of one deletion are brought to rest before people are told each time. */
export const RESTS_UNTOLD = 2;

/**
 * CloudStack's clean-up of accounts runs once a day (`account.cleanup.interval`); until then it refuses to delete their domain. Nothing is
 * lost by waiting here. Units: milliseconds.
 */
export const LONG_MS = 36 * 3600_000;

const soon = <T extends Decisive | "rest">(then: T): { readonly waitMs: number; readonly then: T } => ({ waitMs: SHORT_MS, then });
const late = (then: Decisive): Effect => ({ waitMs: LONG_MS, then });

/** Where CloudStack's clock runs, nothing only waits: that does not compile. */
type Recoverable = Exclude<Effect, "wait">;
type Row = Readonly<Record<Stage, Effect>> & { readonly recoverable: Recoverable };
const row = (untouched: Effect, quarantined: Effect, recoverable: Recoverable, removing: Effect): Row => ({
  untouched,
  quarantined,
  recoverable,
  removing,
});

/** What follows from each reason at each stage. */
export const effects: Readonly<Record<Reason, Row>> = {
  stopped: row("wait", "wait", "rest", "wait"),
  scope_unconfirmed: row("wait", "wait", soon("rest"), "wait"),
  unavailable: row("wait", "wait", soon("rest"), "wait"),
  unknown_outcome: row("wait", "wait", soon("rest"), "wait"),
  no_quorum: row(soon("close"), soon("give_back"), soon("give_back"), soon("ask_people")),
  came_back: row("close", "give_back", "give_back", soon("ask_people")),
  changed: row("close", "give_back", "give_back", "ask_people"),
  closed_again: row("close", "give_back", "give_back", "ask_people"),
  alive: row("close", "give_back", "give_back", "freeze"),
  enabled: row("close", "give_back", "give_back", "freeze"),
  // What has not ended within a day, CloudStack forgets (`job.expire.minutes`).
  job_running: row(soon("close"), late("give_back"), soon("give_back"), soon("freeze")),
  protected: row("close", "give_back", "give_back", "freeze"),
  neighbours: row(soon("freeze"), soon("freeze"), soon("freeze"), soon("ask_people")),
  outside: row("freeze", "freeze", "freeze", "freeze"),
  domain_deleted: row("close", "close", "close", "close"),
  domain_gone: row("close", soon("freeze"), soon("freeze"), soon("ask_people")),
  domain_moved: row("close", "give_back", "give_back", "freeze"),
  unproven: row(soon("close"), soon("give_back"), soon("give_back"), soon("freeze")),
  account_not_empty: row("freeze", "freeze", "freeze", soon("freeze")),
  cloudstack_refused: row(soon("freeze"), soon("freeze"), soon("freeze"), late("freeze")),
  archive_damaged: row("freeze", "freeze", "freeze", "freeze"),
  not_granted: row("freeze", "freeze", "freeze", "freeze"),
  contradiction: row("freeze", "freeze", "freeze", "freeze"),
};

const STAGES: Readonly<Record<Phase, Stage>> = {
  archiving: "untouched",
  proposed: "untouched",
  cooling_off: "untouched",
  quarantining: "quarantined",
  grace: "quarantined",
  dismantling: "recoverable",
  expunging: "recoverable",
  removing: "removing",
  deleted: "removing",
  // Only a person takes a frozen deletion further, and then in the phase it froze in.
  frozen: "untouched",
  closed: "untouched",
};

/**
 * What follows from a reason now, after it has lasted for `waitedMs`; `leftMs`: until CloudStack may expunge what was destroyed. Once it
 * may, and its task has not run yet, recovering starts the whole time again: then only what lasts leads to that.
 */
export function effectOf(reason: Reason, phase: Phase, waitedMs: number, leftMs = Number.POSITIVE_INFINITY): Waiting | Decisive {
  const stage = STAGES[phase];
  const effect = effects[reason][stage];
  const now = typeof effect === "string" ? effect : waitedMs < effect.waitMs ? "wait" : effect.then;
  return now === "wait" && stage === "recoverable" && leftMs > 0 && leftMs <= REST_MS ? "rest" : now;
}

/** How a closed deletion is recorded; every other reason is a change, after which people are asked again. */
const CLOSED_BECAUSE: Partial<Readonly<Record<Reason, ClosedBecause>>> = {
  came_back: "came_back",
  protected: "kept",
  domain_deleted: "gone",
  domain_gone: "gone",
};

/** Why a deletion that ends for a reason is closed. */
export function closedBecause(reason: Reason): ClosedBecause {
  return CLOSED_BECAUSE[reason] ?? "changed";
}

/** A failure that carries why the step was refused; only such a failure may end, freeze or restore a deletion. */
export interface Refusal extends Failure {
  readonly reason: Reason;
}

/** A refusal of the guard, with the code that belongs to its reason. */
export function guardRefusal(reason: GuardReason, sentence: string): Refusal {
  return { ...failure("refused", `deletion.${reason}`, sentence), reason };
}

/** A refusal of the guard, as a result. */
export function refuse(reason: GuardReason, sentence: string): Result<never, Refusal> {
  return err(guardRefusal(reason, sentence));
}

/** The failure for a domain that CloudStack says was removed. */
export function domainGone({ path }: { readonly path: string }): Failure {
  return failure("stale", "cloudstack.domain_gone", `${path} does not exist any more`);
}

/** A failure as a refusal; what already is one stays as it is. */
export function refusalOf(f: Failure | Refusal): Refusal {
  if ("reason" in f) return f;
  return { ...f, reason: BY_CODE[f.code] ?? (isFailedRead(f) ? "unavailable" : BY_KIND[f.kind]) };
}

/** Codes of other rooms that mean more than their kind. */
const BY_CODE: Readonly<Record<string, Reason>> = {
  "deletion.scope_unconfirmed": "scope_unconfirmed",
  "cidb.not_confirmed": "scope_unconfirmed",
  "archive.not_saved": "archive_damaged",
  "deletion.account_not_empty": "account_not_empty",
  "cloudstack.account_not_empty": "account_not_empty",
  "cloudstack.stopped": "stopped",
  "deletion.no_quorum": "no_quorum",
  "cloudstack.domain_gone": "domain_gone",
  "cloudstack.no_root": "unavailable",
  "cloudstack.domain_moved": "domain_moved",
  "archive.damaged": "archive_damaged",
};

const BY_KIND: Readonly<Record<FailureKind, Reason>> = {
  unavailable: "unavailable",
  indeterminate: "unknown_outcome",
  rejected: "cloudstack_refused",
  refused: "not_granted",
  invalid: "not_granted",
  stale: "changed",
  contract_broken: "contradiction",
  stuck: "contradiction",
};

/** Whether a read failed, however it failed: then nothing was done, and a later try may succeed. */
export function isFailedRead(f: Failure): boolean {
  return /^(?:list|query)/.test(String(f.details?.["command"] ?? ""));
}
