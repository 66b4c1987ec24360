import type { KnownBlock } from "@slack/types";
import { mayBeKept } from "../../deletion/phase-words.ts";
import type { DeletionView } from "../../deletion/view.ts";
import type { MemberStage } from "../../core/member-stages.ts";
import { button, code, context, header, mrkdwn, type Mrkdwn, safe, section, spoken, time } from "./blocks.ts";
import { buttonValue } from "./card.ts";
import type { Rendering } from "./plan.ts";
import { savedBlocks } from "./saved.ts";

/**
 * Renders the message to a project's member about the deletion of its domain at one stage, with a Keep button as long as keeping is
 * possible. Pure.
 */
export function renderKeep(v: DeletionView): Rendering {
  const title = titleOf(v, `The domain of ${v.slug}`);
  const said = sentence(v);
  return {
    // The same words, so that who hears or is notified of it only is told the same.
    text: `${titleOf(v, `The domain ${v.path}`)}. ${spoken(said)}`,
    blocks: [
      header(title),
      section(said),
      ...(v.phase === "deleted" ? savedBlocks(v) : []),
      ...(mayBeKept(v) ? keepButton(v) : []),
      context(mrkdwn`${code(v.path)} · project ${code(v.slug)}`),
    ],
  };
}

/** What an earlier message becomes once there is a newer one: without its button, so that one message alone asks. */
export function renderOvertaken(v: Pick<DeletionView, "slug" | "path">, stage: MemberStage): Rendering {
  const title = `The domain of ${v.slug}: ${EARLIER[stage]}`;
  const said = mrkdwn`Below is a newer message about it.`;
  return { text: `${title}. Below is a newer message about it.`, blocks: [header(title), section(said), context(code(v.path))] };
}

const EARLIER: Readonly<Record<MemberStage, string>> = {
  asked: "people were asked whether to delete it",
  approved: "its deletion was approved",
  quarantine: "it was quarantined",
  last_call: "the last call to keep it",
  ended: "it ended",
};

function keepButton(v: DeletionView): readonly KnownBlock[] {
  const keep = button({ action: "deletion_keep", text: "Keep it", style: "primary", value: buttonValue(v), label: `Keep ${v.slug}` });
  return [{ type: "actions", block_id: `keep_${v.version}`, elements: [keep] }];
}

function titleOf(v: DeletionView, domain: string): string {
  switch (phaseForMembers(v)) {
    case "archiving":
    case "proposed":
      return `${domain} may be deleted`;
    case "cooling_off":
      return `${domain} will be deleted: enough people approved it`;
    case "quarantining":
    case "grace":
      return v.members?.stage === "last_call"
        ? `Last call: ${domain.replace("The", "the")} will be deleted soon`
        : `${domain} is quarantined`;
    case "dismantling":
    case "expunging":
      return `Last call: ${domain.replace("The", "the")} is being deleted`;
    case "removing":
      return `${domain} is being removed for good`;
    case "deleted":
      return `${domain} is deleted`;
    default:
      return v.closedBecause === "kept" || v.closedBecause === "restored" ? `${domain} is kept` : `${domain} is not deleted`;
  }
}

/** Where it stands for a member: frozen, it still is where it froze; deleted by somebody else, it is deleted. */
function phaseForMembers(v: DeletionView): DeletionView["phase"] {
  if (v.phase === "frozen") return v.frozenFrom ?? v.phase;
  return v.phase === "closed" && v.closedBecause === "gone" ? "deleted" : v.phase;
}

const SAY_SO = mrkdwn`If you still need it, press *Keep it*.`;

function sentence(v: DeletionView): Mrkdwn {
  const path = code(v.path);
  const until = v.until === null ? "" : time(v.until);
  const closed =
    v.evidence.kind === "closed" ? mrkdwn`Its project was closed in the CI database` : mrkdwn`Its project is no longer in the CI database`;
  switch (phaseForMembers(v)) {
    case "archiving":
    case "proposed":
      return mrkdwn`${closed}, and the CI team is asked whether to delete ${path}. Nothing is changed. ${SAY_SO}`;
    case "cooling_off":
      return mrkdwn`${closed}, and ${v.approvals.length} people approved deleting ${path}. Nothing is changed${until === "" ? "" : mrkdwn` before ${until}`}; then the machines are stopped and you can no longer log in. ${SAY_SO}`;
    case "quarantining":
      return mrkdwn`${closed}. The accounts in ${path} are being disabled and the machines stopped. Nothing is lost. ${SAY_SO}`;
    case "grace":
      return mrkdwn`${closed}. You cannot log in to ${path}, and its machines are stopped. Nothing is lost${until === "" ? "" : mrkdwn` until ${until}; then it is deleted`}. ${SAY_SO}`;
    case "dismantling":
    case "expunging":
      return mrkdwn`The machines in ${path} are being destroyed. CloudStack keeps them for a while, usually a day; until then they can be recovered. If you still need them, press *Keep it* now.`;
    case "removing":
      return mrkdwn`${path} is being removed and cannot be kept any more. Another message says what was saved, and how to get it.`;
    case "deleted":
      return v.phase === "deleted"
        ? mrkdwn`${path} is gone: its machines, disks and accounts were deleted.`
        : mrkdwn`${path} is gone: somebody deleted it in CloudStack, and not through Twokey. Ask the CI team what happened.`;
    default:
      return keptSentence(v, path);
  }
}

function keptSentence(v: DeletionView, path: Mrkdwn): Mrkdwn {
  const by = v.closedBy === null ? mrkdwn`Somebody` : safe(v.closedBy);
  const open =
    v.evidence.kind === "closed"
      ? mrkdwn` The project is still closed in the CI database: have it opened there, or people are asked again.`
      : "";
  switch (v.closedBecause) {
    case "kept":
      return mrkdwn`${path} is not deleted: ${v.closedBy === null ? mrkdwn`it is protected now` : mrkdwn`${by} asked to keep it`}.${v.closedBy === null ? "" : open}`;
    case "restored":
      return mrkdwn`${path} is not deleted: ${by} brought it back.${open}`;
    case "cancelled":
      return mrkdwn`${path} is not deleted: ${by} cancelled it.${open}`;
    case "rejected":
      return mrkdwn`${path} is not deleted: ${by} rejected it.${open}`;
    case "expired":
      return mrkdwn`${path} is not deleted: nobody decided in time.${open}`;
    case "came_back":
      return mrkdwn`${path} is not deleted: its project is active again.`;
    default:
      return mrkdwn`${path} is not deleted. What it holds has changed, so people are asked again before anything happens.`;
  }
}
