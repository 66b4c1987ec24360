/** Numbers for Prometheus: facts of the log are counted as they come, the database and the connections are read when somebody asks. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { inTime } from "../core/in-time.ts";
import { phases } from "../core/phases.ts";
import type { Details } from "../events.ts";

/** One source that is read when the metrics are; what it throws leaves its own metrics out and no others. */
export interface Reading {
  readonly source: string;
  run(): Promise<void>;
}

/** The metrics of one process. */
export interface Metrics {
  /** Counts a fact of the log. */
  observe(fact: string, details: Details): void;
  /** A number that is read. Labels have few values: never a project's, a person's or a thing's name. */
  gauge<Label extends string = never>(name: string, help: string, labelNames?: readonly Label[]): Gauge<Label>;
  /** Adds a source. */
  add(reading: Reading): void;
  /** Everything in Prometheus' text format; a source that fails or is late is named by `twokey_scrape_error`. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** How long an answer is kept: several who scrape do not ask the database each time. Units: milliseconds. */
const KEPT_MS = 5_000;
/** How long a source may take; Prometheus itself waits for ten seconds. Units: milliseconds. */
const READING_MS_MAX = 4_000;

/** Makes the metrics of this process: its own figures at once, everything else by what is added to them. */
export function createMetrics(o: { readonly version: string; readonly steadyMs: () => number }): Metrics {
  const register = new Registry();
  // Ten times a second is enough to see a loop that is held up; the usual hundred are half a percent of a core.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 });
  const gauge: Metrics["gauge"] = (name, help, labelNames = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [register] });
  gauge("twokey_build_info", "The version that runs; always 1.", ["version", "node"]).set({ version: o.version, node: process.version }, 1);
  const failed = gauge("twokey_scrape_error", "1 where a source could not be read, so that its metrics are missing.", ["source"]);
  const readings: Reading[] = [];
  let last: { readonly at: number; readonly done: Promise<unknown> } | null = null;
  const refresh = (): Promise<unknown> => {
    if (last === null || o.steadyMs() - last.at >= KEPT_MS) {
      const read = readings.map(async ({ source, run }) => {
        const isGood = await inTime(run(), READING_MS_MAX).then(
          (done) => done !== null,
          () => false,
        );
        failed.set({ source }, isGood ? 0 : 1);
      });
      last = { at: o.steadyMs(), done: Promise.all(read) };
    }
    return last.done;
  };
  return {
    observe: counters(register),
    gauge,
    add: (reading) => void readings.push(reading),
    async render() {
      await refresh();
      return register.metrics();
    },
    contentType: register.contentType,
  };
}

const SECONDS = { buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800] };
/** What people do. What they click is theirs to forge, so that only these are counted, by name. */
const ACTS = new Set([
  ...["approve", "reject", "withdraw", "cancel", "restore", "keep", "waive", "go_on", "look_again"].map((what) => `deletion.${what}`),
  ...["policy.approve", "policy.reject", "resume", "stop"],
]);

/** The metrics that count facts, each with how. */
function counters(register: Registry): Metrics["observe"] {
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) => {
    const made = new Counter({ name: `twokey_${name}`, help, labelNames, registers: [register] });
    return (labels: Readonly<Record<L, unknown>>) =>
      made.inc(Object.fromEntries(Object.entries(labels).map(([k, v]) => [k, String(v)])) as Record<L, string>);
  };
  const seconds = <L extends string>(name: string, help: string, label: L) => {
    const made = new Histogram({ name: `twokey_${name}`, help, labelNames: [label], ...SECONDS, registers: [register] });
    return (value: unknown, ms: unknown) => {
      // What failed before it began took no time that anybody measured.
      if (Number.isFinite(ms)) made.observe({ [label]: String(value) } as Record<L, string>, Number(ms) / 1000);
    };
  };
  const passes = counter("passes_total", "Passes that ended, by outcome.", "outcome");
  const passSeconds = seconds("pass_duration_seconds", "How long passes took.", "outcome");
  const calls = counter("cloudstack_calls_total", "Calls of CloudStack's API, by outcome.", "command", "outcome");
  const callSeconds = seconds("cloudstack_call_duration_seconds", "How long CloudStack took to answer.", "command");
  const slackCalls = counter("slack_calls_total", "Calls of Slack's Web API, by outcome.", "method", "outcome");
  const limited = counter("slack_rate_limited_total", "How often Slack said that there were too many calls.", "method");
  const requests = counter("slack_requests_total", "What people did in Slack, by kind.", "what");
  const served = counter("http_requests_total", "Requests to Twokey's own server.", "route", "status");
  const changes = counter("changes_total", "Changes that were sent to CloudStack, by kind and outcome.", "kind", "outcome");
  const entered = counter("deletion_phases_total", "Deletions that entered a phase.", "phase");
  const acts = counter("acts_total", "Votes and other decisions of people; refused: it did not count.", "act", "result");
  const backups = counter("backups_total", "Backups that ended, by state.", "state");
  const exported = counter("exports_total", "Exports that became ready.");
  const hooks = counter("webhook_calls_total", "Messages to the webhook; given_up: it was tried often enough.", "outcome");
  const runs = counter("engine_events_total", "Runs of the engine that failed, were repeated or were taken over.", "event");
  const byFact: Readonly<Record<string, (d: Details) => void>> = {
    pass: (d) => {
      // One that did not run, as while everything is stopped, has no outcome of its own.
      const { outcome = "refused" } = d;
      passes({ outcome });
      passSeconds(outcome, d["ms"]);
    },
    "cloudstack.call": (d) => {
      calls({ command: d["command"], outcome: d["outcome"] });
      callSeconds(d["command"], d["ms"]);
    },
    "slack.call": (d) => slackCalls({ method: d["method"], outcome: d["outcome"] }),
    "slack.rate_limited": (d) => limited({ method: d["method"] }),
    "slack.request": (d) => requests({ what: d["what"] }),
    "http.request": (d) => served({ route: d["route"], status: d["status"] }),
    "backup.ended": (d) => backups({ state: d["state"] }),
    "export.ready": () => exported({}),
    "webhook.sent": () => hooks({ outcome: "sent" }),
    "webhook.failed": () => hooks({ outcome: "failed" }),
    "webhook.given_up": () => hooks({ outcome: "given_up" }),
    ...Object.fromEntries(phases.map((phase) => [`deletion.${phase}`, () => entered({ phase })])),
    ...Object.fromEntries(
      ["run_failed", "run_retried", "taken_over", "given_up"].map((event) => [`engine.${event}`, () => runs({ event })] as const),
    ),
  };
  return (fact, details) => {
    byFact[fact]?.(details);
    const [, kind, outcome] = /^change\.(\w+)\.(\w+)$/.exec(fact) ?? [];
    if (kind !== undefined) changes({ kind, outcome });
    const act = fact.replace(/^refused\./, "");
    if (ACTS.has(act)) acts({ act, result: act === fact ? "done" : "refused" });
  };
}
