import type { KnownBlock } from "@slack/types";
import { counted } from "../../core/plural.ts";
import { button, code, context, header, mrkdwn, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** A machine that no template was made of. */
export interface OldMachine {
  /** By which the bot makes a template of it; null: it may not write to CloudStack. */
  readonly id: string | null;
  readonly project: string;
  readonly name: string;
  readonly createdAt: number;
}

/** Most machines in one message. */
const SHOWN_MAX = 20;

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
  const left = machines.length - shown.length;
  return {
    text: `${title}. If such a machine is lost, what is on its disk is lost too. This message says how to make a template.`,
    blocks: [
      header(title),
      section(mrkdwn`No template was made since ${many ? mrkdwn`they were` : mrkdwn`it was`} set up:`),
      ...shown.map((machine, n) => machineLine(machine, n, round)),
      ...(left > 0 ? [section(mrkdwn`… and ${left} more`)] : []),
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
