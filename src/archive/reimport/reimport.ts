import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import { recordReimportEnd } from "../../store/reimports.ts";
import { readStop } from "../../store/stop-switch.ts";
import { beginReimport, planReimport, readItems, type ReimportPlan } from "./begin.ts";
import type { ReimportAsk, ReimportContext, ReimportedProject, ReimportReport, ReimportRun, ReimportTarget } from "./context.ts";
import { bringBack, stoppedReimport } from "./item.ts";
import { linkProblem } from "./links.ts";
import { reportReimport, reimportedTemplate } from "./report.ts";
import { findReimportedProject, findReimportTarget } from "./target.ts";

/**
 * Registers a project's templates again, from the newest verified copies of a time, in an empty domain; and says what it could not bring back.
 *
 * It overwrites and deletes nothing. Run again after a kill it goes on: what it registered stands in its own record, and what it does not
 * know it looks up, since CloudStack takes one name twice and makes two templates (recording 15). Invariant: INV-3, INV-5.
 *
 * Errors: `invalid` (nobody knows the project), `refused` (stopped, not empty, outside, protected, under a deletion, a pass is running, no
 * account, no address), `unavailable` (something could not be read).
 */
export async function restore(ask: ReimportAsk, c: ReimportContext): Promise<Result<ReimportReport, Failure>> {
  const stop = await readStop(c.db);
  if (stop.stopped) return err(stoppedReimport(stop.reason));
  const unreachable = linkProblem(c.links.publicUrl);
  if (unreachable !== null) return err(unreachable);
  const project = await findReimportedProject(ask.project, c);
  if (!project.ok) return project;
  const target = await findReimportTarget(ask.to, c);
  if (!target.ok) return target;
  const held = await c.db.withAdvisoryLock(`twokey.restore.${target.value.id}`, { waitMs: 0 }, (signal) =>
    withDomain(ask, project.value, target.value, signal, c),
  );
  return held.held
    ? held.value
    : err(
        failure("refused", "restore.running", `A restore into ${target.value.path} is running already`, {
          remedy: "Wait until it has ended.",
        }),
      );
}

async function withDomain(
  ask: ReimportAsk,
  project: ReimportedProject,
  target: ReimportTarget,
  signal: AbortSignal,
  c: ReimportContext,
): Promise<Result<ReimportReport, Failure>> {
  const look = async () => {
    const plan = await planReimport(ask, project, target, c);
    if (!plan.ok || ask.dryRun) return plan.ok ? ok({ plan: plan.value, begun: null }) : plan;
    return ok({ plan: plan.value, begun: await beginReimport(ask, project, target, plan.value, c) });
  };
  const held = await c.db.withAdvisoryLock("twokey.pass", { waitMs: 0 }, look);
  if (!held.held)
    return err(
      failure("refused", "restore.pass_running", "A pass is running", { remedy: "Try again when it has ended: the channel shows it." }),
    );
  if (!held.value.ok) return held.value;
  const { plan, begun } = held.value.value;
  if (begun === null) return ok(await reportPlan(ask, project, target, plan, c));
  const run: ReimportRun = { row: begun.row, target, signal, fit: plan.fit };
  let ended: Result<void, Failure> = ok(undefined);
  for (const [i, item] of begun.items.entries()) {
    const turn = { ...c, say: (line: string) => c.say(`[${i + 1}/${begun.items.length}] ${line}`) };
    ended = await bringBack(item, run, turn);
    if (!ended.ok) break;
  }
  const items = await readItems(run.row, c);
  const ready = items.filter((i) => i.row.state === "ready").length;
  await c.db.tx(async (q) => {
    const at = c.now();
    await recordReimportEnd(q, run.row.id, ended.ok && ready === items.length ? at : null);
    const data = { ready, templates: items.length, problem: ended.ok ? null : ended.error.message };
    await recordAudit(q, { at, actor: "terminal", kind: "restore.ended", subject: run.row.id, data });
  });
  if (!ended.ok) return ended;
  const templates = items.map((i) => reimportedTemplate(i.copy, i.row.account, i.row));
  return ok(await reportReimport(ask, { project, target, chosen: plan.chosen, templates, notes: plan.notes }, c));
}

function reportPlan(
  ask: ReimportAsk,
  project: ReimportedProject,
  target: ReimportTarget,
  plan: ReimportPlan,
  c: ReimportContext,
): Promise<ReimportReport> {
  const rows = new Map(plan.items.map((i) => [i.row.entry_id, i.row]));
  const templates = plan.templates.map((t) => reimportedTemplate(t.copy, t.account, rows.get(t.copy.entryId) ?? null));
  return reportReimport(ask, { project, target, chosen: plan.chosen, templates, notes: plan.notes }, c);
}
