import { type Bot, createBot } from "../bot/app.ts";
import type { CiDatabase } from "../cidb/read.ts";
import type { Config } from "../config/config.ts";
import { DAY_MS } from "../core/units.ts";
import type { Clock, NewId, Sleep } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import { reportSentences } from "../core/report-mode.ts";
import type { Scope } from "../core/scope.ts";
import { APPROVALS_MIN, APPROVERS_MIN } from "../core/votes.ts";
import { whyNotWritable } from "../core/writable.ts";
import { createEngine, type Engine } from "../engine/engine.ts";
import { prepareEngine } from "../engine/schema.ts";
import { observed, type Events } from "../events.ts";
import { createDatabase, type Database } from "../store/db.ts";
import { readPolicy, seedPolicy } from "../store/policies.ts";
import { prepareStore } from "../store/prepare.ts";
import { createSkewMeter } from "../store/server-clock.ts";
import { waitForServer } from "../store/wait-for-server.ts";
import { factLogger } from "./facts.ts";
import { beginWatching } from "./here.ts";
import { readHealth, type Health } from "./health.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { addReadings } from "./readings.ts";
import { readVersion } from "./version.ts";
import { assemble, membersOf, type Assembly } from "./assemble.ts";
import { isLocal, type LinkContext } from "../archive/links.ts";
import { startHttpServer, type HttpServer } from "./http.ts";
import { createOwnWork } from "./own-work.ts";
import type { Parts } from "./parts.ts";
import { archiveStore, ciDatabase, cloudStack } from "./systems.ts";

/** What only main.ts makes: time, ids, secrets, and how this process ends. */
export interface Ambient {
  readonly now: Clock;
  /** A monotonic clock, in milliseconds. */
  readonly steadyMs: () => number;
  readonly newId: NewId;
  readonly sleep: Sleep;
  readonly newToken: () => string;
  readonly events: Events;
  readonly onFatal: (error: Error) => void;
}

/** The running process. */
export interface Twokey {
  readonly http: HttpServer;
  runPassNow(scope: Scope | null): Promise<Result<unknown, Failure>>;
  /** Runs the first pass and says in the channel what is watched; whoever starts the process calls it once, and waits for nothing. */
  begin(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes the real parts, assembles the bot and starts it. Errors: what is wrong with Slack or the databases, with what to do. */
export async function startTwokey(config: Config, ownerOrBotUrl: string, ambient: Ambient): Promise<Result<Twokey, Failure>> {
  const version = readVersion();
  const metrics = createMetrics({ version, steadyMs: ambient.steadyMs });
  const a = { ...ambient, events: observed(ambient.events, metrics.observe) };
  await waitForServer(ownerOrBotUrl, { ...ambient, tell: (sentence) => a.events.warn("store.waits", { sentence }) });
  const store = await prepareStore({ url: ownerOrBotUrl, migrationUrl: config.databaseMigrationUrl }, prepareEngine);
  if (store.warning !== null) a.events.error("store.role", { text: store.warning });
  const db = createDatabase(store.url, { max: 16, onError: (e) => a.events.bug("store.connection", e), onFact: factLogger(a.events) });
  const ci = ciDatabase(config, db, a);
  const engine = startableEngine(store.url, config, a);
  const made = await connectBot(config, db, ci, a);
  if (!made.ok) {
    await Promise.all([db.close(), ci.close()]);
    return made;
  }
  const bot = made.value;

  const own = createOwnWork(a.events);
  const links: { url: string | null } = { url: config.http.publicUrl };
  const parts: Parts = {
    ...a,
    config,
    db,
    ci,
    cloud: cloudStack(config, db, a),
    archive: await archiveStore(config, a.now),
    slack: bot,
    enqueue: (name, id, o) => engine.enqueue(name, id, o),
    publicUrl: () => links.url,
    clockSkew: createSkewMeter(db, a.now, a.steadyMs),
    stopping: own.stopping,
  };

  const assembly = assemble(parts);
  for (const [name, run] of Object.entries(assembly.work)) engine.define(name, run);
  for (const { name, everySeconds, run } of assembly.schedules) engine.schedule(name, everySeconds, () => own.track(run()));
  const owned = await assembly.verifyOwner();
  if (!owned.ok) a.events.failed("ownership", owned.error);
  await engine.start();
  const health = () => readHealth({ db, slack: bot.problem, engine: engine.problem });
  addReadings(metrics, parts, health);
  const { http, stopServing } = await serve(config, { health, metrics, log: a }, assembly.links);
  links.url ??= isLocal(http.url) ? null : http.url;
  const nowhere = whyNowhere(links.url, parts.archive.sign !== undefined);
  if (nowhere !== null) a.events.warn("http.no_public_address", { advice: nowhere });
  await bot.start(assembly.services, async () => Object.values(await health()).filter((said) => said !== "ok"));
  for (const sentence of config.warnings) a.events.warn("config.unknown_name", { sentence });
  const problems = await findProblems(config, a);
  await logWarnings(parts, assembly);
  const startedAt = a.now();
  a.events.info("started", { version, root: config.cloudstack.rootPath });
  const runPass = () => assembly.runPass(null, { kind: "schedule" });
  const watching = { version, startedAt, reported: reportSentences(config.cloudstack.reportOnly), problems, runPass };
  return ok({
    http,
    runPassNow: (scope) => own.track(assembly.runPass(scope, { kind: "schedule" })),
    begin: () => own.track(beginWatching(parts, watching)),
    async stop() {
      own.cut();
      await bot.stop();
      await engine.stop();
      await stopServing();
      await own.ended();
      await assembly.deletions.ownership.idle();
      await Promise.all([db.close(), ci.close()]);
    },
  });
}

/** What an operator should correct before it matters, also said in the channel: where nothing can be saved, no deletion gets anywhere. */
async function findProblems({ archive: { place } }: Pick<Config, "archive">, a: Ambient): Promise<readonly string[]> {
  const problem = place.kind === "folder" ? await whyNotWritable(place.dir) : null;
  if (problem === null) return [];
  const sentence = `Nothing can be saved, and so nothing deleted: ${problem}. Let the bot's user write there, or correct TWOKEY_ARCHIVE_DIR.`;
  a.events.error("archive.not_writable", { sentence });
  return [sentence];
}

/**
 * Serves links and health, and the metrics at their own port. Without one they are served here where nobody else gets here: on this machine
 * only, and nothing passes requests on from outside.
 */
async function serve(
  { http: at, metrics: own }: Pick<Config, "http" | "metrics">,
  o: { readonly health: () => Promise<Health>; readonly metrics: Metrics; readonly log: Ambient },
  c: LinkContext,
): Promise<{ readonly http: HttpServer; stopServing(): Promise<void> }> {
  const onError = (e: unknown): void => o.log.events.bug("http", e);
  const { metrics, ...others } = o;
  const isPrivate = at.publicUrl === null && isLocal(`http://${at.host.includes(":") ? `[${at.host}]` : at.host}`);
  const http = await startHttpServer({ ...at, ...others, onError, ...(own === null && isPrivate ? { metrics } : {}) }, c);
  const apart = own === null ? null : await startHttpServer({ ...own, ...o, onError, variable: "TWOKEY_METRICS_PORT" }, null);
  return { http, stopServing: async () => void (await Promise.all([http.close(), apart?.close()])) };
}

/** Connects to Slack. At the first start the environment's policy comes into force, once its approvers are verified. */
async function connectBot(config: Config, db: Database, ci: CiDatabase, a: Ambient): Promise<Result<Bot, Failure>> {
  const seeded = await readPolicy(db);
  const made = await createBot({
    ...config.slack,
    approversInForce: async () => (await readPolicy(db))?.body.approvers ?? null,
    firstApprovers: { group: config.slack.approverGroup, ids: config.slack.approverIds },
    // Later, as many as decide are enough to start: they can repair the list by its card.
    approversMin: seeded === null ? APPROVERS_MIN : APPROVALS_MIN,
    mention: config.notices.mention,
    environment: config.environment,
    db,
    events: a.events,
    now: a.now,
    sleep: a.sleep,
    listPeople: ci.listPeople,
    membersOf: (project) => membersOf(ci, project),
  });
  if (!made.ok) return made;
  if (seeded !== null) return made;
  const { firstApprovers } = made.value;
  // A database that does not answer now is confirmed by two people once it does.
  const answered = await ci.readSource();
  const source = answered.ok && answered.value !== null ? { source: answered.value } : {};
  const first = { ...config.policy, approvers: { ...firstApprovers, ids: [...firstApprovers.ids] } };
  await db.tx((q) => seedPolicy(q, { ...first, scope: { ...first.scope, ...source } }, a.now()));
  return made;
}

/** Where the waits of a deletion are seconds, as in a demo, a queue that is asked twice a second would be most of them. */
const HURRIED_POLL_MS = 100;

function startableEngine(url: string, { policy }: Pick<Config, "policy">, a: Ambient): Engine {
  return createEngine({
    url,
    ...(policy.graceMs < DAY_MS ? { pollMs: HURRIED_POLL_MS } : {}),
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
}

/** Why people cannot open links to exports, where that can be told from the address alone. */
function whyNowhere(url: string | null, signsLinks: boolean): string | null {
  if (url === null) return signsLinks ? null : "no export can be downloaded: set TWOKEY_PUBLIC_URL";
  return isLocal(url) ? "links to exports open on this machine only: set TWOKEY_PUBLIC_URL to the address at which people reach it" : null;
}

/** Logs what an operator should correct; none of it keeps the bot from starting, or makes it delete by mistake. */
async function logWarnings(p: Parts, assembly: Assembly): Promise<void> {
  for (const sentence of reportSentences(p.config.cloudstack.reportOnly)) p.events.warn("report_only", { sentence });
  const probed = await p.cloud.reader.probe();
  if (!probed.ok) p.events.failed("cloudstack.probe", probed.error);
  for (const difference of await assembly.policyDifferences()) p.events.warn("policy.environment_differs", { difference });
}
