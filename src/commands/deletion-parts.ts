/** What a person is told of their project's deletion, while it is under way and after it. */
import type { Instant } from "../core/ids.ts";
import type { ItemKind } from "../core/inventory.ts";
import { sizeText } from "../core/units.ts";
import { phaseWords } from "../deletion/phase-words.ts";
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

/** A deletion under way: where it stands and until when, what that means for the reader, why, who, and Keep for a member. */
export function partsUnderWay({ view, enteredAt }: LastDeletion, isMember: boolean): readonly Part[] {
  const { words, until } = phaseWords(view);
  const since: Words = enteredAt === null ? "" : [" Since ", { at: enteredAt }, "."];
  const approved = view.approvals.flatMap((a): readonly (string | Moment)[] => [`${a.operator.name} `, { at: a.at }, ", "]);
  const keep: Part = {
    kind: "button_line",
    text: "Do you still need it? Keep ends the deletion and gives back what was stopped.",
    button: { action: "status_keep", text: "Keep", value: view.id, label: `Keep the domain of ${view.slug}`, isPrimary: true },
  };
  return [
    {
      kind: "text",
      text: [words, ...(until === null ? [] : [" ", { at: until }]), ". ", ...pieces(meaning(view, isMember)), ...pieces(since)],
    },
    ...(isMember && mayKeep(view) ? [keep] : []),
    {
      kind: "fields",
      rows: [
        ["Why", why(view)],
        ["Asked for by", view.requesters.join(", ") || "nobody by name: the CI database does not say who closed the project"],
        ["Approved by", approved.length === 0 ? `nobody yet; ${view.quorum} approvals are needed` : approved.slice(0, -1)],
      ],
    },
  ];
}

/** A deletion after which the domain is gone: when, by whom, what was saved, and Download for each saved template. */
export function partsAfterwards({ view, enteredAt, saved }: LastDeletion): readonly Part[] {
  const when: Words = enteredAt === null ? "" : [" on ", { at: enteredAt }];
  const approvers = view.approvals.map((a) => a.operator.name);
  const who =
    view.phase === "closed" ? " by somebody else, not by Twokey" : approvers.length === 0 ? "" : `. Approved by ${approvers.join(" and ")}`;
  const waived = view.archive.filter((a) => a.state === "waived").map((a) => `${a.name}: ${a.kind}, waived by ${a.waivedBy.join(" and ")}`);
  const shown = saved.slice(0, SAVED_MAX);
  const left = saved.length - shown.length;
  return [
    { kind: "text", text: [`The domain ${view.path} was deleted`, ...pieces(when), `${who}.`] },
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
  const text: Words = [`${name}: ${kind.replaceAll("_", " ")}, ${sizeText(bytes)}, saved on `, { at: savedAt, as: "day" }];
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

/** A number with its noun. */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

function mayKeep({ phase, frozenFrom }: DeletionView): boolean {
  return isLive({ phase }) && phase !== "removing" && !(phase === "frozen" && frozenFrom === "removing");
}

function why({ evidence, slug }: DeletionView): Words {
  if (evidence.kind === "absent") return ["The CI database no longer lists the project, since ", { at: evidence.since }];
  const closed = `The project ${slug} was closed in the CI database`;
  return evidence.closedAt === null ? closed : [`${closed} on `, { at: evidence.closedAt }];
}

/** What the phase means for the reader; frozen, it is still as it was where it froze. */
function meaning(v: DeletionView, isMember: boolean): Words {
  const phase = v.phase === "frozen" ? (v.frozenFrom ?? v.phase) : v.phase;
  const stopped: readonly string[] = v.phase === "frozen" ? ["Nothing goes on until a person of the CI team has decided. "] : [];
  const shut = isMember
    ? "Your account is disabled and the machines are stopped"
    : "The accounts are disabled and the machines are stopped";
  switch (phase) {
    case "archiving":
    case "proposed":
      return [...stopped, "Nothing is changed: the domain is deleted only if two people approve it."];
    case "cooling_off":
      return [...stopped, "It is approved, and nothing is changed yet."];
    case "quarantining":
      return [...stopped, `${shut} now. Nothing is lost.`];
    case "grace":
      return v.until === null
        ? [...stopped, `${shut}. Nothing is lost.`]
        : [...stopped, `${shut}; nothing is lost until `, { at: v.until }, "."];
    case "dismantling":
    case "expunging":
      return [
        ...stopped,
        `${shut}. They are being destroyed, and can still be given back`,
        ...(v.expungesAfter === null ? [] : [" until ", { at: v.expungesAfter }]),
        ".",
      ];
    case "removing":
      return [...stopped, "Only what is in the archive can be brought back now."];
    default:
      return [...stopped];
  }
}

function pieces(words: Words): readonly (string | Moment)[] {
  return typeof words === "string" ? [words] : words;
}
