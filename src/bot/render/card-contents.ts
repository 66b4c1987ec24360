/** What a deletion's card shows of the domain: what goes, how its machines are now, and what is saved. */
import type { KnownBlock } from "@slack/types";
import { counted } from "../../core/plural.ts";
import { sizeText } from "../../core/units.ts";
import { itemKinds, type ItemKind } from "../../core/inventory.ts";
import type { ArchiveLine, DeletionView } from "../../deletion/view.ts";
import { code, fields, joined, mrkdwn, type Mrkdwn, safe, section } from "./blocks.ts";

/** Most names on a card; with more there is no Approve button, since an approver must read all of them (ADR 0201). */
const [namesMax, listMax] = [120, 40];

/** Longest name that CloudStack keeps, and most characters of one list of names as Slack counts. */
const [nameMax, namesTextMax] = [255, 1800];

/** Kinds whose number is all that a card shows. */
const otherKinds = itemKinds.filter((kind) => !["machine", "template", "account", "user", "volume"].includes(kind));

/** What the domain holds, or held, to the end: people look here first. */
export function contentsBlocks(v: DeletionView): readonly KnownBlock[] {
  if (v.blast === null) return v.phase === "closed" ? [] : [section(mrkdwn`What the domain holds is being read.`)];
  const b = v.blast;
  const n = (kind: ItemKind) => b.counts[kind] ?? 0;
  const rest = otherKinds.filter((k) => n(k) > 0).map((k) => safe(counted(n(k), ...nounOf(k))));
  const more = mrkdwn`${safe(counted(n("volume"), "disk"))}, ${safe(sizeText(b.volumeBytes))}${rest.length === 0 ? "" : mrkdwn`\n${joined(rest, ", ")}`}`;
  const shown = fields([
    ["Machines", machines(v, n("machine"))],
    ["Templates", mrkdwn`${n("template")}\n${names(b.templateNames)}`],
    ["Accounts", mrkdwn`${n("account")} with ${safe(counted(n("user"), "user"))}\n${names(b.accountNames)}`],
    ["Disks and more", more],
  ]);
  const taken = v.phase === "closed" || v.phase === "deleted" || v.alsoTaken.length === 0 ? [] : [section(alsoTakenLine(v.alsoTaken))];
  return [shown, ...taken];
}

function nounOf(kind: ItemKind): readonly [string] {
  return [kind === "vpc" ? "VPC" : kind === "iso" ? "ISO" : kind === "vm_snapshot" ? "machine snapshot" : kind.replaceAll("_", " ")];
}

/** Before people approved: every name to its end. From then on: each machine with its state, as many as fit. */
function machines(v: DeletionView, n: number): Mrkdwn {
  const b = v.blast;
  if (b === null) return mrkdwn`–`;
  const now = v.machinesNow;
  if (now === null || v.phase === "archiving" || v.phase === "proposed") return mrkdwn`${n}${runningWords(b)}\n${names(b.machineNames)}`;
  const lines = now.slice(0, listMax).map((m) => mrkdwn`${code(m.name, nameMax)} ${safe(m.state, 40)}`);
  const left = now.length > listMax ? mrkdwn`\n… and ${now.length - listMax} more` : "";
  return now.length === 0 ? mrkdwn`none` : mrkdwn`${now.length}, as seen last\n${joined(lines, "\n")}${left}`;
}

function runningWords(b: Pick<NonNullable<DeletionView["blast"]>, "machinesRunning" | "machinesStopped">): Mrkdwn | "" {
  if (b.machinesRunning + b.machinesStopped === 0) return "";
  return b.machinesRunning === 0 ? mrkdwn`, none running` : mrkdwn`, *${b.machinesRunning} running*`;
}

/** One line for what goes along unsaved; each name cut, and a few of a kind, so that it always fits. */
function alsoTakenLine(all: DeletionView["alsoTaken"]): Mrkdwn {
  const known = all.flatMap(({ what, names: of }) => {
    if (of === null) return [];
    const more = of.length > 5 ? mrkdwn` and ${of.length - 5} more` : "";
    return [mrkdwn`${safe(counted(of.length, what))} (${textOf(of.slice(0, 5), 24)}${more})`];
  });
  const unknown = all.filter(({ names: of }) => of === null).map(({ what }) => safe(counted(2, what).slice(2)));
  const taken = known.length === 0 ? "" : mrkdwn`*Also removed, without a copy:* ${joined(known, ", ")}.`;
  return mrkdwn`${taken}${unknown.length === 0 ? "" : mrkdwn` Not known, since the deleting key may not ask: ${joined(unknown, ", ")}.`}`;
}

function names(list: readonly string[]): Mrkdwn {
  return list.length === 0 ? mrkdwn`none` : textOf(list.slice(0, listMax), nameMax);
}

/** Names, each as code, so that it is copied as it is. */
export function textOf(list: readonly string[], max: number): Mrkdwn {
  return joined(
    list.map((x) => code(x, max)),
    ", ",
  );
}

/** Whether the card shows every name to its end. */
export function fits({ blast: b }: DeletionView): boolean {
  if (b === null) return false;
  const lists = [b.machineNames, b.templateNames, b.accountNames];
  return (
    lists.flat().length <= namesMax &&
    lists.every((l) => l.length <= listMax && names(l).length <= namesTextMax && l.every((x) => [...x].length <= nameMax))
  );
}

/** How many things are saved, and which are not. */
export function archiveLine(v: DeletionView): Mrkdwn {
  const good = v.archive.filter((a) => a.state === "verified");
  const bytes = good.reduce((n, a) => n + (a.bytes ?? 0), 0);
  const what = v.archive.every((a) => a.kind === "template") ? counted(v.archive.length, "template") : counted(v.archive.length, "thing");
  const waived = v.archive
    .filter((a) => a.state === "waived")
    .map((a) => mrkdwn`\n• ${code(a.name, 60)}: not saved, waived by ${safe(a.waivedBy.join(" and "), 120)}`);
  const failed = v.archive.filter((a) => a.state === "failed").map((a) => mrkdwn`\n• ${failedLine(a)}`);
  const saved =
    good.length === 0
      ? mrkdwn`*Saved in the archive:* nothing yet of ${safe(what)}`
      : mrkdwn`*Saved in the archive:* ${good.length} of ${safe(what)}, read back and checked, ${safe(sizeText(bytes))}`;
  return mrkdwn`${saved}${joined([...waived, ...failed.slice(0, 5)], "")}`;
}

function failedLine(a: ArchiveLine): Mrkdwn {
  const one = a.waivedBy.length === 0 ? "" : mrkdwn` (waived by ${safe(a.waivedBy.join(", "), 60)}; one more person is needed)`;
  return mrkdwn`${code(a.name, 60)}: ${safe(a.problem ?? "", 200)}${one}`;
}
