import { counted } from "../../core/plural.ts";
import type { Instant } from "../../core/ids.ts";
import type { AuditRow } from "../../store/audit.ts";
import type { IncidentDeletionRow, SavedRow } from "../../store/incident-facts.ts";
import type { IncidentFacts, Person, Reading } from "./gather.ts";

/** A domain that was there before the window and is not there after it, or whose accounts are not. */
interface Loss {
  readonly path: string;
  readonly slug: string | null;
  readonly whole: boolean;
  readonly accounts: readonly string[];
  /** The deletion by which Twokey took it; null when it was not Twokey. */
  readonly by: IncidentDeletionRow | null;
  readonly members: readonly Person[];
  readonly saved: readonly SavedRow[];
}

/**
 * Writes the report on an incident as Markdown: what happened, who is affected, what can be brought back, whom to inform, how sure that is.
 *
 * Pure: same facts, same text. Names of people, domains and templates are escaped for Markdown, on one line.
 */
export function writeReport(f: IncidentFacts): string {
  const losses = findLosses(f);
  const isKnown = f.before !== null && f.after !== null;
  return [
    `# Incident report, ${time(f.since)} to ${time(f.until)}`,
    `Written ${time(f.writtenAt)} by \`twokey incident\` from Twokey's own records. All times are UTC.`,
    ...summary(losses, isKnown),
    "## What is gone",
    ...(losses.length > 0
      ? losses.map(lossLine)
      : [isKnown ? "Every domain and account that was there before is there after." : "It is not known."]),
    "## What can be brought back",
    ...restorable(losses),
    "## Whom to inform",
    ...whomToTell(losses, f.deletions),
    "## Deletions that were open",
    ...(f.deletions.length === 0 ? ["None."] : f.deletions.map(deletionLine)),
    "## Timeline",
    ...timelineOf(f.timeline),
    "## How sure this is",
    ...howSure(f),
    "",
  ].join("\n\n");
}

function findLosses(f: IncidentFacts): readonly Loss[] {
  const { before, after } = f;
  if (before === null || after === null) return [];
  const there = new Set(after.domains.map((d) => d.id));
  const accountsThere = new Set(after.accounts.map((a) => a.id));
  return before.domains.flatMap((d): Loss[] => {
    const accounts = before.accounts.filter((a) => a.domainId === d.id && !accountsThere.has(a.id)).map((a) => a.name);
    const whole = !there.has(d.id);
    if (!whole && accounts.length === 0) return [];
    const by = whole ? (f.deletions.find((x) => x.domain_id === d.id && x.phase === "deleted") ?? null) : null;
    const project = projectOf(before, d);
    return [
      {
        path: d.path,
        slug: project?.slug ?? by?.slug ?? null,
        whole,
        accounts,
        by,
        members: project?.members ?? [],
        saved: whole ? f.saved.filter((s) => s.domain_path === d.path || s.domain_path.startsWith(`${d.path}/`)) : [],
      },
    ];
  });
}

/** A domain inside a project's domain belongs to that project. */
function projectOf(read: Reading, domain: Reading["domains"][number]): Reading["projects"][number] | undefined {
  const owner = read.managed.find((m) => {
    const top = read.domains.find((d) => d.id === m.domainId);
    return top !== undefined && (top.id === domain.id || domain.path.startsWith(`${top.path}/`));
  });
  return read.projects.find((p) => p.id === owner?.projectId);
}

function summary(losses: readonly Loss[], isKnown: boolean): readonly string[] {
  const whole = losses.filter((l) => l.whole);
  const ours = whole.filter((l) => l.by !== null).length;
  const slugs = new Set(losses.flatMap((l) => (l.slug === null ? [] : [l.slug])));
  const people = new Set(losses.flatMap((l) => l.members.map((m) => m.email)));
  if (!isKnown) return ["**What is gone is not known**: there is no complete read of both sides before and in this window (see the end)."];
  return [
    `**${counted(whole.length, "domain")} gone**: ${ours} by a deletion that people approved, ${whole.length - ours} not by Twokey. ` +
      `${counted(losses.length - whole.length, "more domain")} lost accounts. ${counted(slugs.size, "project")}, ${counted(people.size, "member")} affected.`,
  ];
}

function lossLine(l: Loss): string {
  const who = l.by === null ? "not by Twokey" : `deletion ${l.by.id}, approved by ${l.by.approvers.map(plain).join(" and ")}`;
  const what = l.whole
    ? `**gone**, ${who}`
    : `${counted(l.accounts.length, "account")} gone (${l.accounts.map(plain).join(", ")}), not by Twokey: it deletes accounts only with their domain`;
  return `- \`${plain(l.path)}\` (project ${l.slug === null ? "unknown" : plain(l.slug)}): ${what}`;
}

function restorable(losses: readonly Loss[]): readonly string[] {
  if (losses.length === 0) return ["Nothing needs to be brought back."];
  return losses.map((l) => {
    const names = l.saved.map(
      (s) => `  - ${s.item_kind} ${plain(s.name)}, ${s.bytes} bytes, saved ${time(s.saved_at)}, SHA-256 ${s.sha256}`,
    );
    return [`- \`${plain(l.path)}\`: ${whatComesBack(l, names.length)}`, ...names].join("\n");
  });
}

function whatComesBack(l: Loss, saved: number): string {
  if (l.slug === null && saved === 0) return "nothing: no project of the CI database belongs to it, and the archive has nothing of it";
  if (!l.whole)
    return "its accounts and users, by the next pass while their members are in the CI database; what the accounts owned is not known here";
  const again = l.slug === null ? "" : "the domain, its accounts and users (from the CI database)";
  if (saved === 0) return `${again}; nothing of its contents is in the archive`;
  return `${again === "" ? "" : `${again}, and `}from the archive:`;
}

function whomToTell(losses: readonly Loss[], deletions: readonly IncidentDeletionRow[]): readonly string[] {
  const lines = losses.map((l) => {
    const people = l.members.map((m) => `${plain(m.name)} (${plain(m.username)}, ${plain(m.email)})`);
    return `- Project ${l.slug === null ? "unknown" : plain(l.slug)}: ${people.length === 0 ? "no member is on record" : people.join("; ")}`;
  });
  const open = deletions.filter((d) => !["deleted", "closed"].includes(d.phase));
  const waiting = open.map((d) => `- The approvers of \`${plain(d.path)}\`: its deletion is in phase ${d.phase}`);
  return lines.length + waiting.length === 0 ? ["Nobody is affected."] : [...new Set(lines), ...waiting];
}

function deletionLine(d: IncidentDeletionRow): string {
  const asked = d.requesters.length === 0 ? "found by the schedule" : `asked for by ${d.requesters.map(plain).join(", ")}`;
  const why = d.frozen_reason ?? d.closed_reason;
  const approved = d.approvers.length === 0 ? "approved by nobody" : `approved by ${d.approvers.map(plain).join(" and ")}`;
  return `- \`${plain(d.path)}\` (${d.id}): opened ${time(d.opened_at)}, ${asked}, ${approved}, now **${d.phase}**${why === null ? "" : `: ${plain(why)}`}`;
}

/** Passes that changed nothing and held nothing are left out. */
function timelineOf(rows: readonly AuditRow[]): readonly string[] {
  const told = rows.filter((r) => !(r.kind === "pass.ended" && (r.data as { state?: unknown } | null)?.state === "unchanged"));
  const left = rows.length - told.length;
  const lines = told.map(
    (r) => `- ${time(r.at)} #${r.seq} **${plain(r.kind)}** by ${plain(r.actor)} on ${plain(r.subject)}${detail(r.data)}`,
  );
  return [
    lines.length === 0 ? "Nothing happened." : lines.join("\n"),
    ...(left === 0 ? [] : [`${left} pass(es) that found nothing to do are left out.`]),
  ];
}

function detail(data: unknown): string {
  if (typeof data !== "object" || data === null) return "";
  const said = ["sentence", "reason", "name", "path", "state", "problem"]
    .map((key) => (data as Record<string, unknown>)[key])
    .filter((v): v is string => typeof v === "string" && v !== "");
  return said.length === 0 ? "" : `: ${said.map(plain).join("; ")}`;
}

function howSure(f: IncidentFacts): readonly string[] {
  const reading = (l: Reading | null, which: string): string =>
    l === null
      ? `- ${which}: no complete read of both sides.`
      : `- ${which}: plan ${l.planId} of ${time(l.at)} (${l.domains.length} domains); \`twokey replay ${l.planId}\` computes it again.`;
  const log = f.verdict.intact
    ? `- The audit log is intact: ${f.verdict.rows} rows, head ${f.verdict.head}.${beginOf(f.verdict.begin)}`
    : `- **The audit log is not intact** at row ${f.verdict.seq} (${f.verdict.reason}): do not trust the timeline after it.`;
  return [
    [
      log,
      reading(f.before, "Before"),
      reading(f.after, "After"),
      "- Machines, volumes and snapshots are listed only for deletions: a pass reads domains, accounts and users.",
    ].join("\n"),
  ];
}

function time(at: number): string {
  return `${new Date(at as Instant).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** One line, with Markdown's own characters escaped. */
function plain(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .replace(/[`*_<>[\]|]/g, (c) => (c === "_" ? "_" : `\\${c}`))
    .slice(0, 300);
}

/** Where the log begins, if its old part was cut off: what happened before is in the export only. */
function beginOf(begin: { readonly lastSeq: number; readonly file: string } | undefined): string {
  if (begin === undefined) return "";
  return ` Its rows up to ${begin.lastSeq} were cut off; they are in the file with sha256 ${begin.file} (\`twokey audit verify --key\` checks the cut).`;
}
