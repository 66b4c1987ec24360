/** Claim: what follows from a refusal is decided by one table, which the document shows; other rooms' failures get their reason from their kind. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { failure } from "../../src/core/failure.ts";
import { phases } from "../../src/core/phases.ts";
import {
  effectOf,
  effects,
  guardRefusal,
  LONG_MS,
  refusalOf,
  REST_MS,
  SHORT_MS,
  type Effect,
  type Reason,
} from "../../src/deletion/reasons.ts";

const reasons = Object.keys(effects) as readonly Reason[];

function cell(effect: Effect): string {
  if (typeof effect === "string") return effect.replaceAll("_", " ");
  const time = effect.waitMs === SHORT_MS ? "30 min" : effect.waitMs === LONG_MS ? "36 h" : "?";
  return `${time}, then ${cell(effect.then)}`;
}

test("the document has the table, row by row", () => {
  const doc = readFileSync(path.resolve(import.meta.dirname, "../../docs/life-of-a-deletion.md"), "utf8");
  const rows = reasons.map((reason) => {
    const { untouched, quarantined, recoverable, removing } = effects[reason];
    return `| \`${reason}\` | ${[untouched, quarantined, recoverable, removing].map(cell).join(" | ")} |`;
  });
  const shown = doc.split("\n").filter((line) => line.startsWith("| `"));
  expect(shown).toEqual(rows);
});

test("nothing is closed or given back after the point of no return, but a domain that was deleted", () => {
  const ends = reasons.filter((reason) => ["close", "give_back"].includes(effectOf(reason, "removing", Number.POSITIVE_INFINITY)));
  expect(ends).toEqual(["domain_deleted"]);
});

test("people are asked to go on only where two of them may accept the reason", () => {
  const asks = reasons.filter((reason) => phases.some((phase) => effectOf(reason, phase, Number.POSITIVE_INFINITY) === "ask_people"));
  expect(asks.toSorted()).toEqual(["came_back", "changed", "closed_again", "domain_gone", "neighbours", "no_quorum"]);
});

test("while machines can be recovered, nothing waits longer than CloudStack keeps them", () => {
  const waits = reasons.map((reason) => effects[reason].recoverable).flatMap((e) => (typeof e === "object" ? [e.waitMs] : []));
  expect(Math.max(...waits)).toBeLessThanOrEqual(SHORT_MS);
});

test("while machines can be recovered, no reason lets CloudStack's clock run out", () => {
  for (const reason of reasons)
    for (const phase of ["dismantling", "expunging"] as const) {
      expect(effectOf(reason, phase, SHORT_MS), reason).not.toBe("wait");
      expect(effectOf(reason, phase, 0, REST_MS), reason).not.toBe("wait");
    }
});

test("what was there for a moment brings no machine to rest: long before CloudStack may expunge it, and where only its task has not run", () => {
  for (const left of [REST_MS + 1, 0, -1, -24 * 3600_000]) {
    expect(effectOf("unavailable", "expunging", 0, left)).toBe("wait");
    expect(effectOf("unavailable", "expunging", SHORT_MS, left)).toBe("rest");
  }
});

test("a wait ends by time, whatever number of tries", () => {
  expect(effectOf("cloudstack_refused", "removing", LONG_MS - 1)).toBe("wait");
  expect(effectOf("cloudstack_refused", "removing", LONG_MS)).toBe("freeze");
});

describe("the reason of a failure", () => {
  test.each<[string, Parameters<typeof failure>, Reason]>([
    ["a read that failed, however", ["rejected", "cloudstack.internal", "x", { details: { command: "listVolumes" } }], "unavailable"],
    [
      "a call that CloudStack refused",
      ["rejected", "cloudstack.internal", "x", { details: { command: "deleteDomain" } }],
      "cloudstack_refused",
    ],
    ["maintenance", ["unavailable", "cloudstack.maintenance", "x"], "unavailable"],
    ["a lost answer", ["indeterminate", "cloudstack.lost_answer", "x"], "unknown_outcome"],
    ["the stop switch between two calls", ["refused", "cloudstack.stopped", "x"], "stopped"],
    ["a domain that is gone", ["stale", "cloudstack.domain_gone", "x"], "domain_gone"],
    ["a domain that was renamed", ["stale", "cloudstack.domain_moved", "x"], "domain_moved"],
    ["the deleter's own guards", ["refused", "cloudstack.not_approved", "x"], "not_granted"],
    ["a damaged copy", ["contract_broken", "archive.damaged", "x"], "archive_damaged"],
  ])("%s", (_what, of, reason) => expect(refusalOf(failure(...of)).reason).toBe(reason));

  test("of the guard stays what the guard said", () => {
    expect(refusalOf(guardRefusal("neighbours", "x"))).toMatchObject({ reason: "neighbours", code: "deletion.neighbours" });
  });
});
