import { accessory, actionElement, button, contextAction, imageElement, inputElement } from "./element.ts";
import { all, anyOf, byType, fields, flag, isObject, link, list, oneOf, report, string, type Rule, type Surface } from "./rule.ts";
import { richTextBlock, richTextElements } from "./rich-text.ts";
import { dataTable, table } from "./table.ts";
import { anyText, mrkdwn, plainText } from "./text.ts";

/** Characters that all markdown blocks of one payload may hold together. Source: facts, markdown. */
const MARKDOWN_CHARACTERS = 12_000;

const blockId = { block_id: string(255) };
const picture = byType({ image: imageElement });

const slackFile: Rule = (value, at, walk) => {
  const named = isObject(value) && (typeof value["id"] === "string" || typeof value["url"] === "string");
  if (!named) report(walk, at, "must have an id or a url");
};

const contextElement: Rule = (value, at, walk) => {
  if (isObject(value) && value["type"] === "image") imageElement(value, at, walk);
  else anyText(3000)(value, at, walk);
};

const markdown: Rule = all(fields({ text: string(MARKDOWN_CHARACTERS) }, blockId), (value, at, walk) => {
  walk.markdownCharacters += isObject(value) && typeof value["text"] === "string" ? value["text"].length : 0;
  if (walk.markdownCharacters > MARKDOWN_CHARACTERS)
    report(walk, at, `markdown must be less than ${MARKDOWN_CHARACTERS + 1} characters in total`);
});

const card: Rule = all(
  fields(
    {},
    {
      ...blockId,
      hero_image: picture,
      icon: picture,
      title: mrkdwn(150),
      subtitle: mrkdwn(150),
      body: mrkdwn(200),
      subtext: mrkdwn(200),
      actions: list(byType({ button }), 3),
    },
  ),
  anyOf("title", "hero_image", "actions", "body"),
);

const source = byType({ url: fields({ url: link, text: string(255) }) });

const task: Rule = fields(
  { task_id: string(255), title: string(255), status: oneOf("pending", "in_progress", "complete", "error") },
  { ...blockId, details: richTextBlock, output: richTextBlock, sources: list(source, 100, 0) },
);

const contained: Readonly<Record<string, Rule>> = {
  actions: fields({ elements: list(actionElement, 25) }, blockId),
  context: fields({ elements: list(contextElement, 10) }, blockId),
  divider: fields({}, blockId),
  header: fields({ text: plainText(150) }, blockId),
  image: all(
    fields({ alt_text: string(2000) }, { ...blockId, image_url: link, slack_file: slackFile, title: plainText(2000) }),
    anyOf("image_url", "slack_file"),
  ),
  input: fields(
    { label: plainText(2000), element: inputElement },
    { ...blockId, hint: plainText(2000), optional: flag, dispatch_action: flag },
  ),
  rich_text: fields({ elements: richTextElements }, blockId),
  section: all(
    fields({}, { ...blockId, text: anyText(3000), fields: list(anyText(2000), 10), accessory, expand: flag }),
    anyOf("text", "fields"),
  ),
  table,
  video: fields(
    { video_url: link, thumbnail_url: link, alt_text: string(2000), title: plainText(199) },
    {
      ...blockId,
      title_url: link,
      author_name: string(49),
      provider_name: string(255),
      provider_icon_url: link,
      description: plainText(200),
    },
  ),
};

const container: Rule = all(
  fields(
    { child_blocks: list(oneBlock(contained), 10) },
    {
      ...blockId,
      title: plainText(150),
      rich_text_title: richTextBlock,
      subtitle: anyText(150),
      icon: picture,
      width: oneOf("narrow", "standard", "wide", "full"),
      is_collapsible: flag,
      default_collapsed: flag,
      has_header_divider: flag,
    },
  ),
  anyOf("title", "rich_text_title"),
);

/** Blocks that stand on some surfaces only; all others stand everywhere. */
const surfaces: Readonly<Record<string, readonly Surface[]>> = {
  alert: ["modal"],
  card: ["message"],
  carousel: ["message"],
  container: ["message", "home"],
  context_actions: ["message"],
  data_table: ["message", "home"],
  markdown: ["message"],
  plan: ["message"],
  table: ["message"],
  task_card: ["message"],
};

/** One block of a message, modal or home tab. A `file` block is made by Slack only, so it is refused as Slack does. */
export const block: Rule = oneBlock({
  ...contained,
  alert: fields({ text: anyText(200) }, { ...blockId, level: oneOf("default", "info", "warning", "error", "success") }),
  card,
  carousel: fields({ elements: list(byType({ card }), 10) }, blockId),
  container,
  context_actions: fields({ elements: list(contextAction, 5) }, blockId),
  data_table: dataTable,
  markdown,
  plan: fields({ title: string(255) }, { ...blockId, tasks: list(byType({ task_card: task }), 50, 0) }),
  task_card: task,
});

function oneBlock(rules: Readonly<Record<string, Rule>>): Rule {
  return (value, at, walk) => {
    const type = isObject(value) && typeof value["type"] === "string" ? value["type"] : "";
    const where = Object.hasOwn(surfaces, type) ? surfaces[type] : undefined;
    if (where !== undefined && !where.includes(walk.surface)) report(walk, at, `${type} blocks are not supported in a ${walk.surface}`);
    walk.actionIds = new Set();
    byType(rules)(value, at, walk);
    const id = isObject(value) ? value["block_id"] : undefined;
    if (typeof id !== "string") return;
    if (walk.blockIds.has(id)) report(walk, `${at}/block_id`, `\`block_id\` "${id}" already exists`);
    walk.blockIds.add(id);
  };
}
