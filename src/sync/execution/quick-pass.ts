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
import type { ChangedProjects } from "../planning/desired.ts";
import type { TouchedThing } from "../planning/observed.ts";
import { refusalWhileStopped } from "./pass-lock.ts";
import { previewPass, runPass, type ReconcileContext } from "./reconcile.ts";

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
}

/** More projects at once are no daily business, and a pass over everything reads them faster. */
const PROJECTS_MAX = 20;
/** A row may be committed after one that was changed later. Units: milliseconds. */
const OVERLAP_MS = 60_000;
/** As long as nothing changed, a mark may be so old: the next round only looks back that much farther. Units: milliseconds. */
const MARK_AGE_MS = 30_000;
const NOTHING: QuickPassReport = { looked: 0, made: 0, left: 0 };

/**
 * One round. A change is followed again in the next round when its pass did not run, such as while another pass runs. While the last pass
 * over everything is held as a whole, or before the first one, nothing is made: what people are asked about is not made piece by piece.
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
  const projects = [...new Set([...ci.value.projects, ...cloud.value.projects])];
  const isLeft = projects.length > PROJECTS_MAX || (projects.length > 0 && (await isFleetHeld(c.db)));
  const done = isLeft ? { ...NOTHING, left: projects.length } : await lookAt(projects, c);
  if (done === null) return ok(NOTHING);
  // Our own changes, and tries, are in CloudStack's event log too, by its clock.
  const again = done.looked > 0 ? await changedInCloudStack(before.cloudstack, c) : cloud;
  const mark = again.ok ? again.value.mark : cloud.value.mark;
  const marks = { ci: ci.value.mark, cloudstack: mark };
  const sides = (["ci", "cloudstack"] as const).filter((side) => isWorthRecording(before[side], marks[side]));
  if (sides.length > 0)
    await c.db.tx(async (q) => {
      for (const side of sides) if (marks[side] !== null) await recordChangeMark(q, side, marks[side]);
    });
  return ok(done);
}

/** Null: another pass is running, and these projects are looked at in the next round. */
async function lookAt(projects: readonly ProjectId[], c: QuickPassContext): Promise<QuickPassReport | null> {
  const limit = (await c.policyNow()).changesPerPass;
  let [looked, made] = [0, 0];
  for (const projectId of projects) {
    const scope = { kind: "project", root: c.fleet.root, projectId } as const;
    const before = await countQuickChanges(c.db);
    // What would go beyond the limit is left as a whole, before anything of it is made.
    const isAbove = before > 0 && before + (await previewPass(scope, { kind: "schedule" }, c)).plan.additive.length > limit;
    if (isAbove) continue;
    const ended = await runPass(scope, { kind: "schedule" }, c);
    if (!ended.ok && ended.error.code === "sync.running") return null;
    looked += 1;
    const now = ended.ok ? ended.value.outcomes.filter((o) => o.outcome === "done").length : 0;
    made += now;
    await addQuickChanges(c.db, now);
  }
  return { looked, made, left: projects.length - looked };
}

/** The projects to look at, and the mark that stands once they were. */
interface Followed {
  readonly projects: readonly ProjectId[];
  readonly mark: ChangeMark | null;
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

async function changedInCloudStack(before: ChangeMark | null, c: QuickPassContext): Promise<Result<Followed, Failure>> {
  const at = c.now();
  if (before === null) return ok({ projects: [], mark: { at, seen: {} } });
  const touched = await c.readTouched((before.at - OVERLAP_MS) as Instant);
  if (!touched.ok) return touched;
  const ids = touched.value.flatMap((t) => [t.resourceId, t.domainId].filter((id) => id !== null));
  const owners = await readOwners(c.db, [...new Set(ids)]);
  const projects = new Map<ProjectId, number>();
  for (const t of touched.value) {
    const owner = owners.get(t.resourceId ?? "") ?? owners.get(t.domainId ?? "");
    if (owner !== undefined) projects.set(owner as ProjectId, Math.max(projects.get(owner as ProjectId) ?? 0, t.at));
  }
  return ok(follow(before, at, projects));
}

/** What was seen must be known in the next round; that time went by is worth a row now and then only. */
function isWorthRecording(before: ChangeMark | null, mark: ChangeMark | null): boolean {
  if (before === null || mark === null || mark.at < before.at || mark.at - before.at >= MARK_AGE_MS) return true;
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
