/** How much one message may hold together, whatever each of its blocks may. */
import type { KnownBlock } from "@slack/types";
import { context, mrkdwn, type Mrkdwn } from "./blocks.ts";

type Blocks = readonly KnownBlock[];

/**
 * Most characters of a message's blocks, written as JSON. Slack refuses more than about 13,200 in some count of its own
 * (`msg_blocks_too_long`); none of its pages says so, and what it counts is less than the JSON.
 *
 * Source: github.com/slackapi/bolt-js, issues 2509 and 2867, with what was taken and refused.
 */
export const MESSAGE_MAX = 13_000;

/** Longest text of one block, tried one after the other until a message is short enough. */
const CUTS = [2000, 1500, 1000, 700, 400, 200, 100] as const;

/** Buttons by which somebody decides on all that a message shows. */
const DECIDES = /^(?:deletion|policy|adoption)_(?:approve|go_on)$/;

const IS_CUT = mrkdwn`_This is more than one message can show: parts of it are left out._`;

/** Whether Slack takes these blocks as one message. */
export function isOneMessage(blocks: Blocks, max = MESSAGE_MAX): boolean {
  return JSON.stringify(blocks).length <= max;
}

/**
 * The blocks as one message takes them: the longest texts are cut. Buttons stay, so that whoever wants to end or bring back something can;
 * only those that decide on all that is shown go with what is not shown (ADR 0201).
 */
export function fitted(blocks: Blocks, max = MESSAGE_MAX): Blocks {
  if (isOneMessage(blocks, max)) return blocks;
  const undecided = [...blocks.flatMap(withoutDecision), context(IS_CUT)];
  const cuts = CUTS.map((longest) => undecided.map((block) => cutBlock(block, longest)));
  const short = cuts.find((cut) => isOneMessage(cut, max));
  return short ?? undecided.filter(({ type }) => type === "header" || type === "actions");
}

function withoutDecision(block: KnownBlock): Blocks {
  if (block.type !== "actions") return [block];
  const elements = block.elements.filter((e) => !DECIDES.test(e.action_id ?? ""));
  return elements.length === 0 ? [] : [{ ...block, elements }];
}

function cutBlock(block: KnownBlock, max: number): KnownBlock {
  const cut = <T extends { readonly type: string }>(element: T): T =>
    element.type === "mrkdwn" && "text" in element ? { ...element, text: cutMarked(String(element.text) as Mrkdwn, max) } : element;
  if (block.type === "context") return { ...block, elements: block.elements.map(cut) };
  if (block.type !== "section") return block;
  return {
    ...block,
    ...(block.text === undefined ? {} : { text: cut(block.text) }),
    ...(block.fields === undefined ? {} : { fields: block.fields.map(cut) }),
  };
}

/** Cuts a text with marks of ours so that none of them is cut in two: times, links, entities and code. */
export function cutMarked(text: Mrkdwn, max: number): Mrkdwn {
  if (text.length <= max) return text;
  const kept = text
    .slice(0, max)
    .replace(/<[^>]*$/, "")
    .replace(/&[a-z]*$/, "")
    .replace(/[\uD800-\uDBFF]$/, "")
    // A row of backticks, perhaps without its end.
    .replace(/`+$/, "");
  if (kept.split("```").length % 2 === 0) return `${kept}…\`\`\`` as Mrkdwn;
  return `${kept}${kept.replaceAll("```", "").split("`").length % 2 === 0 ? "…`" : "…"}` as Mrkdwn;
}
