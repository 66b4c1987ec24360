import { sizeText } from "../../core/units.ts";
import type { ExportView } from "../../archive/export-service.ts";
import { context, header, link, mrkdwn, safe, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** Renders an export's progress, and in the end the link. */
export function renderExport(v: ExportView): Rendering {
  const title = {
    waiting: "Waiting to export",
    saving: "Exporting",
    ready: "Ready to download",
    failed: "Could not export",
  }[v.state];
  const size = v.totalBytes === null ? sizeText(v.doneBytes) : `${sizeText(v.doneBytes)} of ${sizeText(v.totalBytes)}`;
  const lines = {
    waiting: mrkdwn`It starts in a moment.`,
    saving: mrkdwn`Saved so far: ${safe(size)}.`,
    ready:
      v.link === null
        ? safe(v.problem ?? "The link was sent once and is not stored; export again for a new one.", 500)
        : mrkdwn`${link(v.link, `Download ${v.template}`)}\nWhoever has this link can use it${v.linkUntil === null ? "" : mrkdwn`, until ${time(v.linkUntil)}`}.`,
    failed: safe(v.problem ?? "The reason is in the log.", 500),
  };
  const sum = v.sha256 === null ? "" : mrkdwn` · SHA-256 ${safe(v.sha256)}`;
  return {
    text: `${title}: ${v.template} of ${v.project}`,
    blocks: [
      header(`${title}: ${v.template}`),
      section(lines[v.state]),
      context(mrkdwn`${safe(v.project)} · ${safe(sizeText(v.doneBytes))}${sum}`),
    ],
  };
}
