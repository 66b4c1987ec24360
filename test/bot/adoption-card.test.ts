/** Claim: a card of adoption can be approved only while it is open and all of the table can be read; the file goes into its thread once. */
import { expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { renderAdoptionCard } from "../../src/bot/render/adoption-card.ts";
import { situations } from "../../src/core/adoption.ts";
import { digestOf } from "../../src/core/digest.ts";
import type { AdoptionView } from "../../src/sync/adoption/context.ts";
import { at } from "../support/deletions.ts";

const view: AdoptionView = {
  ...{ id: "6f1c9a1e-0000-4000-8000-000000000001", kind: "adopt", digest: digestOf("x"), state: "proposed", domains: 400, accounts: 1200 },
  counts: Object.fromEntries(situations.map((s, i) => [s, i])) as AdoptionView["counts"],
  rest: null,
  lines: Array.from({ length: 400 }, (_, i) => `ROOT/ci/p${i} for p${i} <!channel> *bold*, with 3 accounts`),
  ...{ table: "x", proposedBy: "chen <b>", isFromTerminal: false, quorum: 2, approvals: [{ name: "ada", at: at(5) }], mayApprove: ["ben"] },
  ...{ proposedAt: at(1), expiresAt: at(9), endedAt: null, endedBy: null, endedReason: null },
};
const text = (v: Partial<AdoptionView>, isReadable = true): string => {
  const rendering = renderAdoptionCard({ ...view, ...v }, "test", isReadable);
  expect(validateBlocks(rendering.blocks, "message")).toEqual([]);
  return JSON.stringify(rendering);
};

test("open: Approve and Reject, both with the digest; what it does not do is said", () => {
  const shown = text({});
  expect(shown).toContain(`"v1:${view.id}:${view.digest}"`);
  for (const words of ["adoption_approve", "adoption_reject", "Nothing is created, renamed, locked or deleted", "1 of 2", "and 388 more"])
    expect(shown).toContain(words);
  expect(shown).not.toContain("<!channel>");
});

test("before the whole table is in the thread there is no Approve", () => {
  expect(text({}, false)).not.toContain("adoption_approve");
  expect(text({}, false)).toContain("nobody can approve");
});

test.each(["applied", "rejected", "expired", "superseded", "moved"] as const)("%s: no buttons, and how it ended", (state) => {
  for (const kind of ["adopt", "give_back", "release"] as const) {
    const shown = text({ state, kind, endedAt: at(7), endedBy: "ada", endedReason: "not these" });
    expect(shown).not.toMatch(/adoption_(approve|reject)/);
    if (state !== "applied") expect(shown).toContain("not these");
  }
});

test("of an unknown login at a terminal: one approver more, and why", () => {
  expect(text({ isFromTerminal: true, quorum: 3 })).toContain("3 approvers must agree");
  expect(text({ isFromTerminal: true, quorum: 3 })).toContain("It was asked at a terminal, where anybody can have any login");
});
