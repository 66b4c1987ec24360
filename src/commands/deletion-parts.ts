/** What a person is told of their project's deletion, while it is under way and after it. */
import type { Instant } from "../core/ids.ts";
import type { ItemKind } from "../core/inventory.ts";
import { counted } from "../core/plural.ts";
import { compareNames } from "../core/shown-text.ts";
import { sizeText } from "../core/units.ts";
import { mayBeKept, phaseWords, type Standing } from "../deletion/phase-words.ts";
import type { DeletionView } from "../deletion/view.ts";
import type { Moment, Part, Words } from "./reply.ts";

/** One thing that was saved for a deletion and is in the archive still. Units: bytes. */
export interface SavedThing {
  readonly itemId: string;
  readonly kind: ItemKind;
  readonly name: string;
  readonly bytes: number;
  readonly savedAt: Instant;
}

/** A project's newest deletion, with what a member of it may see. */
export interface LastDeletion {
  readonly view: DeletionView;
  /** Since when it is in its phase. */
  readonly enteredAt: Instant | null;
  readonly saved: readonly SavedThing[];
}

/** How many saved things have a line of their own: Slack takes 50 blocks. */
const SAVED_MAX = 20;

/** Whether a deletion has not ended. */
export function isLive({ phase }: Pick<DeletionView, "phase">): boolean {
  return phase !== "deleted" && phase !== "closed";
}

/** Whether the domain is gone: by this deletion, or by somebody else. */
export function tookDomain({ phase, closedBecause }: Pick<DeletionView, "phase" | "closedBecause">): boolean {
  return phase === "deleted" || (phase === "closed" && closedBecause === "gone");
}

/** Where a deletion stands, with the day of its end in the reader's zone. */
export function standingWords(view: Standing): Exclude<Words, string> {
  const { words, until } = phaseWords(view);
  return until === null ? [words] : [`${words} `, { at: until, as: "day" }];
}

/** Who reads it. */
export interface Reader {
  readonly isMember: boolean;
  /** Whether the CI database lists them as a member now: that is asked again at a click on Keep. */
  readonly canKeep: boolean;
}

/** A deletion under way: where it stands and until when, what that means for the reader, why, who, and Keep for those who `canKeep`. */
export function partsUnderWay({ view, enteredAt }: LastDeletion, { isMember, canKeep }: Reader): readonly Part[] {
  const { words, until } = phaseWords(view);
  const approved = view.approvals.flatMap((a): readonly (string | Moment)[] => [`${a.operator.name} `, { at: a.at }, ", "]);
  return [
    { kind: "text", text: [words, ...(until === null ? [] : [" ", { at: until }]), ". ", ...meaning(view, isMember)] },
    ...(canKeep && mayBeKept(view) ? [keepPart(view)] : []),
    {
      kind: "fields",
      rows: [
        ["Why", why(view)],
        ["Asked for by", view.requesters.join(", ") || "not known: the CI database does not say who closed the project"],
        ["Approved by", approved.length === 0 ? `nobody yet; ${view.quorum} approvals are needed` : approved.slice(0, -1)],
        ...(enteredAt === null ? [] : [["In this phase since", [{ at: enteredAt }]] as const]),
        ...(view.frozenReason === null || view.phase !== "frozen" ? [] : [["Stopped because", view.frozenReason] as const]),
      ],
    },
  ];
}

function keepPart(view: DeletionView): Part {
  const isStopped = !["archiving", "proposed", "cooling_off"].includes(view.frozenFrom ?? view.phase);
  const label = `Keep the domain of ${view.slug}`;
  return {
    kind: "button_line",
    text: `Do you still need it? Keep ends the deletion${isStopped ? ", and gives back what was stopped" : ""}.`,
    button: { action: "status_keep", text: "Keep", value: view.id, label, isPrimary: true },
  };
}

/** A deletion after which the domain is gone: when, by whom, what was saved, and Download for each saved template. */
export function partsAfterwards({ view, enteredAt, saved }: LastDeletion): readonly Part[] {
  const when: Words = enteredAt === null ? "" : [" ", { at: enteredAt }];
  const approvers = view.approvals.map((a) => a.operator.name);
  const who =
    view.phase === "closed" ? " by somebody else, not by Twokey" : approvers.length === 0 ? "" : `. Approved by ${approvers.join(" and ")}`;
  const waived = view.archive
    .filter((a) => a.state === "waived")
    .map((a): Words => [{ code: a.name }, `: ${a.kind}, waived by ${a.waivedBy.join(" and ")}`]);
  const isTemplate = (one: SavedThing): number => Number(one.kind === "template");
  const shown = saved.toSorted((a, b) => isTemplate(b) - isTemplate(a) || compareNames(a.name, b.name)).slice(0, SAVED_MAX);
  const left = saved.length - shown.length;
  return [
    { kind: "text", text: ["The domain ", { code: view.path }, " was deleted", ...pieces(when), `${who}.`] },
    {
      kind: "fields",
      rows: [
        ["Why", why(view)],
        ["Asked for by", view.requesters.join(", ") || "not known"],
      ],
    },
    { kind: "text", text: saved.length === 0 ? "Nothing of it is in the archive." : `Saved in the archive: ${savedText(saved)}.` },
    ...shown.map((one) => savedPart(one, view.slug)),
    ...(left > 0 ? [{ kind: "note" as const, text: `… and ${left} more: /ci-export-template ${view.slug} lists the templates.` }] : []),
    { kind: "list", title: "Not saved", lines: waived },
  ];
}

function savedPart({ kind, name, bytes, savedAt, itemId }: SavedThing, slug: string): Part {
  const text: Words = [{ code: name }, `: ${kind.replaceAll("_", " ")}, ${sizeText(bytes)}, saved `, { at: savedAt, as: "day" }];
  if (kind !== "template") return { kind: "text", text };
  const value = `${slug} ${itemId}`;
  return { kind: "button_line", text, button: { action: "choose_template", text: "Download", value, label: `Download ${name}` } };
}

function savedText(saved: readonly SavedThing[]): string {
  const templates = saved.filter((s) => s.kind === "template").length;
  const others = saved.length - templates;
  const bytes = sizeText(saved.reduce((n, s) => n + s.bytes, 0));
  const named = [...(templates === 0 ? [] : [counted(templates, "template")]), ...(others === 0 ? [] : [counted(others, "other thing")])];
  return `${named.join(" and ")}, ${bytes}`;
}

function why({ evidence, slug }: DeletionView): Words {
  if (evidence.kind === "absent") return ["The CI database no longer lists the project, since ", { at: evidence.since }];
  const closed = `The project ${slug} was closed in the CI database`;
  return evidence.closedAt === null ? closed : [`${closed} on `, { at: evidence.closedAt }];
}

/** What the phase means for the reader; frozen, it is still as it was where it froze. */
function meaning(v: DeletionView, isMember: boolean): readonly (string | Moment)[] {
  const isFrozen = v.phase === "frozen";
  const stopped = isFrozen ? "Nothing goes on until a person of the CI team has decided. " : "";
  const shut = `${isMember ? "Your account is" : "The accounts are"} disabled and the machines are stopped`;
  switch (isFrozen ? (v.frozenFrom ?? v.phase) : v.phase) {
    case "archiving":
      return [`${stopped}Nothing is changed: the domain is deleted only if ${quorumText(v)} people approve it.`];
    case "proposed":
      return [
        `${stopped}Nothing is changed: the domain is deleted only if ${quorumText(v)} people approve it`,
        ...(v.until === null || isFrozen ? [] : [" before ", { at: v.until }]),
        ".",
      ];
    case "cooling_off":
      return [`${stopped}It is approved, and nothing is changed ${isFrozen || v.until === null ? "yet" : "until then"}.`];
    case "quarantining":
      return [`${stopped}${shut} now. Nothing is lost.`];
    case "grace":
      return [`${stopped}${shut}; nothing is lost${isFrozen || v.until === null ? "" : " until then"}.`];
    case "dismantling":
    case "expunging":
      return [
        `${stopped}${shut}. They are being destroyed, and can still be given back`,
        ...(v.expungesAfter === null ? [] : [" until ", { at: v.expungesAfter }]),
        ".",
      ];
    case "removing":
      return [`${stopped}Only what is in the archive can be brought back now.`];
    default:
      return [stopped];
  }
}

function quorumText({ quorum }: DeletionView): string {
  return quorum === 2 ? "two" : String(quorum);
}

function pieces(words: Words): Exclude<Words, string> {
  return typeof words === "string" ? [words] : words;
}
