import type { KnownBlock } from "@slack/types";
import { sizeText } from "../../core/units.ts";
import { itemKinds, type ItemKind } from "../../core/inventory.ts";
import { listed } from "../../core/shown-text.ts";
import type { ArchiveLine, DeletionView, MembersView } from "../../deletion/view.ts";
import type { Phase } from "../../core/phases.ts";
import { button, context, fields, header, joined, LINE_MAX, list, mrkdwn, type Mrkdwn, safe, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";
import { whoSaidNo } from "./settle.ts";

/** Most names on a card; with more there is no Approve button, since an approver must read all of them (ADR 0201). */
const [namesMax, listMax] = [120, 40];

/** Most Waive buttons at a time; Slack takes 25 in one row. The next come when these are done. */
const waiveMax = 20;

/** Most things that may have appeared for a Go on button, and most characters of them as Slack counts. */
const [goOnMax, goOnTextMax] = [25, 2600];

/** Most members who could not be told, by name. */
const untoldMax = 10;

/** Longest name that CloudStack keeps, and most characters of one list of names as Slack counts. */
const [nameMax, namesTextMax] = [255, 1800];

/** Renders a deletion's card in any phase. The first line says what it is and what people can do. Pure. */
export function renderCard(v: DeletionView, environment: string): Rendering {
  const title = titles(v);
  const asks = v.phase === "proposed" && v.vetoes.length === 0 && fits(v);
  const blocks: KnownBlock[] = [header(title), section(sentence(v, asks))];
  if (v.expungesAfter !== null) blocks.push(section(deadline(v.expungesAfter)));
  if (v.phase !== "closed" && v.phase !== "deleted") blocks.push(...blast(v));
  if (v.alsoTaken.length > 0 && v.phase !== "closed" && v.phase !== "deleted") blocks.push(section(alsoTakenLine(v.alsoTaken)));
  if (v.archive.length > 0 && ["archiving", "proposed"].includes(v.phase)) blocks.push(section(archiveLine(v)));
  if (v.vetoes.length > 0) blocks.push(...list("Cannot be approved now", v.vetoes));
  if (v.phase === "proposed" && !fits(v))
    blocks.push(section(mrkdwn`It holds more than a card can show, so it cannot be approved here. Remove part of it by hand first.`));
  blocks.push(
    fields([
      ["Why", why(v)],
      ["Approvals", approvals(v)],
    ]),
  );
  if (v.refusedBefore !== null) blocks.push(section(refusedBeforeLine(v.refusedBefore)));
  if (v.askedAgainAt !== null) blocks.push(section(askedAgainLine(v, v.askedAgainAt)));
  if (v.activity !== null && v.phase !== "closed") blocks.push(context(mrkdwn`${waits(v)}${safe(v.activity, 400)}`));
  const untold = v.members === null ? null : untoldSentence(v.members.untold);
  if (untold !== null) blocks.push(context(safe(untold, 1500)));
  blocks.push(...goOnBlocks(v));
  blocks.push(...waiveButtons(v));
  const buttons = buttonsOf(v, asks);
  if (buttons.length > 0) blocks.push({ type: "actions", block_id: `deletion_${v.version}`, elements: buttons });

  const digest = v.digest === null ? "" : mrkdwn` · digest ${safe(v.digest.slice(0, 12))}`;
  const who = v.phase === "proposed" && v.mayApprove.length > 0 ? mrkdwn` · may approve: ${safe(v.mayApprove.join(", "), 300)}` : "";
  const one = who !== "" && v.onePerson !== "" ? mrkdwn` · ${safe(v.onePerson, 300)}` : "";
  blocks.push(context(mrkdwn`${safe(environment)} · opened ${time(v.openedAt)}${digest}${who}${one}`));
  return { text: `${title} (${environment})`, blocks };
}

/** That people were asked before and said no: who approves now should know. */
function refusedBeforeLine(r: NonNullable<DeletionView["refusedBefore"]>): Mrkdwn {
  const who = whoSaidNo({ closedBecause: r.because, closedBy: r.by });
  return mrkdwn`*Asked before:* ${safe(who)} ${time(r.at)}${r.reason === "" ? "" : mrkdwn`: ${safe(r.reason, 300)}`}. Its project is still gone, so it is asked again.`;
}

function askedAgainLine(v: DeletionView, at: NonNullable<DeletionView["askedAgainAt"]>): Mrkdwn {
  if (v.evidence.kind !== "closed") return mrkdwn`*Asked again* from ${time(at)} on, if its project is still missing in the CI database.`;
  return mrkdwn`*Asked again* from ${time(at)} on, if its project is still closed in the CI database. Who closed it is asked once to settle it there.`;
}

/** Who of a project's members could not be told, and why, in one sentence; null: nobody is missing. */
export function untoldSentence(untold: MembersView["untold"]): string | null {
  const why = untold.find((u) => u.member === "")?.problem;
  if (why !== undefined) return `No member of the project was told: ${why}.`;
  const names = untold.map((u) => `${u.member} (${u.problem})`);
  return names.length === 0 ? null : `These members of the project could not be told: ${listed(names, untoldMax)}.`;
}

/** The value of a button: the deletion, version and digest that the card showed. */
export function buttonValue(v: Pick<DeletionView, "id" | "version" | "digest">): string {
  return `v1:${v.id}:${v.version}:${v.digest ?? "-"}`;
}

function titles(v: DeletionView): string {
  const words: Record<Phase, string> = {
    archiving: `Saving the templates of ${v.path}`,
    proposed: `Delete ${v.path}? ${quorumText(v)} approvals needed`,
    cooling_off: `${v.path}: approved, cooling off`,
    quarantining: `${v.path}: going into quarantine`,
    grace: `${v.path}: in quarantine until the grace period ends`,
    dismantling: `${v.path}: machines are being destroyed`,
    expunging: `${v.path}: waiting for CloudStack to expunge`,
    removing: `${v.path}: being removed for good`,
    deleted: `${v.path}: deleted`,
    closed:
      v.closedBecause === "gone"
        ? `${v.path}: deleted by somebody else`
        : `${v.path}: not deleted (${(v.closedBecause ?? "closed").replaceAll("_", " ")})`,
    frozen: `${v.path}: FROZEN, a person must decide`,
  };
  return words[v.phase];
}

function deadline(at: NonNullable<DeletionView["expungesAfter"]>): Mrkdwn {
  const setting = mrkdwn`\`expunge.delay\`, or a day where the reading key cannot see it`;
  return mrkdwn`*CloudStack's own deadline:* it may expunge the destroyed machines from ${time(at)} on (${setting}). A stop or a freeze brings them back first.`;
}

function quorumText(v: DeletionView): string {
  return v.quorum === 2 ? "Two" : String(v.quorum);
}

function sentence(v: DeletionView, asks: boolean): Mrkdwn {
  const until = v.until === null ? "" : time(v.until);
  const who = v.closedBy === null ? "" : mrkdwn` by ${safe(v.closedBy)}`;
  const words: Record<Phase, Mrkdwn> = {
    archiving: mrkdwn`Nothing to do yet: templates are saved and checked before anybody can approve.`,
    proposed: asks
      ? mrkdwn`${safe(quorumText(v))} approvers must agree, and whoever asked for it has no vote. Nothing happens without them; it expires ${until}.`
      : mrkdwn`It cannot be approved yet: see below why.`,
    cooling_off: mrkdwn`It is approved. Nothing is changed yet. Any team member can cancel until ${until}.`,
    quarantining: mrkdwn`Accounts are being disabled and their machines stopped. Nothing is lost: Restore brings everything back.`,
    grace: mrkdwn`Accounts are disabled and machines stopped. Nothing is lost: Restore brings everything back until ${until}.`,
    dismantling: mrkdwn`Machines are destroyed, but not yet expunged: Restore recovers them.`,
    expunging: mrkdwn`CloudStack expunges destroyed machines after a while: until then Restore recovers them.`,
    removing: mrkdwn`From here on only the archive can bring anything back: volumes, networks, snapshots, templates and accounts are removed, then the domain.`,
    deleted: mrkdwn`The domain is gone. ${keptWords(v)}`,
    closed: mrkdwn`${v.closedBecause === "gone" ? mrkdwn`Twokey did not delete it` : mrkdwn`Nothing was deleted`}. Closed${who}${v.activity === null ? "" : mrkdwn`: ${safe(v.activity, 400)}`}.`,
    frozen: mrkdwn`It is stopped: ${safe(v.frozenReason ?? "unknown", 500)}. ${ways(v)} See docs/runbooks/frozen-deletion.md.`,
  };
  return words[v.phase];
}

/** What people can do about a freeze. */
function ways(v: DeletionView): Mrkdwn {
  const back = v.frozenFrom === "removing" ? "" : mrkdwn`*Restore* brings everything back. `;
  return mrkdwn`${back}*Look again*, by one person, continues if the reason is gone.`;
}

/** Since when the next step is kept back. */
function waits(v: DeletionView): Mrkdwn | "" {
  return v.waitingSince === null || v.phase === "frozen" ? "" : mrkdwn`Waits since ${time(v.waitingSince)}: `;
}

/** What two people are asked after a freeze in `removing`; all of it must fit, or there is no button (ADR 0201). */
function goOnBlocks(v: DeletionView): readonly KnownBlock[] {
  const g = v.goOn;
  if (g === null) return [];
  const said = joined(
    g.approvals.map((a) => safe(a.operator.name, 60)),
    ", ",
  );
  const who = said.length === 0 ? "" : mrkdwn` Go on was said by ${said}.`;
  const text = mrkdwn`*Go on* takes two approvers; whoever asked has no vote. It accepts what was found until ${time(g.until)}:`;
  const found = mrkdwn`${g.gone} approved thing(s) are gone, ${g.left} are left, ${g.appeared.length} appeared that nobody approved.`;
  return [
    section(mrkdwn`${text} ${found}${who}`),
    ...list("Appeared, and would be deleted too", g.appeared, goOnMax),
    ...list("Nobody can say Go on now", g.objections),
  ];
}

function maySayGoOn(v: DeletionView): boolean {
  if (v.goOn === null || v.goOn.objections.length > 0) return false;
  const { appeared } = v.goOn;
  return appeared.length <= goOnMax && appeared.every((x) => [...x].length < LINE_MAX) && textOf(appeared, LINE_MAX).length <= goOnTextMax;
}

function keptWords(v: DeletionView): Mrkdwn {
  const lost = v.archive.filter((a) => a.state === "waived").map((a) => safe(a.name, 60));
  return lost.length === 0
    ? mrkdwn`Its templates are in the archive.`
    : mrkdwn`Everything that had to be saved is in the archive, except what was waived: ${joined(lost, ", ")}.`;
}

/** Kinds of which a card shows the number only. */
const otherKinds = itemKinds.filter((kind) => !["machine", "template", "account", "user", "volume"].includes(kind));

function blast(v: DeletionView): readonly KnownBlock[] {
  if (v.blast === null) return [section(mrkdwn`The domain's contents are being read.`)];
  const b = v.blast;
  const n = (kind: ItemKind) => b.counts[kind] ?? 0;
  const rest = otherKinds.filter((k) => n(k) > 0).map((k) => counted(n(k), k.replaceAll("_", " ")));
  return [
    fields([
      ["Machines", mrkdwn`${n("machine")}${runningWords(b)}\n${names(b.machineNames)}`],
      ["Templates", mrkdwn`${n("template")}\n${names(b.templateNames)}`],
      ["Accounts", mrkdwn`${n("account")} with ${counted(n("user"), "user")}\n${names(b.accountNames)}`],
      [
        "Volumes and more",
        mrkdwn`${counted(n("volume"), "volume")}, ${safe(sizeText(b.volumeBytes))}${rest.length === 0 ? "" : mrkdwn`\n${joined(rest, ", ")}`}`,
      ],
    ]),
  ];
}

function runningWords(b: Pick<NonNullable<DeletionView["blast"]>, "machinesRunning" | "machinesStopped">): Mrkdwn | "" {
  if (b.machinesRunning + b.machinesStopped === 0) return "";
  return b.machinesRunning === 0 ? mrkdwn`, none running` : mrkdwn`, *${b.machinesRunning} running*`;
}

function counted(n: number, word: string): Mrkdwn {
  return safe(`${n} ${word}${n === 1 ? "" : word.endsWith("s") ? "es" : "s"}`);
}

/** One line for what goes along unsaved; each name cut, and a few of a kind, so that it always fits. */
function alsoTakenLine(all: DeletionView["alsoTaken"]): Mrkdwn {
  const known = all.flatMap(({ what, names }) => {
    if (names === null) return [];
    const more = names.length > 5 ? mrkdwn` and ${names.length - 5} more` : "";
    const some = textOf(names.slice(0, 5), 24);
    return [mrkdwn`${counted(names.length, what)} (${some}${more})`];
  });
  const unknown = all.filter(({ names }) => names === null).map(({ what }) => safe(`${what}s`));
  const taken = known.length === 0 ? "" : mrkdwn`*Also removed, without a copy:* ${joined(known, ", ")}. `;
  return mrkdwn`${taken}${unknown.length === 0 ? "" : mrkdwn`Not known, since the deleting key may not ask: ${joined(unknown, ", ")}.`}`;
}

function names(list: readonly string[]): Mrkdwn {
  return list.length === 0 ? mrkdwn`none` : textOf(list.slice(0, listMax), nameMax);
}

function textOf(list: readonly string[], max: number): Mrkdwn {
  return joined(
    list.map((x) => safe(x, max)),
    ", ",
  );
}

/** Whether the card shows every name to its end. */
function fits({ blast: b }: DeletionView): boolean {
  if (b === null) return false;
  const lists = [b.machineNames, b.templateNames, b.accountNames];
  return (
    lists.flat().length <= namesMax &&
    lists.every((l) => l.length <= listMax && names(l).length <= namesTextMax && l.every((x) => [...x].length <= nameMax))
  );
}

function archiveLine(v: DeletionView): Mrkdwn {
  const good = v.archive.filter((a) => a.state === "verified");
  const bytes = good.reduce((n, a) => n + (a.bytes ?? 0), 0);
  const what = v.archive.every((a) => a.kind === "template") ? mrkdwn`templates` : mrkdwn`things`;
  const waived = v.archive
    .filter((a) => a.state === "waived")
    .map((a) => mrkdwn`\n• ${safe(a.name, 60)}: not saved, waived by ${safe(a.waivedBy.join(" and "), 120)}`);
  const failed = v.archive.filter((a) => a.state === "failed").map((a) => mrkdwn`\n• ${failedLine(a)}`);
  return mrkdwn`*Archive:* ${good.length} of ${v.archive.length} ${what} saved and read back, ${safe(sizeText(bytes))}${joined([...waived, ...failed.slice(0, 5)], "")}`;
}

function failedLine(a: ArchiveLine): Mrkdwn {
  const one = a.waivedBy.length === 0 ? "" : mrkdwn` (waived by ${safe(a.waivedBy.join(", "), 60)}; one more person is needed)`;
  return mrkdwn`${safe(a.name, 60)}: ${safe(a.problem ?? "", 200)}${one}`;
}

/** One button for each thing that could not be saved: two approvers may accept its loss. */
function waiveButtons(v: DeletionView): readonly KnownBlock[] {
  const failed = v.phase === "proposed" ? v.archive.filter((a) => a.state === "failed").slice(0, waiveMax) : [];
  if (failed.length === 0) return [];
  const elements = failed.map((a, i) =>
    button({
      action: `deletion_waive_${i}`,
      text: `Waive ${a.name}`,
      value: `${buttonValue(v)}:${a.id}`,
      label: `Waive the ${a.kind} ${a.name}: it will be lost`,
    }),
  );
  return [
    section(mrkdwn`*Waive* accepts that what could not be saved is lost; it takes two approvers, and whoever asked has no vote.`),
    { type: "actions", block_id: `waive_${v.version}`, elements },
  ];
}

function why(v: DeletionView): Mrkdwn {
  if (v.evidence.kind === "closed") {
    const since = v.evidence.closedAt === null ? "" : mrkdwn` since ${time(v.evidence.closedAt)}`;
    const closer = v.evidence.closedBy === null ? unsaid("closed") : "";
    return mrkdwn`The project ${safe(v.slug)} is closed in the CI database${since}${closer}${askedFor(v)}`;
  }
  const absent = mrkdwn`The project has been absent from ${v.evidence.reads} complete reads, since ${time(v.evidence.since)}`;
  return mrkdwn`${absent}${unsaid("removed")}${askedFor(v)}`;
}

function unsaid(what: "closed" | "removed"): Mrkdwn {
  return mrkdwn`\nWho ${safe(what)} it is not known: the CI database does not say, and it may be somebody who may approve`;
}

function askedFor({ requesters }: DeletionView): Mrkdwn | "" {
  return requesters.length === 0 ? "" : mrkdwn`\nAsked for by ${safe(requesters.join(", "), 200)}, who may not approve`;
}

function approvals(v: DeletionView): Mrkdwn {
  if (v.rejection !== null) return mrkdwn`Rejected by ${safe(v.rejection.operator.name)}: ${safe(v.rejection.reason, 300)}`;
  const who = v.approvals.map((a) => mrkdwn`${safe(a.operator.name)} ${time(a.at)}`);
  return mrkdwn`${v.approvals.length} of ${v.quorum}${who.length === 0 ? "" : mrkdwn`\n${joined(who, "\n")}`}`;
}

function buttonsOf(v: DeletionView, asks: boolean) {
  const value = buttonValue(v);
  const b = (action: string, text: string, style?: "primary" | "danger") =>
    button({ action, text, value, label: `${text}: ${v.path}`, ...(style === undefined ? {} : { style }) });
  if (v.phase === "archiving") return [b("deletion_reject", "Reject…")];
  if (v.phase === "proposed")
    return [
      ...(asks ? [b("deletion_approve", "Approve", "danger")] : []),
      b("deletion_reject", "Reject…"),
      ...(v.approvals.length > 0 ? [b("deletion_withdraw", "Withdraw my approval")] : []),
    ];
  if (v.phase === "cooling_off") return [b("deletion_cancel", "Cancel", "primary"), b("deletion_withdraw", "Withdraw my approval")];
  if (["quarantining", "grace", "dismantling", "expunging"].includes(v.phase)) return [b("deletion_restore", "Restore", "primary")];
  if (v.phase !== "frozen") return [];
  const goOn = { action: "deletion_go_on", text: "Go on", value: `${buttonValue({ ...v, digest: v.goOn?.digest ?? null })}:${v.goOn?.id}` };
  return [
    ...(v.frozenFrom === "removing" ? [] : [b("deletion_restore", "Restore", "primary")]),
    b("deletion_look_again", "Look again"),
    ...(maySayGoOn(v) ? [button({ ...goOn, style: "danger", label: `Go on: ${v.path}` })] : []),
  ];
}
