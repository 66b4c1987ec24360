import type { TemplateView } from "../../archive/from-machines/view.ts";
import { code, context, header, mrkdwn, safe, section, time, type Mrkdwn } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

const TITLES: Readonly<Record<TemplateView["state"], string>> = {
  asked: "Making a template",
  snapshot: "Making a template",
  template: "Making a template",
  made: "Template made",
  failed: "No template was made",
};

/** Renders how far a template is that somebody had made of their machine, and its end. Pure. */
export function renderMadeTemplate(v: TemplateView): Rendering {
  const title = `${TITLES[v.state]}: ${v.machine}`;
  return {
    text: `${title} of ${v.project}`,
    blocks: [header(title), ...linesOf(v).map(section), context(mrkdwn`${safe(v.project)} · asked for ${time(v.askedAt)}`)],
  };
}

/** What becomes of the message with the progress: what came of it is in one of its own. Pure. */
export function renderMadeTemplateEnd(v: TemplateView): Rendering {
  const title = `${v.state === "made" ? "Template made" : "No template was made"}: ${v.machine}`;
  return { text: `${title} of ${v.project}`, blocks: [header(title), context(mrkdwn`The result is in a message of its own.`)] };
}

function linesOf(v: TemplateView): readonly Mrkdwn[] {
  switch (v.state) {
    case "asked":
      return [mrkdwn`It starts in a moment.`];
    case "snapshot":
      return [mrkdwn`Step 1 of 2: taking a snapshot of the root disk. The machine keeps running.`];
    case "template":
      return [mrkdwn`Step 2 of 2: making the template of the snapshot. This may take many minutes.`];
    case "made":
      return [
        mrkdwn`It is called ${code(v.name)}. You can create the machine again from it, and save a copy with ${code("/ci-export-template")}.`,
        ...snapshotLine(v),
      ];
    case "failed":
      return [safe(ended(v.problem ?? "The reason is in the log"), 1500), ...snapshotLine(v)];
  }
}

function ended(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Nothing is deleted by the bot: what stays is named. */
function snapshotLine({ snapshot }: TemplateView): readonly Mrkdwn[] {
  if (snapshot === null) return [];
  return [
    mrkdwn`The snapshot ${code(snapshot)} stays and counts against the limit for snapshots: delete it in CloudStack when you do not need it.`,
  ];
}
