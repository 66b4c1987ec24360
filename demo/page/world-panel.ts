import { h, type JSX } from "preact";
import type { DemoState } from "../demo-state.ts";
import { actInWorld } from "./store.ts";

/** The buttons, the CI database and the CloudStack tree. */
export function worldPanel(d: DemoState, why: string): JSX.Element {
  const { coolOffSeconds, graceSeconds, expungeSeconds } = d.times;
  return h(
    "section",
    { id: "world", "aria-label": "The CI database and CloudStack" },
    h(
      "div",
      { id: "controls" },
      control("Add a project", "addProject"),
      control("Sync now", "syncNow"),
      control("Stop CloudStack answering", "toggleDown", { pressed: d.faults.down }),
      control("Cut its answers short", "toggleCut", { pressed: d.faults.cut }),
      control("Replay 2017", "replay2017", { loud: true }),
    ),
    h("p", { id: "why", role: "status" }, why),
    h("h2", null, "CI database ", h("small", null, "what is wanted")),
    h("div", { id: "ci" }, ...d.ciDatabase.projects.map(projectCard)),
    h("h2", null, "CloudStack ", h("small", null, "what is there, below ROOT/ci")),
    h("div", { id: "cloud" }, ...d.cloudstack.domains.map(domainCard)),
    h(
      "p",
      { id: "times" },
      `Waits of the demo: cool-off ${coolOffSeconds} s, quarantine ${graceSeconds} s, expunge ${expungeSeconds} s. By default: 30 minutes, 14 days, a day.`,
    ),
  );
}

function control(label: string, action: string, o: { readonly pressed?: boolean; readonly loud?: boolean } = {}): JSX.Element {
  const pressed = o.pressed === undefined ? {} : { "aria-pressed": o.pressed };
  const click = (): void => void actInWorld(action);
  return h("button", { type: "button", "data-control": action, class: o.loud === true ? "loud" : "", onClick: click, ...pressed }, label);
}

function small(label: string, action: string, body: { readonly slug: string; readonly username?: string }, name = label): JSX.Element {
  const click = (): void => void actInWorld(action, body);
  return h(
    "button",
    {
      type: "button",
      class: "small",
      "data-control": action,
      "data-slug": body.slug,
      "aria-label": `${name} ${body.slug}`,
      onClick: click,
    },
    label,
  );
}

function projectCard(p: DemoState["ciDatabase"]["projects"][number]): JSX.Element {
  const open = p.state === "active";
  const members = p.members.map((m) =>
    h(
      "span",
      { class: "member", key: m.username },
      m.username,
      open ? small("×", "removeMember", { slug: p.slug, username: m.username }, `Remove ${m.username} from`) : null,
    ),
  );
  const buttons = open
    ? [small("+ member", "addMember", { slug: p.slug }, "Add a member to"), small("Close", "closeProject", { slug: p.slug })]
    : [small("Reopen", "reopenProject", { slug: p.slug })];
  return h(
    "div",
    { class: `project ${p.state}`, "data-project": p.slug, key: p.slug },
    h(
      "div",
      { class: "row" },
      h("b", null, p.slug),
      h("span", { class: open ? "badge" : "badge bad" }, open ? "active" : `closed by ${p.closedBy ?? "?"}`),
      h("span", { class: "buttons" }, ...buttons),
    ),
    h("div", { class: "members" }, ...(members.length === 0 ? ["no members"] : members)),
  );
}

function domainCard(d: DemoState["cloudstack"]["domains"][number]): JSX.Element {
  const accounts = d.accounts.map((a) => `${a.name}${a.state === "enabled" ? "" : ` (${a.state})`}`).join(", ");
  const machines = d.machines.map((m) => `${m.name} ${m.state.toLowerCase()}`).join(", ");
  const running = d.machines.some((m) => m.state === "Running");
  const things: readonly (readonly [string, string])[] = [
    ["Accounts", accounts],
    ["Machines", machines],
    ["Templates", d.templates.join(", ")],
    ["Disks", d.volumes === 0 && d.snapshots === 0 ? "" : `${count(d.volumes, "volume")}, ${count(d.snapshots, "snapshot")}`],
  ];
  return h(
    "div",
    { class: "domain", "data-domain": d.name, key: d.name },
    h(
      "div",
      { class: "row" },
      h("b", null, d.name),
      h(
        "span",
        { class: d.state === "Active" ? "badge" : "badge bad" },
        d.managed ? d.state.toLowerCase() : `${d.state.toLowerCase()}, not managed`,
      ),
      running && d.managed
        ? h("span", { class: "buttons" }, small("Stop machines", "stopMachines", { slug: d.name }, "Stop the machines of"))
        : null,
    ),
    h(
      "dl",
      null,
      ...things.filter(([, text]) => text !== "").map(([name, text]) => h("div", { key: name }, h("dt", null, name), h("dd", null, text))),
    ),
  );
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
