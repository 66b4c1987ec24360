/** Claim: what a hold says to type, typed as it is told, works: two approvers agree on its card, and the next pass goes on. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { parseCommand } from "../../src/commands/command.ts";
import { answerPolicy } from "../../src/commands/policy.ts";
import type { Asker } from "../../src/core/people.ts";
import { numberSettings } from "../../src/core/policy.ts";
import type { Failure } from "../../src/core/failure.ts";
import { ok, type Result } from "../../src/core/result.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { readPlanInputs } from "../../src/store/plans.ts";
import { heldBack } from "../../src/sync/execution/matters.ts";
import { replayPlan } from "../../src/sync/execution/replay.ts";
import { assessHolds } from "../../src/sync/planning/holds.ts";
import { wordsToLift } from "../../src/sync/planning/lift.ts";
import type { Plan } from "../../src/sync/planning/plan.ts";
import type { PlanPolicy } from "../../src/sync/planning/policy.ts";
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

function okOf<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

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

test("one thing is not counted as several; a plan that an earlier version stored is made again in its words", async () => {
  const s = service(fresh.db, { beta: members(8) });
  await putInForce(fresh.db, { restrictionsPerPass: 0, restrictionsPerDay: 0 });
  await s.pass();
  s.projects["beta"]?.members.delete("m0");
  const { plan, id } = await s.pass();
  expect(plan.holds.map((h) => h.sentence)).toEqual([
    "1 lock or lowered limit in one pass; the limit is 0",
    "1 more lock, changed role or lowered limit is above the limit of 0 a day over all passes",
  ]);
  const inputs = await readPlanInputs(fresh.db, id);
  if (inputs === null) throw new Error("its inputs are not stored");
  const now = okOf(replayPlan(inputs));
  expect(now.again).toBe(now.stored);

  const before = replayPlan({ ...inputs, policy: { ...(inputs.policy as PlanPolicy), rules: 2 } });
  expect((JSON.parse(okOf(before).again) as Plan).holds.map((h) => h.sentence)).toEqual([
    "1 locks or lowered limits in one pass; the limit is 0",
    "1 more locks, changed roles or lowered limits are above the limit of 0 a day over all passes",
  ]);
});

test("a first plan of one change in one adopted domain is told as one, and by earlier versions as they did", () => {
  const firstPlan = [{ domainId: "d1" as never, kind: "lower_limit" }];
  const side = { coverage: "partial", reason: "narrowed to one project", scope: { kind: "project" }, projects: [], held: [] };
  const told = (more: readonly { readonly domainId: never; readonly kind: string }[], rules: 2 | 3): string | undefined =>
    assessHolds({
      ...{ firstPlan: [...firstPlan, ...more], membersGone: [], proposals: 0, scopeFingerprint: "f" as never, now: 0 as never },
      differences: { additive: [], restrictive: [], drift: [], holds: [] },
      input: { desired: side, observed: side, known: { pinnedScope: null } } as never,
      policy: { rules } as PlanPolicy,
    }).find((h) => h.kind === "first_plan")?.sentence;
  expect(told([], 3)).toBe("1 lock, changed role or lowered limit in 1 adopted domain waits: it is its first plan");
  expect(told([], 2)).toBe("1 locks, changed roles or lowered limits in 1 adopted domains wait: it is their first plan");
  const deletion = { domainId: "d2" as never, kind: "delete" };
  expect(told([deletion], 3)).toBe(
    "1 lock, changed role or lowered limit and 1 deletion in 2 adopted domains wait: it is their first plan",
  );
  expect(told([{ domainId: "d1" as never, kind: "set_role" }], 3)).toBe(
    "2 locks, changed roles or lowered limits in 1 adopted domain wait: it is its first plan",
  );
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
