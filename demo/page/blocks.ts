import type { Json, JsonObject } from "../../emulators/slack/control-api.ts";
import { el } from "./dom.ts";
import { renderMrkdwn, type Names } from "./mrkdwn.ts";

/** What elements call when a person uses them. */
export interface Acting extends Names {
  readonly act: (actionId: string, value?: string) => void;
  /** Asks the app what a menu offers; left out: no menu here asks. */
  readonly suggest?: (actionId: string) => Promise<readonly JsonObject[]>;
}

/** Renders one block of a message, home or modal. */
export function renderBlock(block: JsonObject, acting: Acting): HTMLElement {
  const type = String(block["type"]);
  switch (type) {
    case "header":
      return el("div", { class: "block header" }, String(object(block["text"])["text"]));
    case "divider":
      return el("div", { class: "block" }, el("hr"));
    case "section":
      return section(block, acting);
    case "context":
      return el(
        "div",
        { class: "block context" },
        ...list(block["elements"]).map((e) => (e["type"] === "image" ? image(e) : text(e, acting))),
      );
    case "actions":
      return el("div", { class: "block actions" }, ...list(block["elements"]).map((e) => element(e, acting)));
    case "image":
      return el("div", { class: "block" }, image(block));
    case "input":
      return input(block);
    default:
      return el("div", { class: "block context" }, `[${type}]`);
  }
}

function section(block: JsonObject, acting: Acting): HTMLElement {
  const made = el("div", { class: "block" });
  if (block["text"] !== undefined) made.append(text(object(block["text"]), acting));
  if (block["fields"] !== undefined)
    made.append(el("div", { class: "fields block" }, ...list(block["fields"]).map((f) => el("div", {}, text(f, acting)))));
  if (block["accessory"] !== undefined) made.append(element(object(block["accessory"]), acting));
  return made;
}

function element(e: JsonObject, acting: Acting): HTMLElement {
  const action = String(e["action_id"] ?? "");
  if (e["type"] === "button") {
    const style = typeof e["style"] === "string" ? e["style"] : "";
    const made = el(
      "button",
      {
        class: `button ${style}`,
        type: "button",
        "data-action-id": action,
        "aria-label": typeof e["accessibility_label"] === "string" ? e["accessibility_label"] : undefined,
      },
      String(object(e["text"])["text"]),
    );
    made.addEventListener("click", () => {
      made.disabled = true;
      setTimeout(() => (made.disabled = false), 800);
      acting.act(action);
    });
    return made;
  }
  if (e["type"] === "static_select") {
    const made = el(
      "select",
      { "data-action-id": action },
      el("option", { value: "" }, String(object(e["placeholder"])["text"] ?? "Choose")),
      ...list(e["options"]).map((o) => el("option", { value: String(o["value"]) }, String(object(o["text"])["text"]))),
    );
    made.addEventListener("change", () => acting.act(action, made.value));
    return made;
  }
  if (e["type"] === "external_select") return asking(e, action, acting);
  if (e["type"] === "image") return image(e);
  return el("span", {}, `[${String(e["type"])}]`);
}

/** A menu that asks the app for what it offers when somebody opens it. */
function asking(e: JsonObject, action: string, acting: Acting): HTMLElement {
  const placeholder = String(object(e["placeholder"])["text"] ?? "Choose");
  const first = (words: string): HTMLElement => el("option", { value: "" }, words);
  const made = el("select", { "data-action-id": action, "aria-label": placeholder }, first(placeholder));
  const load = async (): Promise<void> => {
    const options = (await acting.suggest?.(action)) ?? [];
    const shown = options.map((o) => el("option", { value: String(o["value"]) }, String(object(o["text"])["text"])));
    made.replaceChildren(first(options.length === 0 ? "Nothing to choose" : placeholder), ...shown);
  };
  made.addEventListener("focus", () => void load());
  made.addEventListener("change", () => made.value !== "" && acting.act(action, made.value));
  return made;
}

function input(block: JsonObject): HTMLElement {
  const e = object(block["element"]);
  const attributes = { "data-block-id": String(block["block_id"]), "data-action-id": String(e["action_id"]) };
  const field =
    e["multiline"] === true
      ? el("textarea", { rows: "4", ...attributes })
      : el("input", { type: "text", autocomplete: "off", ...attributes });
  return el("div", { class: "block" }, el("label", {}, String(object(block["label"])["text"])), field);
}

function text(t: JsonObject, names: Names): HTMLElement {
  return t["type"] === "mrkdwn" ? renderMrkdwn(String(t["text"]), names) : el("span", { class: "text" }, String(t["text"]));
}

function image(e: JsonObject): HTMLElement {
  return el("img", { src: String(e["image_url"] ?? ""), alt: String(e["alt_text"] ?? "") });
}

function object(v: Json | undefined): JsonObject {
  return typeof v === "object" && v !== null && !Array.isArray(v) ? (v as JsonObject) : {};
}

function list(v: Json | undefined): readonly JsonObject[] {
  return Array.isArray(v) ? (v as readonly JsonObject[]) : [];
}
