/** How it stands with what a plan's message tells: since when, how often it was tried, and that it is over. */
import type { KnownBlock } from "@slack/types";
import type { PlanRecord } from "../../sync/execution/record.ts";
import { joined, LINE_MAX, mrkdwn, type Mrkdwn, safe, section, time } from "./blocks.ts";

/** Whether the holds that a message told are over, and no other one is left. */
export function isOver({ plan, standing }: Pick<PlanRecord, "plan" | "standing">): boolean {
  const isHeld = plan.holds.some((h) => h.blocks !== "one_project" && h.kind !== "narrowed");
  return standing !== undefined && standing.over.length > 0 && !isHeld;
}

/** That as one section; nothing for what was met once. */
export function standingBlocks({
  standing,
  ended = [],
  grown = [],
}: Pick<PlanRecord, "standing" | "ended" | "grown">): readonly KnownBlock[] {
  const lines: Mrkdwn[] = ended.map(({ since, isBack = false }) =>
    isBack ? mrkdwn`The hold of ${time(since)} was over, and is back.` : mrkdwn`*The hold of ${time(since)} is over.*`,
  );
  for (const { toldAt, told, now, untold } of grown)
    lines.push(mrkdwn`*The hold has grown: it keeps back ${now} now, ${told} in the message of ${time(toldAt)}; ${untold} are new.*`);
  if (standing !== undefined) {
    const { since, tries, over, toldAnew } = standing;
    if (since !== null && tries > 1) lines.push(mrkdwn`*Since ${time(since)}, ${tries} tries.*`);
    for (const o of over)
      lines.push(mrkdwn`*The hold of ${time(o.since)} is over, since ${time(o.until)}.* It was held: ${safe(o.sentence, LINE_MAX)}`);
    if (toldAnew !== null) lines.push(mrkdwn`How it stands now is in the message of ${time(toldAnew)}.`);
  }
  return lines.length === 0 ? [] : [section(joined(lines, "\n"))];
}
