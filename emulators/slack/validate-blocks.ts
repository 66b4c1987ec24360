import { block } from "./validate-blocks/block.ts";
import {
  fields,
  flag,
  isObject,
  list,
  report,
  string,
  type BlockProblem,
  type Rule,
  type Surface,
  type Walk,
} from "./validate-blocks/rule.ts";
import { optionGroup, plainOption, plainText } from "./validate-blocks/text.ts";

export type { BlockProblem, Surface } from "./validate-blocks/rule.ts";

/** How many blocks each surface takes. */
const BLOCK_LIMITS: Readonly<Record<Surface, number>> = { message: 50, modal: 100, home: 100 };

/** Size of a view's JSON above which Slack says `view_too_large`. Units: bytes. */
export const VIEW_BYTES = 250_000;

/**
 * Finds all that Slack would refuse in a list of blocks; empty when it would take them.
 *
 * Source: facts, Block Kit limits; @slack/types; where two sources differ, the smaller limit.
 */
export function findBlockProblems(blocks: unknown, surface: Surface, pointer = "/blocks"): readonly BlockProblem[] {
  const walk = startWalk(surface);
  list(block, BLOCK_LIMITS[surface], 0)(blocks, pointer, walk);
  return walk.problems;
}

/** As `findBlockProblems`, as the sentences of Slack's `response_metadata.messages`. */
export function validateBlocks(blocks: unknown, surface: Surface): readonly string[] {
  return findBlockProblems(blocks, surface).map(describeProblem);
}

/** Finds all that Slack would refuse in a modal or a home tab; `surface` is what the method takes. */
export function findViewProblems(view: unknown, surface: "modal" | "home", pointer = "/view"): readonly BlockProblem[] {
  const walk = startWalk(surface);
  if (!isObject(view)) return [{ pointer, message: "must be an object" }];
  if (view["type"] !== surface) report(walk, `${pointer}/type`, `must be ${surface}`);
  const blocks = list(block, BLOCK_LIMITS[surface], 0);
  if (surface === "home") fields({ blocks }, both)(view, pointer, walk);
  else fields({ blocks, title: plainText(24) }, { ...both, ...modalOnly })(view, pointer, walk);
  const items: readonly unknown[] = Array.isArray(view["blocks"]) ? view["blocks"] : [];
  const asks = items.some((item) => isObject(item) && item["type"] === "input");
  if (surface === "modal" && asks && view["submit"] === undefined) report(walk, pointer, "submit is required when an input block is used");
  return walk.problems;
}

/** Finds what Slack would refuse in the options that answer a `block_suggestion`. */
export function findOptionProblems(answer: unknown): readonly BlockProblem[] {
  const walk = startWalk("modal");
  if (!isObject(answer)) return [{ pointer: "", message: "must be an object" }];
  const { options, option_groups: groups } = answer;
  if (options !== undefined) list(plainOption, 100, 0)(options, "/options", walk);
  if (groups !== undefined) list(optionGroup, 100, 0)(groups, "/option_groups", walk);
  if (options === undefined && groups === undefined) report(walk, "", "missing required field: options");
  return walk.problems;
}

/** A problem as Slack writes it in `response_metadata.messages`. */
export function describeProblem(problem: BlockProblem): string {
  return `[ERROR] ${problem.message} [json-pointer:${problem.pointer}]`;
}

const both: Readonly<Record<string, Rule>> = {
  private_metadata: string(3000, 0),
  callback_id: string(255, 0),
  external_id: string(255, 0),
};

const modalOnly: Readonly<Record<string, Rule>> = {
  submit: plainText(24),
  close: plainText(24),
  clear_on_close: flag,
  notify_on_close: flag,
  submit_disabled: flag,
};

function startWalk(surface: Surface): Walk {
  return { surface, problems: [], blockIds: new Set(), actionIds: new Set(), tableCharacters: 0, markdownCharacters: 0 };
}
