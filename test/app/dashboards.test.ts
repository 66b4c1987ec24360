/**
 * Claim: every metric, label and label's value that the dashboard and the alert rules name is one that the bot exports. The names come from
 * the registry itself: what reads the database is registered as in the bot, and what counts facts has seen one of each.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { expect, test } from "vitest";
import { createMetrics, type Metrics } from "../../src/app/metrics.ts";
import { addReadings } from "../../src/app/readings.ts";
import { phases } from "../../src/core/phases.ts";
import type { Details } from "../../src/events.ts";

/** One fact of each kind that is counted. */
const FACTS: Readonly<Record<string, Details>> = {
  pass: { outcome: "applied", ms: 5 },
  "cloudstack.call": { command: "listDomains", outcome: "ok", ms: 5 },
  "slack.call": { method: "chat.postMessage", outcome: "answered" },
  "slack.rate_limited": { method: "chat.postMessage" },
  "slack.request": { what: "click" },
  "http.request": { route: "/healthz", status: 200 },
  "backup.ended": { state: "failed" },
  "export.ready": {},
  "webhook.sent": {},
  "engine.run_failed": {},
  "change.create_domain.refused": {},
  "deletion.approve": {},
  "deletion.frozen": {},
};
/** What Prometheus itself puts on every sample. */
const OF_PROMETHEUS = ["job", "instance", "le"];
/** The values that a label can have, where they are few. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "twokey_deletions phase": phases,
  "twokey_deletion_age_seconds phase": phases,
  "twokey_cloudstack_calls_total outcome": ["ok"],
  "twokey_changes_total outcome": ["refused", "indeterminate", "done"],
  "twokey_backups_total state": ["failed", "partial", "done"],
  "twokey_engine_events_total event": ["run_failed", "run_retried", "taken_over", "given_up"],
  "twokey_webhook_calls_total outcome": ["sent", "failed", "given_up"],
};

/** The labels of every metric that the bot exports, by its name. */
async function exported(): Promise<ReadonlyMap<string, readonly string[]>> {
  const made = createMetrics({ version: "1", steadyMs: () => 0 });
  const found = new Map<string, readonly string[]>();
  const noted: Metrics = {
    ...made,
    gauge: (name, help, labels = []) => {
      found.set(name, labels);
      return made.gauge(name, help, labels);
    },
  };
  const config = { archive: { place: { kind: "folder", dir: "/nowhere", minFreeBytes: 1 } } };
  addReadings(noted, { config, now: () => 0 } as unknown as Parameters<typeof addReadings>[1], async () => {
    throw new Error("nobody asks");
  });
  for (const [fact, details] of Object.entries(FACTS)) made.observe(fact, details);
  const text = await made.render();
  for (const [, name = ""] of text.matchAll(/^# TYPE (\w+)/gm)) found.set(name, found.get(name) ?? []);
  for (const [, name = "", labels = ""] of text.matchAll(/^(\w+)\{(.*)\} /gm))
    found.set(name, [...new Set([...(found.get(name) ?? []), ...[...labels.matchAll(/(\w+)="/g)].map((l) => l[1] ?? "")])]);
  return found;
}

interface Used {
  readonly name: string;
  readonly labels: readonly string[];
  readonly values: readonly (readonly [label: string, value: string])[];
}

/** The labels that an expression of PromQL groups or joins by. */
function groupedBy(expression: string): readonly string[] {
  return [...expression.matchAll(/\b(?:by|on|without) \(([^)]*)\)/g)].flatMap((m) => (m[1] ?? "").split(/,\s*/));
}

/** What an expression of PromQL asks for: its metrics, each with the labels in its braces and those that it is grouped by. */
function usedBy(expression: string): readonly Used[] {
  const grouped = groupedBy(expression);
  return [...expression.matchAll(/\b((?:twokey|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].map(([, name = "", braces = ""]) => {
    const values = [...braces.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = "", , value = ""]) => [label, value] as const);
    return { name, labels: [...values.map(([label]) => label), ...grouped], values };
  });
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const dashboard = JSON.parse(readFileSync("deploy/grafana-dashboard.json", "utf8")) as Dashboard;
const rules = (parse(readFileSync("deploy/alerts.yaml", "utf8")) as Rules).groups.flatMap((g) => g.rules);
const expressions = [
  ...dashboard.panels.flatMap((p) => (p.targets ?? []).map((t) => ({ where: p.title, expr: t.expr, shown: t.legendFormat }))),
  ...rules.map((r) => ({ where: r.alert, expr: r.expr, shown: Object.values(r.annotations).join(" ").replaceAll("$labels.", "") })),
];

/** What an expression, or what is shown of it, names that nobody exports. */
function unknownIn(known: ReadonlyMap<string, readonly string[]>, expr: string, shown: string): readonly string[] {
  const used = usedBy(expr);
  const grouped = groupedBy(expr);
  const remaining = grouped.length > 0 ? grouped : [...OF_PROMETHEUS, ...used.flatMap(({ name }) => known.get(name) ?? [])];
  const written = [...shown.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map((m) => m[1] ?? "");
  return [
    ...used.flatMap(({ name, labels, values }) => {
      const has = known.get(name);
      if (has === undefined) return [`no metric ${name}`];
      const strange = labels.filter((label) => !has.includes(label) && !OF_PROMETHEUS.includes(label));
      const wrong = values.filter(([label, value]) => {
        const possible = VALUES[`${name} ${label}`];
        return possible !== undefined && !value.split("|").every((one) => possible.includes(one));
      });
      return [
        ...strange.map((label) => `${name} has no label ${label}`),
        ...wrong.map(([label, value]) => `${name}: ${label} is never ${value}`),
      ];
    }),
    ...written.filter((label) => !remaining.includes(label)).map((label) => `${label} is shown, but not in the answer`),
  ];
}

test("a name, a label or a value that nobody exports is found", async () => {
  const known = await exported();
  const find = (expr: string, shown = ""): readonly string[] => unknownIn(known, expr, shown);
  expect(find("rate(twokey_passes[5m])")).toEqual(["no metric twokey_passes"]);
  expect(find("sum by (project) (twokey_passes_total)")).toEqual(["twokey_passes_total has no label project"]);
  expect(find('twokey_deletions{phase="frosen"} > 0')).toEqual(["twokey_deletions: phase is never frosen"]);
  expect(find('twokey_holds{kinds="x"}')).toEqual(["twokey_holds has no label kinds"]);
  expect(find("max by (phase) (twokey_deletions)", "{{kind}}")).toEqual(["kind is shown, but not in the answer"]);
});

test("the dashboard and the rules name only what is exported", async () => {
  const known = await exported();
  expect(expressions.length).toBeGreaterThan(40);
  expect(expressions.flatMap((e) => unknownIn(known, e.expr, e.shown).map((wrong) => `${e.where}: ${wrong}`))).toEqual([]);
});

test("every metric of Twokey's own is on the dashboard", async () => {
  const shown = new Set(dashboard.panels.flatMap((p) => (p.targets ?? []).flatMap((t) => usedBy(t.expr).map((u) => u.name))));
  const own = [...(await exported()).keys()].filter((name) => name.startsWith("twokey_"));
  const isShown = (name: string): boolean => [name, `${name}_bucket`].some((one) => shown.has(one));
  expect(own.filter((name) => !/_(?:bucket|sum|count)$/.test(name) && !isShown(name))).toEqual([]);
});

test("what must wake somebody has a rule, and each rule says what to do", () => {
  const of = (expr: string): readonly string[] => rules.filter((r) => r.expr.includes(expr)).map((r) => r.labels.severity);
  expect(of("(twokey_complete_pass_age_seconds) > 1800")).toEqual(["page"]);
  expect(of('(twokey_deletions{phase="frozen"}) > 0')).toEqual(["page"]);
  expect(of("(twokey_stopped_seconds) > 86400")).toEqual(["page"]);
  expect(of("(twokey_archive_free_bytes) < 2 *")).toEqual(["ticket"]);
  for (const rule of rules) {
    expect(["page", "ticket"]).toContain(rule.labels.severity);
    expect(rule.annotations.summary.length * rule.annotations.description.length, rule.alert).toBeGreaterThan(0);
  }
  expect(new Set(rules.map((r) => r.alert)).size).toBe(rules.length);
});
