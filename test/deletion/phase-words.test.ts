/** Claim: every phase of a deletion has words that a person understands, none of them the name of a phase, and says until when it lasts where the reader's zone is known. */
import { expect, test } from "vitest";
import type { Instant } from "../../src/core/ids.ts";
import { phases, type ClosedBecause } from "../../src/core/phases.ts";
import { phaseText, phaseWords } from "../../src/deletion/phase-words.ts";

const until = Date.UTC(2026, 11, 12, 8) as Instant;
const standing = { until, closedBecause: null, frozenFrom: null };

test("the words of each phase", () => {
  expect(Object.fromEntries(phases.map((phase) => [phase, phaseText({ ...standing, phase })]))).toEqual({
    archiving: "Backing up templates",
    proposed: "Waiting for approvals",
    cooling_off: "Cooling off",
    quarantining: "Going into quarantine",
    grace: "Quarantined",
    dismantling: "Taking machines and disks away",
    expunging: "Waiting until CloudStack has removed the machines",
    removing: "Removing the domain for good",
    deleted: "Deleted",
    closed: "Ended, nothing deleted",
    frozen: "Frozen, a person must decide",
  });
});

test("how it ended: nothing deleted, unless somebody else deleted it", () => {
  const all: readonly ClosedBecause[] = ["rejected", "expired", "cancelled", "restored", "changed", "came_back", "kept", "gone"];
  const words = all.map((closedBecause) => phaseText({ ...standing, phase: "closed", closedBecause }));
  expect(words).toContain("Cancelled, nothing deleted");
  expect(words.filter((w) => !w.endsWith("nothing deleted"))).toEqual(["Deleted by somebody else"]);
});

test("the instant is given apart, for the reader's own zone, where the phase waits for it", () => {
  expect(phaseWords({ ...standing, phase: "grace" })).toEqual({ words: "Quarantined until", until });
  expect(phaseWords({ ...standing, phase: "grace", until: null })).toEqual({ words: "Quarantined", until: null });
  expect(phaseWords({ ...standing, phase: "proposed" })).toEqual({ words: "Waiting for approvals", until: null });
});
