import type { KnownBlock } from "@slack/types";
import { counted } from "../../core/plural.ts";
import { button, code, context, header, joined, mrkdwn, type Mrkdwn, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** A machine that no template was made of. */
export interface OldMachine {
  /** By which the bot makes a template of it; null: it may not write to CloudStack. */
  readonly id: string | null;
  readonly project: string;
  readonly name: string;
  readonly createdAt: number;
}

/** Most machines with a line and a button of their own. */
const SHOWN_MAX = 20;
/** How much of one section names take, and in how many sections: Slack takes so many characters in a message. */
const [SECTION_TEXT, SECTIONS_MAX] = [2_400, 3];

/** Renders what the owner of old machines is told: how to make a template, a button for each, and one never to hear of it again. Pure. */
export function renderNudge(machines: readonly OldMachine[], round: number): Rendering {
  const many = machines.length > 1;
  const title = `${counted(machines.length, "machine")} of yours ${many ? "have" : "has"} no template`;
  const shown = machines.slice(0, SHOWN_MAX);
  const never = button({
    action: "nudge_never",
    text: "Never tell me again",
    value: `v1:${round}`,
    label: "Never tell me about templates again",
  });
  return {
    text: `${title}. If such a machine is lost, what is on its disk is lost too. This message says how to make a template.`,
    blocks: [
      header(title),
      section(mrkdwn`No template was made since ${many ? mrkdwn`they were` : mrkdwn`it was`} set up:`),
      ...shown.map((machine, n) => machineLine(machine, n, round)),
      ...furtherBlocks(machines.slice(SHOWN_MAX)),
      ...(shown.some((m) => m.id !== null) ? [section(BY_THE_BOT)] : []),
      section(
        mrkdwn`*How to make one in CloudStack:* stop the machine. Open *Storage, Volumes*, choose its ROOT disk, and press *Create template*. Where that is not offered, take a snapshot of the disk and make the template of it.`,
      ),
      section(
        mrkdwn`A template counts against your project's limits. With it you can make the machine anew, and save a copy with ${code("/ci-export-template")}.`,
      ),
      { type: "actions", block_id: "nudge", elements: [never] },
      context(mrkdwn`You get this once a week at most.`),
    ],
  };
}

const BY_THE_BOT = mrkdwn`*Make a template* has the bot do it: it takes a snapshot of the root disk, and makes the template of that. The machine keeps running; what its programs have not written to the disk yet is not in it.
Nothing is deleted: the snapshot stays, and counts against the limits, too.`;

/** The others by name: once the first have a template, the next message has buttons for these. */
function furtherBlocks(machines: readonly OldMachine[]): readonly KnownBlock[] {
  const sections: Mrkdwn[][] = [];
  let room = 0;
  let shown = 0;
  for (const { name, project } of machines) {
    const text = mrkdwn`${code(name, 60)} in ${code(project, 60)}`;
    if (text.length + 2 > room) {
      if (sections.length === SECTIONS_MAX) break;
      sections.push([]);
      room = SECTION_TEXT;
    }
    sections.at(-1)?.push(text);
    room -= text.length + 2;
    shown += 1;
  }
  const left = machines.length - shown;
  return sections.map((names, n) => {
    const title = n === 0 ? mrkdwn`*And ${machines.length} more, with buttons in a later message:* ` : "";
    return section(mrkdwn`${title}${joined(names, ", ")}${left > 0 && n === sections.length - 1 ? mrkdwn`, and ${left} more` : ""}`);
  });
}

function machineLine({ id, name, project, createdAt }: OldMachine, n: number, round: number): KnownBlock {
  const line = section(mrkdwn`• ${code(name, 60)} in the project ${code(project, 60)}, made ${time(createdAt)}`);
  if (id === null) return line;
  const accessory = button({
    action: `nudge_make_${n}`,
    text: "Make a template",
    value: `v1:${round}:${id}`,
    label: `Make a template of ${name}`,
  });
  return { ...line, accessory } as KnownBlock;
}
