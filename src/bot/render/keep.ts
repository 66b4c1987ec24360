import type { DeletionView } from "../../deletion/view.ts";
import type { Phase } from "../../core/phases.ts";
import { button, header, mrkdwn, type Mrkdwn, safe, section, time } from "./blocks.ts";
import { buttonValue } from "./card.ts";
import type { Rendering } from "./plan.ts";

/** Renders the message to a project's member about the deletion of its domain, with a Keep button as long as keeping is possible. Pure. */
export function renderKeep(v: DeletionView): Rendering {
  const phase = phaseForMembers(v);
  const ended = phase === "closed" || phase === "deleted" || phase === "removing";
  const title = titles[phase] ?? "will be deleted";
  return {
    text: `The domain ${v.path} ${title}`,
    blocks: [
      header(`The domain of ${v.slug} ${title}`),
      section(sentence(v, phase)),
      ...(ended
        ? []
        : [
            {
              type: "actions" as const,
              block_id: `keep_${v.version}`,
              elements: [
                button({ action: "deletion_keep", text: "Keep it", style: "primary", value: buttonValue(v), label: `Keep ${v.slug}` }),
              ],
            },
          ]),
    ],
  };
}

const titles: Partial<Record<Phase, string>> = { proposed: "may be deleted", closed: "is kept", deleted: "is deleted" };

/** Where it stands for a member: frozen, it still is where it froze; deleted by somebody else, it is deleted. */
function phaseForMembers(v: DeletionView): Phase {
  if (v.phase === "frozen") return v.frozenFrom ?? v.phase;
  return v.phase === "closed" && v.closedBecause === "gone" ? "deleted" : v.phase;
}

function sentence(v: DeletionView, phase: Phase): Mrkdwn {
  const path = mrkdwn`*${safe(v.path)}*`;
  const until = v.until === null ? "" : mrkdwn` before ${time(v.until)}`;
  const last = mrkdwn`If you still need it, say so now.`;
  if (phase === "proposed")
    return mrkdwn`Its project was closed, and two people are asked whether to delete ${path}. Nothing is changed. ${last}`;
  if (phase === "cooling_off")
    return mrkdwn`Its project was closed, and two people approved deleting ${path}. Nothing is changed${until}. ${last}`;
  if (phase === "deleted") return mrkdwn`${path} is gone. Its templates are in the archive: ask the CI team.`;
  if (phase === "closed")
    return mrkdwn`${path} is not deleted${v.closedBecause === "kept" && v.closedBy !== null ? mrkdwn`: ${safe(v.closedBy)} asked to keep it` : ""}.`;
  if (phase === "removing") return mrkdwn`${path} is being removed for good. Its templates are in the archive: ask the CI team.`;
  return mrkdwn`Its project was closed. The machines in ${path} are stopped, and nothing is lost yet. ${last}`;
}
