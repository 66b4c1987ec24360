import { h, type JSX } from "preact";
import type { JsonObject } from "../../emulators/slack/control-api.ts";
import { Finder } from "./finder.ts";
import { list, object, textOf, words } from "./json.ts";
import type { Names } from "./mrkdwn.ts";

/** What elements call when a person uses them. */
export interface Acting extends Names {
  readonly act: (click: { readonly actionId: string; readonly blockId: string; readonly value?: string }) => Promise<void>;
  /** Asks the app what a menu offers for what was typed. */
  readonly suggest: (actionId: string, typed: string) => Promise<readonly JsonObject[]>;
}

/** How long a button that was pressed takes no second press. Units: milliseconds. */
const PRESS_MS = 800;

/** Renders one element of a block that acts at once: a button, a menu. */
export function element(e: JsonObject, blockId: string, acting: Acting): JSX.Element {
  const actionId = words(e["action_id"]);
  const act = (value?: string): void => void acting.act({ actionId, blockId, ...(value === undefined ? {} : { value }) });
  switch (e["type"]) {
    case "button":
      return button(e, actionId, act);
    case "static_select":
      return select(e, actionId, act);
    case "external_select":
      return h(Finder, { actionId, label: textOf(e["placeholder"]) || "Choose", least: leastOf(e), choose: act, suggest: acting.suggest });
    case "image":
      return image(e);
    default:
      return h("span", null, `[${words(e["type"])}]`);
  }
}

/** A picture with its alternative text. */
export function image(e: JsonObject): JSX.Element {
  return h("img", { src: words(e["image_url"]), alt: words(e["alt_text"]) });
}

/** How much must be typed before the app is asked; Slack's default is 3. */
export function leastOf(e: JsonObject): number {
  return typeof e["min_query_length"] === "number" ? e["min_query_length"] : 3;
}

function button(e: JsonObject, actionId: string, act: (value?: string) => void): JSX.Element {
  const press = (event: MouseEvent): void => {
    const pressed = event.currentTarget as HTMLElement;
    // Not `disabled`: a button that is disabled loses the keyboard's focus.
    if (pressed.getAttribute("aria-busy") === "true") return;
    pressed.setAttribute("aria-busy", "true");
    setTimeout(() => pressed.removeAttribute("aria-busy"), PRESS_MS);
    if (typeof e["url"] === "string") window.open(e["url"], "_blank", "noreferrer");
    act();
  };
  const label = typeof e["accessibility_label"] === "string" ? { "aria-label": e["accessibility_label"] } : {};
  return h(
    "button",
    { type: "button", class: `button ${words(e["style"])}`, "data-action-id": actionId, onClick: press, ...label },
    textOf(e["text"]),
  );
}

function select(e: JsonObject, actionId: string, act: (value?: string) => void): JSX.Element {
  const label = textOf(e["placeholder"]) || "Choose";
  const chosen = (event: Event): void => {
    const menu = event.currentTarget as HTMLSelectElement;
    if (menu.value !== "") act(menu.value);
  };
  return h(
    "select",
    { "data-action-id": actionId, "aria-label": label, onChange: chosen },
    h("option", { value: "" }, label),
    ...options(e),
  );
}

/** The options of a menu, those in groups too. */
export function options(e: JsonObject): JSX.Element[] {
  const all = [...list(e["options"]), ...list(e["option_groups"]).flatMap((g) => list(g["options"]))];
  const first = words(object(e["initial_option"])["value"]);
  return all.map((o) => {
    const value = words(o["value"]);
    return h("option", { value, key: value, ...(value !== "" && value === first ? { selected: true } : {}) }, textOf(o["text"]));
  });
}
