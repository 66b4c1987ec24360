import type { Asker, Operator } from "../core/people.ts";
import type { DeletionId, Digest, DomainId, DomainPath, Instant, ProjectId } from "../core/ids.ts";
import type { Evidence } from "../sync/planning/desired.ts";
import type { AlsoTaken, InventoryItem, ItemKind } from "../core/inventory.ts";
import type { MemberStage } from "../core/member-stages.ts";
import type { ClosedBecause, Phase } from "../core/phases.ts";

/** The state of one archive entry. `waived`: two approvers gave it up by name. */
export interface ArchiveLine {
  readonly id: string;
  readonly kind: ItemKind;
  readonly name: string;
  readonly state: "waiting" | "saving" | "verified" | "failed" | "waived";
  readonly bytes: number | null;
  readonly problem: string | null;
  /** Who voted to waive it, by name; it takes two. */
  readonly waivedBy: readonly string[];
}

/** All that a card, a status line or the home page shows of one deletion; plain data, rendered elsewhere. */
export interface DeletionView {
  readonly id: DeletionId;
  readonly phase: Phase;
  /** Increases with every transition; a click carries the version it saw. */
  readonly version: number;
  readonly projectId: ProjectId;
  readonly slug: string;
  readonly domainId: DomainId;
  readonly path: DomainPath;
  readonly evidence: Evidence;
  readonly digest: Digest | null;
  readonly openedAt: Instant;
  /** Who asked for it, by name where it is known; none of them may approve. */
  readonly requesters: readonly string[];
  readonly quorum: number;
  readonly approvals: readonly { readonly operator: Operator; readonly at: Instant }[];
  readonly rejection: { readonly operator: Operator; readonly reason: string; readonly at: Instant } | null;
  /** Names of those who may approve now; empty when the directory could not be read. */
  readonly mayApprove: readonly string[];
  /** Who of them counts as one person, in a sentence; empty: nobody. */
  readonly onePerson: string;
  /** Null before the first inventory. */
  readonly blast: BlastRadius | null;
  /** What goes along without a copy, as it was read when the card was made. */
  readonly alsoTaken: readonly AlsoTaken[];
  readonly archive: readonly ArchiveLine[];
  /** Why there is no Approve button although the phase is `proposed`: a running machine, an entry not saved, an obstacle. */
  readonly vetoes: readonly string[];
  /** When the current phase's wait ends: expiry, end of cool-off, end of grace; null when the phase does not wait. */
  readonly until: Instant | null;
  /** From when on CloudStack may expunge the machines that were destroyed; null while none is. */
  readonly expungesAfter: Instant | null;
  /** What the deletion is doing now, one sentence. */
  readonly activity: string | null;
  readonly closedBecause: ClosedBecause | null;
  readonly closedBy: string | null;
  readonly frozenReason: string | null;
  readonly frozenFrom: Phase | null;
  /** Since when the next step is kept back; `activity` says by what. Null while nothing keeps it back. */
  readonly waitingSince: Instant | null;
  /** What two approvers are asked after a freeze in `removing`. */
  readonly goOn: GoOnView | null;
  readonly steps: { readonly done: number; readonly of: number };
  /** The approved machines as they were seen last; null: what it holds was not approved yet. */
  readonly machinesNow: readonly { readonly name: string; readonly state: string }[] | null;
  /** When what keeps the next step back is over, in words; null: nothing does, or it is not known. */
  readonly clearsWhen: string | null;
  /** From when on people are asked again, where the project is still gone; null: they did not refuse it. */
  readonly askedAgainAt: Instant | null;
  /** That people refused it the last time, while they are asked again. */
  readonly refusedBefore: {
    readonly because: ClosedBecause;
    readonly by: string | null;
    readonly reason: string;
    readonly at: Instant;
  } | null;
  /** What the project's members are told now; null: nothing. */
  readonly members: MembersView | null;
}

/** What the members of a deletion's project are told. */
export interface MembersView {
  readonly stage: MemberStage;
  /** Whether it takes a message of its own; otherwise the last one is changed in place. */
  readonly isNews: boolean;
  /** Who could not be told, by name, and why; an empty member: why nobody is named. */
  readonly untold: readonly { readonly member: string; readonly problem: string }[];
}

/** The question whether a deletion that froze in `removing` goes on: the difference between what was approved and what was found. */
export interface GoOnView {
  readonly id: string;
  readonly digest: Digest;
  /** What nobody approved yet. */
  readonly appeared: readonly Pick<InventoryItem, "kind" | "name">[];
  /** How many approved things are gone, and how many things are left. */
  readonly gone: number;
  readonly left: number;
  /** Why nobody may say Go on although it is asked. */
  readonly objections: readonly string[];
  readonly approvals: DeletionView["approvals"];
  readonly until: Instant;
}

/** What a deletion takes with it. */
export interface BlastRadius {
  readonly counts: Readonly<Partial<Record<ItemKind, number>>>;
  readonly machinesRunning: number;
  readonly machinesStopped: number;
  readonly volumeBytes: number;
  readonly templateNames: readonly string[];
  readonly machineNames: readonly string[];
  readonly accountNames: readonly string[];
  readonly lastActivityAt: Instant | null;
  /** Share of all managed domains, 0…1. */
  readonly shareOfFleet: number;
}

/** Shows a deletion to people. Implemented by the bot; every call is idempotent by deletion and version. */
export interface DeletionAnnouncer {
  /** Posts the card, or updates it in place. */
  showCard(view: DeletionView): Promise<void>;
  /** One line in the card's thread. `key` makes a repeated note one note. */
  note(view: DeletionView, key: string, sentence: string): Promise<void>;
  /** Sends the project's members what is new to them by direct message, with a Keep button while keeping it is possible. */
  tellMembers(view: DeletionView): Promise<void>;
  /** Asks who closed the project, or else the team, to settle it in the CI database; false: Slack did not take it, now. */
  askToSettle(view: DeletionView): Promise<boolean>;
}

/** What a person does with one deletion; `version` is what the card showed when it was clicked. */
export interface DeletionClick {
  readonly deletionId: DeletionId;
  readonly version: number;
  readonly digest: Digest | null;
  readonly by: Asker;
}
