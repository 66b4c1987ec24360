import {
  all,
  anyOf,
  byType,
  fields,
  flag,
  integer,
  isObject,
  link,
  list,
  matching,
  number,
  oneOf,
  report,
  string,
  type Rule,
} from "./rule.ts";
import { richTextBlock } from "./rich-text.ts";
import { confirm, knownInitial, menuOptions, optionGroup, overflowOption, plainOption, plainText, richOption } from "./text.ts";

type Fields = Readonly<Record<string, Rule>>;

const style = oneOf("primary", "danger");
const id = string(255);
const placeholder = plainText(150);
const focus = { focus_on_load: flag };
const dispatch = { dispatch_action_config: fields({}, { trigger_actions_on: list(oneOf("on_enter_pressed", "on_character_entered"), 2) }) };
const slackFile = fields({}, { id: string(255), url: link });
const date = matching(/^\d{4}-\d{2}-\d{2}$/, "date", 10);
const time = matching(/^\d{2}:\d{2}$/, "time", 5);
const filter = fields(
  {},
  {
    include: list(oneOf("im", "mpim", "private", "public"), 4),
    exclude_external_shared_channels: flag,
    exclude_bot_users: flag,
  },
);

const uniqueActionId: Rule = (value, at, walk) => {
  const actionId = isObject(value) ? value["action_id"] : undefined;
  if (typeof actionId !== "string") return;
  if (walk.actionIds.has(actionId)) report(walk, `${at}/action_id`, `\`action_id\` "${actionId}" already exists in this block`);
  walk.actionIds.add(actionId);
};

/** An element with an `action_id`, which no other element of its block may have. */
function element(required: Fields, optional: Fields = {}): Rule {
  return all(fields(required, { action_id: id, ...optional }), uniqueActionId);
}

const select = { placeholder, confirm, ...focus };
const many = { ...select, max_selected_items: integer(1, 100) };
const picked = { response_url_enabled: flag };
const options = { options: list(plainOption, 100), option_groups: list(optionGroup, 100) };
const conversation = { default_to_current_conversation: flag, filter };
const minQuery = { min_query_length: integer(0, 100) };

/** An image inside a section, a context or a card. */
export const imageElement: Rule = all(
  fields({ alt_text: string(2000) }, { image_url: link, slack_file: slackFile }),
  anyOf("image_url", "slack_file"),
);

/** A button. */
export const button: Rule = element(
  { text: plainText(75) },
  { value: string(2000), url: link, style, confirm, accessibility_label: string(75) },
);

const workflow: Rule = (value, at, walk) => {
  if (!isObject(value) || !isObject(value["trigger"])) report(walk, at, "missing required field: trigger");
};

const pressed: Fields = {
  button,
  workflow_button: element({ text: plainText(75), workflow }, { style, confirm, accessibility_label: string(75) }),
  overflow: element({ options: list(overflowOption, 5) }, { confirm }),
};

const choices: Fields = {
  static_select: all(element({}, { ...select, ...options, initial_option: plainOption }), menuOptions),
  multi_static_select: all(element({}, { ...many, ...options, initial_options: list(plainOption, 100) }), menuOptions),
  external_select: element({}, { ...select, ...minQuery, initial_option: plainOption }),
  multi_external_select: element({}, { ...many, ...minQuery, initial_options: list(plainOption, 100) }),
  users_select: element({}, { ...select, initial_user: id }),
  multi_users_select: element({}, { ...many, initial_users: list(id, 100) }),
  conversations_select: element({}, { ...select, ...picked, ...conversation, initial_conversation: id }),
  multi_conversations_select: element({}, { ...many, ...conversation, initial_conversations: list(id, 100) }),
  channels_select: element({}, { ...select, ...picked, initial_channel: id }),
  multi_channels_select: element({}, { ...many, initial_channels: list(id, 100) }),
  radio_buttons: all(element({ options: list(richOption, 10) }, { ...focus, confirm, initial_option: richOption }), knownInitial),
  checkboxes: all(element({ options: list(richOption, 10) }, { ...focus, confirm, initial_options: list(richOption, 10) }), knownInitial),
  datepicker: element({}, { ...select, initial_date: date }),
  timepicker: element({}, { ...select, initial_time: time, timezone: string(255) }),
};

const inRowsAndInputs: Fields = {
  datetimepicker: element({}, { confirm, ...focus, initial_date_time: number }),
  rich_text_input: element(
    {},
    { placeholder, ...focus, ...dispatch, initial_value: richTextBlock, min_lines: integer(1, 100), max_lines: integer(1, 100) },
  ),
};

const minBelowMax: Rule = (value, at, walk) => {
  if (!isObject(value)) return;
  const { min_length: min, max_length: max } = value;
  if (typeof min === "number" && typeof max === "number" && min > max) report(walk, at, "min_length must not be greater than max_length");
};

const notInMessages: Rule = (_value, at, walk) => {
  if (walk.surface === "message") report(walk, at, "unsupported type: file_input");
};

const typed = { placeholder, ...focus, ...dispatch };
const lengths = { multiline: flag, min_length: integer(0, 3000), max_length: integer(1, 3000) };

/** What may stand beside the text of a section. */
export const accessory: Rule = byType({ ...choices, ...pressed, image: imageElement });

/** What may stand in a row of actions. */
export const actionElement: Rule = byType({ ...choices, ...inRowsAndInputs, ...pressed });

/** What may stand in an input block. */
export const inputElement: Rule = byType({
  ...choices,
  ...inRowsAndInputs,
  plain_text_input: all(element({}, { ...typed, ...lengths, initial_value: string(3000, 0) }), minBelowMax),
  email_text_input: element({}, { ...typed, initial_value: string(3000, 0) }),
  url_text_input: element({}, { ...typed, initial_value: string(3000, 0) }),
  number_input: element(
    { is_decimal_allowed: flag },
    { ...typed, initial_value: string(255), min_value: string(255), max_value: string(255) },
  ),
  file_input: all(element({}, { filetypes: list(string(255), 100), max_files: integer(1, 10) }), notInMessages),
});

const feedbackButton = fields({ text: plainText(75), value: string(2000) }, { accessibility_label: string(75) });

/** What may stand in a row of context actions. */
export const contextAction: Rule = byType({
  feedback_buttons: element({ positive_button: feedbackButton, negative_button: feedbackButton }),
  icon_button: element(
    { icon: string(255), text: plainText(75) },
    { value: string(2000), confirm, accessibility_label: string(75), visible_to_user_ids: list(id, 100) },
  ),
});
