/** What the thread of a deletion's card says: one line for each phase, as a story, and all that happened as a text file at its end. */
import { phases, type Phase } from "../../core/phases.ts";
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

/** What happened, in words: a phase by what it is for people. */
function kindText(kind: string): string {
  const phase = phases.find((one) => kind === `entered ${one}`);
  return phase === undefined ? kind : `now: ${phaseText({ phase, until: null, closedBecause: null, frozenFrom: null })}`;
}

/** Everything that was recorded with it, as people read it. */
function dataText(data: unknown): string {
  if (data === null || data === undefined) return "";
  if (Array.isArray(data)) return data.length === 0 ? "none" : data.map(dataText).join(", ");
  if (typeof data !== "object") return String(data);
  return Object.entries(data)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${spaced(key)} ${INSTANTS.test(key) && typeof value === "number" ? utc(value) : nested(value)}`)
    .join("; ");
}

function nested(value: unknown): string {
  return typeof value === "object" && !(Array.isArray(value) && value.length === 0) ? `(${dataText(value)})` : dataText(value);
}

/** Under which numbers are instants. */
const INSTANTS = /^(?:until|since|at|.*At)$/;

function spaced(key: string): string {
  return key.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function utc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** All that was recorded of a deletion, line by line, for who wants to know exactly. */
export function storyFile(v: DeletionView, events: readonly DeletionEvent[]): TextFile {
  const lines = events.map((e) => {
    const data = dataText(e.data);
    return `${utc(e.at)}  ${kindText(e.kind)}${data === "" ? "" : `, ${data}`}`;
  });
  const text = [`Deletion ${v.id} of ${v.path}: ${phaseText(v)}`, "", ...lines, ""].join("\n");
  return { name: `deletion-${v.id.slice(0, 8)}.txt`, title: `All that happened to ${v.path}`, text };
}
