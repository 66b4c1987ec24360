import { counted } from "../../core/plural.ts";
import { listed } from "../../core/shown-text.ts";
import { context, fields, header, list, mrkdwn, safe, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** What the bot says of itself when it has started. */
export interface HereView {
  readonly environment: string;
  readonly version: string;
  /** The managed root. */
  readonly root: string;
  /** What the last complete read found; null: there was none yet. */
  readonly sizes: { readonly projects: number; readonly domains: number } | null;
  /** What is only reported and not carried out, a sentence for each kind; none: everything is carried out. */
  readonly reported: readonly string[];
  /** The approvers by name; null: they could not be read now. */
  readonly approvers: readonly string[] | null;
  /** How many approvals a deletion needs at least. */
  readonly need: number;
  /** How often both sides are compared. Units: milliseconds. */
  readonly everyMs: number;
  /** How the first pass since the start ended; null: another process ran one at that moment. */
  readonly firstPass: string | null;
  /** What an operator should correct. */
  readonly problems: readonly string[];
  /** When a process of it last started. */
  readonly startedAt: number;
}

const ACTS = "makes and repairs by itself, locks within its limits, deletes only after approvals";

/** Renders it. */
export function renderHere(view: HereView): Rendering {
  const { sizes, approvers, need } = view;
  const who = approvers === null ? "they could not be read now" : listed(approvers, 12);
  const watched = sizes === null ? "not read completely yet" : `${counted(sizes.projects, "project")}, ${counted(sizes.domains, "domain")}`;
  const blocks = [
    header("I am here, this is what I watch"),
    fields([
      ["Managed root", safe(view.root)],
      ["Last complete read", safe(watched)],
      ["Mode", safe(view.reported.length === 0 ? ACTS : reportedText(view.reported), 1500)],
      ["Who approves", safe(`${who}; at least ${need} of them`, 1500)],
      ["Compares both sides", mrkdwn`every ${everyText(view.everyMs)}`],
      ["First pass since the start", safe(view.firstPass ?? "another process was running one")],
    ]),
    ...list("To correct", view.problems),
    context(mrkdwn`${safe(view.environment)} · Twokey ${safe(view.version)} · last start ${time(view.startedAt)}`),
  ];
  return { text: `I am here (${view.environment}) and watch ${view.root}: ${watched}.`, blocks };
}

/** What is only reported; one reason for all of it is said once. */
function reportedText(sentences: readonly string[]): string {
  const parts = sentences.map((s) => s.split(": "));
  const [why, ...others] = new Set(parts.map(([, ...rest]) => rest.join(": ")));
  return others.length > 0 ? sentences.join("; ") : `${parts.map(([what]) => what).join(", ")}: ${why ?? ""}`;
}

function everyText(ms: number) {
  return ms % 60_000 === 0 ? mrkdwn`${ms / 60_000} min` : mrkdwn`${ms / 1000} s`;
}
