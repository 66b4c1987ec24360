import { readClocks } from "../../approvals/clocks.ts";
import type { Inspection, Ownership } from "../../approvals/ownership.ts";
import { describeClaims, type Claim } from "../../core/claims.ts";
import type { Clock, NewId, SkewMeter } from "../../core/clock.ts";
import { canonicalJson } from "../../core/digest.ts";
import type { Failure } from "../../core/failure.ts";
import type { Digest, DomainId, Instant, OperatorId, PassId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { DAY_MS } from "../../core/units.ts";
import type { Scope } from "../../core/scope.ts";
import { addToTrace } from "../../core/trace.ts";
import { recordAudit } from "../../store/audit.ts";
import type { Database } from "../../store/db.ts";
import { endFirstPlans } from "../../store/adoptions.ts";
import { askedToCreate } from "../../store/installation.ts";
import { countRestrictions, readRestrictions, recordIntent, recordOutcome } from "../../store/intents.ts";
import { recordTold } from "../../store/matters.ts";
import { readUndone, recordUndone } from "../../store/undone.ts";
import {
  readKnownState,
  recordCompleteRead,
  recordLastShown,
  recordManagedAccounts,
  recordManagedDomains,
  recordPlaces,
} from "../../store/managed.ts";
import { recordPass, recordPassEnd, recordPlan, updatePlanRecord } from "../../store/plans.ts";
import { allowedBy, buildPlan, endedFirstPlans, unrestrictedDomains, waitingDomains } from "../planning/build-plan.ts";
import type { CompleteInput, PartialInput } from "../planning/input.ts";
import type { KnownState } from "../../core/managed.ts";
import type { Change, NotOpened, Plan } from "../planning/plan.ts";
import { fingerprintOf, type PolicyNow } from "../../core/policy.ts";
import { planPolicyOf, type PlanPolicy, type PlanSettings } from "../planning/policy.ts";
import { claimsOfRecognised, recognise, withRecognised, type Recognised } from "../planning/recognise.ts";
import { applyChanges } from "./apply.ts";
import { orCutOff, unlessStopped } from "./cut-off.ts";
import { finalState, newRecord, withOutcomes } from "./new-record.ts";
import { findLocksToSettle, settleLocks } from "./locks.ts";
import { createProgress } from "./progress.ts";
import { inputOf, observe, type Observation } from "./observe.ts";
import { refusalWhileStopped, withPassLock } from "./pass-lock.ts";
import type { ChangeWriter, DeletionOpener, DesiredSource, ObservedSource } from "./ports.ts";
import type { PlanAnnouncer, PlanRecord } from "./record.ts";
import { findGrown } from "./grown.ts";
import { asItStands, correctMessages, touchedBy } from "./correct.ts";
import { isUndone, mattersOf, undoneKey } from "./matters.ts";
import { changedFrom, follow, keyOfEarlierVersion, movedTo, readToldBefore, type Following, type ToldByKey } from "./told.ts";
import { findUndone, undoneAfter, undoneLast } from "./undone.ts";

/** All that passes need; every collaborator is required. */
export interface ReconcileContext {
  readonly db: Database;
  readonly desired: DesiredSource;
  readonly observed: ObservedSource;
  readonly writer: ChangeWriter;
  readonly deletions: DeletionOpener;
  readonly announcer: PlanAnnouncer;
  /** The policy in force, asked again for each pass. Errors: throws when the store is away. */
  readonly policyNow: () => Promise<PolicyNow>;
  readonly settings: PlanSettings;
  /** What this process reads. */
  readonly scopeFingerprint: Digest;
  readonly now: Clock;
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
  readonly ownership: Ownership;
  /** Why the changes of passes are only reported, in a sentence; null: they are made. */
  readonly reported: string | null;
  /** Aborted with `BeingStopped` when this process is stopped. */
  readonly stopping: AbortSignal;
}

/** What a plan is made from without recording anything; `db` null: there is no database yet. */
export interface PreviewContext extends Pick<
  ReconcileContext,
  "desired" | "observed" | "policyNow" | "settings" | "scopeFingerprint" | "now" | "newId" | "reported"
> {
  readonly db: Database | null;
  readonly deletions: Pick<DeletionOpener, "liveDomains" | "whyNotOpened">;
  readonly ownership: Pick<Ownership, "inspect" | "unsettled">;
}

/** How long a pass that a person asked for waits for one that is running: longer than a pass over a whole fleet takes. Units: ms. */
const COMMANDED_WAIT_MS = 60_000;

/** Who started a pass. */
export type StartedBy = PlanRecord["startedBy"];

/** One pass: observe, plan, hold, store, show, apply, read back, record. Errors: `refused` when one is running or all is stopped. */
export async function runPass(scope: Scope, startedBy: StartedBy, c: ReconcileContext): Promise<Result<PlanRecord, Failure>> {
  const stopped = await refusalWhileStopped(c.db);
  if (stopped !== null) return err(stopped);
  // The next scheduled pass comes by itself; one that a person asked for waits for the one that is running.
  const waitMs = startedBy.kind === "command" ? COMMANDED_WAIT_MS : 0;
  return withPassLock(c.db, waitMs, async (signal) => {
    // It may have been stopped while this pass waited.
    const since = await refusalWhileStopped(c.db);
    return since === null ? passWithLock(scope, startedBy, c, AbortSignal.any([signal, c.stopping])) : err(since);
  });
}

/** Makes a plan without storing, showing or applying anything: the one that a pass would make now. */
export async function previewPass(scope: Scope, startedBy: StartedBy, c: PreviewContext): Promise<PlanRecord> {
  const { plan } = await planNow(scope, c, null);
  const notAsked = await proposalsNotAsked(plan, [], c);
  return { ...newRecord(c, plan, startedBy, c.newId() as PassId), ...(notAsked.length === 0 ? {} : { notAsked }) };
}

async function passWithLock(
  scope: Scope,
  startedBy: StartedBy,
  c: ReconcileContext,
  signal: AbortSignal,
): Promise<Result<PlanRecord, Failure>> {
  const passId = c.newId() as PassId;
  addToTrace({ pass: passId });
  await recordPass(c.db, { id: passId, scope, startedBy, at: c.now() });
  const planning = await planAndMark(scope, passId, c);
  if (!planning.ok) return planning;
  const planned = planning.value;
  const { plan } = planned;
  await c.deletions.lookAtChanged(planned.input.desired);
  let record = newRecord(c, plan, startedBy, passId);
  addToTrace({ plan: record.id });
  const inputs = await storePlan(record, planned, c);
  const allowed = allowedBy(plan);
  const requesters: readonly OperatorId[] = startedBy.kind === "command" ? [startedBy.operator] : [];
  const notAsked = await proposalsNotAsked(plan, requesters, c);
  if (notAsked.length > 0) record = { ...record, notAsked };
  const before = await readUndone(c.db);
  const { stored, told, byOthers } = await readToldBefore(c.db, before);
  const waiting = waitingDomains(plan);
  const unrestricted = unrestrictedDomains(plan);
  const found: readonly Change[] = [
    ...(allowed.additive ? plan.additive : []),
    ...(allowed.restrictive ? plan.restrictive.filter((change) => !unrestricted.has(change.domainId)) : []),
  ];
  const permitted = c.reported === null ? found : [];
  const changes = undoneLast(permitted, before);
  // What was told to fail is no news when it is tried again.
  const isTold = (change: Change): boolean => told.get(undoneKey(change))?.endedAt === null || findUndone(before, change) !== undefined;
  const grown = await findGrown(c.db, record, told, record.startedAt);
  if (grown.length > 0) record = { ...record, grown };
  const first = follow(record, told, record.startedAt);
  if (first.over.length > 0) record = { ...record, ended: first.over.map(({ key, since }) => ({ key, since })) };
  let shown = isNews(first, record) || changes.some((change) => !isTold(change));
  const begun = shown ? await showFirst(record, stored, first, c) : null;
  const onOutcome = begun === null ? {} : { onOutcome: createProgress(begun, changes.length, c) };
  const reads = { asOf: plan.asOf, ageMsMax: planned.policy.snapshotAgeMsMax };
  const applied = await applyChanges(changes, { ...c, ...onOutcome, passId, signal, reads, limits: planned.team });
  record = { ...record, outcomes: withOutcomes(record.outcomes, applied) };
  if (changes.length > 0) record = await readBack(scope, record, c);
  const stopped = applied.some((o) => o.outcome === "held");
  record = { ...record, endedAt: c.now(), state: stopped ? "stopped" : finalState(record, changes.length) };
  if (allowed.deletions && !stopped) {
    for (const proposal of plan.proposals) if (!waiting.has(proposal.domainId)) await c.deletions.openDeletion(proposal, requesters);
  }
  const last = follow(record, told, record.startedAt);
  // What was made is news, and so is what was not made for the first time.
  shown ||= record.outcomes.some((o) => (isUndone(o) ? !isTold(o.change) : o.outcome === "done"));
  const now = shown ? movedTo(record.id, last, mattersOf(record)) : last.told;
  await c.db.tx(async (q) => {
    await updatePlanRecord(q, record.id, record, shown);
    await recordPassEnd(q, passId, c.now(), plan.holds[0]?.sentence ?? null);
    await recordTold(q, changedFrom(stored, now), shown ? record.id : byOthers, c.now());
    if (scope.kind === "fleet") await recordLastShown(q, keyOfEarlierVersion({ ...record, plan: asEarlierVersion(planned, c) }));
    const forgetsOthers = scope.kind === "fleet" && allowed.additive;
    await recordUndone(q, undoneAfter(before, record.id, record.outcomes, { forgetsOthers }));
    const counts = { changes: changes.length, proposals: plan.proposals.length, holds: plan.holds.map((h) => h.kind) };
    const data = { plan: record.id, inputs, state: record.state, digest: plan.digest, ...counts };
    const actor = startedBy.kind === "command" ? startedBy.operator : "schedule";
    await recordAudit(q, { at: c.now(), actor, kind: "pass.ended", subject: passId, data });
  });
  if (shown) await c.announcer.showPlan(asItStands(record, record, now));
  await correctMessages(touchedBy(record, told, now), record, now, c);
  return ok(record);
}

/** Reads both sides, plans, and sets our mark. Errors: the pass is cut off; CloudStack does not take the mark. Then nothing is applied. */
async function planAndMark(scope: Scope, passId: PassId, c: ReconcileContext): Promise<Result<Planned, Failure>> {
  const planned = await orCutOff(planNow(scope, c, c));
  const marked = planned.ok ? await setMark(planned.value, passId, c) : planned;
  if (marked.ok) return planned;
  await recordPassEnd(c.db, passId, c.now(), marked.error.message);
  return marked;
}

/** Shows a plan before its changes are made. That it is told is recorded first: after a crash its message is posted, and no second one. */
async function showFirst(record: PlanRecord, stored: ToldByKey, first: Following, c: ReconcileContext): Promise<PlanRecord> {
  const now: ToldByKey = movedTo(record.id, first, mattersOf(record));
  await c.db.tx(async (q) => {
    await updatePlanRecord(q, record.id, record, true);
    await recordTold(q, changedFrom(stored, now), record.id, c.now());
  });
  const begun = asItStands(record, record, now);
  await c.announcer.showPlan(begun);
  return begun;
}

/** Whether a plan tells something that no message tells yet. */
function isNews({ news, over }: Following, { startedBy, notAsked = [] }: PlanRecord): boolean {
  // Who asked for a pass learns why nothing came of it.
  return news.length > 0 || over.length > 0 || (startedBy.kind === "command" && notAsked.length > 0);
}

/** The plan as a replica of an earlier version makes it, whose holds differ. */
function asEarlierVersion({ plan, input, policy: { rules: _, ...earlier }, plannedAt }: Planned, c: ReconcileContext): Plan {
  return plan.holds.length === 0 ? plan : buildPlan(input, earlier, c.scopeFingerprint, plannedAt);
}

/** A plan and all that it was made from. */
interface Planned {
  readonly plan: Plan;
  readonly input: CompleteInput | PartialInput;
  readonly plannedAt: Instant;
  readonly policy: PlanPolicy;
  readonly seen: Inspection | null;
  readonly team: PolicyNow;
}

/** `recorder` null: nothing is recorded, and what a pass would record counts for this plan only. */
async function planNow(
  scope: Scope,
  c: PreviewContext,
  recorder: Pick<ReconcileContext, "db" | "ownership" | "stopping" | "now" | "clockSkew"> | null,
): Promise<Planned> {
  const recording = recorder !== null;
  const busy = await c.deletions.liveDomains();
  const team = await c.policyNow();
  const policy = planPolicyOf(team, c.settings);
  const pinned = { pinnedScope: fingerprintOf(team.scope), pinnedRoles: team.scope.roles ?? null };
  const readKnown = async (): Promise<KnownState> => ({ ...(await readRemembered(busy, c, recording)), ...pinned });
  let known = await readKnown();
  const openLocks = recorder === null ? [] : await findLocksToSettle(recorder.db, busy, c.observed);
  const before = known;
  const reading = observe(scope, known, c.desired, c.observed);
  const observation = await (recorder === null ? reading : unlessStopped(reading, recorder.stopping));
  const recognised = recognise(observation.desired, observation.observed, known);
  const owner = await findOwner(observation, recognised, known, team.scopeIsConfirmed, c);
  if (recorder !== null && owner.claims.length > 0) await recorder.ownership.hold(owner.claims);
  // What another scope lists, or another installation made, is only reported: nothing of it is recorded.
  const mayRecord = recording && team.scopeIsConfirmed && owner.notOurs === null;
  if (mayRecord && (recognised.domains.length > 0 || recognised.accounts.length > 0)) {
    await recorder.db.tx(async (q) => {
      await recordManagedDomains(q, recognised.domains, c.now());
      await recordManagedAccounts(q, recognised.accounts, c.now());
    });
    known = await readKnown();
  }
  if (recorder === null && team.scopeIsConfirmed && owner.notOurs === null) known = withRecognised(known, recognised);
  if (mayRecord) await settleLocks(observation.observed, before, openLocks, { db: recorder.db, now: c.now });
  const input = inputOf(observation, { ...known, notOurs: owner.notOurs });
  const plannedAt = c.now();
  const plan = buildPlan(input, policy, c.scopeFingerprint, plannedAt);
  if (mayRecord && input.coverage === "complete" && !plan.holds.some((h) => h.blocks === "everything")) {
    const held = input.desired.held.flatMap((h) => (h.projectId === null ? [] : [h.projectId]));
    const present = [...input.desired.projects.map((p) => p.id), ...held];
    const clocks = await readClocks(recorder);
    // A held row without an id may be any project's, and by a clock that jumped an absence may be of any length: then none goes on.
    const isUnsure = input.desired.hasNamelessHeldRow || !clocks.ok;
    const sizes = { projects: input.desired.projects.length, domains: input.observed.domains.length };
    await recorder.db.tx(async (q) => {
      await recordCompleteRead(q, { present, isUnsure, ...sizes, at: clocks.ok ? clocks.value.latest : c.now() });
      await recordPlaces(q, input.observed.domains);
      await endFirstPlans(q, endedFirstPlans(input, plan));
    });
  }
  return { plan, input, plannedAt, policy, team, seen: owner.seen };
}

/** What the database says of earlier passes; of none, when there is no database yet. */
async function readRemembered(busy: readonly DomainId[], { db, now }: Pick<PreviewContext, "db" | "now">, recording: boolean) {
  if (db === null) return { ...NOTHING_REMEMBERED, domainsUnderDeletion: busy };
  const count = recording ? countRestrictions : readRestrictions;
  const [day, week] = [await count(db, now() - DAY_MS), await count(db, now() - 7 * DAY_MS)];
  return { ...(await readKnownState(db, busy)), restrictionsMade: { day, week } };
}

const NOTHING_REMEMBERED = {
  managedDomains: [],
  managedAccounts: [],
  firstPlan: [],
  generations: {},
  lastComplete: null,
  restrictionsMade: { day: 0, week: 0 },
} as const;

/** Sets our mark once a complete pass found nothing that is not ours. Errors: CloudStack's; then nothing is applied. Invariant: INV-5. */
async function setMark({ plan, input, seen }: Planned, passId: PassId, c: ReconcileContext): Promise<Result<void, Failure>> {
  if (seen === null || input.coverage !== "complete" || plan.holds.some((h) => h.blocks === "everything")) return ok(undefined);
  if (seen.ours !== null) return c.ownership.mark(seen);
  if (c.reported !== null) return ok(undefined);
  const id = c.newId();
  await recordIntent(c.db, { id, owner: { kind: "pass", id: passId }, command: "add_mark", params: {}, at: c.now() });
  const marked = await c.ownership.mark(seen);
  const result = marked.ok ? "done" : marked.error.kind === "indeterminate" ? "indeterminate" : "refused";
  await recordOutcome(c.db, { intentId: id, result, data: null, at: c.now() });
  return marked;
}

/** Whether this database is the one that manages what was read. */
interface Owner {
  /** Null: nothing was read, or nothing may be. */
  readonly seen: Inspection | null;
  readonly claims: readonly Claim[];
  /** Null: it is. */
  readonly notOurs: string | null;
}

/** Compares what was read with this installation's mark, ids and age. */
export async function findOwner(
  { desired, observed }: Observation,
  recognised: Recognised,
  known: KnownState,
  scopeIsConfirmed: boolean,
  c: Pick<PreviewContext, "db" | "ownership">,
): Promise<Owner> {
  // Where nothing was read, or by another scope, the plan is held already, and nothing is said of whose it is.
  if (!scopeIsConfirmed || observed.root === null) return { seen: null, claims: [], notOurs: null };
  const inspected = await c.ownership.inspect();
  if (!inspected.ok) return { seen: null, claims: [], notOurs: inspected.error.message };
  const unknown = claimsOfRecognised(recognised, desired, observed, known);
  const ids = unknown.map((u) => u.subject);
  const asked = c.db === null ? new Set<string>() : await askedToCreate(c.db, ids);
  const claims = [...inspected.value.claims, ...(await c.ownership.unsettled(unknown.filter((u) => !asked.has(u.subject))))];
  return { seen: inspected.value, claims, notOurs: claims.length === 0 ? null : describeClaims(claims) };
}

function storePlan(record: PlanRecord, { input, plannedAt, policy }: Planned, c: ReconcileContext): Promise<Digest> {
  const { desired, observed, known } = input;
  const { id, passId, plan } = record;
  const readAt = { desired: desired.asOf, observed: observed.asOf };
  const stored = { id, passId, digest: plan.digest, scopeFingerprint: c.scopeFingerprint, plannedAt, readAt, record };
  return c.db.tx((q) => recordPlan(q, stored, { desired, observed, known, policy }, c.now()));
}

/** The proposals that open no deletion, with the reason. */
async function proposalsNotAsked(
  plan: Plan,
  requesters: readonly OperatorId[],
  c: Pick<PreviewContext, "deletions">,
): Promise<NonNullable<PlanRecord["notAsked"]>> {
  if (!allowedBy(plan).deletions) return [];
  const found: (NotOpened & { readonly path: string })[] = [];
  const waiting = waitingDomains(plan);
  for (const proposal of plan.proposals) {
    const why = waiting.has(proposal.domainId)
      ? { reason: "it was adopted, and its first plan waits for two approvers: /ci-adopt release", isNews: true }
      : await c.deletions.whyNotOpened(proposal, requesters);
    if (why !== null) found.push({ path: proposal.path, ...why });
  }
  return found;
}

/** Reads both sides again and says for each change whether it can be seen there. */
async function readBack(scope: Scope, record: PlanRecord, c: ReconcileContext): Promise<PlanRecord> {
  const read = await orCutOff(planNow(scope, c, c));
  if (!read.ok) return record;
  const { plan } = read.value;
  const remaining = new Set([...plan.additive, ...plan.restrictive].map((change) => canonicalJson(change)));
  const wasRead = !plan.holds.some((h) => h.kind === "desired_partial" || h.kind === "observed_partial");
  const outcomes = record.outcomes.map((o) =>
    wasRead && o.outcome !== "held" ? { ...o, seen: !remaining.has(canonicalJson(o.change)) } : o,
  );
  const left = outcomes.filter((o) => o.outcome !== "held" && o.seen !== true).length;
  return { ...record, outcomes, readBack: wasRead ? { complete: left === 0, remaining: left } : null };
}
