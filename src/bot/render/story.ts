/** What the thread of a deletion's card says: one line for each phase, as a story, and all that happened as a text file at its end. */
import type { Phase } from "../../core/phases.ts";
import { counted } from "../../core/plural.ts";
import { phaseText } from "../../deletion/phase-words.ts";
import type { DeletionView } from "../../deletion/view.ts";
import type { DeletionEvent } from "../../store/deletions.ts";
import type { TextFile } from "../text-file.ts";
import { mrkdwn, type Mrkdwn, safe, time } from "./blocks.ts";
import { whoSaidNo } from "./settle.ts";

/** What happened when a deletion entered its phase. */
export function storyLine(v: DeletionView): Mrkdwn {
  const until = v.until === null ? "" : time(v.until);
  const approvers = safe(new Intl.ListFormat("en").format(v.approvals.map((a) => a.operator.name)));
  const words: Record<Phase, Mrkdwn> = {
    archiving: mrkdwn`Opened. Its templates are saved first; then people are asked.`,
    proposed: mrkdwn`People are asked until ${until}: ${safe(counted(v.quorum, "approval is", "approvals are"))} needed.`,
    cooling_off: mrkdwn`Approved by ${approvers}. Nothing is changed until ${until}; before that Cancel ends it.`,
    quarantining: mrkdwn`The cool-off is over: accounts are being disabled and machines stopped.`,
    grace: mrkdwn`Quarantined until ${until}. Nothing is lost: Restore brings everything back.`,
    dismantling: mrkdwn`The grace period is over: machines are being destroyed. Restore still recovers them.`,
    expunging: mrkdwn`The machines are destroyed. Until CloudStack has removed them for good, Restore recovers them.`,
    removing: mrkdwn`CloudStack has removed the machines. The rest is being removed: from here on only the archive brings anything back.`,
    deleted: mrkdwn`Deleted. ${savedWords(v)}`,
    closed: mrkdwn`${safe(phaseText(v))}${v.closedBy === null ? "" : mrkdwn`: ${safe(whoSaidNo(v))}`}${v.activity === null ? "" : mrkdwn`: ${safe(v.activity, 500)}`}.`,
    frozen: mrkdwn`${safe(phaseText(v))}: ${safe(v.frozenReason ?? "the reason is not known", 500)}.`,
  };
  return words[v.phase];
}

function savedWords({ archive }: DeletionView): Mrkdwn {
  const saved = archive.filter((a) => a.state === "verified").length;
  const lost = archive.filter((a) => a.state === "waived").length;
  if (archive.length === 0) return mrkdwn`There was nothing to save.`;
  const not = lost === 0 ? "" : mrkdwn`, ${lost} not, as two people agreed`;
  return mrkdwn`${safe(counted(saved, "thing"))} saved in the archive${not}.`;
}

/** All that was recorded of a deletion, line by line, for who wants to know exactly. */
export function storyFile(v: DeletionView, events: readonly DeletionEvent[]): TextFile {
  const lines = events.map((e) => {
    const at = new Date(e.at).toISOString().slice(0, 19).replace("T", " ");
    const data = e.data === null ? "" : `  ${JSON.stringify(e.data)}`;
    return `${at} UTC  ${e.kind}${data}`;
  });
  const text = [`Deletion ${v.id} of ${v.path}: ${phaseText(v)}`, "", ...lines, ""].join("\n");
  return { name: `deletion-${v.id.slice(0, 8)}.txt`, title: `All that happened to ${v.path}`, text };
}
