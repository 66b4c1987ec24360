import { readClocks } from "../../approvals/clocks.ts";
import type { NewId, Clock, SkewMeter } from "../../core/clock.ts";
import type { FailureKind } from "../../core/failure.ts";
import { jobIdFor } from "../../core/derived-ids.ts";
import { groupBy } from "../../core/group-by.ts";
import type { Instant, PassId } from "../../core/ids.ts";
import type { TeamPolicy } from "../../core/policy.ts";
import { DAY_MS } from "../../core/units.ts";
import { recordAudit } from "../../store/audit.ts";
import { countRestrictions, recordIntent, recordOutcome, type Intent } from "../../store/intents.ts";
import { refusalOfChange } from "../../store/last-word.ts";
import { recordLock, recordRefusedLock } from "../../store/locks.ts";
import { recordManagedAccounts, recordManagedDomains } from "../../store/managed.ts";
import type { Database, Transaction } from "../../store/db.ts";
import { describeChange } from "../planning/describe.ts";
import type { Change } from "../planning/plan.ts";
import { whyAborted } from "./cut-off.ts";
import type { ChangeWriter } from "./ports.ts";
import type { ChangeOutcome } from "./record.ts";

/** What applying needs. */
export interface ApplyContext {
  readonly db: Database;
  readonly writer: ChangeWriter;
  readonly now: Clock;
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
  readonly passId: PassId;
  readonly signal: AbortSignal;
  /** Told of each change as it ends. */
  readonly onOutcome?: (outcome: ChangeOutcome) => void;
  /** How many restrictions all passes together may make. */
  readonly limits: Pick<TeamPolicy, "restrictionsPerDay" | "restrictionsPerWeek">;
  /** When the older side was read, and how old that may be for a restriction. Units: `ageMsMax` milliseconds. */
  readonly reads: { readonly asOf: Instant; readonly ageMsMax: number };
}

/** How many projects are worked on at once. */
export const PROJECTS_AT_A_TIME = 4;

/**
 * Carries out changes: project by project, four at a time, in the plan's order inside one project.
 *
 * What CloudStack refuses holds up only what depends on it; after any other failure the rest of that project is skipped, and the next pass
 * plans again.
 *
 * What is not made because of a stop is held, with that stop, and not skipped: nothing failed.
 *
 * A restriction above the budget, by reads that are too old by now, or while the clocks disagree, is held: replicas count together, and a
 * process that slept between two changes does not know what was decided meanwhile. Additions go on, however long they take.
 * Before each change `refusalOfChange` is asked and the intent recorded; after it the outcome and what is managed now, in one transaction.
 * Invariant: INV-3, INV-5.
 */
export async function applyChanges(changes: readonly Change[], c: ApplyContext): Promise<readonly ChangeOutcome[]> {
  const outcomes = new Map<Change, ChangeOutcome>();
  const queue = [...groupBy(changes, (change) => change.projectId).values()];
  const work = async (): Promise<void> => {
    for (let group = queue.shift(); group !== undefined; group = queue.shift()) await applyGroup(group, c, outcomes);
  };
  await Promise.all(Array.from({ length: PROJECTS_AT_A_TIME }, work));
  return changes.map((change) => outcomes.get(change) ?? { change, outcome: "skipped", seen: null, problem: null });
}

async function applyGroup(group: readonly Change[], c: ApplyContext, outcomes: Map<Change, ChangeOutcome>): Promise<void> {
  const tell = (outcome: ChangeOutcome): void => {
    outcomes.set(outcome.change, outcome);
    c.onOutcome?.(outcome);
  };
  for (const [i, change] of group.entries()) {
    const { holdsUp, holdsAll = false, ...outcome } = await applyOne(change, c);
    tell(outcome);
    if (holdsAll) for (const later of group.slice(i + 1)) tell({ ...outcome, change: later });
    if (holdsUp || (outcome.outcome !== "done" && change.kind === "create_domain")) return;
  }
}

/** Failures that say something of the system, not of the change: the next change would fail in the same way, or is unsafe. */
const HOLDS_UP: ReadonlySet<FailureKind> = new Set(["unavailable", "indeterminate", "contract_broken"]);

/** `holdsAll`: whatever follows is not made either, for the same reason. */
interface Applied extends ChangeOutcome {
  readonly holdsUp: boolean;
  readonly holdsAll?: boolean;
}

async function applyOne(change: Change, c: ApplyContext): Promise<Applied> {
  const problem = c.signal.aborted ? whyAborted(c.signal) : await refusalOfChange(c.db, c.passId);
  if (problem !== null) return { ...held(change, problem), holdsAll: true };
  const id = c.newId();
  const jobId = jobIdFor(id);
  const sentence = describeChange(change);
  const params = { change, jobId, sentence };
  const intent: Intent = { id, owner: { kind: "pass", id: c.passId }, command: change.kind, params, at: c.now() };
  const kept = await recordUnlessKept(intent, change, c);
  if (kept !== null) return kept;
  const result = await c.writer.applyChange(change, jobId);
  const unknown = !result.ok && result.error.kind === "indeterminate";
  const end = result.ok ? "done" : unknown ? "indeterminate" : "refused";
  const data = result.ok ? null : { code: result.error.code, sentence: result.error.message };
  await c.db.tx(async (q) => {
    await recordOutcome(q, { intentId: id, result: end, data, at: c.now() });
    if (result.ok) await recordEffect(q, change, c.now());
    if (end === "refused" && change.kind === "lock_account") await recordRefusedLock(q, change.accountId);
    const told = { sentence, slug: change.slug, domainId: change.domainId, jobId, problem: data?.sentence ?? null };
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: `change.${change.kind}.${end}`, subject: c.passId, data: told });
  });
  return { change, outcome: end, seen: null, problem: data?.sentence ?? null, holdsUp: !result.ok && HOLDS_UP.has(result.error.kind) };
}

function held(change: Change, problem: string) {
  return { change, outcome: "held", seen: null, problem, holdsUp: true } as const;
}

/**
 * Records a change that is about to be made; otherwise says why it is not: a restriction by reads that are too old, above the budget, or
 * while it is uncertain what a day is, as by a clock that jumped ahead nothing was restricted lately. Invariant: INV-5, INV-6, INV-11.
 */
async function recordUnlessKept(intent: Intent, change: Change, c: ApplyContext): Promise<Applied | null> {
  if (!isRestrictive(change)) return recordIntent(c.db, intent).then(() => null);
  const clocks = await readClocks(c);
  if (!clocks.ok) return held(change, `the limit of restrictions cannot be counted. ${clocks.error.message}`);
  const { earliest: now, latest } = clocks.value;
  // Nothing depends on it: each that follows is asked for itself, and additions go on.
  if (latest - c.reads.asOf > c.reads.ageMsMax) return { ...held(change, "the reads are too old to act on by now"), holdsUp: false };
  return c.db.tx(async (q) => {
    const [day, week] = [await countRestrictions(q, now - DAY_MS), await countRestrictions(q, now - 7 * DAY_MS)];
    if (day >= c.limits.restrictionsPerDay || week >= c.limits.restrictionsPerWeek)
      return held(change, "the limit of restrictions over all passes is reached");
    await recordIntent(q, intent);
    // Ours from now on: the call may have its effect although nobody learns how it ended.
    if (change.kind === "lock_account") await recordLock(q, change.accountId, true);
    return null;
  });
}

function isRestrictive({ kind }: Change): boolean {
  return kind === "lock_account" || kind === "lower_limit" || kind === "set_role";
}

async function recordEffect(q: Transaction, change: Change, at: number): Promise<void> {
  const { projectId, domainId } = change;
  if (change.kind === "create_domain")
    await recordManagedDomains(q, [{ domainId, projectId, generation: change.generation, origin: "created" }], at);
  else if (change.kind === "create_account") {
    const { accountId, userId, ciUserId } = change;
    await recordManagedAccounts(q, [{ accountId, userId, domainId, projectId, ciUserId }], at);
  } else if (change.kind === "unlock_account") await recordLock(q, change.accountId, false);
}
