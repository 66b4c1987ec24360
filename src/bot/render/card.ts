import type { KnownBlock } from "@slack/types";
import { counted } from "../../core/plural.ts";
import { asShown, listed } from "../../core/shown-text.ts";
import { phaseText } from "../../deletion/phase-words.ts";
import type { DeletionView, GoOnView, MembersView } from "../../deletion/view.ts";
import type { Phase } from "../../core/phases.ts";
import { button, code, context, fields, header, joined, LINE_MAX, lines, mrkdwn, type Mrkdwn, safe, section, time } from "./blocks.ts";
import { archiveLine, contentsBlocks, fits } from "./card-contents.ts";
import { isOneMessage } from "./message-size.ts";
import type { Rendering } from "./plan.ts";
import { savedBlocks } from "./saved.ts";
import { whoSaidNo } from "./settle.ts";

/** Most Waive buttons at a time; Slack takes 25 in one row. The next come when these are done. */
const waiveMax = 10;

/** Most things that may have appeared for a Go on button, and most characters of them as Slack counts: what one section takes. */
const [goOnMax, goOnTextMax] = [25, 2500];

/** Longest name that CloudStack keeps. */
const NAME_MAX = 255;

/** Most reasons why it cannot be approved, or why nobody can say Go on. */
const [VETOES_MAX, OBJECTIONS_MAX] = [12, 12];

/** Most members who could not be told, by name. */
const untoldMax = 10;

/** Renders a deletion's card in any phase. The first line says what it is and what people can do. Pure. */
export function renderCard(v: DeletionView, environment: string): Rendering {
  const card = cardOf(v, environment, true);
  return isOneMessage(card.blocks) ? card : cardOf(v, environment, false);
}

/** `isWhole`: all of it is shown, so that people can decide on it. */
function cardOf(v: DeletionView, environment: string, isWhole: boolean): Rendering {
  const title = titleOf(v);
  const asks = v.phase === "proposed" && v.vetoes.length === 0 && fits(v) && isWhole;
  const blocks: KnownBlock[] = [header(title), section(sentence(v, asks))];
  if (v.expungesAfter !== null) blocks.push(section(deadline(v.expungesAfter)));
  blocks.push(...contentsBlocks(v));
  if (v.phase === "deleted") blocks.push(...savedBlocks(v));
  else if (v.archive.length > 0) blocks.push(section(archiveLine(v)));
  blocks.push(...blockedBlocks(v, isWhole));
  blocks.push(
    fields([
      ["Why", why(v)],
      ["Approvals", approvals(v)],
    ]),
  );
  if (v.refusedBefore !== null) blocks.push(section(refusedBeforeLine(v.refusedBefore)));
  if (v.askedAgainAt !== null) blocks.push(section(askedAgainLine(v, v.askedAgainAt)));
  if (v.activity !== null && v.waitingSince === null && v.phase !== "closed") blocks.push(context(safe(v.activity, 400)));
  const untold = v.members === null ? null : untoldSentence(v.members.untold);
  if (untold !== null) blocks.push(context(safe(untold, 1500)));
  blocks.push(...goOnBlocks(v), ...waiveButtons(v));
  const buttons = buttonsOf(v, asks);
  if (buttons.length > 0) blocks.push({ type: "actions", block_id: `deletion_${v.version}`, elements: buttons });

  const digest = v.digest === null ? "" : mrkdwn` · digest ${code(v.digest.slice(0, 12))}`;
  const who = v.phase === "proposed" && v.mayApprove.length > 0 ? mrkdwn` · may approve: ${safe(v.mayApprove.join(", "), 300)}` : "";
  const one = who !== "" && v.onePerson !== "" ? mrkdwn` · ${safe(v.onePerson, 300)}` : "";
  blocks.push(context(mrkdwn`${safe(environment)} · opened ${time(v.openedAt)}${digest}${who}${one}`));
  return { text: `${title} (${environment}). ${toDo(v, asks)}`, blocks };
}

function titleOf(v: DeletionView): string {
  return v.phase === "proposed" ? `Delete ${v.path}? ${phaseText(v)}, ${v.approvals.length} of ${v.quorum}` : `${v.path}: ${phaseText(v)}`;
}

/** What people can do now, for those who hear the message or see a notification only. */
function toDo(v: DeletionView, asks: boolean): string {
  const words: Record<Phase, string> = {
    archiving: "Nothing to do yet.",
    proposed: asks ? "Approve or Reject it on the card." : "It cannot be approved now; the card says why.",
    cooling_off: "Nothing is changed yet. Any team member can press Cancel.",
    quarantining: "Nothing is lost. Any team member can press Restore.",
    grace: "Nothing is lost. Any team member can press Restore.",
    dismantling: "Any team member can still press Restore.",
    expunging: "Any team member can still press Restore.",
    removing: "It cannot be brought back any more, except from the archive.",
    deleted: "The card says what is saved.",
    closed: v.askedAgainAt === null ? afterEnd(v) : "People are asked again later.",
    frozen: "The card says why, and what can be done.",
  };
  return words[v.phase];
}

function afterEnd({ closedBecause }: DeletionView): string {
  const isAskedAgain = closedBecause === "expired" || closedBecause === "changed";
  return isAskedAgain ? "The next pass may ask people again, as long as its project is closed or missing." : "Nothing to do.";
}

function deadline(at: NonNullable<DeletionView["expungesAfter"]>): Mrkdwn {
  const setting = mrkdwn`\`expunge.delay\`, or a day where the reading key cannot see it`;
  return mrkdwn`*CloudStack's own deadline:* from ${time(at)} on it may remove the destroyed machines for good (${setting}). A stop or a freeze brings them back first.`;
}

/** Why it cannot be approved, or what keeps the next step back, since when, and when that is over. */
function blockedBlocks(v: DeletionView, isWhole: boolean): readonly KnownBlock[] {
  const blocked: KnownBlock[] = [
    ...lines(
      "Cannot be approved now. Blocked by",
      v.vetoes.map((veto) => withNames(veto, v, LINE_MAX)),
      VETOES_MAX,
    ),
  ];
  if (v.phase === "proposed" && v.blast !== null && !(fits(v) && (isWhole || v.vetoes.length > 0)))
    blocked.push(section(mrkdwn`It holds more than a card can show, so it cannot be approved here. Remove part of it by hand first.`));
  if (v.waitingSince === null || v.activity === null || v.phase === "frozen" || v.phase === "closed") return blocked;
  const clears = v.clearsWhen === null ? "" : mrkdwn`\n*Clears when:* ${withNames(v.clearsWhen, v, 300)}`;
  return [...blocked, section(mrkdwn`*Blocked by:* ${withNames(v.activity, v, 400)}, since ${time(v.waitingSince)}${clears}`)];
}

/** A sentence of ours in which names stand: those that would be shown with other characters in the place of marks are code. */
function withNames(sentence: string, v: DeletionView, max: number): Mrkdwn {
  const { machineNames = [], templateNames = [], accountNames = [] } = v.blast ?? {};
  const known = [
    ...machineNames,
    ...templateNames,
    ...accountNames,
    ...(v.machinesNow ?? []).map((m) => m.name),
    ...v.archive.map((a) => a.name),
    ...(v.goOn?.appeared ?? []).map((a) => a.name),
  ];
  const marked = [...new Set(known)].filter((name) => name.trim() !== "" && asShown(name) !== name).toSorted((a, b) => b.length - a.length);
  const cut = [...sentence].slice(0, max).join("");
  const parts: Mrkdwn[] = [];
  let rest = cut === sentence ? sentence : `${cut}…`;
  while (rest !== "") {
    const next = marked
      .map((name) => ({ name, at: rest.indexOf(name) }))
      .filter(({ at }) => at >= 0)
      .toSorted((a, b) => a.at - b.at || b.name.length - a.name.length)[0];
    if (next === undefined) {
      parts.push(safe(rest, max + 1));
      break;
    }
    parts.push(safe(rest.slice(0, next.at), max), code(next.name, max));
    rest = rest.slice(next.at + next.name.length);
  }
  return joined(parts, "");
}

/** That people were asked before and said no: who approves now should know. */
function refusedBeforeLine(r: NonNullable<DeletionView["refusedBefore"]>): Mrkdwn {
  const who = whoSaidNo({ closedBecause: r.because, closedBy: r.by });
  return mrkdwn`*Asked before:* ${safe(who)}, ${time(r.at)}${r.reason === "" ? "" : mrkdwn`: ${safe(r.reason, 300)}`}. Its project is still gone, so it is asked again.`;
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

function sentence(v: DeletionView, asks: boolean): Mrkdwn {
  const until = v.until === null ? "" : time(v.until);
  const voters = v.quorum === 2 ? mrkdwn`Two` : v.quorum;
  const words: Record<Phase, Mrkdwn> = {
    archiving: mrkdwn`Nothing to do yet. The templates are saved and checked first; then people are asked.`,
    proposed: asks
      ? mrkdwn`${voters} approvers must agree; the requester has no vote. Without them nothing happens, and it expires ${until}.`
      : mrkdwn`Nobody can approve it now: see below why.`,
    cooling_off: mrkdwn`It is approved, and nothing is changed yet. Any team member can press *Cancel* until ${until}; then the quarantine begins.`,
    quarantining: mrkdwn`Accounts are being disabled and machines stopped. Nothing is lost: *Restore* brings everything back.`,
    grace: mrkdwn`Accounts are disabled and machines stopped. Nothing is lost: *Restore* brings everything back until ${until}. Then the machines are destroyed.`,
    dismantling: mrkdwn`Machines are being destroyed. CloudStack keeps them for a while; as long as it does, *Restore* recovers them.`,
    expunging: mrkdwn`The machines are destroyed. Until CloudStack has removed them for good, *Restore* recovers them.`,
    removing: mrkdwn`From here on only the archive can bring anything back. Disks, networks, snapshots, templates and accounts are being removed, and then the domain.`,
    deleted: mrkdwn`The domain is gone.`,
    closed: mrkdwn`${v.closedBecause === "gone" ? mrkdwn`Twokey did not delete it` : mrkdwn`Nothing was deleted`}${endWords(v)}.`,
    frozen: mrkdwn`It stands still and changes nothing: ${safe(v.frozenReason ?? "the reason is not known", 500)}. ${ways(v)} See docs/runbooks/frozen-deletion.md.`,
  };
  return words[v.phase];
}

/** Who ended it, and why. */
function endWords(v: DeletionView): Mrkdwn {
  const who = v.closedBy === null ? "" : mrkdwn`: ${safe(whoSaidNo(v))}`;
  return v.activity === null ? mrkdwn`${who}` : mrkdwn`${who}: ${safe(v.activity, 400)}`;
}

/** What people can do about a freeze. */
function ways(v: DeletionView): Mrkdwn {
  const back = v.frozenFrom === "removing" ? "" : mrkdwn`*Restore* brings everything back. `;
  return mrkdwn`${back}*Look again*, by one person, continues if the reason is gone.`;
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
  const text = mrkdwn`*Go on* takes two approvers; the requester has no vote. It accepts what was found until ${time(g.until)}:`;
  const found = mrkdwn`${safe(counted(g.gone, "approved thing"))} gone, ${g.left} left, ${g.appeared.length} appeared that nobody approved.`;
  return [
    section(mrkdwn`${text} ${found}${who}`),
    ...lines("Appeared, and would be deleted too", appearedLines(g), goOnMax),
    ...lines(
      "Nobody can say Go on now",
      g.objections.map((objection) => withNames(objection, v, LINE_MAX)),
      OBJECTIONS_MAX,
    ),
  ];
}

function maySayGoOn(v: DeletionView): boolean {
  if (v.goOn === null || v.goOn.objections.length > 0) return false;
  const shown = appearedLines(v.goOn);
  const isWhole = v.goOn.appeared.every(({ name }) => [...name].length <= NAME_MAX);
  return shown.length <= goOnMax && isWhole && shown.reduce((sum, line) => sum + line.length + 3, 0) <= goOnTextMax;
}

/** What appeared, each name as code: it is compared letter by letter, and copied, before it is lost. */
function appearedLines({ appeared }: Pick<GoOnView, "appeared">): readonly Mrkdwn[] {
  return appeared.map(({ kind, name }) => mrkdwn`${safe(kind.replaceAll("_", " "))} ${code(name, NAME_MAX)}`);
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
    section(mrkdwn`*Waive* accepts that what could not be saved is lost; it takes two approvers; the requester has no vote.`),
    { type: "actions", block_id: `waive_${v.version}`, elements },
  ];
}

function why(v: DeletionView): Mrkdwn {
  if (v.evidence.kind === "closed") {
    const since = v.evidence.closedAt === null ? "" : mrkdwn` since ${time(v.evidence.closedAt)}`;
    const closer = v.evidence.closedBy === null ? unsaid("closed") : "";
    return mrkdwn`The project ${code(v.slug)} is closed in the CI database${since}${closer}${askedFor(v)}`;
  }
  const absent = mrkdwn`The project was missing in ${safe(counted(v.evidence.reads, "complete read"))} of the CI database, since ${time(v.evidence.since)}`;
  return mrkdwn`${absent}${unsaid("removed")}${askedFor(v)}`;
}

function unsaid(what: "closed" | "removed"): Mrkdwn {
  return mrkdwn`\nWho ${safe(what)} it is not known: the CI database does not say, and it may be somebody who may approve`;
}

function askedFor({ requesters }: DeletionView): Mrkdwn | "" {
  return requesters.length === 0
    ? ""
    : mrkdwn`\n${requesters.length === 1 ? mrkdwn`The requester` : mrkdwn`The requesters`}, who may not approve: ${safe(requesters.join(", "), 200)}`;
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
