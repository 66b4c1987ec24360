import { type Bot, createBot } from "../bot/app.ts";
import { createBackupService } from "../archive/backups/service.ts";
import { runBackup } from "../archive/backups/run.ts";
import { askForBackups, type ScheduleContext } from "../archive/backups/schedule.ts";
import { measureFleet } from "../archive/backups/measure.ts";
import { createExportService, runExport, serveExport, type ExportContext } from "../archive/export-service.ts";
import { pruneArchive } from "../archive/prune.ts";
import { changeWriter } from "../cloudstack/write/change-writer.ts";
import { createCiDatabase } from "../cidb/read.ts";
import type { Services } from "../commands/services.ts";
import type { Config } from "../config.ts";
import type { Clock, NewId, Sleep } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { DomainPath } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";
import type { FleetScope, Scope } from "../core/scope.ts";
import { readClocks } from "../approvals/clocks.ts";
import type { DeletionContext } from "../deletion/context.ts";
import { ballotOf } from "../deletion/act.ts";
import { createDeletionService, type MembersOf } from "../deletion/service.ts";
import { liveDomains, openDeletion, wouldOpen } from "../deletion/open.ts";
import { advance, sweepDeletions } from "../deletion/runner.ts";
import { createEngine, type Engine } from "../engine/engine.ts";
import { prepareEngine } from "../engine/schema.ts";
import { nearestPeriod } from "../engine/cron.ts";
import type { Events } from "../events.ts";
import { firstPolicy } from "../policy/first-policy.ts";
import type { PolicyContext } from "../policy/context.ts";
import { deletionPolicyOf, fingerprintOf, limitsNowOf, planPolicyOf } from "../policy/derive.ts";
import { askAboutScope, createPolicyService, namePolicyDifferences, sweepPolicy } from "../policy/service.ts";
import { expectPolicy } from "../policy/propose.ts";
import { startHttpServer, type HttpServer } from "./http.ts";
import { serveRestore } from "../archive/reimport/links.ts";
import { createDatabase } from "../store/db.ts";
import { countManagedDomains, readKnownState } from "../store/managed.ts";
import { readPolicy, seedPolicy, type PolicyVersion } from "../store/policies.ts";
import { prepareStore } from "../store/prepare.ts";
import { createSkewMeter } from "../store/server-clock.ts";
import { createProjectService, type ProjectServiceContext } from "../commands/projects.ts";
import { archiveStore, cloudStack, fixedPlanPolicy, measureContext } from "./systems.ts";
import { createSyncService } from "../sync/execution/service.ts";
import { previewPass, runPass, type ReconcileContext, type StartedBy } from "../sync/execution/reconcile.ts";

const PRUNE_SECONDS = 6 * 3600;

/** What only main.ts makes: time, ids, secrets, and what to do when this process must end. */
export interface Ambient {
  readonly now: Clock;
  /** Counts milliseconds from anywhere; nobody can set it. */
  readonly steadyMs: () => number;
  readonly newId: NewId;
  readonly sleep: Sleep;
  readonly newToken: () => string;
  readonly events: Events;
  readonly onFatal: (error: Error) => void;
}

/** A running Twokey. */
export interface Twokey {
  readonly services: Services;
  readonly engine: Engine;
  readonly http: HttpServer;
  runPassNow(scope: Scope | null): Promise<Result<unknown, Failure>>;
  stop(): Promise<void>;
}

/** Puts all parts together and starts them. Errors: what is wrong with Slack or the databases, with what to do. */
export async function startTwokey(config: Config, ownerOrBotUrl: string, a: Ambient): Promise<Result<Twokey, Failure>> {
  const store = await prepareStore({ url: ownerOrBotUrl, migrationUrl: config.databaseMigrationUrl }, prepareEngine);
  if (store.warning !== null) a.events.error("store.role", { text: store.warning });
  const db = createDatabase(store.url, { onError: (e) => a.events.bug("store.connection", e) });
  const ci = createCiDatabase({
    url: config.ci.url,
    views: config.ci.views,
    now: a.now,
    sentinelProject: config.ci.sentinelProject,
    onError: (e) => a.events.bug("cidb.connection", e),
  });
  const cloud = cloudStack(config, db, a);
  const engine = createEngine({
    url: store.url,
    migrates: false,
    executorId: `twokey-${a.newId()}`,
    applicationVersion: "1",
    now: a.now,
    onFatal: a.onFatal,
    onEvent: (e) => {
      if (e.kind === "warning") a.events.warn("engine.warning", { text: e.text });
      else if (e.kind === "run_failed" || e.kind === "run_retried") a.events.bug(`engine.${e.kind}`, e.error);
      else if ("run" in e) a.events.warn(`engine.${e.kind}`, { run: e.run, from: e.from });
    },
  });
  const membersOf: MembersOf = async (id) => {
    const project = await ci.project({ id });
    return project.ok ? ok(project.value?.members.map((m) => m.userId) ?? []) : project;
  };
  const first = firstPolicy(config);
  const seeded = await readPolicy(db);
  const made = await createBot({
    ...config.slack,
    approversInForce: async () => (await readPolicy(db))?.body.approvers ?? null,
    firstApprovers: { group: config.slack.approverGroup, ids: config.slack.approverIds },
    // Later, two are enough to start and to mend the list by a card of two people.
    approversMin: seeded === null ? 3 : 2,
    environment: config.environment,
    db,
    events: a.events,
    now: a.now,
    sleep: a.sleep,
    listPeople: ci.listPeople,
    membersOf: async (id) => {
      const members = await membersOf(id);
      return members.ok ? members.value : [];
    },
  });
  if (!made.ok) {
    await Promise.all([db.close(), ci.close()]);
    return made;
  }
  const bot: Bot = made.value;
  // Only what was found good at a first start comes into force.
  await db.tx((q) => seedPolicy(q, { ...first, approvers: { ...bot.firstApprovers, ids: [...bot.firstApprovers.ids] } }, a.now()));
  const policyNow = (): Promise<PolicyVersion> => expectPolicy({ db });
  const scopeFingerprint = fingerprintOf(first.scope);
  const fleet: FleetScope = { kind: "fleet", root: config.cloudstack.rootPath as DomainPath };
  const probed = await cloud.reader.probe();
  const protectedIds = new Set<string>(probed.ok ? probed.value.protectedIds : []);
  const deletions: DeletionContext = {
    db,
    reader: cloud.reader,
    restorer: cloud.restorer,
    deleter: cloud.deleter,
    exports: cloud.exports,
    archive: await archiveStore(config),
    evidence: ci,
    approvers: bot.approvers,
    announcer: bot.announcers.deletion,
    now: a.now,
    clockSkew: createSkewMeter(db, a.now, a.steadyMs),
    newId: a.newId,
    work: { enqueue: (name, id, o) => engine.enqueue(name, id, o) },
    limits: async () => limitsNowOf((await policyNow()).body, scopeFingerprint),
    nameOf: async (person) => {
      const people = await ci.listPeople();
      return people.ok ? (people.value.find((p) => `ci:${p.id}` === person)?.name ?? null) : null;
    },
    fleetSize: () => countManagedDomains(db),
    isProtected: (id, path) =>
      protectedIds.has(id) || fleet.root === path || fleet.root.startsWith(`${path}/`) || !path.startsWith(`${fleet.root}/`),
  };
  const reconcile: ReconcileContext = {
    db,
    desired: ci,
    announcer: bot.announcers.plan,
    now: a.now,
    newId: a.newId,
    limits: async () => {
      const { body } = await policyNow();
      return { policy: planPolicyOf(body, fixedPlanPolicy(config)), confirmedScope: fingerprintOf(body.scope) };
    },
    writer: changeWriter(cloud.writer),
    observed: { readFleet: (o) => cloud.reader.readFleet(o), readProject: (q) => cloud.reader.readProject(q) },
    scopeFingerprint,
    deletions: {
      openDeletion: async (proposal, requesters) =>
        openDeletion(proposal, requesters, deletionPolicyOf(await policyNow(), config.archive.kinds), deletions),
      wouldOpen: async (proposal) => wouldOpen(proposal, deletionPolicyOf(await policyNow(), config.archive.kinds), deletions),
      liveDomains: () => liveDomains(deletions),
    },
  };
  const enqueuePass = (scope: Scope, startedBy: StartedBy): Promise<void> =>
    engine.enqueue("pass", JSON.stringify({ scope, startedBy, at: a.now() }));
  const sync = createSyncService({
    ...reconcile,
    fleet,
    ballot: ballotOf(deletions),
    findProject: (slug) => ci.project({ slug }),
    enqueuePass,
  });
  const managed = async () => (await readKnownState(db, [])).managedDomains;
  const domainOf: ProjectServiceContext["domainOf"] = async (project) => {
    const record = (await managed()).find((m) => m.projectId === project.id);
    return record === undefined ? null : { id: record.domainId, path: `${fleet.root}/${project.slug}` as DomainPath };
  };
  const deletionService = createDeletionService(deletions, membersOf);
  const projects = createProjectService({
    projectsOf: (user, since) => ci.projectsOf(user, since),
    domainOf,
    readItems: (domain, kinds) => cloud.reader.readItems(domain, kinds),
    preview: (projectId) => previewPass({ kind: "project", root: fleet.root, projectId }, { kind: "schedule" }, reconcile),
    deletionOf: (id) => deletionService.forProject(id),
  });
  let publicUrl = config.http.publicUrl ?? "";
  const exportContext: ExportContext = {
    db,
    projectsOf: (asker) => projects.projectsOf(asker),
    source: cloud.exports,
    store: deletions.archive,
    announcer: bot.announcers.export,
    now: a.now,
    newId: a.newId,
    newToken: a.newToken,
    publicUrl: () => publicUrl,
    projectNow: (slug) => ci.project({ slug }),
    domainOf,
    readTemplates: (domain) => cloud.reader.readItems(domain, ["template"]),
    readTemplate: (domain, id) => cloud.reader.readItem(domain, "template", id),
    enqueue: (id, tx) => engine.enqueue("export", id, { tx }),
  };
  const measuring = measureContext(config, db, cloud.reader, a);
  const scheduling: ScheduleContext = {
    ...measuring,
    policies: config.backups.policies,
    scheduleDays: config.backups.scheduleDays,
    projects: () => ci.projectsOf("all"),
    enqueue: (id, tx) => engine.enqueue("backup", id, { key: `backup:${id}`, ...(tx === undefined ? {} : { tx }) }),
  };
  const policy: PolicyContext = {
    db,
    approvers: bot.approvers,
    announcer: bot.announcers.policy,
    presentScope: first.scope,
    environment: first,
    clockSkew: deletions.clockSkew,
    now: a.now,
    newId: a.newId,
  };
  const services: Services = {
    policy: createPolicyService(policy),
    deletions: deletionService,
    sync,
    projects,
    exports: createExportService(exportContext),
    backups: createBackupService({
      measuring,
      terms: config.backups,
      policies: config.backups.policies,
      projectsOf: (asker) => projects.projectsOf(asker),
    }),
  };
  const passAndAsk = async (scope: Scope, startedBy: StartedBy) => {
    const done = await runPass(scope, startedBy, reconcile);
    if (done.ok && done.value.plan.holds.some((h) => h.kind === "scope_changed")) await askAboutScope(policy);
    return done;
  };
  engine.define("pass", async (id) => {
    const { scope, startedBy } = JSON.parse(id) as { scope: Scope; startedBy: StartedBy };
    await report(passAndAsk(scope, startedBy), a.events);
  });
  engine.define("deletion", (id, signal) => advance(id, deletions, signal));
  engine.define("export", (id) => runExport(id, exportContext));
  engine.define("backup", (id, signal) => runBackup(id, { ...measuring, source: cloud.exports, store: deletions.archive }, signal));
  engine.schedule("ask-for-backups", nearestPeriod(Math.min(300, config.sync.everySeconds)), () =>
    report(askForBackups(scheduling), a.events, "backup.ask"),
  );
  engine.schedule("pass-on-schedule", nearestPeriod(config.sync.everySeconds), () =>
    report(passAndAsk(fleet, { kind: "schedule" }), a.events),
  );
  engine.schedule("sweep-deletions", sweepSeconds(config), () => sweepDeletions(deletions));
  engine.schedule("sweep-policy", sweepSeconds(config), () => sweepPolicy(policy));
  engine.schedule("prune-archive", PRUNE_SECONDS, async () => {
    // A clock that jumped ahead would make every copy an old one.
    const clocks = await readClocks(deletions);
    if (!clocks.ok) return a.events.failed("archive.prune", clocks.error);
    const pruned = await pruneArchive({ db, store: deletions.archive, rules: config.archive.keep, now: a.now });
    if (!pruned.ok) a.events.failed("archive.prune", pruned.error);
  });
  // Once a day is enough; a look that failed is taken again an hour later.
  engine.schedule("measure-fleet", 3600, () => report(measureFleet(measuring), a.events, "backup.measure"));
  await engine.start();
  const http = await startHttpServer({
    host: config.http.host,
    port: config.http.port,
    onError: (e) => a.events.bug("http", e),
    routes: {
      isReady: async () =>
        db.exec("select 1").then(
          () => true,
          () => false,
        ),
      serveExport: (path) => serveExport(path, exportContext),
      serveRestore: (path) => serveRestore(path, exportContext),
    },
  });
  publicUrl = config.http.publicUrl ?? http.url;
  await bot.start(services);
  for (const kind of config.cloudstack.sharedKeys)
    a.events.warn("cloudstack.shared_key", { kind, advice: "docs/cloudstack.md: give each kind a key of its own" });
  if (!probed.ok) a.events.failed("cloudstack.probe", probed.error);
  for (const difference of await namePolicyDifferences(policy)) a.events.warn("policy.environment_differs", { difference });
  a.events.info("started", { root: fleet.root });
  return ok({
    services,
    engine,
    http,
    runPassNow: (scope) => passAndAsk(scope ?? fleet, { kind: "schedule" }),
    async stop() {
      await bot.stop();
      await engine.stop();
      await http.close();
      await Promise.all([db.close(), ci.close()]);
    },
  });
}

function sweepSeconds(config: Config): number {
  return nearestPeriod(Math.min(60, Math.max(2, Math.floor(config.deletion.graceMs / 5000))));
}

async function report(work: Promise<Result<unknown, Failure>>, events: Events, what = "pass"): Promise<void> {
  const done = await work;
  if (!done.ok) events.failed(what, done.error);
}
