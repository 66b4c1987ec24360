import { h, type ComponentChild, type JSX } from "preact";
import type { JsonObject } from "../../emulators/slack/control-api.ts";
import { list, object, words } from "./json.ts";
import type { Names } from "./mrkdwn.ts";

/** Renders a `rich_text` block: sections, lists, quotes, and text to copy. */
export function richText(b: JsonObject, names: Names): JSX.Element {
  return h("div", { class: "block" }, ...list(b["elements"]).map((part) => partOf(part, names)));
}

function partOf(part: JsonObject, names: Names): JSX.Element {
  const inside = list(part["elements"]);
  switch (part["type"]) {
    case "rich_text_preformatted":
      return h("pre", null, ...inside.map((e) => piece(e, names)));
    case "rich_text_quote":
      return h("blockquote", null, ...inside.map((e) => piece(e, names)));
    case "rich_text_list":
      return h(part["style"] === "ordered" ? "ol" : "ul", null, ...inside.map((one) => h("li", null, partOf(one, names))));
    default:
      return h("div", { class: "text" }, ...inside.map((e) => piece(e, names)));
  }
}

function piece(e: JsonObject, names: Names): ComponentChild {
  if (e["type"] === "link")
    return h("a", { href: words(e["url"]), target: "_blank", rel: "noreferrer" }, words(e["text"]) || words(e["url"]));
  if (e["type"] === "user") return h("span", { class: "mention" }, `@${names.user(words(e["user_id"]))}`);
  if (e["type"] === "channel") return h("span", { class: "mention" }, `#${names.channel(words(e["channel_id"]))}`);
  const style = object(e["style"]);
  const said = words(e["text"]) || words(e["fallback"]);
  if (style["code"] === true) return h("code", null, said);
  if (style["bold"] === true) return h("b", null, said);
  return style["italic"] === true ? h("i", null, said) : said;
}
