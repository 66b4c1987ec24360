import type { HomeView, KnownBlock } from "@slack/types";
import { phaseWords } from "../../deletion/phase-words.ts";
import { findSetting } from "../../policy/settings.ts";
import type { Failure } from "../../core/failure.ts";
import type { Instant } from "../../core/ids.ts";
import type { HomeDeletion, HomeExport, HomeHold, HomePass, HomeQuestion } from "../../store/home.ts";
import type { OneStop } from "../../store/stop-switch.ts";
import { button, code, context, fields, header, joined, mrkdwn, safe, section, time, type Mrkdwn } from "./blocks.ts";

/** One project, as Home lists it. */
export interface HomeProject {
  readonly slug: string;
  readonly name: string;
  readonly state: "active" | "closed";
  /** Whether Twokey manages a domain of it now. */
  readonly hasDomain: boolean;
  readonly deletion: HomeDeletion | null;
}

/** What one person can do about a question. */
export type Mine = "vote" | "voted" | "asked" | "not_approver";

/** What the team sees besides. */
export interface TeamHome {
  readonly channel: string;
  readonly questions: readonly (HomeQuestion & { readonly mine: Mine })[];
  readonly deletions: readonly HomeDeletion[];
  readonly holds: readonly HomeHold[];
  /** Those who stopped everything; null: nothing is stopped. */
  readonly stops: readonly OneStop[] | null;
  /** What is left of each limit, and the limit. */
  readonly budget: readonly (readonly [string, number, number])[];
  readonly pass: HomePass | null;
  readonly completeAt: number | null;
  /** What does not work, in sentences; none: everything does. */
  readonly problems: readonly string[];
}

/** All that one person's Home shows. */
export interface HomeFacts {
  readonly projects: readonly HomeProject[];
  /** Why the projects could not be read. */
  readonly trouble: string | null;
  readonly exports: readonly HomeExport[];
  /** From 1. */
  readonly page: number;
  readonly team: TeamHome | null;
}

/** Projects on one page: each takes a block, and a view has a hundred. */
const PAGE = 25;
/** Most lines of one list; the rest is counted. */
const LINES = 8;

/** How many pages Home has. */
export function pagesOf(projects: number): number {
  return Math.max(1, Math.ceil(projects / PAGE));
}

/** Renders the Home tab. Pure: the same facts are the same view, whenever it is made. */
export function homeView(facts: HomeFacts): HomeView {
  const { team } = facts;
  const blocks = [...(team === null ? [] : teamBlocks(team)), ...projectBlocks(facts), ...exportBlocks(facts.exports)];
  return { type: "home", blocks: [...blocks, context(mrkdwn`/ci-help lists all commands. This page is kept up to date.`)] };
}

/** Renders a Home that shows nothing but why. */
export function homeTrouble({ message, remedy }: Failure): HomeView {
  const blocks = [header("Nothing can be shown here now"), section(mrkdwn`${safe(message)}.`)];
  return { type: "home", blocks: [...blocks, context(mrkdwn`${safe(remedy ?? "Open this page again in a few minutes.")}`)] };
}

function teamBlocks(t: TeamHome): readonly KnownBlock[] {
  const mine = t.questions.filter((q) => q.mine === "vote");
  const others = t.questions.filter((q) => q.mine !== "vote");
  return [
    header(glance(t, mine.length)),
    ...(t.stops === null ? [] : [stopBlock(t.stops)]),
    ...lines("Waiting for your vote", mine.map(questionLine)),
    ...lines("Waiting for the votes of others", others.map(questionLine)),
    ...(t.questions.length === 0
      ? []
      : [context(mrkdwn`Each has a message with its buttons in <#${safe(t.channel)}>; a vote to resume is /ci-resume.`)]),
    ...deletionBlocks(t.deletions),
    ...lines(
      "Held back",
      t.holds.map((h) => mrkdwn`${safe(h.sentence, 200)}${h.liftedBy === "" ? "" : mrkdwn`. Lifted by: ${safe(h.liftedBy, 100)}`}`),
    ),
    ...lines(
      "Not working",
      t.problems.map((p) => safe(p, 200)),
    ),
    fields([
      ["Last pass", passText(t.pass)],
      ["Both sides read completely", t.completeAt === null ? mrkdwn`never` : ago(t.completeAt)],
      ...t.budget.map(([name, left, of]) => [name, mrkdwn`${left} of ${of} left`] as const),
      ["Health", t.problems.length === 0 ? mrkdwn`everything works` : mrkdwn`${t.problems.length} not working`],
    ]),
  ];
}

/** The counts of all that matters, in one line. */
function glance(t: TeamHome, mine: number): string {
  const votes = mine === 0 ? "Nothing waits for your vote" : `${count(mine, "question waits", "questions wait")} for your vote`;
  const under = t.deletions.length === 0 ? "no deletion under way" : `${count(t.deletions.length, "deletion", "deletions")} under way`;
  return `${t.stops === null ? "" : "STOPPED. "}${votes}, ${under}, ${t.holds.length === 0 ? "nothing held" : count(t.holds.length, "hold", "holds")}`;
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

function stopBlock(stops: readonly OneStop[]): KnownBlock {
  const who = stops.slice(0, LINES).map((s) => mrkdwn`• ${safe(s.name, 80)}, ${time(s.at)}: ${safe(s.reason, 200)}`);
  const why = stops.length === 0 ? mrkdwn`The stop switch could not be read, so nothing is sent.` : joined(who, "\n");
  return section(mrkdwn`*Everything is stopped*\n${why}\nTwo approvers end it with /ci-resume.`);
}

function questionLine(q: TeamHome["questions"][number]): Mrkdwn {
  const setting = findSetting(q.about)?.title ?? q.about;
  const what: Record<HomeQuestion["kind"], Mrkdwn> = {
    deletion: mrkdwn`Delete ${code(q.about, 200)}`,
    waiver: mrkdwn`Give up without a copy: ${code(q.thing ?? "", 200)} of ${code(q.about, 200)}`,
    policy: mrkdwn`Change the policy: ${safe(setting, 200)}`,
    adoption: adoptions[q.about] ?? mrkdwn`Adoption`,
    go_on: mrkdwn`Go on with the deletion of ${code(q.about, 200)}`,
    resume: mrkdwn`Resume what is stopped`,
  };
  const why: Record<Mine, Mrkdwn> = { vote: mrkdwn``, voted: mrkdwn`, you voted`, asked: mrkdwn`, you asked`, not_approver: mrkdwn`` };
  const end = q.until === null ? "" : mrkdwn`, until ${time(q.until)}`;
  return mrkdwn`${what[q.kind]}: ${q.approvals} of ${q.quorum} approvals${why[q.mine]}${end}`;
}

const adoptions: Readonly<Record<string, Mrkdwn>> = {
  adopt: mrkdwn`Manage domains that were there before`,
  give_back: mrkdwn`Give domains back`,
  release: mrkdwn`Let the first plan of adopted domains restrict`,
};

function deletionBlocks(deletions: readonly HomeDeletion[]): readonly KnownBlock[] {
  const groups = new Map<string, HomeDeletion[]>();
  for (const d of deletions) groups.set(wordsOf(d).words, [...(groups.get(wordsOf(d).words) ?? []), d]);
  return [...groups].flatMap(([words, some]) =>
    lines(
      words,
      some.map((d) => mrkdwn`${code(d.path, 200)}${d.until === null ? "" : mrkdwn`, until ${time(d.until)}`}`),
    ),
  );
}

/** The words of a phase without its end, which stands at each line. */
function wordsOf(d: HomeDeletion) {
  const { words, until } = phaseWords({ ...d, until: d.until as Instant | null });
  return { words: words.replace(/ until$/, ""), until };
}

/** What a phase means for a member of the project. */
const meanings: Readonly<Partial<Record<HomeDeletion["phase"], string>>> = {
  archiving: "Nothing is taken away before two approvers have agreed.",
  proposed: "Nothing is taken away before two approvers have agreed.",
  cooling_off: "Nothing is taken away before then.",
  quarantining: "Accounts are disabled; nothing is lost.",
  grace: "Accounts are disabled; nothing is lost until then.",
  dismantling: "If you still need it, press Keep at once: in the message to you, or under Status.",
  expunging: "If you still need it, press Keep at once: in the message to you, or under Status.",
  removing: "Only what is in the archive can be brought back now.",
  deleted: "Status says what was saved, and how to get it.",
  frozen:
    "Nothing more is changed until the CI team has decided. If you still need it, press Keep: in the message to you, or under Status.",
  closed: "Ask the CI team what happened.",
};

function meaningOf({ phase, frozenFrom }: HomeDeletion): string {
  if (phase === "frozen" && frozenFrom === "removing")
    return "Nothing more is changed until the CI team has decided. Only what is in the archive can be brought back.";
  return meanings[phase] ?? "";
}

function projectBlocks(f: HomeFacts): readonly KnownBlock[] {
  const sorted = f.projects.toSorted((a, b) => weight(a) - weight(b) || natural.compare(a.slug, b.slug));
  const pages = pagesOf(sorted.length);
  const page = Math.min(Math.max(1, f.page), pages);
  const shown = sorted.slice((page - 1) * PAGE, page * PAGE);
  const title = `${f.team === null ? "Your projects" : "All projects"} (${sorted.length})`;
  return [
    header(pages === 1 ? title : `${title}, page ${page} of ${pages}`),
    ...(f.trouble === null ? [] : [section(mrkdwn`Your projects could not be read: ${safe(f.trouble)}`)]),
    ...(f.trouble === null && sorted.length === 0
      ? [
          section(
            f.team !== null
              ? mrkdwn`The CI database lists no project.`
              : mrkdwn`You are a member of none now. If you should be a member of one, your Slack e-mail must be the one in the CI database. What is saved of a deleted project of yours is under Status and *Export a template*.`,
          ),
        ]
      : []),
    ...shown.map(projectBlock),
    actions(page, pages),
  ];
}

const natural = new Intl.Collator("en", { numeric: true });

/** What needs a look comes first. */
function weight(p: HomeProject): number {
  return p.deletion === null ? 1 : 0;
}

function projectBlock(p: HomeProject, i: number): KnownBlock {
  const { deletion } = p;
  const end = deletion === null ? null : deletion.until;
  const state =
    deletion === null
      ? plainState(p)
      : mrkdwn`*${safe(wordsOf(deletion).words)}*${end === null ? "" : mrkdwn`, until ${time(end)}`}. ${safe(meaningOf(deletion))}`;
  return {
    type: "section",
    text: { type: "mrkdwn", text: mrkdwn`*${safe(p.slug)}* · ${safe(p.name, 200)}\n${state}`, verbatim: true },
    accessory: button({ action: `home_project_${i}`, text: "Status", value: p.slug, label: `Status of ${p.slug}` }),
  };
}

function plainState(p: HomeProject): Mrkdwn {
  if (p.state === "active") return p.hasDomain ? mrkdwn`Active` : mrkdwn`Active; its domain is not there yet`;
  return p.hasDomain ? mrkdwn`Closed in the CI database; its domain is still there` : mrkdwn`Closed; no domain of it is managed`;
}

function actions(page: number, pages: number): KnownBlock {
  const turn = (to: number, action: string, text: string) =>
    to < 1 || to > pages ? [] : [button({ action, text, value: String(to), label: `${text}: ${to} of ${pages}` })];
  return {
    type: "actions",
    elements: [
      button({ action: "home_status", text: "Status", value: "-", label: "What /ci-status answers", style: "primary" }),
      button({ action: "home_export", text: "Export a template", value: "-", label: "What /ci-export-template answers" }),
      ...turn(page - 1, "home_page_before", "Previous page"),
      ...turn(page + 1, "home_page_next", "Next page"),
    ],
  };
}

function exportBlocks(exports: readonly HomeExport[]): readonly KnownBlock[] {
  const state: Record<HomeExport["state"], (e: HomeExport) => Mrkdwn> = {
    waiting: () => mrkdwn`waits to be saved`,
    saving: () => mrkdwn`is being saved`,
    ready: (e) => (e.told ? readyState(e) : mrkdwn`saved; the message with its link is on its way to you`),
    failed: (e) =>
      e.told ? mrkdwn`could not be exported; the message to you says why` : mrkdwn`could not be exported; a message says why`,
  };
  return lines(
    "Your exports",
    exports.map((e) => mrkdwn`${code(e.name, 200)} of ${safe(e.slug)}: ${state[e.state](e)}`),
  );
}

function readyState(e: HomeExport): Mrkdwn {
  if (!e.hasLink) return mrkdwn`saved, but there is no link; the message to you says what to do`;
  return mrkdwn`ready; its link is in your messages${e.linkUntil === null ? "" : mrkdwn`, until ${time(e.linkUntil)}`}`;
}

function lines(title: string, all: readonly Mrkdwn[]): readonly KnownBlock[] {
  if (all.length === 0) return [];
  const shown = all.slice(0, LINES).map((line) => mrkdwn`• ${line}`);
  if (all.length > LINES) shown.push(mrkdwn`… and ${all.length - LINES} more`);
  return [section(mrkdwn`*${safe(title)}* (${all.length})\n${joined(shown, "\n")}`)];
}

function passText(pass: HomePass | null): Mrkdwn {
  if (pass === null) return mrkdwn`none yet`;
  if (pass.endedAt === null) return mrkdwn`running since ${time(pass.startedAt)}`;
  return mrkdwn`${ago(pass.endedAt)}${pass.trouble === null ? "" : mrkdwn`: ${safe(pass.trouble, 200)}`}`;
}

/** How long ago it was, and when, as each reader's Slack says it. */
function ago(at: number): Mrkdwn {
  return mrkdwn`${time(at)} (${time(at, "{ago}")})`;
}
