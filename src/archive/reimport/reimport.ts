import { fail, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import { recordReimportEnd } from "../../store/reimports.ts";
import { beginReimport, planReimport, readItems } from "./begin.ts";
import type { ReimportAsk, ReimportContext, ReimportReport, ReimportRequest, ReimportRun } from "./context.ts";
import { reimportItem, requireNoStop } from "./item.ts";
import { requireReachable } from "./links.ts";
import { reportReimport, templateOf } from "./report.ts";
import { findReimportedProject, findReimportTarget } from "./target.ts";

/**
 * Registers a project's templates again, from the newest verified copies of a time, in an empty domain; and lists what it cannot bring back.
 *
 * It overwrites and deletes nothing. Run again after a kill, it continues: what it registered is in its own tables, and a call whose end is
 * not known is looked up, since CloudStack accepts one name twice and makes two templates (recording 15). Invariant: INV-3, INV-5.
 *
 * Errors: `invalid` (unknown project), `refused` (stopped, not empty, outside, protected, under a deletion, a pass is running, no
 * account, no address), `unavailable` (something could not be read).
 */
export async function reimport(ask: ReimportAsk, c: ReimportContext): Promise<Result<ReimportReport, Failure>> {
  const running = await requireNoStop(c);
  if (!running.ok) return running;
  const reachable = requireReachable(c.links.publicUrl);
  if (!reachable.ok) return reachable;
  const project = await findReimportedProject(ask.project, c);
  if (!project.ok) return project;
  const target = await findReimportTarget(ask.to, c);
  if (!target.ok) return target;

  const request = { ask, project: project.value, target: target.value };
  const held = await c.db.withAdvisoryLock(`twokey.restore.${target.value.id}`, { waitMs: 0 }, (lock) => withDomain(request, lock, c));
  if (held.held) return held.value;
  const remedy = "Wait until it has ended.";
  return fail("refused", "restore.running", `A re-import into ${target.value.path} is already running`, { remedy });
}

async function withDomain(r: ReimportRequest, signal: AbortSignal, c: ReimportContext): Promise<Result<ReimportReport, Failure>> {
  const held = await c.db.withAdvisoryLock("twokey.pass", { waitMs: 0 }, async () => {
    const planned = await planReimport(r, c);
    if (!planned.ok) return planned;
    return ok({ plan: planned.value, begun: r.ask.dryRun ? null : await beginReimport(r, planned.value, c) });
  });
  if (!held.held)
    return fail("refused", "restore.pass_running", "A pass is running", { remedy: "Try again when it has ended: the channel shows it." });
  if (!held.value.ok) return held.value;
  const { plan, begun } = held.value.value;
  if (begun === null) {
    const rows = new Map(plan.items.map((i) => [i.row.entry_id, i.row]));
    const templates = plan.templates.map((t) => templateOf(t.copy, t.account, rows.get(t.copy.entryId) ?? null));
    return ok(await reportReimport(r, plan, templates, c));
  }

  const run: ReimportRun = { row: begun.row, target: r.target, signal, fit: plan.fit };
  let ended: Result<void, Failure> = ok(undefined);
  for (const [i, item] of begun.items.entries()) {
    const total = begun.items.length;
    const say = (line: string): void => c.say(`[${i + 1}/${total}] ${line}`, { done: i, total });
    ended = await reimportItem(item, run, { ...c, say });
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
  const templates = items.map((i) => templateOf(i.copy, i.row.account, i.row));
  return ok(await reportReimport(r, plan, templates, c));
}
