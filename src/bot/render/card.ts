import type { KnownBlock } from "@slack/types";
import { sizeText } from "../../core/units.ts";
import { itemKinds, type ItemKind } from "../../core/inventory.ts";
import type { ArchiveLine, DeletionView } from "../../deletion/view.ts";
import type { Phase } from "../../core/phases.ts";
import { button, context, fields, header, list, safe, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** Most names on a card; with more there is no Approve button, since an approver must read all of them (ADR 0201). */
const namesMax = 120;

/** Most Waive buttons at a time; Slack takes 25 in one row. The next come when these are done. */
const waiveMax = 20;

/** Most things that may have appeared for a Go on button. */
const goOnMax = 25;

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
    blocks.push(section("It holds more than a card can show, so it cannot be approved here. Remove part of it by hand first."));
  blocks.push(
    fields([
      ["Why", why(v)],
      ["Approvals", approvals(v)],
    ]),
  );
  if (v.activity !== null && v.phase !== "closed") blocks.push(context(`${waits(v)}${safe(v.activity, 400)}`));
  blocks.push(...goOnBlocks(v));
  blocks.push(...waiveButtons(v));
  const buttons = buttonsOf(v, asks);
  if (buttons.length > 0) blocks.push({ type: "actions", block_id: `deletion_${v.version}`, elements: buttons });

  const digest = v.digest === null ? "" : ` · digest ${v.digest.slice(0, 12)}`;
  const who = v.phase === "proposed" && v.mayApprove.length > 0 ? ` · may approve: ${safe(v.mayApprove.join(", "), 300)}` : "";
  blocks.push(context(`${environment} · opened ${time(v.openedAt)}${digest}${who}`));
  return { text: `${title} (${environment})`, blocks };
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

function deadline(at: NonNullable<DeletionView["expungesAfter"]>): string {
  const setting = "`expunge.delay`, or a day where the reading key cannot see it";
  return `*CloudStack's own deadline:* it may expunge the destroyed machines from ${time(at)} on (${setting}). A stop or a freeze brings them back first.`;
}

function quorumText(v: DeletionView): string {
  return v.quorum === 2 ? "Two" : String(v.quorum);
}

function sentence(v: DeletionView, asks: boolean): string {
  const until = v.until === null ? "" : time(v.until);
  const who = v.closedBy === null ? "" : ` by ${safe(v.closedBy)}`;
  const words: Record<Phase, string> = {
    archiving: "Nothing to do yet: templates are saved and checked before anybody can approve.",
    proposed: asks
      ? `${quorumText(v)} approvers must agree, and whoever asked for it has no vote. Nothing happens without them; it expires ${until}.`
      : "It cannot be approved yet: see below why.",
    cooling_off: `It is approved. Nothing is changed yet. Any team member can cancel until ${until}.`,
    quarantining: "Accounts are being disabled and their machines stopped. Nothing is lost: Restore brings everything back.",
    grace: `Accounts are disabled and machines stopped. Nothing is lost: Restore brings everything back until ${until}.`,
    dismantling: "Machines are destroyed, but not yet expunged: Restore recovers them.",
    expunging: "CloudStack expunges destroyed machines after a while: until then Restore recovers them.",
    removing:
      "From here on only the archive can bring anything back: volumes, networks, snapshots, templates and accounts are removed, then the domain.",
    deleted: `The domain is gone. ${keptWords(v)}`,
    closed: `${v.closedBecause === "gone" ? "Twokey did not delete it" : "Nothing was deleted"}. Closed${who}${v.activity === null ? "" : `: ${safe(v.activity, 400)}`}.`,
    frozen: `It is stopped: ${safe(v.frozenReason ?? "unknown", 500)}. ${ways(v)} See docs/runbooks/frozen-deletion.md.`,
  };
  return words[v.phase];
}

/** What people can do about a freeze. */
function ways(v: DeletionView): string {
  const back = v.frozenFrom === "removing" ? "" : "*Restore* brings everything back. ";
  return `${back}*Look again*, by one person, continues if the reason is gone.`;
}

/** Since when the next step is kept back. */
function waits(v: DeletionView): string {
  return v.waitingSince === null || v.phase === "frozen" ? "" : `Waits since ${time(v.waitingSince)}: `;
}

/** What two people are asked after a freeze in `removing`; all of it must fit, or there is no button (ADR 0201). */
function goOnBlocks(v: DeletionView): readonly KnownBlock[] {
  const g = v.goOn;
  if (g === null) return [];
  const said = g.approvals.map((a) => safe(a.operator.name, 60)).join(", ");
  const who = said === "" ? "" : ` Go on was said by ${said}.`;
  const text = `*Go on* takes two approvers; whoever asked has no vote. It accepts what was found until ${time(g.until)}:`;
  const found = `${g.gone} approved thing(s) are gone, ${g.left} are left, ${g.appeared.length} appeared that nobody approved.`;
  return [
    section(`${text} ${found}${who}`),
    ...list("Appeared, and would be deleted too", g.appeared, goOnMax),
    ...list("Nobody can say Go on now", g.objections),
  ];
}

function maySayGoOn(v: DeletionView): boolean {
  return v.goOn !== null && v.goOn.objections.length === 0 && v.goOn.appeared.length <= goOnMax && v.goOn.appeared.every(isShort);
}

const isShort = (name: string): boolean => [...name].length <= 80;

function keptWords(v: DeletionView): string {
  const lost = v.archive.filter((a) => a.state === "waived").map((a) => safe(a.name, 60));
  return lost.length === 0
    ? "Its templates are in the archive."
    : `Everything that had to be saved is in the archive, except what was waived: ${lost.join(", ")}.`;
}

/** Kinds of which a card shows the number only. */
const otherKinds = itemKinds.filter((kind) => !["machine", "template", "account", "user", "volume"].includes(kind));

function blast(v: DeletionView): readonly KnownBlock[] {
  if (v.blast === null) return [section("The domain's contents are being read.")];
  const b = v.blast;
  const n = (kind: ItemKind) => b.counts[kind] ?? 0;
  const rest = otherKinds.filter((k) => n(k) > 0).map((k) => counted(n(k), k.replaceAll("_", " ")));
  return [
    fields([
      ["Machines", `${n("machine")}${runningWords(b)}\n${names(b.machineNames)}`],
      ["Templates", `${n("template")}\n${names(b.templateNames)}`],
      ["Accounts", `${n("account")} with ${counted(n("user"), "user")}\n${names(b.accountNames)}`],
      [
        "Volumes and more",
        `${counted(n("volume"), "volume")}, ${sizeText(b.volumeBytes)}${rest.length === 0 ? "" : `\n${rest.join(", ")}`}`,
      ],
    ]),
  ];
}

function runningWords(b: Pick<NonNullable<DeletionView["blast"]>, "machinesRunning" | "machinesStopped">): string {
  if (b.machinesRunning + b.machinesStopped === 0) return "";
  return b.machinesRunning === 0 ? ", none running" : `, *${b.machinesRunning} running*`;
}

function counted(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : word.endsWith("s") ? "es" : "s"}`;
}

/** One line for what goes along unsaved; each name cut, and a few of a kind, so that it always fits. */
function alsoTakenLine(all: DeletionView["alsoTaken"]): string {
  const known = all.flatMap(({ what, names }) => {
    if (names === null) return [];
    const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
    const some = names.slice(0, 5).map((name) => safe(name, 24));
    return [`${counted(names.length, what)} (${some.join(", ")}${more})`];
  });
  const unknown = all.filter(({ names }) => names === null).map(({ what }) => `${what}s`);
  const taken = known.length === 0 ? "" : `*Also removed, without a copy:* ${known.join(", ")}. `;
  return `${taken}${unknown.length === 0 ? "" : `Not known, since the deleting key may not ask: ${unknown.join(", ")}.`}`.trim();
}

function names(list: readonly string[]): string {
  const shown = list.slice(0, 40).map((x) => safe(x, 60));
  return shown.join(", ") || "none";
}

function fits(v: DeletionView): boolean {
  const b = v.blast;
  if (b === null) return false;
  const all = [...b.machineNames, ...b.templateNames, ...b.accountNames];
  return (
    all.length <= namesMax &&
    [b.machineNames, b.templateNames, b.accountNames].every((l) => l.length <= 40 && l.join(", ").length <= 1500) &&
    all.every((x) => [...x].length <= 60)
  );
}

function archiveLine(v: DeletionView): string {
  const good = v.archive.filter((a) => a.state === "verified");
  const bytes = good.reduce((n, a) => n + (a.bytes ?? 0), 0);
  const what = v.archive.every((a) => a.kind === "template") ? "templates" : "things";
  const waived = v.archive
    .filter((a) => a.state === "waived")
    .map((a) => `\n• ${safe(a.name, 60)}: not saved, waived by ${safe(a.waivedBy.join(" and "), 120)}`);
  const failed = v.archive.filter((a) => a.state === "failed").map((a) => `\n• ${failedLine(a)}`);
  return `*Archive:* ${good.length} of ${v.archive.length} ${what} saved and read back, ${sizeText(bytes)}${[...waived, ...failed.slice(0, 5)].join("")}`;
}

function failedLine(a: ArchiveLine): string {
  const one = a.waivedBy.length === 0 ? "" : ` (waived by ${safe(a.waivedBy.join(", "), 60)}; one more person is needed)`;
  return `${safe(a.name, 60)}: ${safe(a.problem ?? "", 200)}${one}`;
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
    section("*Waive* accepts that what could not be saved is lost; it takes two approvers, and whoever asked has no vote."),
    { type: "actions", block_id: `waive_${v.version}`, elements },
  ];
}

function why(v: DeletionView): string {
  const asked = v.requesters.length === 0 ? "" : `\nAsked for by ${safe(v.requesters.join(", "), 200)}, who may not approve`;
  if (v.evidence.kind === "closed") {
    const since = v.evidence.closedAt === null ? "" : ` since ${time(v.evidence.closedAt)}`;
    return `The project ${safe(v.slug)} is closed in the CI database${since}${asked}`;
  }
  return `The project has been absent from ${v.evidence.reads} complete reads, since ${time(v.evidence.since)}${asked}`;
}

function approvals(v: DeletionView): string {
  if (v.rejection !== null) return `Rejected by ${safe(v.rejection.operator.name)}: ${safe(v.rejection.reason, 300)}`;
  const who = v.approvals.map((a) => `${safe(a.operator.name)} ${time(a.at)}`);
  return `${v.approvals.length} of ${v.quorum}${who.length === 0 ? "" : `\n${who.join("\n")}`}`;
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
