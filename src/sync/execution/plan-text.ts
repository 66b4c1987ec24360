/** A plan in whole, as lines of text: for the terminal, and for the file in the thread of its message. */
import { counted } from "../../core/plural.ts";
import { asShown } from "../../core/shown-text.ts";
import { describeChange } from "../planning/describe.ts";
import { leftAloneLines } from "../planning/left-alone.ts";
import { heldLines } from "../planning/held-lines.ts";
import type { Hold, Plan } from "../planning/plan.ts";
import type { ChangeOutcome, PlanRecord } from "./record.ts";

const outcomes: Readonly<Record<ChangeOutcome["outcome"], string>> = {
  waiting: "would be made",
  done: "done",
  refused: "refused",
  indeterminate: "outcome unknown, will be looked up",
  held: "held",
  skipped: "skipped, since an earlier change of its project was not made",
  reported: "would be made, and is only reported",
};

/** Above how many alike holds are one line where a plan is only looked at. */
const ALIKE = 3;

/**
 * Every line of a plan; the same record gives the same lines. No line contains a control character of others.
 *
 * `groupsHolds`: alike holds are one line.
 */
export function planLines(record: PlanRecord, environment: string, { groupsHolds = false } = {}): readonly string[] {
  const { plan, notAsked = [] } = record;
  const holds = plan.holds.filter((h) => h.kind !== "held_row");
  const asked = plan.proposals.filter((p) => !notAsked.some((n) => n.path === p.path));
  const scope = plan.scope.kind === "fleet" ? "everything" : "one project only";
  const by = record.startedBy.kind === "command" ? `by ${record.startedBy.name}` : "on schedule";
  return [
    `Plan ${plan.digest.slice(0, 8)} (${environment}), read at ${new Date(plan.asOf).toISOString()}, over ${scope}: ${sizesText(plan)}`,
    ...(record.endedAt === null ? [] : [`Started ${by}, ended at ${new Date(record.endedAt).toISOString()}: ${record.state}`]),
    ...(record.reported === undefined ? [] : [`Report mode: ${record.reported}`]),
    ...part("Held", heldLines(plan, holds, groupsHolds ? ALIKE : Number.POSITIVE_INFINITY), holds.length),
    ...part(
      "Rows of the CI database to correct",
      plan.heldRows.map((h) => `${h.view}, ${h.key}: ${h.problem}; ${h.remedy}`),
    ),
    ...part("Changes", record.outcomes.map(changeLine)),
    ...part(
      "Proposed for deletion, each with a card that needs at least two approvals",
      asked.map((p) => p.path),
    ),
    ...part(
      "Could be deleted, but nobody is asked now",
      notAsked.map((n) => `${n.path}: ${n.reason}`),
    ),
    ...part("Different, but left alone", leftAloneLines(plan)),
  ].map(asShown);
}

/** How much was read, in words; of what could not be read, there is no number. */
export function sizesText({ counts, holds }: Pick<Plan, "counts" | "holds">): string {
  const isUnread = (kind: Hold["kind"]): boolean => holds.some((h) => h.kind === kind);
  return [
    isUnread("desired_partial") ? "the CI database was not read completely" : counted(counts.projects, "project"),
    ...(isUnread("observed_partial")
      ? ["CloudStack was not read completely"]
      : [counted(counts.domains, "domain"), counted(counts.accounts, "account")]),
  ].join(", ");
}

function part(title: string, lines: readonly string[], count = lines.length): readonly string[] {
  return lines.length === 0 ? [] : [`${title} (${count}):`, ...lines.map((line) => `  ${line}`)];
}

function changeLine({ change, outcome, seen, problem }: ChangeOutcome): string {
  const unseen = outcome === "done" && seen === false ? ", not seen yet" : "";
  return `${describeChange(change)}: ${outcomes[outcome]}${unseen}${problem === null ? "" : ` (${problem})`}`;
}
