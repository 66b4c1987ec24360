/** Claim: what Slack refuses is refused, each limit at its very edge; what Slack takes is taken. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findOptionProblems, findViewProblems, validateBlocks, type Surface } from "../../../emulators/slack/validate-blocks.ts";

const x = (n: number): string => "x".repeat(n);
const plain = (n: number): object => ({ type: "plain_text", text: x(n) });
const md = (n: number): object => ({ type: "mrkdwn", text: x(n) });
const many = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const section = (n = 1): object => ({ type: "section", text: md(n) });
const actions = (...elements: readonly object[]): object => ({ type: "actions", elements });
const button = (more: object = {}): object => ({ type: "button", action_id: "a", text: plain(1), ...more });
const option = (i: number, more: object = {}): object => ({ text: plain(1), value: `v${i}`, ...more });
const select = (more: object): object => ({ type: "static_select", action_id: "s", ...more });
const input = (element: object, more: object = {}): object => ({ type: "input", label: plain(1), element, ...more });
const typed = (more: object = {}): object => ({ type: "plain_text_input", action_id: "t", ...more });
const confirm = (more: object): object => ({ title: plain(1), text: md(1), confirm: plain(1), deny: plain(1), ...more });
const rich = (n: number): object => ({
  type: "rich_text",
  elements: [{ type: "rich_text_section", elements: [{ type: "text", text: x(n) }] }],
});
const cell = (n: number): object => ({ type: "raw_text", text: x(n) });
const image = (url: number, alt: number): object => ({ type: "image", image_url: `https://example.org/${x(url - 20)}`, alt_text: x(alt) });

/** Each limit: what it is, a maker of one block by size, the largest size that is taken. */
const limits: readonly (readonly [string, (n: number) => object, number])[] = [
  ["header text", (n) => ({ type: "header", text: plain(n) }), 150],
  ["section text", section, 3000],
  ["section fields, how many", (n) => ({ type: "section", fields: many(n, () => md(1)) }), 10],
  ["section field text", (n) => ({ type: "section", fields: [md(n)] }), 2000],
  ["context elements, how many", (n) => ({ type: "context", elements: many(n, () => md(1)) }), 10],
  ["actions elements, how many", (n) => actions(...many(n, (i) => button({ action_id: `a${i}` }))), 25],
  ["block_id", (n) => ({ ...section(), block_id: x(n) }), 255],
  ["action_id", (n) => actions(button({ action_id: x(n) })), 255],
  ["button text", (n) => actions(button({ text: plain(n) })), 75],
  ["button value", (n) => actions(button({ value: x(n) })), 2000],
  ["button url", (n) => actions(button({ url: `https://${x(n - 8)}` })), 3000],
  ["button accessibility_label", (n) => actions(button({ accessibility_label: x(n) })), 75],
  ["confirm title", (n) => actions(button({ confirm: confirm({ title: plain(n) }) })), 100],
  ["confirm text", (n) => actions(button({ confirm: confirm({ text: md(n) }) })), 300],
  ["confirm confirm", (n) => actions(button({ confirm: confirm({ confirm: plain(n) }) })), 30],
  ["confirm deny", (n) => actions(button({ confirm: confirm({ deny: plain(n) }) })), 30],
  ["select options, how many", (n) => actions(select({ options: many(n, option) })), 100],
  ["option groups, how many", (n) => actions(select({ option_groups: many(n, (i) => ({ label: plain(1), options: [option(i)] })) })), 100],
  ["option group label", (n) => actions(select({ option_groups: [{ label: plain(n), options: [option(1)] }] })), 75],
  ["option text", (n) => actions(select({ options: [option(1, { text: plain(n) })] })), 75],
  ["option value", (n) => actions(select({ options: [option(1, { value: x(n) })] })), 75],
  ["option description", (n) => actions(select({ options: [option(1, { description: plain(n) })] })), 75],
  ["placeholder", (n) => actions(select({ options: [option(1)], placeholder: plain(n) })), 150],
  ["radio options, how many", (n) => actions({ type: "radio_buttons", action_id: "r", options: many(n, option) }), 10],
  ["checkbox options, how many", (n) => actions({ type: "checkboxes", action_id: "c", options: many(n, option) }), 10],
  ["overflow options, how many", (n) => actions({ type: "overflow", action_id: "o", options: many(n, option) }), 5],
  ["input label", (n) => input(typed(), { label: plain(n) }), 2000],
  ["input hint", (n) => input(typed(), { hint: plain(n) }), 2000],
  ["plain_text_input max_length", (n) => input(typed({ max_length: n })), 3000],
  ["image alt_text", (n) => image(100, n), 2000],
  ["image url", (n) => image(n, 1), 3000],
  ["markdown text", (n) => ({ type: "markdown", text: x(n) }), 12_000],
  ["table rows, how many", (n) => ({ type: "table", rows: many(n, () => [cell(1)]) }), 100],
  ["table cells in a row, how many", (n) => ({ type: "table", rows: [many(n, () => cell(1))] }), 20],
  ["table characters", (n) => ({ type: "table", rows: [[cell(n - 10), cell(10)]] }), 10_000],
  [
    "context_actions, how many",
    (n) => ({
      type: "context_actions",
      elements: many(n, (i) => ({ type: "icon_button", action_id: `i${i}`, icon: "trash", text: plain(1) })),
    }),
    5,
  ],
  ["container children, how many", (n) => ({ type: "container", title: plain(1), child_blocks: many(n, () => section()) }), 10],
  ["container title", (n) => ({ type: "container", title: plain(n), child_blocks: [section()] }), 150],
  ["card body", (n) => ({ type: "card", body: md(n) }), 200],
  ["carousel cards, how many", (n) => ({ type: "carousel", elements: many(n, () => ({ type: "card", body: md(1) })) }), 10],
];

describe("limits", () => {
  test.for(limits)("%s", ([, make, most]) => {
    expect(validateBlocks([make(most)], "message")).toEqual([]);
    expect(validateBlocks([make(most + 1)], "message")).not.toEqual([]);
  });

  test.for([
    ["message", 50],
    ["modal", 100],
    ["home", 100],
  ] as const)("a %s has at most %i blocks", ([surface, most]) => {
    expect(
      validateBlocks(
        many(most, () => section()),
        surface,
      ),
    ).toEqual([]);
    expect(
      validateBlocks(
        many(most + 1, () => section()),
        surface,
      ),
    ).toEqual([`[ERROR] no more than ${most} items allowed [json-pointer:/blocks]`]);
  });

  test("tables of a message count together", () => {
    const table = { type: "table", rows: [[cell(5001)]] };
    expect(validateBlocks([table], "message")).toEqual([]);
    expect(validateBlocks([table, table], "message")).toHaveLength(1);
  });

  test("the limits that @slack/types states are the ones held here", () => {
    const file = path.join(path.dirname(createRequire(import.meta.url).resolve("@slack/types/package.json")), "dist/block-kit/blocks.d.ts");
    const text = readFileSync(file, "utf8").replace(/\s*\n\s*\*\s*/g, " ");
    const stated = (name: string, says: RegExp): number => {
      const from = text.slice(text.indexOf(`interface ${name}`));
      return Number(says.exec(from)?.[1]?.replace(",", "") ?? Number.NaN);
    };
    expect(stated("HeaderBlock", /Maximum length for the text in this field is (\d+)/)).toBe(150);
    expect(stated("SectionBlock", /maximum length is (\d+)/)).toBe(3000);
    expect(stated("ContextBlock", /Maximum number of items is (\d+)/)).toBe(10);
    expect(stated("ActionsBlock", /maximum of (\d+) elements/)).toBe(25);
    expect(stated("InputBlock", /Maximum length for the text in this field is (\d+)/)).toBe(2000);
    expect(stated("MarkdownBlock", /Limit ([\d,]+) characters/)).toBe(12_000);
    expect(stated("TableBlock", /Maximum (\d+) rows/)).toBe(100);
  });
});

describe("refusals", () => {
  test.for([
    ["an unknown block", { type: "panel" }, "unsupported type: panel", "/blocks/0"],
    ["a block without a type", { text: md(1) }, "missing required field: type", "/blocks/0"],
    ["a type that every object has", { type: "constructor" }, "unsupported type: constructor", "/blocks/0"],
    ["a file block", { type: "file", source: "remote", external_id: "x" }, "unsupported type: file", "/blocks/0"],
    ["an unknown field", { ...section(), colour: "red" }, "invalid additional property: colour", "/blocks/0"],
    ["an empty section", { type: "section" }, "missing required field: text", "/blocks/0"],
    ["empty text", { type: "section", text: md(0) }, "must be more than 0 characters", "/blocks/0/text/text"],
    ["a header of mrkdwn", { type: "header", text: md(1) }, "unsupported type: mrkdwn", "/blocks/0/text"],
    ["emoji on mrkdwn", { type: "section", text: { ...md(1), emoji: true } }, "invalid additional property: emoji", "/blocks/0/text"],
    ["no elements", actions(), "no fewer than 1 items allowed", "/blocks/0/elements"],
    ["a strange style", actions(button({ style: "warning" })), "must be one of: primary, danger", "/blocks/0/elements/0/style"],
    ["a script as url", actions(button({ url: "javascript:alert(1)" })), "must be a valid URL", "/blocks/0/elements/0/url"],
    ["an input inside actions", actions(typed()), "unsupported type: plain_text_input", "/blocks/0/elements/0"],
    ["a button inside an input", input(button()), "unsupported type: button", "/blocks/0/element"],
    ["a select without options", actions(select({})), "missing required field: options", "/blocks/0/elements/0"],
    [
      "an initial option that is not offered",
      actions(select({ options: [option(1)], initial_option: option(2) })),
      "initial option must be one of the options",
      "/blocks/0/elements/0",
    ],
    [
      "min_length above max_length",
      input(typed({ min_length: 9, max_length: 3 })),
      "min_length must not be greater than max_length",
      "/blocks/0/element",
    ],
    ["an image without alt_text", { type: "image", image_url: "https://example.org/" }, "missing required field: alt_text", "/blocks/0"],
    ["an image from nowhere", { type: "image", alt_text: "x" }, "missing required field: image_url", "/blocks/0"],
    [
      "an unknown rich text element",
      { type: "rich_text", elements: [{ type: "text", text: "x" }] },
      "unsupported type: text",
      "/blocks/0/elements/0",
    ],
    ["empty rich text", rich(0), "must be more than 0 characters", "/blocks/0/elements/0/elements/0/text"],
  ] as const)("%s", ([, block, message, pointer]) => {
    expect(validateBlocks([block], "message")).toEqual([`[ERROR] ${message} [json-pointer:${pointer}]`]);
  });

  test("blocks that are no array", () => {
    expect(validateBlocks({ type: "section" }, "message")).toEqual(["[ERROR] must be an array [json-pointer:/blocks]"]);
  });
  test("two blocks with one block_id, also inside a container", () => {
    const named = { ...section(), block_id: "same" };
    expect(validateBlocks([named, named], "message")).toHaveLength(1);
    expect(validateBlocks([named, { type: "container", title: plain(1), child_blocks: [named] }], "message")).toHaveLength(1);
  });
  test("two elements of a block with one action_id; in two blocks they may", () => {
    expect(validateBlocks([actions(button(), button())], "message")).toHaveLength(1);
    expect(validateBlocks([actions(button()), actions(button())], "message")).toEqual([]);
  });
  test.for([
    ["alert", { type: "alert", text: md(1) }, ["modal"]],
    ["table", { type: "table", rows: [[cell(1)]] }, ["message"]],
    ["markdown", { type: "markdown", text: "x" }, ["message"]],
    ["container", { type: "container", title: plain(1), child_blocks: [section()] }, ["message", "home"]],
    ["rich_text", rich(1), ["message", "modal", "home"]],
  ] as const)("%s stands where Slack lets it stand, and nowhere else", ([, block, where]) => {
    const taken = (["message", "modal", "home"] as const).filter((surface: Surface) => validateBlocks([block], surface).length === 0);
    expect(taken).toEqual(where);
  });
  test("whatever is sent, the answer is a list of sentences with a pointer", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const problem of validateBlocks(value, "message")) expect(problem).toMatch(/^\[ERROR\] .+ \[json-pointer:\/blocks.*\]$/);
      }),
    );
  });
});

describe("views", () => {
  const modal = (more: object = {}): object => ({ type: "modal", title: plain(1), submit: plain(1), blocks: [section()], ...more });
  test.for([
    ["title", (n: number) => modal({ title: plain(n) }), 24],
    ["submit", (n: number) => modal({ submit: plain(n) }), 24],
    ["close", (n: number) => modal({ close: plain(n) }), 24],
    ["private_metadata", (n: number) => modal({ private_metadata: x(n) }), 3000],
    ["callback_id", (n: number) => modal({ callback_id: x(n) }), 255],
  ] as const)("%s", ([, make, most]) => {
    expect(findViewProblems(make(most), "modal")).toEqual([]);
    expect(findViewProblems(make(most + 1), "modal")).toHaveLength(1);
  });
  test.for([
    ["no title", { type: "modal", blocks: [] }],
    ["a home as a modal", { type: "home", blocks: [] }],
    ["an input without submit", { type: "modal", title: plain(1), blocks: [input(typed())] }],
    ["a field of Slack's answer sent back", modal({ id: "V1" })],
  ] as const)("refused: %s", ([, view]) => {
    expect(findViewProblems(view, "modal")).not.toEqual([]);
  });
  test("options of a suggestion: at most a hundred, and options there must be", () => {
    expect(findOptionProblems({ options: many(100, option) })).toEqual([]);
    expect(findOptionProblems({ options: many(101, option) })).toHaveLength(1);
    expect(findOptionProblems({})).toHaveLength(1);
  });
});
