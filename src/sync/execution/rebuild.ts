import type { Ownership } from "../../approvals/ownership.ts";
import { describeClaims } from "../../core/claims.ts";
import type { Clock, NewId, SkewMeter } from "../../core/clock.ts";
import { domainIdFor } from "../../core/derived-ids.ts";
import { fail, failure, type Failure } from "../../core/failure.ts";
import type { DomainPath, Instant, OperatorId, PassId } from "../../core/ids.ts";
import { isInProtected } from "../../core/protected.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import type { Database } from "../../store/db.ts";
import { readLiveHeads } from "../../store/deletions.ts";
import { readKnownState, recordDomainDeleted, recordManagedAccounts, recordManagedDomains } from "../../store/managed.ts";
import { recordPass, recordPassEnd } from "../../store/plans.ts";
import { applyChanges } from "./apply.ts";
import { inputOf, observe } from "./observe.ts";
import { findOwner } from "./reconcile.ts";
import { refusalWhileStopped, withPassLock } from "./pass-lock.ts";
import type { ChangeWriter, DesiredSource, ObservedSource, DomainIds } from "./ports.ts";
import { planChanges } from "../planning/changes.ts";
import { describeChange } from "../planning/describe.ts";
import type { CompleteInput } from "../planning/input.ts";
import type { CompleteObserved } from "../planning/observed.ts";
import type { KnownState, ManagedDomain } from "../../core/managed.ts";
import { listed } from "../../core/shown-text.ts";
import type { AdditiveChange } from "../planning/plan.ts";
import type { PlanPolicy } from "../planning/policy.ts";
import { recognise, withRecognised, type Recognised } from "../planning/recognise.ts";

/** What rebuilding needs. `say` takes one line of progress at a time, and how much is done after it. */
export interface RebuildContext {
  readonly db: Database;
  readonly desired: DesiredSource;
  readonly observed: ObservedSource;
  readonly writer: ChangeWriter;
  readonly ownership: Ownership;
  readonly domainIds: DomainIds;
  readonly policy: PlanPolicy;
  readonly root: DomainPath;
  readonly now: Clock;
  readonly clockSkew: SkewMeter;
  readonly newId: NewId;
  readonly say: (line: string, at: { readonly done: number; readonly total: number }) => void;
}

/** The result of a rebuild, by the read after it. */
export interface RebuildReport {
  /** Changes that CloudStack confirmed. */
  readonly made: number;
  /** What is still to be made; after a dry run, everything. */
  readonly left: readonly AdditiveChange[];
  /** Why something cannot be made, one sentence each. */
  readonly obstacles: readonly string[];
  /** What is left to a later pass, since it locks or lowers something. */
  readonly forLater: readonly string[];
  readonly projects: number;
  readonly accounts: number;
}

/** Rounds of read, plan and make; a second one has work only when an answer was lost or the CI database changed. */
const ROUNDS = 3;
/** More generations than any project has: ends the search on a server that calls every id spent. */
const GENERATIONS_MAX = 100;

/**
 * Makes all domains, accounts and users again from the CI database, in a CloudStack that lost them.
 *
 * It uses the planner and the writer of passes, but only for creations: it never deletes, locks or lowers anything. Run again after a
 * kill it goes on, since every id follows from project and generation.
 *
 * Errors: `refused` (stopped, a pass is running, something unmanaged below the root, or another installation's), `unavailable` (a side was not read completely).
 */
export async function rebuild(o: { readonly dryRun: boolean }, c: RebuildContext): Promise<Result<RebuildReport, Failure>> {
  const stopped = await refusalWhileStopped(c.db);
  if (stopped !== null) return err(stopped);
  return withPassLock(c.db, 0, async (signal) => {
    if (!o.dryRun) return make(c, signal);
    const survey = await takeSurvey(c, false);
    return survey.ok ? ok(reportOf(survey.value, 0)) : survey;
  });
}

/** A rebuild only creates. */
const NO_RESTRICTION = {
  limits: { restrictionsPerDay: 0, restrictionsPerWeek: 0 },
  reads: { asOf: 0 as Instant, ageMsMax: 0 },
} as const;

async function make(c: RebuildContext, signal: AbortSignal): Promise<Result<RebuildReport, Failure>> {
  const passId = c.newId() as PassId;
  const startedBy = { kind: "command", operator: "ci:terminal" as OperatorId, name: "npx twokey rebuild" };
  await recordPass(c.db, { id: passId, scope: { kind: "fleet", root: c.root }, startedBy, at: c.now() });
  let made = 0;
  let survey = await takeSurvey(c, true);
  for (let round = 1; survey.ok && survey.value.creations.length > 0 && round <= ROUNDS; round++) {
    const writer = reporting(c, survey.value.creations.length);
    const applied = await applyChanges(survey.value.creations, { ...c, writer, passId, signal, ...NO_RESTRICTION });
    const done = applied.filter((a) => a.outcome === "done").length;
    made += done;
    survey = await takeSurvey(c, true);
    if (done === 0) break;
  }
  const left = survey.ok ? survey.value.creations.length : null;
  await c.db.tx(async (q) => {
    await recordPassEnd(q, passId, c.now(), survey.ok ? null : survey.error.message);
    await recordAudit(q, { at: c.now(), actor: "terminal", kind: "rebuild.ended", subject: passId, data: { made, left } });
  });
  return survey.ok ? ok(reportOf(survey.value, made)) : survey;
}

/** The writer, which says each change as it ends. */
function reporting(c: RebuildContext, total: number): ChangeWriter {
  let ended = 0;
  return {
    applyChange: async (change, jobId) => {
      const done = await c.writer.applyChange(change, jobId);
      ended += 1;
      const end = done.ok ? "done" : `not done. ${done.error.message}`;
      c.say(`[${ended}/${total}] ${describeChange(change)}: ${end}`, { done: ended, total });
      return done;
    },
  };
}

/** What a read of both sides says is to be made. */
interface Survey {
  readonly input: CompleteInput;
  readonly creations: readonly AdditiveChange[];
  readonly obstacles: readonly string[];
  readonly forLater: readonly string[];
}

/** Reads both sides, refuses unmanaged domains and accounts, gives spent ids their next generation, and plans. */
async function takeSurvey(c: RebuildContext, recording: boolean): Promise<Result<Survey, Failure>> {
  const busy = (await readLiveHeads(c.db)).map((d) => d.domain_id);
  const stored = { ...(await readKnownState(c.db, busy)), pinnedScope: null };
  const { desired, observed } = await observe({ kind: "fleet", root: c.root }, stored, c.desired, c.observed);
  if (desired.coverage === "partial") return err(unread("The CI database", desired.reason));
  if (observed.coverage === "partial") return err(unread("CloudStack", observed.reason));
  const recognised = recognise(desired, observed, stored);
  const sentinel = c.policy.sentinelDomain === null ? [] : [c.policy.sentinelDomain];
  const unmanaged = findUnmanaged(observed, stored, recognised, [...c.policy.protectedDomains, ...sentinel]);
  if (unmanaged.length > 0) return err(unmanagedThere(c.root, unmanaged));
  const owner = await findOwner({ desired, observed }, recognised, stored, true, c);
  // A CloudStack that lost its domains lost the mark with them.
  const claims = owner.claims.filter((one) => one.kind !== "mark_removed");
  if (owner.seen === null || claims.length > 0)
    return fail("refused", "rebuild.not_ours", owner.seen === null ? (owner.notOurs ?? "") : describeClaims(claims));
  const spent = await findSpent(new Set(observed.domains.map((d) => d.id)), desired, withRecognised(stored, recognised), c);
  if (!spent.ok) return spent;
  if (recording) {
    await c.db.tx(async (q) => {
      await recordManagedDomains(q, [...recognised.domains, ...spent.value], c.now());
      await recordManagedAccounts(q, recognised.accounts, c.now());
      for (const one of spent.value) await recordDomainDeleted(q, one.domainId, c.now());
    });
  }
  const known = withSpent(withRecognised(stored, recognised), spent.value);
  const input = inputOf({ desired, observed }, known);
  if (input.coverage === "partial") return err(unread("One of the two sides", "they cover different parts of the tree"));
  const plan = planChanges(input, c.policy);
  const busyIds = new Set<string>(busy);
  const underDeletion = known.managedDomains.filter((m) => busyIds.has(m.domainId)).map((m) => m.projectId);
  return ok({
    input,
    creations: plan.additive.filter(isCreation),
    obstacles: [
      ...plan.holds.map((h) => h.sentence),
      ...desired.held.map((h) => `${h.view}, ${h.key}: ${h.problem}. ${h.remedy}`),
      ...desired.projects
        .filter((p) => p.state === "active" && underDeletion.includes(p.id))
        .map((p) => `${p.slug} is under a deletion that two people may still decide; it is left alone`),
    ],
    forLater: plan.restrictive.map(describeChange),
  });
}

/** Whether a change makes something that is not there; every other change is left to a pass. */
function isCreation(change: AdditiveChange): boolean {
  return ["create_domain", "create_account", "create_user", "raise_limit"].includes(change.kind);
}

type Generation = Omit<ManagedDomain, "absence">;

/**
 * Finds the generations that are used up: those of managed domains that CloudStack lost, and ids of removed domains of which the store has
 * no row, as after the loss of its own database. Source: recordings 13, fact 16.
 */
async function findSpent(
  listed: ReadonlySet<string>,
  desired: CompleteInput["desired"],
  known: KnownState,
  c: RebuildContext,
): Promise<Result<readonly Generation[], Failure>> {
  const spent: Generation[] = [];
  const records = new Map(known.managedDomains.map((m) => [m.projectId, m]));
  for (const project of desired.projects) {
    if (project.state !== "active") continue;
    const record = records.get(project.id);
    let generation = record?.generation ?? known.generations[project.id] ?? 1;
    let domainId = record?.domainId ?? domainIdFor(project.id, generation);
    if (listed.has(domainId) || known.domainsUnderDeletion.includes(domainId)) continue;
    for (let tries = 0; tries < GENERATIONS_MAX; tries++) {
      const state = await c.domainIds.readIdState(domainId);
      if (!state.ok) return state;
      // A lost domain's id counts as spent even when CloudStack itself was replaced and does not know it.
      const isLost = state.value === "free" && record?.domainId === domainId;
      if (state.value !== "spent" && !isLost) break;
      spent.push({ domainId, projectId: project.id, generation, origin: "created" });
      generation += 1;
      domainId = domainIdFor(project.id, generation);
    }
  }
  return ok(spent);
}

function withSpent(known: KnownState, spent: readonly Generation[]): KnownState {
  const gone = new Set<string>(spent.map((s) => s.domainId));
  const generations: Record<string, number> = { ...known.generations };
  for (const s of spent) generations[s.projectId] = Math.max(generations[s.projectId] ?? 1, s.generation + 1);
  return {
    ...known,
    generations,
    managedDomains: known.managedDomains.filter((m) => !gone.has(m.domainId)),
    managedAccounts: known.managedAccounts.filter((m) => !gone.has(m.domainId)),
  };
}

function reportOf(survey: Survey, made: number): RebuildReport {
  const active = survey.input.desired.projects.filter((p) => p.state === "active");
  return {
    made,
    left: survey.creations,
    obstacles: survey.obstacles,
    forLater: survey.forLater,
    projects: active.length,
    accounts: active.reduce((sum, p) => sum + p.members.length, 0),
  };
}

function unread(side: string, reason: string): Failure {
  return failure("unavailable", "recovery.unread", `${side} was not read completely: ${reason}`, {
    remedy: "Nothing was made. Fix that and run it again.",
  });
}

function unmanagedThere(root: DomainPath, unmanaged: readonly string[]): Failure {
  return failure("refused", "recovery.foreign", `Below ${root} there are things that Twokey did not make: ${listed(unmanaged, 20)}`, {
    remedy: "A rebuild is for an empty root. Move these elsewhere, or name them in CLOUDSTACK_PROTECTED_DOMAINS; nothing was made.",
  });
}

/**
 * Names what is below the managed root and was not made by Twokey: domains and accounts without an id of ours, and nested domains.
 *
 * `excluded` are ids and paths that the configuration names. Accounts of the root itself belong to no project, and do not count.
 */
function findUnmanaged(
  observed: CompleteObserved,
  known: KnownState,
  recognised: Recognised,
  excluded: readonly string[],
): readonly string[] {
  const domains = new Set<string>([...known.managedDomains, ...recognised.domains].map((d) => d.domainId));
  const accounts = new Set<string>([...known.managedAccounts, ...recognised.accounts].map((a) => a.accountId));
  const unmanaged = observed.domains.filter((d) => !(domains.has(d.id) && d.depth === 1) && !isInProtected(excluded, d));
  const named = new Set(unmanaged.map((d) => d.id));
  const paths = new Map(observed.domains.map((d) => [d.id, d.path]));
  return [
    ...unmanaged.map((d) => `domain ${d.path}`),
    ...observed.nonUuid.map((d) => `domain ${d.path}`),
    ...observed.accounts
      // An account in a domain that is named already, or is excluded, is not named.
      .filter((a) => domains.has(a.domainId) && !named.has(a.domainId) && !accounts.has(a.id))
      .map((a) => `account ${paths.get(a.domainId) ?? ""}/${a.name}`),
  ].toSorted();
}
