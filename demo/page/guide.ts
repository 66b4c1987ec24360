import { h, type JSX } from "preact";
import type { DemoState } from "../demo-state.ts";
import { actInWorld, become, change, open } from "./store.ts";

interface Step {
  readonly title: string;
  readonly how: string;
  readonly isDone: boolean;
  /** What does the step's first move; the step itself is done by the person. */
  readonly move: readonly [label: string, run: () => Promise<void>] | null;
}

const playing = (label: string, d: DemoState, name: string, channel: string): Step["move"] => {
  const person = d.people.find((p) => p.label === name);
  if (person === undefined) return null;
  return [label, async () => (await become(person.id), await open(channel))];
};

/** The path for a first visit. A step is ticked off by what really happened, whoever did it. */
function stepsOf(d: DemoState, g: NonNullable<DemoState["guide"]>): readonly Step[] {
  const { coolOffSeconds, graceSeconds } = d.times;
  const close = g.suggestedProject;
  return [
    {
      title: "Close a project",
      how: "Chen closes it in the CI database. That alone deletes nothing: a card asks for two approvals in #ci-team.",
      isDone: g.isClosed,
      move:
        close === null
          ? null
          : [`Close ${close}`, async () => (await open(g.teamChannel), await actInWorld("closeProject", { slug: close }))],
    },
    {
      title: "Approve as Ada",
      how: "Read on the card what would be deleted, and press Approve. Chen, who closed the project, could not.",
      isDone: g.approvedBy.includes("Ada"),
      move: playing("Become Ada", d, "Ada", g.teamChannel),
    },
    {
      title: "Approve as Ben",
      how: "The second approver types the domain's name. Only now is there anything to carry out.",
      isDone: g.approvedBy.includes("Ben"),
      move: playing("Become Ben", d, "Ben", g.teamChannel),
    },
    {
      title: "Watch it",
      how: `${coolOffSeconds} seconds in which Cancel stops it, then the quarantine: machines stopped, accounts disabled, nothing lost yet.`,
      isDone: g.isQuarantined,
      move: null,
    },
    {
      title: "Restore or export",
      how: `Press Restore on the card while it is quarantined (${graceSeconds} s). Or become Mia, a user, and type /ci-export-template.`,
      isDone: g.isRestoredOrExported,
      move: playing("Become Mia", d, "Mia", g.usersChannel),
    },
  ];
}

/** The guide: all steps, and what to do for the next one. */
export function guide(d: DemoState): JSX.Element | null {
  if (d.guide === undefined) return null;
  const steps = stepsOf(d, d.guide);
  const next = steps.find((s) => !s.isDone);
  return h(
    "section",
    { id: "guide", "aria-label": "First steps" },
    h(
      "ol",
      null,
      ...steps.map((s, n) =>
        h(
          "li",
          { class: s.isDone ? "done" : s === next ? "next" : "", key: s.title, "aria-current": s === next ? "step" : undefined },
          h("span", { class: "number", "aria-label": s.isDone ? "done:" : `${n + 1}:` }, s.isDone ? "✓" : String(n + 1)),
          h("span", { class: "step" }, s.title),
        ),
      ),
    ),
    h(
      "p",
      { class: "how" },
      next === undefined
        ? "That was the whole path. Now replay 2017, stop CloudStack in the middle, or add and remove members."
        : h("span", null, h("b", null, `${steps.indexOf(next) + 1}. ${next.title}. `), next.how),
      next?.move == null ? null : h("button", { type: "button", "data-guide": next.title, onClick: next.move[1] }, next.move[0]),
      h("button", { type: "button", class: "hide", onClick: hide }, "Hide"),
    ),
  );
}

function hide(): void {
  localStorage.setItem("guide", "hidden");
  change({ isGuideHidden: true });
}

/** Shows the guide again. */
export function showGuide(): void {
  localStorage.removeItem("guide");
  change({ isGuideHidden: false });
}
