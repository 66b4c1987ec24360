/**
 * Claim: when a complete read lists none any more of three or more members of an active project, nobody of it is locked before a person has
 * looked, however small a part of the fleet it is; everything else goes on.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { parseCommand } from "../../src/commands/command.ts";
import { answerPolicy } from "../../src/commands/policy.ts";
import type { Asker } from "../../src/core/people.ts";
import { ok } from "../../src/core/result.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { readPlanInputs } from "../../src/store/plans.ts";
import { heldBack } from "../../src/sync/execution/matters.ts";
import { replayPlan } from "../../src/sync/execution/replay.ts";
import { approversOf, configOf, putInForce } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { openOne, op } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids, service, type Service } from "./people.ts";

let fresh: FreshDatabase;
let s: Service;
const names = (n: number, as: string): string[] => Array.from({ length: n }, (_, i) => `${as}${i}`);
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  const others = Object.fromEntries(Array.from({ length: 12 }, (_, p) => [`q${p}`, names(5, `u${p}-`)]));
  s = service(fresh.db, { ...others, team: names(8, "t"), crew: names(3, "c"), duo: names(2, "d") });
  await s.pass();
});
afterEach(() => fresh.drop());

const locked = (): readonly string[] => [...s.accounts.values()].filter((a) => a.state === "locked").map((a) => a.name);
const empty = (project: string): void => s.projects[project]?.members.clear();
const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });

test("all eight members of an active project vanish at once: none of them is locked in any later pass, and others of the fleet are", async () => {
  empty("team");
  s.projects["q0"]?.members.delete("u0-0");
  Object.assign(s.projects["team"] ?? {}, { limits: { user_vm: 1 } });
  const first = await s.pass();
  const held = first.plan.holds;
  expect(held).toEqual([
    {
      kind: "members_gone",
      blocks: "domains",
      about: "team",
      projectId: "team",
      domainIds: [s.domains.get("team")?.id],
      sentence: "none of the 8 members of team, an active project, is listed any more",
      liftedBy:
        "their return; if it is right, the CI team, by removing them in parts or closing it; or two approvers: /ci-policy set emptied-projects",
    },
  ]);
  expect(first.state).toBe("held");
  // Eight locks and a lowered limit.
  expect(held.flatMap((h) => heldBack(h, first.plan))).toHaveLength(9);
  expect(locked()).toEqual(["u0-0"]);
  const shown = s.shown;
  for (let i = 0; i < 3; i += 1) await s.pass();
  expect(locked()).toEqual(["u0-0"]);
  expect(s.shown).toBe(shown);
});

test("a read that is whole again ends it, and who really left is locked then", async () => {
  empty("team");
  await s.pass();
  for (const name of names(8, "t").slice(1)) s.projects["team"]?.members.add(name);
  expect((await s.pass()).plan.holds).toEqual([]);
  expect(locked()).toEqual(["t0"]);
});

test("three of three are enough, and two who leave together are locked", async () => {
  empty("crew");
  empty("duo");
  expect((await s.pass()).plan.holds.map((h) => h.projectId)).toEqual(["crew"]);
  expect(locked().toSorted()).toEqual(["d0", "d1"]);
});

test("who is removed one part at a time is locked", async () => {
  for (const name of names(7, "t")) s.projects["team"]?.members.delete(name);
  expect((await s.pass()).plan.holds).toEqual([]);
  empty("team");
  expect((await s.pass()).plan.holds).toEqual([]);
  expect(locked().toSorted()).toEqual(names(8, "t"));
});

test("whose account is not in use says nothing: two of eight are left, and both leave", async () => {
  for (const name of names(6, "t")) s.projects["team"]?.members.delete(name);
  await s.pass();
  empty("team");
  expect((await s.pass()).plan.holds).toEqual([]);
  expect(locked()).toHaveLength(8);
});

test("a member whose own account is disabled does not make up for the others", async () => {
  const id = ids("team", "t0").account;
  const account = s.accounts.get(id);
  if (account !== undefined) s.accounts.set(id, { ...account, state: "disabled" });
  for (const name of names(8, "t").slice(1)) s.projects["team"]?.members.delete(name);
  expect((await s.pass()).plan.holds.map((h) => h.kind)).toEqual(["members_gone"]);
  expect(locked()).toEqual([]);
});

test("a project that closes with its members, or whose domain is under deletion, has no hold", async () => {
  empty("crew");
  await openOne(fresh.db, { domain: s.domains.get("crew")?.id ?? "" });
  empty("team");
  Object.assign(s.projects["team"] ?? {}, { state: "closed" });
  expect((await s.pass(s.bot(configOf(), { enqueue: async () => undefined }))).plan.holds).toEqual([]);
  expect(locked()).toEqual([]);
});

test("what is held so uses up no limit of the others", async () => {
  await putInForce(fresh.db, { restrictionsPerPass: 1, changesPerPass: 1, restrictionsPerDay: 1 });
  empty("team");
  s.projects["q0"]?.members.delete("u0-0");
  expect((await s.pass()).plan.holds.map((h) => h.kind)).toEqual(["members_gone"]);
  expect(locked()).toEqual(["u0-0"]);
});

test("where most members of all are gone, that one hold says so", async () => {
  for (const project of ["team", "crew", ...Array.from({ length: 4 }, (_, p) => `q${p}`)]) empty(project);
  expect((await s.pass()).plan.holds.map((h) => h.kind)).toEqual(["shrunken_source"]);
  expect(locked()).toEqual([]);
});

test("two approvers let as many projects through as the message says, by the command that it says", async () => {
  const cards: PolicyChangeView[] = [];
  const bot = s.bot(configOf(), {
    approvers: approversOf(() => ok(["ada", "ben", "chen"])),
    changes: { showChange: async (view) => void cards.push(view) },
  });
  empty("team");
  const held = await s.pass(bot);
  const message = renderPlan(held, "test").blocks.flatMap((b) => (b.type === "section" && b.text !== undefined ? [b.text.text] : []));
  const typed = /\/ci-policy (set .*? because .* is right)$/m.exec(message.join("\n"))?.[1] ?? "";
  expect(typed).toMatch(/^set emptied-projects 1 because /);
  const command = parseCommand("/ci-policy", typed);
  if (!command.ok || command.value.kind !== "policy") throw new Error(`it is not understood: ${typed}`);
  expect((await answerPolicy(asker("ada"), command.value.wish, bot.services.policy)).title).toMatch(/^Proposed: /);
  const { id: changeId, digest } = cards.at(-1) ?? { id: "", digest: "" as never };
  for (const name of ["ben", "chen"]) {
    expect(locked()).toEqual([]);
    expect(await bot.services.policy.approve({ changeId, digest, by: asker(name) })).toMatchObject({ ok: true });
  }
  await s.pass(bot);
  expect(locked().toSorted()).toEqual(names(8, "t"));
  // One more project beside it is more than that.
  for (const name of names(8, "t")) s.projects["team"]?.members.add(name);
  await s.pass(bot);
  empty("team");
  empty("crew");
  expect((await s.pass(bot)).plan.holds.map((h) => h.projectId).toSorted()).toEqual(["crew", "team"]);
  expect(locked()).toEqual([]);
});

test("INV-7: a plan of an earlier version, which knew no such hold, is made again without it; one of now with it", async () => {
  empty("team");
  const { id } = await s.pass();
  const inputs = await readPlanInputs(fresh.db, id);
  if (inputs === null) throw new Error("no inputs");
  const now = replayPlan(inputs);
  expect(now.ok && now.value.again === now.value.stored).toBe(true);
  const { emptiedPerPass: _, ...policy } = inputs.policy as Record<string, unknown>;
  const before = replayPlan({ ...inputs, policy });
  expect(before.ok && before.value.again).not.toContain("members_gone");
});
