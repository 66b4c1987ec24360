/**
 * Claim: a process that reads another scope than the confirmed one only reports: nothing is made, recorded or counted, no deletion goes on,
 * and two people are asked once. When they confirm it, passes act again.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { keysOf } from "../../demo/keys.ts";
import { resetDatabase } from "../sim/reset.ts";
import { root } from "../sim/ci.ts";
import { config, createWorld } from "../sim/world.ts";
import { createReplica } from "../sim/replica.ts";
import { team } from "../sim/people.ts";
import { openDoor } from "../sim/door.ts";
import type { Asker } from "../../src/core/people.ts";
import { takePassage } from "../../src/deletion/passage.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { askAboutScope } from "../../src/policy/service.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { readPolicy } from "../../src/store/policies.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { changed, configOf, testBot } from "../support/bot.ts";
import { approveIn, smallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const narrowed = configOf({ CI_PROJECTS_VIEW: "only_one_project" });
const scope = { ...config.policy.scope, views: narrowed.policy.scope.views };
const schedule = { kind: "schedule" } as const;

test("report-only until two people confirmed it", async () => {
  const w = await createWorld(7, fresh.db);
  openDoor((request, response) => w.cloud.serve(request, response));
  const effects: string[] = [];
  const r = createReplica(w, "A", keysOf(w.cloud), (p) => {
    const { writer } = p.cloud;
    return changed(p, {
      config: { ...config, ci: narrowed.ci, policy: { ...config.policy, scope } },
      writer: { applyChange: (...a) => (effects.push(a[0].kind), writer.applyChange(...a)) },
    });
  });
  const first = await r.runPass(null, schedule);
  expect(first.ok && first.value.state).toBe("held");
  expect(first.ok && first.value.plan.holds.map((h) => [h.kind, h.blocks])).toContainEqual(["scope_changed", "everything"]);
  expect(effects).toEqual([]);
  // A pass over one project, as of /ci-sync, changes nothing either.
  const one = await r.runPass({ kind: "project", root, projectId: w.ci.projects[0]?.id as ProjectId }, schedule);
  expect(one.ok && [one.value.state, one.value.plan.holds.find((h) => h.kind === "scope_changed")?.sentence]).toEqual([
    "held",
    expect.stringContaining("the scope is not the one that was confirmed"),
  ]);
  expect(effects).toEqual([]);
  expect(await counted()).toEqual({ managed: 0, complete: 0 });
  // Every pass that finds it asks; only one question is put.
  await r.runPass(null, schedule);
  const cards = w.policyCards;
  expect(cards).toHaveLength(1);
  expect(cards[0]).toMatchObject({ setting: "scope", proposedBy: "Twokey", effect: "neutral", state: "proposed" });
  expect(cards[0]?.after).toContain("only_one_project");
  const say = (who: Asker | undefined) =>
    r.services.policy.approve({ changeId: cards[0]?.id ?? "", digest: cards[0]?.digest ?? "", by: who as Asker });
  expect(await say(team[0])).toMatchObject({ ok: true, value: { applied: false } });
  const second = await r.runPass(null, schedule);
  expect([second.ok && second.value.state, effects]).toEqual(["held", []]);
  expect(await say(team[1])).toMatchObject({ ok: true, value: { applied: true } });
  expect((await readPolicy(w.db))?.body.scope).toEqual(scope);
  const third = await r.runPass(null, schedule);
  expect(third.ok && third.value.plan.holds.map((h) => h.kind)).not.toContain("scope_changed");
  expect((await counted()).complete).toBe(1);
});

test("a scope that people refused is not asked about again for a day, but may be proposed by hand", async () => {
  const cards: PolicyChangeView[] = [];
  let now = 5_000_000_000_000;
  const approvers = async () => ok(team.slice(0, 4).map((p) => p.operator));
  const bot = testBot(fresh.db, {
    config: configOf({ CI_PROJECTS_VIEW: "only_one_project", CLOUDSTACK_ROOT_DOMAIN: "ROOT/elsewhere" }),
    approvers: { resolve: approvers },
    changes: { showChange: async (v) => void cards.push(v) },
    now: () => now as never,
  });
  const reject = (reason: string) =>
    bot.services.policy.reject({ changeId: cards.at(-1)?.id ?? "", digest: cards.at(-1)?.digest ?? "", by: ada, reason });
  const ada = team[0] as Asker;
  await askAboutScope(bot.policy);
  await reject("that is not ours");
  await askAboutScope(bot.policy);
  expect(cards.filter((c) => c.state === "proposed")).toHaveLength(1);
  now += 25 * 3_600_000;
  // By a clock that is 25 hours ahead and knows it, it was refused a moment ago.
  await askAboutScope(bot.with({ clockSkew: async () => ({ ms: 25 * 3_600_000, against: "another clock" }) }).policy);
  expect(cards.filter((c) => c.state === "proposed")).toHaveLength(1);
  await askAboutScope(bot.policy);
  expect(cards.at(-1)).toMatchObject({ state: "proposed", setting: "scope" });
  await reject("still not ours");
  expect(await bot.services.policy.propose(ada, { setting: "scope", text: "present", reason: "it is ours after all" })).toMatchObject({
    ok: true,
  });
});

test("a deletion that people approved waits while the scope is not confirmed", async () => {
  // Another archive than that of the tests before: what it had kept of them would be missed.
  await resetDatabase(fresh.db);
  const { row, bot } = await approveIn(await smallWorld(fresh.db));
  const elsewhere = bot.with({ config: configOf({ CI_PROJECTS_VIEW: "only_one_project" }) });
  expect(await takePassage(row, elsewhere.deletions)).toMatchObject({
    ok: false,
    error: { kind: "unavailable", code: "deletion.scope_unconfirmed" },
  });
  expect(await takePassage(row, bot.deletions)).toMatchObject({ ok: true });
});

async function counted(): Promise<{ readonly managed: number; readonly complete: number }> {
  const { z } = await import("zod");
  return fresh.db.one(
    z.object({ managed: z.coerce.number(), complete: z.coerce.number() }),
    "select (select count(*) from managed_domain) as managed, (select count(*) from sync_state where complete_at is not null) as complete",
  );
}
