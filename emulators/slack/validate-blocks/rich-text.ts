import { byType, fields, flag, integer, link, list, number, oneOf, string, type Rule } from "./rule.ts";

const MANY = 1000;
const style = fields(
  {},
  { bold: flag, italic: flag, strike: flag, code: flag, underline: flag, highlight: flag, client_highlight: flag, unlink: flag },
);
const border = integer(0, 1);
const text = fields({ text: string(40_000) }, { style });
const address = fields({ url: link }, { text: string(40_000, 0), unsafe: flag, style });

const inline = byType({
  text,
  link: address,
  broadcast: fields({ range: oneOf("here", "channel", "everyone") }, { style }),
  color: fields({ value: string(255) }, { style }),
  channel: fields({ channel_id: string(255) }, { style }),
  date: fields({ timestamp: number, format: string(255) }, { url: link, fallback: string(255), style }),
  emoji: fields({ name: string(255) }, { unicode: string(255), url: link, skin_tone: integer(1, 6), style }),
  team: fields({ team_id: string(255) }, { style }),
  user: fields({ user_id: string(255) }, { style }),
  usergroup: fields({ usergroup_id: string(255) }, { style }),
});
const section = fields({ elements: list(inline, MANY, 0) });

/** The `elements` of a rich_text block. */
export const richTextElements: Rule = list(
  byType({
    rich_text_section: section,
    rich_text_list: fields(
      { style: oneOf("bullet", "ordered"), elements: list(byType({ rich_text_section: section }), MANY) },
      { indent: integer(0, 8), offset: integer(0, 1_000_000), border },
    ),
    rich_text_quote: fields({ elements: list(inline, MANY) }, { border }),
    rich_text_preformatted: fields({ elements: list(byType({ text, link: address }), MANY) }, { border, language: string(255) }),
  }),
  MANY,
);

/** A rich_text block that stands inside another block or element. */
export const richTextBlock: Rule = byType({ rich_text: fields({ elements: richTextElements }, { block_id: string(255) }) });
