import { h, type JSX } from "preact";
import type { JsonObject } from "../../emulators/slack/control-api.ts";
import { element, image, leastOf, options, type Acting } from "./elements.ts";
import { Finder } from "./finder.ts";
import { list, object, textOf, words } from "./json.ts";
import { mrkdwn, type Names } from "./mrkdwn.ts";
import { richText } from "./rich-text.ts";

/** Renders one block of a message, Home or a modal. */
export function block(b: JsonObject, acting: Acting): JSX.Element {
  const id = words(b["block_id"]);
  switch (b["type"]) {
    case "header":
      return h("div", { class: "block header" }, textOf(b["text"]));
    case "divider":
      return h("div", { class: "block" }, h("hr", null));
    case "section":
      return section(b, id, acting);
    case "context":
      return h("div", { class: "block context" }, ...list(b["elements"]).map((e) => (e["type"] === "image" ? image(e) : text(e, acting))));
    case "actions":
      return h(
        "div",
        { class: "block actions" },
        ...list(b["elements"]).map((e) => h("div", { key: words(e["action_id"]) }, element(e, id, acting))),
      );
    case "image":
      return h("div", { class: "block" }, image(b));
    case "input":
      return input(b, id, acting);
    case "rich_text":
      return richText(b, acting);
    default:
      return h("div", { class: "block context" }, `[${words(b["type"])}]`);
  }
}

/** A text object. */
export function text(t: JsonObject, names: Names): JSX.Element {
  return t["type"] === "mrkdwn" ? mrkdwn(words(t["text"]), names) : h("span", { class: "text" }, words(t["text"]));
}

function section(b: JsonObject, id: string, acting: Acting): JSX.Element {
  const fields = list(b["fields"]);
  return h(
    "div",
    { class: "block section" },
    h(
      "div",
      { class: "said" },
      b["text"] === undefined ? null : text(object(b["text"]), acting),
      fields.length === 0 ? null : h("div", { class: "fields" }, ...fields.map((f) => h("div", null, text(f, acting)))),
    ),
    b["accessory"] === undefined ? null : element(object(b["accessory"]), id, acting),
  );
}

function input(b: JsonObject, blockId: string, acting: Acting): JSX.Element {
  const e = object(b["element"]);
  const id = `field-${blockId}`;
  const marks = { "data-block-id": blockId, "data-action-id": words(e["action_id"]), id };
  const hint = textOf(b["hint"]);
  return h(
    "div",
    { class: "block" },
    h("label", { for: id }, textOf(b["label"])),
    field(e, marks, acting),
    hint === "" ? null : h("div", { class: "hint" }, hint),
  );
}

/** A field keeps what was typed, since its value is given once, when it is made. */
function field(e: JsonObject, marks: Readonly<Record<string, string>>, acting: Acting): JSX.Element {
  const first = words(e["initial_value"]);
  const placeholder = textOf(e["placeholder"]);
  const given = { ...marks, placeholder, ...(first === "" ? {} : { defaultValue: first }) };
  switch (e["type"]) {
    case "static_select":
      return h("select", marks, h("option", { value: "" }, placeholder || "Choose"), ...options(e));
    case "external_select":
      return h(Finder, {
        actionId: marks["data-action-id"] ?? "",
        label: placeholder || "Choose",
        least: leastOf(e),
        choose: () => undefined,
        suggest: acting.suggest,
        field: marks,
      });
    default:
      return e["multiline"] === true ? h("textarea", { rows: 4, ...given }) : h("input", { type: "text", autocomplete: "off", ...given });
  }
}
