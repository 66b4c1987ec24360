/** The durable work of the bot, and its schedules. */
import { runBackup } from "../archive/backups/run.ts";
import { measureFleet } from "../archive/backups/measure.ts";
import { askForBackups } from "../archive/backups/schedule.ts";
import type { ExportContext } from "../archive/export-context.ts";
import { runExports, sweepExports } from "../archive/export-run.ts";
import { pruneArchive } from "../archive/prune.ts";
import type { Failure } from "../core/failure.ts";
import type { Result } from "../core/result.ts";
import type { Scope } from "../core/scope.ts";
import { presentTrace, runTraced } from "../core/trace.ts";
import { readClocks } from "../approvals/clocks.ts";
import type { DeletionContext } from "../deletion/context.ts";
import { advance, sweepDeletions } from "../deletion/runner.ts";
import { sweepSettle } from "../deletion/settle.ts";
import { sweepTelling } from "../deletion/telling.ts";
import type { TemplateContext } from "../archive/from-machines/ports.ts";
import { runTemplate, sweepTemplates } from "../archive/from-machines/run.ts";
import { nearestPeriod } from "../engine/periods.ts";
import type { PolicyContext } from "../policy/context.ts";
import { sweepPolicy } from "../policy/service.ts";
import type { AdoptionContext } from "../sync/adoption/context.ts";
import { sweepAdoptions } from "../sync/adoption/service.ts";
import type { ReconcileContext, StartedBy } from "../sync/execution/reconcile.ts";
import { sweepStop } from "../sync/execution/stop-view.ts";
import { sweepPlans } from "../sync/execution/unseen-plans.ts";
import { backupContext } from "./archive.ts";
import { sweepNotices } from "./notices.ts";
import { sweepNudges } from "./nudges.ts";
import { dropOld } from "./old-rows.ts";
import type { Parts, WorkName } from "./parts.ts";
import { createQuickPasses, fleetOf, passAndAsk, quickPassContext } from "./passes.ts";

/**
 * Runs one piece of durable work; idempotent, and throws when its signal aborts before it is done. `isLong` false: it has a slot that urgent
 * runs of its kind wait for; left out: it does all itself.
 */
export type Run = (id: string, signal: AbortSignal, isLong?: boolean) => Promise<void>;

/** Something that runs regularly, once over all replicas. */
export interface Schedule {
  readonly name: string;
  readonly everySeconds: number;
  readonly run: () => Promise<void>;
}

/** The contexts of the work. */
export interface Contexts {
  readonly deletions: DeletionContext;
  readonly passes: ReconcileContext;
  readonly policy: PolicyContext;
  readonly exports: ExportContext;
  readonly adoption: AdoptionContext;
  readonly templates: TemplateContext;
}

/** Stops from a terminal are told by this, and that everything stands still. */
const SHOW_STOP_SECONDS = 5;
const PRUNE_SECONDS = 6 * 3600;
/** Each shows a few of those that would be others now. */
const SHOW_HOMES_SECONDS = 5;
/** What a crash left unfinished is looked at again. */
const MAKE_SECONDS = 60;
/** It measures once a day; a read that failed is repeated an hour later. */
const MEASURE_SECONDS = 3600;

/** The function for each kind of work, whoever enqueued it. */
export function workOf(p: Parts, c: Contexts): Readonly<Record<WorkName, Run>> {
  const backups = backupContext(p);
  return {
    pass: async (id) => {
      const { scope, startedBy, request = "" } = JSON.parse(id) as { scope: Scope; startedBy: StartedBy; request?: string };
      const ids = request === "" ? {} : { request };
      await runTraced(ids, () => report(passAndAsk(scope, startedBy, c.passes, c.policy, p.events), p, "pass"));
    },
    deletion: (id, signal, isLong = true) =>
      runTraced({ deletion: id }, async () => {
        await advance(id, { ...c.deletions, isShortRun: !isLong }, signal);
        await c.deletions.ownership.keepAndMark();
      }),
    export: (id) => runTraced({ export: id }, () => runExports(id, c.exports)),
    template: (id) => runTraced({ template: id }, () => runTemplate(id, c.templates)),
    backup: (id, signal) => runTraced({ backup: id }, () => runBackup(id, backups, signal)),
  };
}

/** Puts a pass over a scope into the queue, with who started it and the request it came from. */
export function enqueuePass(p: Parts, scope: Scope, startedBy: StartedBy): Promise<void> {
  return p.enqueue("pass", JSON.stringify({ scope, startedBy, at: p.now(), request: presentTrace().request }));
}

/** What runs regularly, and how often. Units: seconds. */
export function schedulesOf(p: Parts, c: Contexts): readonly Schedule[] {
  const { everySeconds, quickSeconds } = p.config.sync;
  const sweep = nearestPeriod(Math.min(60, Math.max(2, Math.floor(p.config.policy.graceMs / 5000))));
  const backups = backupContext(p);
  const fleet = fleetOf(p);
  return [
    {
      name: "ask-for-backups",
      everySeconds: nearestPeriod(Math.min(300, everySeconds)),
      // What the exporting key may not save is not asked for; the log says so at the start.
      run: async () => (c.exports.reported === null ? report(askForBackups(backups), p, "backup.ask") : undefined),
    },
    {
      name: "pass-on-schedule",
      everySeconds: nearestPeriod(everySeconds),
      run: () => report(passAndAsk(fleet, { kind: "schedule" }, c.passes, c.policy, p.events), p, "pass"),
    },
    ...(quickSeconds === 0
      ? []
      : [
          {
            name: "quick-pass",
            everySeconds: nearestPeriod(quickSeconds),
            run: createQuickPasses(quickPassContext(p, c.passes), p.events),
          },
        ]),
    { name: "sweep-deletions", everySeconds: sweep, run: () => sweepDeletions(c.deletions) },
    { name: "tell-members", everySeconds: sweep, run: () => sweepTelling(c.deletions) },
    { name: "ask-to-settle", everySeconds: sweep, run: () => sweepSettle(c.deletions) },
    { name: "show-stop", everySeconds: SHOW_STOP_SECONDS, run: () => sweepStop(p.db, p.slack.announcers.stop, p.now()) },
    { name: "show-homes", everySeconds: SHOW_HOMES_SECONDS, run: () => p.slack.announcers.home.refresh() },
    { name: "show-plans", everySeconds: sweep, run: () => sweepPlans(p.db, p.slack.announcers.plan, p.now()) },
    { name: "call-people", everySeconds: sweep, run: () => sweepNotices(p) },
    { name: "nudge-owners", everySeconds: MEASURE_SECONDS, run: () => sweepNudges(p) },
    { name: "tell-exports", everySeconds: MAKE_SECONDS, run: () => sweepExports(c.exports) },
    { name: "make-templates", everySeconds: MAKE_SECONDS, run: () => sweepTemplates(c.templates) },
    { name: "sweep-adoptions", everySeconds: sweep, run: () => sweepAdoptions(c.adoption) },
    { name: "sweep-policy", everySeconds: sweep, run: () => sweepPolicy(c.policy) },
    {
      name: "prune-archive",
      everySeconds: PRUNE_SECONDS,
      // In report mode the archive stays as it is.
      run: async () => (c.exports.reported === null ? report(prune(p, c), p, "archive.prune") : undefined),
    },
    { name: "drop-old-rows", everySeconds: PRUNE_SECONDS, run: () => report(dropOld({ ...p, clocks: c.deletions }), p, "store.old_rows") },
    { name: "measure-fleet", everySeconds: MEASURE_SECONDS, run: () => report(measureFleet(backups), p, "backup.measure") },
  ];
}

async function prune(p: Parts, c: Contexts): Promise<Result<unknown, Failure>> {
  // A clock that jumped ahead would make every copy an old one.
  const clocks = await readClocks(c.deletions);
  return clocks.ok ? pruneArchive({ db: p.db, store: p.archive, rules: p.config.archive.keep, now: p.now }) : clocks;
}

async function report(work: Promise<Result<unknown, Failure>>, p: Parts, what: string): Promise<void> {
  const done = await work;
  if (!done.ok) p.events.failed(what, done.error);
}
