import { h, render, type JSX } from "preact";
import type { DemoState } from "../demo-state.ts";
import { channel } from "./channel.ts";
import { conversations } from "./conversations.ts";
import { guide, showGuide } from "./guide.ts";
import { Modal } from "./modal.ts";
import { become, change, drawWith, refresh, refreshWorld, type PageState } from "./store.ts";
import { worldPanel } from "./world-panel.ts";

/** How often the CI database and CloudStack are asked for; Slack tells of its changes itself. Units: milliseconds. */
const WORLD_MS = 800;

function page(s: PageState): JSX.Element {
  const { view, demo } = s;
  if (demo === null || view === null) return h("p", { class: "none" }, "The demo is starting …");
  const modal = view.modals.at(-1);
  const isSlackOnly = demo.isSlackOnly === true;
  const hasGuide = demo.guide !== undefined;
  return h(
    "div",
    { id: "page", class: `${isSlackOnly ? "slack-only" : ""} show-${s.side}` },
    h(
      "div",
      { id: "behind", inert: modal !== undefined },
      h(
        "header",
        { id: "top" },
        h("strong", { class: "brand" }, "Twokey"),
        h("span", { class: "hint" }, "You are"),
        people(s, demo),
        hasGuide && s.isGuideHidden ? h("button", { type: "button", class: "guide", onClick: showGuide }, "First steps") : null,
      ),
      isSlackOnly ? null : sides(s),
      s.isGuideHidden ? null : guide(demo),
      h("main", null, conversations(s, view), channel(s, view), isSlackOnly ? null : worldPanel(demo, s.why)),
    ),
    h("div", { id: "modals" }, modal === undefined ? null : h(Modal, { modal, v: view, key: modal.id })),
    h("div", { id: "toasts", role: "alert" }, ...s.toasts.map((t) => h("div", { key: t.id }, t.text))),
  );
}

function people(s: PageState, demo: DemoState): JSX.Element {
  return h(
    "nav",
    { id: "people", "aria-label": "Who you are" },
    ...demo.people.map((p) =>
      h(
        "button",
        { type: "button", key: p.id, "data-person": p.id, "aria-pressed": p.id === s.me, onClick: () => void become(p.id) },
        p.label,
        h("span", { class: "role" }, ` · ${p.hint}`),
      ),
    ),
  );
}

/** On a narrow screen either Slack is shown or the world beside it. */
function sides(s: PageState): JSX.Element {
  const side = (name: PageState["side"], label: string): JSX.Element =>
    h(
      "button",
      { type: "button", key: name, "data-side": name, "aria-pressed": s.side === name, onClick: () => change({ side: name }) },
      label,
    );
  return h("nav", { id: "sides", "aria-label": "What is shown" }, side("slack", "Slack"), side("world", "CI database and CloudStack"));
}

/** Runs one at a time; a call that comes while one runs makes it run once more. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let busy = false;
  let again = false;
  return async function run(): Promise<void> {
    again = busy;
    if (busy) return;
    busy = true;
    await work().catch(() => undefined);
    busy = false;
    if (again) await run();
  };
}

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no #root");
drawWith((state) => render(page(state), root));
const slack = oneAtATime(refresh);
const world = oneAtATime(refreshWorld);
new EventSource("/emulator/stream").onmessage = () => void slack();
setInterval(() => void world(), WORLD_MS);
void world();
