/** Claim: what a hold says to type, typed as it is told, works: two approvers agree on its card, and the next pass goes on. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { parseCommand } from "../../src/commands/command.ts";
import { answerPolicy } from "../../src/commands/policy.ts";
import type { Asker } from "../../src/core/people.ts";
import { numberSettings } from "../../src/core/policy.ts";
import { ok } from "../../src/core/result.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { heldBack } from "../../src/sync/execution/matters.ts";
import { wordsToLift } from "../../src/sync/planning/lift.ts";
import { approversOf, configOf, putInForce } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { op } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { service } from "./people.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
});
afterEach(() => fresh.drop());

const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });
const members = (n: number): string[] => Array.from({ length: n }, (_, i) => `m${i}`);

test.each([
  ["too many changes", { changesPerPass: 2 }, "too_many_changes"] as const,
  ["too many restrictions", { restrictionsPerPass: 1, shrinkMinShare: 0.1 }, "too_many_restrictions"] as const,
  ["restrictions of a day", { restrictionsPerDay: 1, restrictionsPerPass: 9, shrinkMinShare: 0.1 }, "restrictions_used_up"] as const,
  ["too few members", { shrinkMinShare: 0.9 }, "shrunken_source"] as const,
])("%s: the command of the message is taken, and after two approvals the plan is carried out", async (_what, limits, kind) => {
  const s = service(fresh.db, { beta: members(8) });
  await putInForce(fresh.db, limits);
  const cards: PolicyChangeView[] = [];
  const bot = s.bot(configOf(), {
    approvers: approversOf(() => ok(["ada", "ben", "chen"])),
    changes: { showChange: async (view) => void cards.push(view) },
  });
  await s.pass(bot);
  const beta = s.projects["beta"]?.members;
  if (kind === "too_many_changes") for (const name of ["x", "y", "z"]) beta?.add(name);
  else for (const name of ["m0", "m1"]) beta?.delete(name);
  const held = await s.pass(bot);
  expect(held.state).toBe("held");
  expect(held.plan.holds.map((h) => h.kind)).toContain(kind);

  const message = renderPlan(held, "test").blocks.flatMap((b) => (b.type === "section" && b.text !== undefined ? [b.text.text] : []));
  const typed = /\/ci-policy (set .*? because .* is right)$/m.exec(message.join("\n"))?.[1] ?? "";
  const command = parseCommand("/ci-policy", typed);
  if (!command.ok || command.value.kind !== "policy") throw new Error(`it is not understood: ${typed}`);
  expect((await answerPolicy(asker("ada"), command.value.wish, bot.services.policy)).title).toMatch(/^Proposed: /);
  const { id: changeId, digest } = cards.at(-1) ?? { id: "", digest: "" as never };
  for (const name of ["ben", "chen"])
    expect(await bot.services.policy.approve({ changeId, digest, by: asker(name) })).toMatchObject({ ok: true });

  const done = await s.pass(bot);
  expect(done.outcomes.map((o) => o.outcome)).toEqual(done.outcomes.map(() => "done"));
  expect(done.outcomes.length).toBeGreaterThan(1);
});

test("a hold that no limit lifts keeps its words", () => {
  const hold = {
    kind: "empty_source",
    blocks: "everything",
    sentence: "nothing is listed",
    liftedBy: "a source that is whole again",
  } as const;
  expect(wordsToLift(hold, { additive: [], restrictive: [], proposals: [], holds: [], digest: "d" as never })).toBe(hold.liftedBy);
});

test.each([
  ["too_many_restrictions", "restrictions-per-pass", "1193 locks"],
  ["restrictions_used_up", "restrictions-per-day", "1193 more locks are above the limit of 20 a day over all passes"],
  ["restrictions_used_up", "restrictions-per-week", "1193 more locks are above the limit of 60 a week over all passes"],
  ["too_many_changes", "changes-per-pass", "1193 changes in one pass; the limit is 500"],
] as const)(
  "%s: the value that is told for the first plan of a large fleet is one that /ci-policy takes (%s)",
  (kind, setting, sentence) => {
    const hold = { kind, blocks: "restrictions", sentence, liftedBy: `two approvers: /ci-policy set ${setting}` } as const;
    const told = wordsToLift(hold, {
      additive: [],
      restrictive: Array(1193).fill({}) as never,
      proposals: [],
      holds: [],
      digest: "d".repeat(64) as never,
    });
    const [, value = ""] = new RegExp(`set ${setting} (\\d+) because`).exec(told) ?? [];
    const { min, max } = numberSettings.find((s) => s.name === setting) ?? { min: 1, max: 0 };
    expect(Number(value)).toBeGreaterThanOrEqual(Math.max(1193, min));
    expect(Number(value)).toBeLessThanOrEqual(max);
  },
);

test("what waits for the release of a first plan is in no value that is told, nor held back by another hold", () => {
  const change = (domainId: string) => ({ kind: "lower_limit", domainId, type: "user_vm" });
  const restrictive = Array.from({ length: 44 }, (_, n) => change(`d${n}`)) as never;
  const waiting = Array.from({ length: 30 }, (_, n) => `d${n}`);
  const first = { kind: "first_plan", blocks: "adopted", sentence: "", liftedBy: "", domainIds: waiting } as never;
  for (const [kind, setting] of [
    ["too_many_restrictions", "restrictions-per-pass"],
    ["too_many_changes", "changes-per-pass"],
  ] as const) {
    const hold = { kind, blocks: "restrictions", sentence: "14", liftedBy: `two approvers: /ci-policy set ${setting}` } as const;
    const plan = { additive: [], restrictive, proposals: [], holds: [hold, first], digest: "d".repeat(64) as never };
    expect(wordsToLift(hold, plan)).toContain(`set ${setting} 14 because`);
    expect(heldBack(hold, plan)).toHaveLength(14);
    expect(heldBack(first, plan)).toHaveLength(30);
  }
});

test("a value that no limit takes is not told", () => {
  const hold = {
    kind: "too_many_proposals",
    blocks: "deletions",
    sentence: "2000",
    liftedBy: "two approvers: /ci-policy set proposals-per-pass",
  } as const;
  const plan = { additive: [], restrictive: [], proposals: Array(2000).fill({}) as never, holds: [], digest: "d".repeat(64) as never };
  expect(wordsToLift(hold, plan)).toBe(hold.liftedBy);
});
