import type { Json, JsonObject } from "./control-api.ts";
import { isJsonObject, objectOf, objectsOf, stringOf } from "./json.ts";
import { refuse } from "./refusal.ts";

/** An interactive element and the block it stands in. */
export interface PlacedElement {
  readonly block: JsonObject;
  readonly element: JsonObject;
}

/** What elements hold, by block_id and action_id, as payloads give it. */
export type StateValues = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;

interface Held {
  readonly field: string;
  readonly initial: string;
  readonly many?: boolean;
  readonly options?: boolean;
}

const oneOption: Held = { field: "selected_option", initial: "initial_option", options: true };
const options: Held = { field: "selected_options", initial: "initial_options", many: true, options: true };
const text: Held = { field: "value", initial: "initial_value" };

/** Where each kind of element keeps what was chosen: the field, and the field with what it starts with. */
const HELD: Readonly<Record<string, Held>> = {
  static_select: oneOption,
  external_select: oneOption,
  radio_buttons: oneOption,
  multi_static_select: options,
  multi_external_select: options,
  checkboxes: options,
  users_select: { field: "selected_user", initial: "initial_user" },
  conversations_select: { field: "selected_conversation", initial: "initial_conversation" },
  channels_select: { field: "selected_channel", initial: "initial_channel" },
  multi_users_select: { field: "selected_users", initial: "initial_users", many: true },
  multi_conversations_select: { field: "selected_conversations", initial: "initial_conversations", many: true },
  multi_channels_select: { field: "selected_channels", initial: "initial_channels", many: true },
  datepicker: { field: "selected_date", initial: "initial_date" },
  timepicker: { field: "selected_time", initial: "initial_time" },
  datetimepicker: { field: "selected_date_time", initial: "initial_date_time" },
  plain_text_input: text,
  email_text_input: text,
  url_text_input: text,
  number_input: text,
};

/** All interactive elements of blocks, in reading order. */
export function elementsOf(blocks: readonly JsonObject[]): readonly PlacedElement[] {
  return blocks.flatMap((block) => {
    const rows = block["type"] === "actions" || block["type"] === "context_actions" ? objectsOf(block["elements"]) : [];
    const single = [objectOf(block, "accessory"), objectOf(block, "element")].filter((item) => item !== undefined);
    const own = [...single, ...rows, ...objectsOf(block["actions"])].filter((element) => element["type"] !== "image");
    const inner = [...objectsOf(block["child_blocks"]), ...(block["type"] === "carousel" ? objectsOf(block["elements"]) : [])];
    return [...own.map((element) => ({ block, element })), ...elementsOf(inner)];
  });
}

/** Finds an element by its action_id and, when given, its block_id. */
export function findElement(blocks: readonly JsonObject[], actionId: string, blockId?: string): PlacedElement | undefined {
  return elementsOf(blocks).find(
    ({ block, element }) => element["action_id"] === actionId && (blockId === undefined || block["block_id"] === blockId),
  );
}

/** The state of all elements that hold something: what was put in, else what they start with, else nothing. */
export function stateOf(blocks: readonly JsonObject[], values: StateValues): StateValues {
  const state: Record<string, Record<string, JsonObject>> = {};
  for (const { block, element } of elementsOf(blocks)) {
    const held = HELD[String(element["type"])];
    if (held === undefined) continue;
    const blockId = stringOf(block, "block_id") ?? "";
    const actionId = stringOf(element, "action_id") ?? "";
    const initial: Json = element[held.initial] ?? (held.many === true ? [] : null);
    (state[blockId] ??= {})[actionId] = values[blockId]?.[actionId] ?? { type: element["type"] ?? "", [held.field]: initial };
  }
  return state;
}

/**
 * What an element holds after a person put `given` into it; empty text is nothing.
 *
 * Errors: refuses `no_such_option` when the element does not offer it, `not_a_value` when it holds nothing at all.
 */
export function valueOf(element: JsonObject, given: string | readonly string[], offered: readonly JsonObject[]): JsonObject {
  const type = String(element["type"]);
  const held = HELD[type] ?? refuse("not_a_value");
  const list = (typeof given === "string" ? [given] : given).filter((value) => value !== "");
  const chosen: readonly Json[] = held.options === true ? list.map((value) => optionOf(element, value, offered)) : list;
  if (held.many === true) return { type, [held.field]: chosen };
  const first = chosen[0] ?? null;
  return { type, [held.field]: type === "datetimepicker" && first !== null ? Number(first) : first };
}

/** The option with this value. Errors: refuses `no_such_option`. */
export function optionOf(element: JsonObject, value: string, offered: readonly JsonObject[]): JsonObject {
  const known = [
    ...objectsOf(element["options"]),
    ...objectsOf(element["option_groups"]).flatMap((group) => objectsOf(group["options"])),
    ...objectsOf(element["initial_options"]),
    ...(isJsonObject(element["initial_option"]) ? [element["initial_option"]] : []),
    ...offered,
  ];
  return known.find((option) => option["value"] === value) ?? refuse("no_such_option");
}

/** Does an element hold nothing? Then a required one keeps a modal from being submitted. */
export function isEmpty(value: JsonObject | undefined): boolean {
  const held = HELD[String(value?.["type"])];
  const inside = held === undefined ? null : (value?.[held.field] ?? null);
  return inside === null || inside === "" || (Array.isArray(inside) && inside.length === 0);
}
