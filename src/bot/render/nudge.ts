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

/** Machines on one page, each with a line and a button of its own: Slack takes fifty blocks in a message. */
const PAGE = 20;

/** How many pages the message about so many machines has. */
export function pagesOfNudge(machines: number): number {
  return Math.max(1, Math.ceil(machines / PAGE));
}

/**
 * Renders what the owner of old machines is told: how to make a template, a button for each, and one never to hear of it again; of many
 * machines, one page. Pure.
 */
export function renderNudge(machines: readonly OldMachine[], round: number, wanted = 1): Rendering {
  const many = machines.length > 1;
  const title = `${counted(machines.length, "machine")} of yours ${many ? "have" : "has"} no template`;
  const pages = pagesOfNudge(machines.length);
  const page = Math.min(Math.max(1, wanted), pages);
  const from = (page - 1) * PAGE;
  const shown = machines.slice(from, from + PAGE);
  const which = pages === 1 ? "" : mrkdwn`. These are ${from + 1} to ${from + shown.length} of ${machines.length}`;
  return {
    text: `${title}. If such a machine is lost, what is on its disk is lost too. This message says how to make a template.`,
    blocks: [
      header(title),
      section(mrkdwn`No template was made since ${many ? mrkdwn`they were` : mrkdwn`it was`} set up${which}:`),
      ...shown.map((machine, n) => machineLine(machine, n, round)),
      ...(pages === 1 ? [] : [{ type: "actions" as const, block_id: "nudge_pages", elements: pageButtons(page, machines.length, round) }]),
      ...(shown.some((m) => m.id !== null) ? [section(BY_THE_BOT)] : []),
      section(
        mrkdwn`*How to make one in CloudStack:* stop the machine. Open *Storage, Volumes*, choose its ROOT disk, and press *Create template*. Where that is not offered, take a snapshot of the disk and make the template of it.`,
      ),
      section(
        mrkdwn`A template counts against your project's limits. With it you can create the machine again, and save a copy with ${code("/ci-export-template")}.`,
      ),
      { type: "actions", block_id: "nudge", elements: [neverButton(round)] },
      context(mrkdwn`You get this once a week at most.`),
    ],
  };
}

function neverButton(round: number) {
  return button({
    action: "nudge_never",
    text: "Never tell me again",
    value: `v1:${round}`,
    label: "Never tell me about templates again",
  });
}

/** To the machines before and after those of this page. */
function pageButtons(page: number, machines: number, round: number) {
  const last = pagesOfNudge(machines);
  const turn = (to: number, action: string, text: string) =>
    to < 1 || to > last ? [] : [button({ action, text, value: `v1:${round}:${to}`, label: `${text} machines: page ${to} of ${last}` })];
  const next = Math.min(PAGE, machines - page * PAGE);
  return [...turn(page - 1, "nudge_page_before", `Previous ${PAGE}`), ...turn(page + 1, "nudge_page_next", `Next ${next}`)];
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
