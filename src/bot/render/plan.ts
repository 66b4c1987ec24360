import type { KnownBlock } from "@slack/types";
import { describeChange } from "../../sync/planning/describe.ts";
import type { ChangeOutcome, PlanRecord } from "../../sync/execution/record.ts";
import { context, header, list, section, time } from "./blocks.ts";

/** A message: blocks, and the text that notifications and screen readers use. */
export interface Rendering {
  readonly text: string;
  readonly blocks: readonly KnownBlock[];
}

/** Renders a plan as it stands. Pure: the same record gives the same message. */
export function renderPlan(record: PlanRecord, environment: string): Rendering {
  const { plan, outcomes } = record;
  const scope = plan.scope.kind === "fleet" ? "everything" : "one project only";
  const title = headline(record);
  const done = outcomes.filter((o) => o.outcome === "done");
  const open = outcomes.filter((o) => o.outcome !== "done");
  const holds = plan.holds.filter((h) => h.kind !== "held_row");
  const blocks: KnownBlock[] = [header(title)];
  if (holds.length > 0)
    blocks.push(
      ...list(
        "Held",
        holds.map((h) => `${h.sentence}. Lifted by: ${h.liftedBy}`),
      ),
    );
  blocks.push(
    ...list(
      "Rows of the CI database that need remedy",
      plan.heldRows.map((h) => `${h.view}, ${h.key}: ${h.problem}; ${h.remedy}`),
    ),
  );
  blocks.push(
    ...list(
      "Done",
      done.map((o) => `${describeChange(o.change)}${o.seen === false ? " (cannot be seen yet)" : ""}`),
      15,
    ),
  );
  blocks.push(...list(record.state === "applying" ? "Doing" : "Not done", open.map(outcomeLine), 15));
  if (plan.proposals.length > 0)
    blocks.push(
      ...list(
        "Could be deleted: each gets a card of its own, and needs two people",
        plan.proposals.map((p) => p.path),
      ),
    );
  if (plan.proposals.length === 0) blocks.push(section("*Deletions:* none, and none can come of this plan."));
  blocks.push(
    ...list(
      "Left alone",
      plan.drift.map((d) => d.sentence),
      5,
    ),
  );
  const by = record.startedBy.kind === "command" ? "by command" : "on schedule";
  const back =
    record.readBack === null
      ? ""
      : record.readBack.complete
        ? " · read back: all is as planned"
        : ` · read back: ${record.readBack.remaining} not seen`;
  blocks.push(
    context(
      `${environment} · ${scope}, ${by} · ${plan.counts.projects} projects, ${plan.counts.domains} domains, ${plan.counts.accounts} accounts · ${time(record.startedAt)}${back} · plan ${plan.digest.slice(0, 8)}`,
    ),
  );
  return { text: `${title} (${environment}). ${plan.proposals.length} deletion(s) proposed.`, blocks };
}

function headline(record: PlanRecord): string {
  const { plan, outcomes } = record;
  const n = outcomes.length;
  const done = outcomes.filter((o) => o.outcome === "done").length;
  if (record.state === "stopped") return `Plan: stopped after ${done} of ${n} changes`;
  if (record.state === "held") return `Plan: held, ${n === 0 ? "nothing changed" : `${done} of ${n} changes made`}`;
  if (record.state === "applying" && n > 0) return `Plan: making ${n} change(s)`;
  if (plan.proposals.length > 0 && n === 0) return `Plan: ${plan.proposals.length} domain(s) could be deleted`;
  return n === 0 ? "Plan: nothing to change" : done === n ? `Plan: ${n} change(s) made` : `Plan: ${done} of ${n} changes made`;
}

function outcomeLine(o: ChangeOutcome): string {
  const words = {
    waiting: "",
    done: "",
    refused: "refused",
    indeterminate: "outcome unknown, will be looked up",
    held: "held",
    skipped: "skipped after a failure",
  }[o.outcome];
  return `${describeChange(o.change)}${words === "" ? "" : `: ${words}`}${o.problem === null ? "" : ` (${o.problem})`}`;
}
