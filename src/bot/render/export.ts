import type { KnownBlock } from "@slack/types";
import { sizeText } from "../../core/units.ts";
import type { ExportView } from "../../archive/export-view.ts";
import { button, context, header, link, mrkdwn, safe, section, time, toCopy, type Mrkdwn } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

const TITLES: Readonly<Record<ExportView["state"], string>> = {
  waiting: "Waiting to export",
  saving: "Exporting",
  ready: "Ready to download",
  failed: "Could not export",
  revoked: "Link revoked",
};

/** What the bucket signed cannot be taken back. */
const SIGNED = mrkdwn`The archive's bucket hands it out (\`curl\` needs \`-L\`): where a download began before the link ended or was revoked, it can be begun again for five minutes.`;

/** Renders an export's progress, and in the end the link with what goes with it. */
export function renderExport(v: ExportView): Rendering {
  const title = v.state === "ready" && v.link === null ? "Saved, but there is no link" : TITLES[v.state];
  const end: readonly KnownBlock[] =
    v.state === "ready" && v.link !== null
      ? [...checksum(v), ...(v.isDirect ? [] : [{ type: "actions" as const, elements: [revokeButton(v)] }])]
      : [];
  return {
    text: `${title}: ${v.name} of ${v.project}`,
    blocks: [header(`${title}: ${v.name}`), ...bodyOf(v).map(section), ...end, context(footOf(v))],
  };
}

/** What becomes of the message with the progress: what came of it is in one of its own. */
export function renderExportEnd(v: ExportView): Rendering {
  const title = `${v.state === "failed" ? TITLES.failed : "Exported"}: ${v.name}`;
  return {
    text: `${title} of ${v.project}`,
    blocks: [header(title), context(mrkdwn`${safe(v.project)} · ${safe(v.kind)} · The result is in the next message.`)],
  };
}

function bodyOf(v: ExportView): readonly Mrkdwn[] {
  if (v.state === "waiting") return [mrkdwn`It starts in a moment.`];
  if (v.state === "saving") return [mrkdwn`${stepOf(v)}${othersOf(v)}`];
  if (v.state === "failed") return (v.problem ?? "The reason is in the log.").split("\n").map((line) => safe(line, 1500));
  if (v.state === "revoked") return [revokedOf(v)];
  if (v.link === null) return [safe(v.problem ?? "The link was sent once and is not stored; export again for a new one.", 500)];
  return [
    mrkdwn`*${link(v.link, `Download ${v.name}`)}*${v.linkUntil === null ? "" : mrkdwn`, until ${time(v.linkUntil)}`}`,
    ...whereFrom(v),
    v.isDirect
      ? mrkdwn`Whoever has this link has the file: do not pass it on. The archive's bucket hands it out itself, so it cannot be revoked; a download that began before its end goes on. For a new link export again: it is not downloaded twice.`
      : mrkdwn`Whoever has this link has the file: do not pass it on. It also ends when you leave the project.`,
    mrkdwn`A download that broke off goes on with \`curl -C -\`, \`wget -c\` or the browser's own button.`,
    ...(v.isSigned && !v.isDirect ? [SIGNED] : []),
  ];
}

function othersOf({ others }: ExportView): Mrkdwn | "" {
  if (others === 0) return "";
  return others === 1
    ? mrkdwn`\nOne more person asked for it: it is downloaded once.`
    : mrkdwn`\n${others} more people asked for it: it is downloaded once.`;
}

function stepOf(v: ExportView): Mrkdwn {
  if (v.step === "checking") return mrkdwn`Checking: every byte of it is read and compared.`;
  if (v.step !== "copying") return mrkdwn`Asking CloudStack for it. For a large one that takes minutes.`;
  return safe(
    v.totalBytes === null
      ? `Saved so far: ${sizeText(v.doneBytes)}.`
      : `Saved so far: ${sizeText(v.doneBytes)} of ${sizeText(v.totalBytes)}.`,
  );
}

function whereFrom(v: ExportView): readonly Mrkdwn[] {
  if (v.copiedAt === null) return [];
  return v.isGone
    ? [mrkdwn`From the archive, saved ${time(v.copiedAt)}: CloudStack does not have it any more.`]
    : [
        mrkdwn`Handed out at once: the archive had it since ${time(v.copiedAt)}, it has not changed since, and its bytes were checked again.`,
      ];
}

/** To paste into a terminal, beside the file. */
function checksum(v: ExportView): readonly KnownBlock[] {
  return v.sha256 === null || v.fileName === null ? [] : [toCopy(`echo "${v.sha256}  ${v.fileName}" | sha256sum -c`)];
}

function revokeButton(v: ExportView) {
  return button({
    action: "export_revoke",
    text: "Revoke the link",
    value: `v1:${v.id}`,
    style: "danger",
    label: `Revoke the link to ${v.name}`,
  });
}

function revokedOf(v: ExportView): Mrkdwn {
  const by = v.revoked === null ? "" : mrkdwn` ${safe(v.revoked.by)} revoked it ${time(v.revoked.at)}.`;
  const end = v.isSigned
    ? mrkdwn`The link no longer opens anything. Where a download had begun, the archive's bucket goes on with it, and begins it again for five minutes.`
    : mrkdwn`Nobody can use it any more.`;
  return mrkdwn`${end}${by} Export it again for a new link: it is not downloaded twice.`;
}

function footOf(v: ExportView): Mrkdwn {
  const size = v.state === "ready" || v.state === "revoked" ? mrkdwn` · ${safe(sizeText(v.doneBytes))}` : "";
  const sum = v.sha256 === null ? "" : mrkdwn` · SHA-256 ${safe(v.sha256)}`;
  return mrkdwn`${safe(v.project)} · ${safe(v.kind)}${size}${sum}`;
}
