import type { DemoState } from "../demo-state.ts";
import { byId, el, post, toast } from "./dom.ts";

/** Asks the demo to do something in the world, and shows the sentence it answers. */
export async function actInWorld(action: string, body: object = {}): Promise<void> {
  const { sentence } = await post<{ sentence: string }>("/demo/act", { action, ...body });
  byId("why").textContent = sentence;
}

/** Shows the buttons, the CI database and the CloudStack tree. */
export function showWorld(state: DemoState): void {
  document.body.classList.toggle("slack-only", state.isSlackOnly === true);
  if (state.isSlackOnly === true) return;
  byId("times").textContent =
    `demo times: cool-off ${state.times.coolOffSeconds} s, grace ${state.times.graceSeconds} s, expunge ${state.times.expungeSeconds} s (by default 30 min, 14 days, a day)`;
  const control = (label: string, action: string, o: { readonly pressed?: boolean; readonly loud?: boolean } = {}): HTMLElement => {
    const made = el(
      "button",
      {
        type: "button",
        "data-control": action,
        class: o.loud === true ? "loud" : undefined,
        ...(o.pressed === undefined ? {} : { "aria-pressed": String(o.pressed) }),
      },
      label,
    );
    made.addEventListener("click", () => void actInWorld(action).catch((e: unknown) => toast(String(e))));
    return made;
  };
  byId("controls").replaceChildren(
    control("Add a project", "addProject"),
    control("Sync now", "syncNow"),
    control("Stop CloudStack answering", "toggleDown", { pressed: state.faults.down }),
    control("Cut its answers short", "toggleCut", { pressed: state.faults.cut }),
    control("Replay 2017", "replay2017", { loud: true }),
  );
  byId("ci").replaceChildren(...state.ciDatabase.projects.map(projectCard));
  byId("cloud").replaceChildren(...state.cloudstack.domains.map(domainCard));
}

function projectCard(p: DemoState["ciDatabase"]["projects"][number]): HTMLElement {
  const open = p.state === "active";
  const button = (label: string, action: string, body: object): HTMLElement => {
    const made = el("button", { type: "button", class: "small", "data-control": action, "data-slug": p.slug }, label);
    made.addEventListener("click", () => void actInWorld(action, body));
    return made;
  };
  const members = el(
    "div",
    { class: "members" },
    ...p.members.flatMap((m) => [m.username, ...(open ? [button("×", "removeMember", { slug: p.slug, username: m.username })] : []), " "]),
  );
  return el(
    "div",
    { class: `project ${p.state}`, "data-project": p.slug },
    ...(open
      ? [button("Close", "closeProject", { slug: p.slug }), button("+ member", "addMember", { slug: p.slug })]
      : [button("Reopen", "reopenProject", { slug: p.slug })]),
    el("b", {}, p.slug),
    el("span", { class: open ? "badge" : "badge bad" }, open ? "active" : `closed by ${p.closedBy ?? "?"}`),
    members,
  );
}

function domainCard(d: DemoState["cloudstack"]["domains"][number]): HTMLElement {
  const accounts = d.accounts.map((a) => `${a.name}${a.state === "enabled" ? "" : ` (${a.state})`}`).join(", ");
  const machines = d.machines.map((m) => `${m.name} ${m.state.toLowerCase()}`).join(", ");
  const running = d.machines.some((m) => m.state === "Running");
  const stop = el(
    "button",
    { type: "button", class: "small", "data-control": "stopMachines", "data-slug": d.name, style: "float:right" },
    "Stop machines",
  );
  stop.addEventListener("click", () => void actInWorld("stopMachines", { slug: d.name }));
  return el(
    "div",
    { class: "domain", "data-domain": d.name },
    ...(running && d.managed ? [stop] : []),
    el("b", {}, d.name),
    el("span", { class: d.state === "Active" ? "badge" : "badge bad" }, d.managed ? d.state : `${d.state}, not managed`),
    el(
      "div",
      { class: "things" },
      `accounts: ${accounts || "none"}`,
      el("br"),
      `machines: ${machines || "none"}`,
      el("br"),
      `${d.volumes} volumes, ${d.snapshots} snapshots, templates: ${d.templates.join(", ") || "none"}`,
    ),
  );
}
