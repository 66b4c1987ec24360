/**
 * Between the passes over everything: looks at the projects that either side says were changed, each by a pass over that project alone.
 *
 * Such a pass can create and repair, and nothing else (its hold is `narrowed`): whoever left, and what is gone, is for a pass over
 * everything. What says that something changed is a hint, so a wrong or missing one delays a change, and never makes another.
 */
import type { Failure } from "../../core/failure.ts";
import type { Instant, ProjectId } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import type { FleetScope } from "../../core/scope.ts";
import {
  addQuickChanges,
  countQuickChanges,
  isFleetHeld,
  readChangeMarks,
  readOwners,
  recordChangeMark,
  type ChangeMark,
} from "../../store/change-marks.ts";
import { readUnreadProjects, recordUnreadProjects, type UnreadProject } from "../../store/unread-projects.ts";
import type { ChangedProjects } from "../planning/desired.ts";
import type { TouchedThing } from "../planning/observed.ts";
import { refusalWhileStopped } from "./pass-lock.ts";
import { previewPass, runPass, type ReconcileContext } from "./reconcile.ts";
import type { PlanRecord } from "./record.ts";

/** What quick passes need besides what passes do. */
export interface QuickPassContext extends ReconcileContext {
  readonly fleet: FleetScope;
  /** Null: the CI database does not say what changed. */
  readonly readChanges: (since: number | null) => Promise<Result<ChangedProjects | null, Failure>>;
  readonly readTouched: (since: Instant) => Promise<Result<readonly TouchedThing[], Failure>>;
}

/** What one round came to. */
export interface QuickPassReport {
  readonly looked: number;
  readonly made: number;
  /** Projects that are left to the next pass over everything: too many changed at once, too much since it, or it is held as a whole. */
  readonly left: number;
  /** Projects that could not be read, and are tried again after a pause. */
  readonly unread: number;
}

/** More projects at once are no daily business, and a pass over everything reads them faster. */
const PROJECTS_MAX = 20;
/** A row may be committed after one that was changed later. Units: milliseconds. */
const OVERLAP_MS = 60_000;
/** How long a project that could not be read is left alone: doubled each time, up to about the time between two passes over everything. */
const PAUSE_MS = 10_000;
const PAUSE_MS_MAX = 300_000;
/** As long as nothing changed, a mark may be so old: the next round only looks back that much farther. Units: milliseconds. */
const MARK_AGE_MS = 30_000;
const NOTHING: QuickPassReport = { looked: 0, made: 0, left: 0, unread: 0 };

/**
 * One round. A change is followed again in the next round when its pass did not run, such as while another pass runs; a project that could
 * not be read is tried again after a pause, which grows. While the last pass over everything is held as a whole, or before the first one,
 * nothing is made: what people are asked about is not made piece by piece.
 *
 * Errors: `unavailable` while a side does not say what changed. Invariant: INV-1, INV-11.
 */
export async function runQuickPass(c: QuickPassContext): Promise<Result<QuickPassReport, Failure>> {
  if (c.reported !== null || (await refusalWhileStopped(c.db)) !== null) return ok(NOTHING);
  const before = await readChangeMarks(c.db);
  const ci = await changedInCi(before.ci, c);
  if (!ci.ok) return ci;
  const cloud = await changedInCloudStack(before.cloudstack, c);
  if (!cloud.ok) return cloud;
  await c.deletions.lookAtTouched(cloud.value.domains);
  const changed = [...new Set([...ci.value.projects, ...cloud.value.projects])];
  const unreadBefore = await readUnreadProjects(c.db);
  const due = unreadBefore.filter((u) => u.nextAt <= c.now()).map((u) => u.projectId);
  const projects = [...new Set([...changed, ...due.slice(0, Math.max(0, PROJECTS_MAX - changed.length))])];
  const isLeft = projects.length > PROJECTS_MAX || (projects.length > 0 && (await isFleetHeld(c.db)));
  const looked = isLeft ? { ...NOTHING, left: changed.length, notRead: [] } : await lookAt(projects, c);
  if (looked === null) return ok(NOTHING);
  const { notRead, ...done } = looked;
  // Our own changes, and tries, are in CloudStack's event log too, by its clock.
  const again = done.looked > 0 ? await changedInCloudStack(before.cloudstack, c) : cloud;
  const mark = again.ok ? again.value.mark : cloud.value.mark;
  const marks = { ci: ci.value.mark, cloudstack: mark };
  const sides = (["ci", "cloudstack"] as const).filter((side) => isWorthRecording(before[side], marks[side]));
  const unread = notRead.map((id) => triedAgain(id, unreadBefore, c.now()));
  const read = isLeft ? [] : unreadBefore.map((u) => u.projectId).filter((id) => projects.includes(id) && !notRead.includes(id));
  if (sides.length + unread.length + read.length > 0)
    await c.db.tx(async (q) => {
      for (const side of sides) if (marks[side] !== null) await recordChangeMark(q, side, marks[side]);
      await recordUnreadProjects(q, unread, read);
    });
  return ok(done);
}

/** When a project that could not be read is tried again. */
function triedAgain(projectId: ProjectId, before: readonly UnreadProject[], now: Instant): UnreadProject {
  const tries = (before.find((u) => u.projectId === projectId)?.tries ?? 0) + 1;
  return { projectId, tries, nextAt: now + Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.min(tries - 1, 20)) };
}

/** Whether a side did not answer for the project, so that nothing is known of it. */
function wasNotRead(ended: Result<PlanRecord, Failure>): boolean {
  return !ended.ok || ended.value.plan.holds.some((h) => h.kind === "desired_partial" || h.kind === "observed_partial");
}

/** Null: another pass is running, and these projects are looked at in the next round. */
async function lookAt(
  projects: readonly ProjectId[],
  c: QuickPassContext,
): Promise<(QuickPassReport & { readonly notRead: readonly ProjectId[] }) | null> {
  const limit = (await c.policyNow()).changesPerPass;
  let [looked, made] = [0, 0];
  const notRead: ProjectId[] = [];
  for (const projectId of projects) {
    const scope = { kind: "project", root: c.fleet.root, projectId } as const;
    const before = await countQuickChanges(c.db);
    // What would go beyond the limit is left as a whole, before anything of it is made.
    const isAbove = before > 0 && before + (await previewPass(scope, { kind: "schedule" }, c)).plan.additive.length > limit;
    if (isAbove) continue;
    const ended = await runPass(scope, { kind: "schedule" }, c);
    if (!ended.ok && ended.error.code === "sync.running") return null;
    looked += 1;
    if (wasNotRead(ended)) notRead.push(projectId);
    const now = ended.ok ? ended.value.outcomes.filter((o) => o.outcome === "done").length : 0;
    made += now;
    await addQuickChanges(c.db, now);
  }
  return { looked, made, left: projects.length - looked, unread: notRead.length, notRead };
}

/** The projects to look at, and the mark that stands once they were. */
interface Followed {
  readonly projects: readonly ProjectId[];
  readonly mark: ChangeMark | null;
}

/** The domains in which anything happened lately, besides. */
interface FollowedCloud extends Followed {
  readonly domains: readonly string[];
}

async function changedInCi(before: ChangeMark | null, c: QuickPassContext): Promise<Result<Followed, Failure>> {
  if (before === null) return beginAtNow(c);
  const changes = await c.readChanges(before.at - OVERLAP_MS);
  if (!changes.ok) return changes;
  if (changes.value === null) return ok({ projects: [], mark: null });
  const { at, projects } = changes.value;
  return ok(follow(before, at, projects));
}

/** What was changed just before the first round is for the first pass over everything, however much it is. */
async function beginAtNow(c: QuickPassContext): Promise<Result<Followed, Failure>> {
  const clock = await c.readChanges(null);
  if (!clock.ok) return clock;
  const recent = clock.value === null ? ok(null) : await c.readChanges(clock.value.at - OVERLAP_MS);
  if (!recent.ok) return recent;
  if (recent.value === null) return ok({ projects: [], mark: null });
  const { at, projects } = recent.value;
  return ok({ projects: [], mark: { at, seen: Object.fromEntries(projects) } });
}

async function changedInCloudStack(before: ChangeMark | null, c: QuickPassContext): Promise<Result<FollowedCloud, Failure>> {
  const at = c.now();
  if (before === null) return ok({ projects: [], domains: [], mark: { at, seen: {} } });
  const touched = await c.readTouched((before.at - OVERLAP_MS) as Instant);
  if (!touched.ok) return touched;
  const domains = new Set(touched.value.flatMap((t) => (t.domainId === null ? [] : [t.domainId])));
  const things = touched.value.filter((t) => !t.isContent);
  const ids = things.flatMap((t) => [t.resourceId, t.domainId].filter((id) => id !== null));
  const owners = await readOwners(c.db, [...new Set(ids)]);
  const projects = new Map<ProjectId, number>();
  for (const t of things) {
    const owner = owners.get(t.resourceId ?? "") ?? owners.get(t.domainId ?? "");
    if (owner !== undefined) projects.set(owner as ProjectId, Math.max(projects.get(owner as ProjectId) ?? 0, t.at));
  }
  return ok({ ...follow(before, at, projects), domains: [...domains] });
}

/** What was seen must be known in the next round; that time went by is worth a row now and then only. */
function isWorthRecording(before: ChangeMark | null, mark: ChangeMark | null): boolean {
  if (mark === null) return false;
  if (before === null || mark.at < before.at || mark.at - before.at >= MARK_AGE_MS) return true;
  const { seen } = before;
  return Object.entries(mark.seen).some(([id, when]) => seen[id] !== when);
}

/** What changed since the last look at it; the rest was seen already. */
function follow(before: ChangeMark | null, at: number, changed: ReadonlyMap<ProjectId, number>): Followed {
  const seen = before?.seen ?? {};
  const projects = [...changed].filter(([id, when]) => when > (seen[id] ?? 0)).map(([id]) => id);
  // What is older than the overlap is not found again.
  const recent = Object.entries(seen).filter(([, when]) => when >= at - 2 * OVERLAP_MS);
  return { projects, mark: { at, seen: { ...Object.fromEntries(recent), ...Object.fromEntries(changed) } } };
}
