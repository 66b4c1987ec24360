import { counted } from "../../core/plural.ts";
import { button, code, context, header, joined, mrkdwn, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** A machine that no template was made of. */
export interface OldMachine {
  readonly project: string;
  readonly name: string;
  readonly createdAt: number;
}

/** Most machines in one message. */
const SHOWN_MAX = 20;

/** Renders what the owner of old machines is told: how to make a template, and a button never to hear of it again. Pure. */
export function renderNudge(machines: readonly OldMachine[], round: number): Rendering {
  const many = machines.length > 1;
  const title = `${counted(machines.length, "machine")} of yours ${many ? "have" : "has"} no template`;
  const lines = machines
    .slice(0, SHOWN_MAX)
    .map((m) => mrkdwn`• ${code(m.name, 60)} in the project ${code(m.project, 60)}, made ${time(m.createdAt)}`);
  const left = machines.length > SHOWN_MAX ? mrkdwn`\n… and ${machines.length - SHOWN_MAX} more` : "";
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
      section(mrkdwn`No template was made since ${many ? mrkdwn`they were` : mrkdwn`it was`} set up:\n${joined(lines, "\n")}${left}`),
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
