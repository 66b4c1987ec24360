import type { Json, JsonObject } from "./control-api.ts";

/** Where blocks are shown; the limits differ. */
export type Surface = "message" | "modal" | "home";

/**
 * Checks blocks against Slack's rules; empty means: Slack would take them.
 *
 * Shape:  sentences as in `response_metadata.messages`, with the JSON pointer of the place.
 * Source: facts on Slack §3.4, taken from Slack's block reference.
 */
export function validateBlocks(blocks: unknown, surface: Surface): readonly string[] {
  const problems: string[] = [];
  if (!Array.isArray(blocks)) return ["[ERROR] must be an array [json-pointer:/blocks]"];
  const max = surface === "message" ? 50 : 100;
  if (blocks.length > max) problems.push(`[ERROR] no more than ${max} items allowed [json-pointer:/blocks]`);
  const blockIds = new Set<string>();
  const actionIds = new Set<string>();
  for (const [i, raw] of blocks.entries()) {
    const check = new Check(raw, `/blocks/${i}`, problems);
    const type = check.str("type", 1, 60);
    const blockId = check.optStr("block_id", 255);
    if (blockId !== null && blockIds.has(blockId)) check.say(`block_id ${blockId} is used twice`, "/block_id");
    if (blockId !== null) blockIds.add(blockId);
    const rule = blockRules[type ?? ""];
    if (rule === undefined) check.say(`unsupported type: ${type}`);
    else rule(check, surface);
    for (const id of collectActionIds(raw)) {
      const key = `${blockId ?? i} ${id}`;
      if (actionIds.has(key)) check.say(`action_id ${id} is used twice in one block`);
      actionIds.add(key);
    }
  }
  return problems;
}

/** One place of the payload, with what is wrong there. */
class Check {
  readonly at: string;
  readonly #value: JsonObject;
  readonly #problems: string[];
  constructor(value: unknown, at: string, problems: string[]) {
    this.at = at;
    this.#problems = problems;
    this.#value = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
    if (this.#value !== value) this.say("must be an object");
  }
  say(what: string, below = ""): void {
    this.#problems.push(`[ERROR] ${what} [json-pointer:${this.at}${below}]`);
  }
  get(key: string): Json | undefined {
    return this.#value[key];
  }
  has(key: string): boolean {
    return this.#value[key] !== undefined && this.#value[key] !== null;
  }
  str(key: string, min: number, max: number): string | null {
    const v = this.#value[key];
    if (typeof v !== "string") {
      this.say(`missing required field: ${key}`, `/${key}`);
      return null;
    }
    if (v.length < min) this.say(`must be more than ${min - 1} characters`, `/${key}`);
    if (v.length > max) this.say(`must be less than ${max + 1} characters`, `/${key}`);
    return v;
  }
  optStr(key: string, max: number): string | null {
    return this.has(key) ? this.str(key, 1, max) : null;
  }
  child(key: string): Check {
    return new Check(this.#value[key], `${this.at}/${key}`, this.#problems);
  }
  list(key: string, min: number, max: number): Check[] {
    const v = this.#value[key];
    if (!Array.isArray(v)) {
      this.say(`missing required field: ${key}`, `/${key}`);
      return [];
    }
    if (v.length < min) this.say(`must have at least ${min} items`, `/${key}`);
    if (v.length > max) this.say(`no more than ${max} items allowed`, `/${key}`);
    return v.map((item, i) => new Check(item, `${this.at}/${key}/${i}`, this.#problems));
  }
}

type Rule = (c: Check, surface: Surface) => void;

const blockRules: Readonly<Record<string, Rule>> = {
  divider: () => undefined,
  header: (c) => textObject(c.child("text"), 150, ["plain_text"]),
  section: (c) => {
    if (!c.has("text") && !c.has("fields")) c.say("must have text or fields");
    if (c.has("text")) textObject(c.child("text"), 3000);
    if (c.has("fields")) for (const f of c.list("fields", 1, 10)) textObject(f, 2000);
    if (c.has("accessory")) element(c.child("accessory"), sectionElements);
  },
  context: (c) => {
    for (const e of c.list("elements", 1, 10)) e.get("type") === "image" ? image(e) : textObject(e, 3000);
  },
  actions: (c) => {
    for (const e of c.list("elements", 1, 25)) element(e, actionElements);
  },
  image: (c) => image(c),
  input: (c, surface) => {
    if (surface === "message") c.say("input blocks in messages are not used here");
    textObject(c.child("label"), 2000, ["plain_text"]);
    if (c.has("hint")) textObject(c.child("hint"), 2000, ["plain_text"]);
    element(c.child("element"), inputElements);
  },
  rich_text: (c) => {
    for (const e of c.list("elements", 1, 1000)) {
      if (!["rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"].includes(String(e.get("type"))))
        e.say(`unsupported type: ${String(e.get("type"))}`);
      for (const leaf of e.list("elements", 0, 1000)) {
        if (e.get("type") === "rich_text_list") continue;
        if (leaf.get("type") === "text") leaf.str("text", 1, 12_000);
      }
    }
  },
  table: (c, surface) => {
    if (surface !== "message") c.say("tables are for messages only");
    c.list("rows", 1, 100);
  },
};

const actionElements = ["button", "static_select", "external_select", "users_select", "overflow", "checkboxes", "radio_buttons"];
const sectionElements = [...actionElements, "image"];
const inputElements = ["plain_text_input", "static_select", "external_select", "users_select", "checkboxes", "radio_buttons"];

function textObject(c: Check, max: number, types = ["plain_text", "mrkdwn"]): void {
  const type = c.str("type", 1, 20);
  if (type !== null && !types.includes(type)) c.say(`unsupported type: ${type}`, "/type");
  c.str("text", 1, max);
  if (type === "mrkdwn" && c.has("emoji")) c.say("emoji is for plain_text only", "/emoji");
  if (type === "plain_text" && c.has("verbatim")) c.say("verbatim is for mrkdwn only", "/verbatim");
}

function image(c: Check): void {
  if (!c.has("slack_file")) c.str("image_url", 1, 3000);
  c.str("alt_text", 1, 2000);
}

function element(c: Check, allowed: readonly string[]): void {
  const type = c.str("type", 1, 60) ?? "";
  if (!allowed.includes(type)) return c.say(`unsupported type: ${type}`, "/type");
  if (type === "image") return image(c);
  c.optStr("action_id", 255);
  if (c.has("confirm")) {
    const confirm = c.child("confirm");
    textObject(confirm.child("title"), 100, ["plain_text"]);
    textObject(confirm.child("text"), 300);
    textObject(confirm.child("confirm"), 30, ["plain_text"]);
    textObject(confirm.child("deny"), 30, ["plain_text"]);
  }
  if (c.has("placeholder")) textObject(c.child("placeholder"), 150, ["plain_text"]);
  if (type === "button") {
    textObject(c.child("text"), 75, ["plain_text"]);
    c.optStr("value", 2000);
    c.optStr("url", 3000);
    c.optStr("accessibility_label", 75);
    if (c.has("style") && !["primary", "danger"].includes(String(c.get("style")))) c.say("style must be primary or danger", "/style");
  }
  if (type === "plain_text_input") {
    const max = c.get("max_length");
    if (typeof max === "number" && (max < 1 || max > 3000)) c.say("max_length must be from 1 to 3000", "/max_length");
    c.optStr("initial_value", 3000);
  }
  const optionMax = { static_select: 100, overflow: 5, checkboxes: 10, radio_buttons: 10 }[type];
  if (optionMax !== undefined && c.has("options")) for (const o of c.list("options", 1, optionMax)) option(o);
  else if (optionMax !== undefined && !c.has("option_groups")) c.say("missing required field: options", "/options");
}

function option(c: Check): void {
  textObject(c.child("text"), 75);
  c.str("value", 1, 150);
  if (c.has("description")) textObject(c.child("description"), 75);
}

function collectActionIds(raw: unknown): readonly string[] {
  if (Array.isArray(raw)) return raw.flatMap(collectActionIds);
  if (typeof raw !== "object" || raw === null) return [];
  return Object.entries(raw).flatMap(([k, v]) => (k === "action_id" && typeof v === "string" ? [v] : collectActionIds(v)));
}
