import { counted } from "../../core/plural.ts";
import type { KnownBlock } from "@slack/types";
import { describeChange } from "../../sync/planning/describe.ts";
import { progressText } from "../../sync/execution/progress.ts";
import type { ChangeOutcome, PlanRecord } from "../../sync/execution/record.ts";
import { sizesText } from "../../sync/execution/plan-text.ts";
import { leftAloneLines } from "../../sync/planning/left-alone.ts";
import { heldLines } from "../../sync/planning/held-lines.ts";
import { context, header, list, mrkdwn, type Mrkdwn, safe, section, time } from "./blocks.ts";
import { isOneMessage } from "./message-size.ts";
import { isOver, standingBlocks } from "./standing.ts";

/** A message: blocks, and the text that notifications and screen readers use. */
export interface Rendering {
  readonly text: string;
  readonly blocks: readonly KnownBlock[];
}

/** Where every line of a plan is that does not fit its message: in a file of its thread, or in the terminal only. */
export type WholePlan = "none" | "file" | "terminal";

/** How many lines of each list a message has. */
const LINES = { done: 15, open: 15, drift: 5, others: 12 } as const;

/** Whether the message leaves lines out. */
export function isCut(record: PlanRecord): boolean {
  const { plan, outcomes, notAsked = [] } = record;
  const done = outcomes.filter((o) => o.outcome === "done").length;
  const others = [plan.holds, plan.heldRows, plan.proposals, notAsked];
  return (
    done > LINES.done ||
    outcomes.length - done > LINES.open ||
    plan.drift.length > LINES.drift ||
    others.some((l) => l.length > LINES.others) ||
    !isOneMessage(renderPlan(record, "", "terminal").blocks)
  );
}

/** Renders a plan in whatever state it is. Pure: the same record gives the same message. */
export function renderPlan(record: PlanRecord, environment: string, place: WholePlan = "none"): Rendering {
  const { plan, outcomes } = record;
  const title = headline(record);
  const progress = progressText(record);
  const [done, open] = [outcomes.filter((o) => o.outcome === "done"), outcomes.filter((o) => o.outcome !== "done")];
  // That only one project was looked at is said below.
  const holds = plan.holds.filter((h) => h.kind !== "held_row" && h.kind !== "narrowed");
  const doneLines = done.map((o) => `${describeChange(o.change)}${o.seen === false ? " (not seen yet)" : ""}`);
  const heldRows = plan.heldRows.map((h) => `${h.view}, ${h.key}: ${h.problem}; ${h.remedy}`);
  const { notAsked = [] } = record;
  const proposed = plan.proposals.map((p) => p.path).filter((path) => !notAsked.some((n) => n.path === path));
  const drift = leftAloneLines(plan);

  const scope = plan.scope.kind === "fleet" ? mrkdwn`everything` : mrkdwn`one project only`;
  const by = record.startedBy.kind === "command" ? mrkdwn`by command` : mrkdwn`on schedule`;
  const blocks: readonly KnownBlock[] = [
    header(title),
    ...(record.reported === undefined ? [] : [section(mrkdwn`*Report mode:* ${safe(record.reported)}.`)]),
    ...standingBlocks(record),
    ...list("Held", heldLines(plan, holds, LINES.others), LINES.others, holds.length),
    ...list("Rows of the CI database to correct", heldRows),
    ...(progress === null ? [] : [section(mrkdwn`*${safe(progress)}*`)]),
    ...list("Done", doneLines, LINES.done),
    ...list(openTitle(record), open.map(outcomeLine), LINES.open),
    ...list("Proposed for deletion: each gets a card of its own, and needs at least two approvals", proposed),
    ...list(
      "Could be deleted, but nobody is asked now",
      notAsked.map((n) => `${n.path}: ${n.reason}`),
    ),
    ...list("Different, but left alone", drift, LINES.drift),
    ...(place === "none" ? [] : [section(wholePlan(record, place))]),
    context(
      mrkdwn`${safe(environment)} · ${scope}, ${by} · ${safe(sizesText(plan))} · ${time(record.startedAt)}${readBackText(record)} · plan ${safe(plan.digest.slice(0, 8))}`,
    ),
  ];
  return {
    text: `${title} (${environment}).${progress === null ? "" : ` ${progress}.`} ${counted(proposed.length, "deletion")} proposed.`,
    blocks,
  };
}

function wholePlan({ id }: PlanRecord, place: "file" | "terminal"): Mrkdwn {
  const command = mrkdwn`\`npx twokey plan show ${safe(id)}\``;
  return place === "file" ? mrkdwn`Every line is in the file in this thread, and in ${command}.` : mrkdwn`Every line: ${command}`;
}

function readBackText({ readBack }: PlanRecord): Mrkdwn | "" {
  if (readBack === null) return "";
  return mrkdwn` · read back: ${readBack.complete ? mrkdwn`everything is as planned` : mrkdwn`${safe(counted(readBack.remaining, "change"))} not seen`}`;
}

function openTitle({ state }: PlanRecord): string {
  return state === "reported" ? "Would be done" : state === "applying" ? "In progress" : "Not done";
}

function headline(record: PlanRecord): string {
  const { plan, outcomes } = record;
  const n = outcomes.length;
  const done = outcomes.filter((o) => o.outcome === "done").length;
  if (isOver(record)) return "Plan: the hold is over";
  if (record.state === "stopped") return `Plan: stopped after ${done} of ${n} changes`;
  if (record.state === "reported") return `Plan: ${counted(n, "change")} would be made, and none is: report mode`;
  if (record.state === "held") return `Plan: held, ${n === 0 ? "nothing changed" : `${done} of ${n} changes made`}`;
  if (record.state === "applying" && n > 0) return `Plan: making ${counted(n, "change")}`;
  const proposed = plan.proposals.length - (record.notAsked?.length ?? 0);
  if (proposed > 0 && n === 0) return `Plan: ${counted(proposed, "deletion")} proposed`;
  return n === 0 ? "Plan: nothing to change" : done === n ? `Plan: ${counted(n, "change")} made` : `Plan: ${done} of ${n} changes made`;
}

function outcomeLine(o: ChangeOutcome): string {
  const words = {
    waiting: "",
    done: "",
    refused: "refused",
    indeterminate: "outcome unknown, will be looked up",
    held: "held",
    skipped: "skipped, since an earlier change of its project was not made",
    reported: "",
  }[o.outcome];
  return `${describeChange(o.change)}${words === "" ? "" : `: ${words}`}${o.problem === null ? "" : ` (${o.problem})`}`;
}
