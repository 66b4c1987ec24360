import type { KnownBlock } from "@slack/types";
import { sizeText } from "../../core/units.ts";
import type { ArchiveLine, DeletionView } from "../../deletion/view.ts";
import { code, joined, mrkdwn, type Mrkdwn, safe, section } from "./blocks.ts";

/** Most names in one message; a line for each. */
const NAMES_MAX = 20;

/** What a deletion saved and what it lost, by name, and how to get what was saved. */
export function savedBlocks(v: Pick<DeletionView, "archive" | "slug">): readonly KnownBlock[] {
  const saved = v.archive.filter((a) => a.state === "verified");
  const lost = v.archive.filter((a) => a.state === "waived");
  const sections: Mrkdwn[] = [];
  if (saved.length > 0) sections.push(mrkdwn`*Saved in the archive*\n${names(saved, (a) => sizeText(a.bytes ?? 0))}`);
  if (lost.length > 0)
    sections.push(mrkdwn`*Not saved, as two people agreed*\n${names(lost, (a) => `waived by ${a.waivedBy.join(" and ")}`)}`);
  if (saved.length > 0) sections.push(mrkdwn`*To get it:* write ${code(`/ci-export-template ${v.slug}`)}, or ask the CI team.`);
  if (sections.length === 0) sections.push(mrkdwn`There was no template to save.`);
  return sections.map(section);
}

function names(list: readonly ArchiveLine[], more: (a: ArchiveLine) => string): Mrkdwn {
  const lines = list
    .slice(0, NAMES_MAX)
    .map((a) => mrkdwn`• ${safe(a.kind.replaceAll("_", " "))} ${code(a.name, 60)}, ${safe(more(a), 80)}`);
  if (list.length > NAMES_MAX) lines.push(mrkdwn`… and ${list.length - NAMES_MAX} more`);
  return joined(lines, "\n");
}
