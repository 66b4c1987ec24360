import { all, byType, fields, flag, integer, isObject, list, number, oneOf, report, string, type Rule } from "./rule.ts";
import { richTextBlock } from "./rich-text.ts";

/** Characters that all tables of one message may hold together. Source: facts, table. */
const TABLE_CHARACTERS = 10_000;

const cell = byType({
  raw_text: fields({ text: string(TABLE_CHARACTERS, 0) }),
  raw_number: fields({ value: number, text: string(TABLE_CHARACTERS) }),
  rich_text: richTextBlock,
});

const counted: Rule = (value, at, walk) => {
  const before = walk.tableCharacters;
  walk.tableCharacters += isObject(value) ? charactersOf(value["rows"]) : 0;
  if (before <= TABLE_CHARACTERS && walk.tableCharacters > TABLE_CHARACTERS)
    report(walk, at, `tables must be less than ${TABLE_CHARACTERS + 1} characters in total`);
};

const plainHeader: Rule = (value, at, walk) => {
  const rows = isObject(value) ? value["rows"] : undefined;
  const header: unknown = Array.isArray(rows) ? rows[0] : undefined;
  if (Array.isArray(header) && header.some((item) => isObject(item) && item["type"] === "rich_text"))
    report(walk, `${at}/rows/0`, "header cells must not be rich_text");
};

/** The fields of a table block. */
export const table: Rule = all(
  fields(
    { rows: list(list(cell, 20), 100) },
    {
      block_id: string(255),
      column_settings: list(nullable(fields({}, { align: oneOf("left", "center", "right"), is_wrapped: flag })), 20, 0),
    },
  ),
  counted,
);

/** The fields of a data_table block. */
export const dataTable: Rule = all(
  fields(
    { rows: list(list(cell, 20), 101, 2), caption: string(255) },
    { block_id: string(255), page_size: integer(1, 100), row_header_column_index: integer(0, 19) },
  ),
  counted,
  plainHeader,
);

function charactersOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + charactersOf(item), 0);
  if (!isObject(value)) return 0;
  const own = typeof value["text"] === "string" ? value["text"].length : 0;
  return own + charactersOf(value["elements"]);
}

function nullable(rule: Rule): Rule {
  return (value, at, walk) => {
    if (value !== null) rule(value, at, walk);
  };
}
