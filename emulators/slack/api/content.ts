import type { JsonObject } from "../control-api.ts";
import { refuse, refuseWith } from "../refusal.ts";
import { describeProblem, findBlockProblems } from "../validate-blocks.ts";
import type { Args } from "./args.ts";

/** Text above this is cut by chat.postMessage. Units: characters. */
export const POST_TEXT_LIMIT = 40_000;

/** Text above this is refused by chat.update. Units: characters. */
export const UPDATE_TEXT_LIMIT = 4_000;

const ATTACHMENT_LIMIT = 100;
const BLOCKS_LIMIT = 13_200;
const MARKDOWN_LIMIT = 12_000;
const METADATA_BYTES = 16_000;
const NO_TEXT = "This content can't be displayed.";

/** What a message says, looked at. A field is undefined when the app did not send it. */
export interface Content {
  readonly text: string | undefined;
  readonly blocks: readonly JsonObject[] | undefined;
  readonly attachments: readonly JsonObject[] | undefined;
  readonly metadata: JsonObject | undefined;
}

/**
 * Reads text, blocks, attachments and metadata of a message.
 *
 * Errors: refuses `no_text`, `invalid_blocks_format`, `invalid_blocks` with each problem, `too_many_attachments`,
 * `markdown_text_conflict`, `invalid_metadata_format`, `metadata_too_large`, `msg_too_long`, `msg_blocks_too_long`.
 */
export function readContent(args: Args): Content {
  const markdown = args.optional("markdown_text");
  if (markdown !== null && (args.has("text") || args.has("blocks"))) refuse("markdown_text_conflict");
  if (markdown !== null && markdown.length > MARKDOWN_LIMIT) refuse("msg_too_long");
  const blocks = args.objects("blocks", "invalid_blocks_format");
  checkBlocks(blocks);
  if (JSON.stringify(blocks ?? []).length > BLOCKS_LIMIT) refuse("msg_blocks_too_long");
  const attachments = args.objects("attachments", "invalid_attachments");
  if ((attachments?.length ?? 0) > ATTACHMENT_LIMIT) refuse("too_many_attachments");
  const text = markdown ?? args.optional("text") ?? undefined;
  if (text === undefined && (blocks?.length ?? 0) === 0 && (attachments?.length ?? 0) === 0) refuse("no_text");
  return { text, blocks, attachments, metadata: readMetadata(args) };
}

/** Refuses `invalid_blocks` with each problem, as Slack words it. */
export function checkBlocks(blocks: readonly JsonObject[] | undefined): void {
  const problems = blocks === undefined ? [] : findBlockProblems(blocks, "message");
  if (problems.length === 0) return;
  refuseWith("invalid_blocks", problems.map(describeProblem), {
    errors: problems.map((problem) => `${problem.message} [json-pointer:${problem.pointer}]`),
  });
}

/** What stands for a message where blocks cannot be shown. */
export function fallbackText(text: string | undefined): string {
  return text ?? NO_TEXT;
}

function readMetadata(args: Args): JsonObject | undefined {
  const metadata = args.object("metadata", "invalid_metadata_format");
  if (metadata === undefined) return undefined;
  const payload = metadata["event_payload"];
  if (typeof metadata["event_type"] !== "string" || typeof payload !== "object" || payload === null) refuse("invalid_metadata_format");
  return Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES ? refuse("metadata_too_large") : metadata;
}
