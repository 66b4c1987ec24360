import type { Instant } from "../core/ids.ts";
import type { ClosedBecause, Phase } from "../core/phases.ts";
import type { DeletionView } from "./view.ts";

/** Where a deletion stands, as far as its words need it. */
export type Standing = Pick<DeletionView, "phase" | "until" | "closedBecause" | "frozenFrom">;

/** Where a deletion stands, in words; `until` follows them where the phase ends at an instant, to be shown in the reader's zone. */
export interface PhaseWords {
  readonly words: string;
  readonly until: Instant | null;
}

const plainWords: Record<Exclude<Phase, "cooling_off" | "grace" | "closed" | "frozen">, string> = {
  archiving: "Backing up templates",
  proposed: "Waiting for approvals",
  quarantining: "Going into quarantine",
  dismantling: "Taking machines and disks away",
  expunging: "Waiting until CloudStack has removed the machines",
  removing: "Removing the domain for good",
  deleted: "Deleted",
};

const endings: Record<ClosedBecause, string> = {
  rejected: "Rejected, nothing deleted",
  expired: "Expired, nothing deleted",
  cancelled: "Cancelled, nothing deleted",
  restored: "Restored, nothing deleted",
  changed: "Ended because the domain changed, nothing deleted",
  came_back: "Ended because the project came back, nothing deleted",
  kept: "Kept, nothing deleted",
  gone: "Deleted by somebody else",
};

/** Whether a member can still have the domain kept: until it ends, and until things are removed that only the archive can bring back. */
export function mayBeKept({ phase, frozenFrom }: Pick<Standing, "phase" | "frozenFrom">): boolean {
  return !["closed", "deleted", "removing"].includes(phase === "frozen" ? (frozenFrom ?? phase) : phase);
}

/** The words for where a deletion stands: "Quarantined until" and an instant, "Waiting for approvals", "Cancelled, nothing deleted". Pure. */
export function phaseWords(v: Standing): PhaseWords {
  switch (v.phase) {
    case "cooling_off":
      return v.until === null ? { words: "Cooling off", until: null } : { words: "Cooling off until", until: v.until };
    case "grace":
      return v.until === null ? { words: "Quarantined", until: null } : { words: "Quarantined until", until: v.until };
    case "closed":
      return { words: v.closedBecause === null ? "Ended, nothing deleted" : endings[v.closedBecause], until: null };
    case "frozen":
      return { words: frozenWords(v.frozenFrom), until: null };
    default:
      return { words: plainWords[v.phase], until: null };
  }
}

/** The same without its end, for headers, which cannot show an instant in the reader's zone: in another zone it may be another day. Pure. */
export function phaseText(v: Standing): string {
  return phaseWords(v).words.replace(/ until$/, "");
}

function frozenWords(from: Phase | null): string {
  return from === "removing" ? "Frozen during the removal, a person must decide" : "Frozen, a person must decide";
}
