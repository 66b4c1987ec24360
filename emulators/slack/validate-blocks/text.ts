import { all, anyOf, byType, fields, flag, isObject, link, list, oneOf, report, string, type Rule } from "./rule.ts";

/** A `plain_text` object of at most `max` characters. */
export function plainText(max: number): Rule {
  return byType({ plain_text: fields({ text: string(max) }, { emoji: flag }) });
}

/** A `mrkdwn` object of at most `max` characters. */
export function mrkdwn(max: number): Rule {
  return byType({ mrkdwn: fields({ text: string(max) }, { verbatim: flag }) });
}

/** A text object of either kind. */
export function anyText(max: number): Rule {
  return byType({
    plain_text: fields({ text: string(max) }, { emoji: flag }),
    mrkdwn: fields({ text: string(max) }, { verbatim: flag }),
  });
}

/** The dialog "are you sure?" of an element. */
export const confirm: Rule = fields(
  { text: anyText(300) },
  { title: plainText(100), confirm: plainText(30), deny: plainText(30), style: oneOf("primary", "danger") },
);

/** One option of a menu whose texts are plain. Source: facts, option value and text stay within 75. */
export const plainOption: Rule = fields({ text: plainText(75), value: string(75) }, { description: plainText(75) });

/** One option of radio buttons or checkboxes. */
export const richOption: Rule = fields({ text: anyText(75), value: string(75) }, { description: anyText(75) });

/** One option of an overflow menu. */
export const overflowOption: Rule = fields({ text: plainText(75) }, { value: string(75), description: plainText(75), url: link });

/** A labelled group of options. */
export const optionGroup: Rule = fields({ label: plainText(75), options: list(plainOption, 100) });

/** Initial options must be equal to options of the element. */
export const knownInitial: Rule = (value, at, walk) => {
  if (!isObject(value)) return;
  const groups: readonly unknown[] = Array.isArray(value["option_groups"]) ? value["option_groups"] : [];
  const offered = [value["options"], ...groups.map((group) => (isObject(group) ? group["options"] : []))]
    .flatMap((options): readonly unknown[] => (Array.isArray(options) ? options : []))
    .map(keyOf);
  for (const option of initialOf(value)) {
    if (!offered.includes(keyOf(option))) report(walk, at, "initial option must be one of the options");
  }
};

/** The options of a static menu: `options` or `option_groups`, one of them. */
export const menuOptions: Rule = all(
  anyOf("options", "option_groups"),
  (value, at, walk) => {
    if (isObject(value) && value["options"] !== undefined && value["option_groups"] !== undefined)
      report(walk, at, "only one of options and option_groups is allowed");
  },
  knownInitial,
);

function initialOf(value: { readonly [key: string]: unknown }): readonly unknown[] {
  if (Array.isArray(value["initial_options"])) return value["initial_options"];
  return value["initial_option"] === undefined ? [] : [value["initial_option"]];
}

function keyOf(option: unknown): string {
  if (!isObject(option)) return "";
  const text = isObject(option["text"]) ? option["text"]["text"] : undefined;
  return JSON.stringify([option["value"], text]);
}
