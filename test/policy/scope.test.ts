/**
 * Claim: a process that reads another scope than the confirmed one only reports: nothing is made, recorded or counted, no deletion goes on,
 * and two people are asked once. When they confirm it, passes act again.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorld, firstPolicy } from "../sim/world.ts";
import { createReplica } from "../sim/replica.ts";
import { team } from "../sim/people.ts";
import { root } from "../sim/ci.ts";
import { openDoor } from "../sim/door.ts";
import type { Asker } from "../../src/core/people.ts";
import { takePassage } from "../../src/deletion/passage.ts";
import { fingerprintOf } from "../../src/policy/derive.ts";
import { askAboutScope, createPolicyService } from "../../src/policy/service.ts";
import type { PolicyContext } from "../../src/policy/context.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { readPolicy } from "../../src/store/policies.ts";
import { runPass } from "../../src/sync/execution/reconcile.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { approveIn, smallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const narrowed = { ...firstPolicy.scope, views: { ...firstPolicy.scope.views, projects: "only_one_project" } };
const schedule = { kind: "schedule" } as const;

test("report-only until two people confirmed it", async () => {
  const w = await createWorld(7, fresh.db);
  openDoor((request, response) => w.cloud.serve(request, response));
  const effects: string[] = [];
  const r = createReplica(w, "A", w.cloud.admin);
  const passes = { ...r.passes, scopeFingerprint: fingerprintOf(narrowed) };
  const writer = {
    applyChange: (...a: Parameters<typeof passes.writer.applyChange>) => (effects.push(a[0].kind), r.passes.writer.applyChange(...a)),
  };
  const fleet = { kind: "fleet", root } as const;
  const first = await runPass(fleet, schedule, { ...passes, writer });
  expect(first.ok && first.value.state).toBe("held");
  expect(first.ok && first.value.plan.holds.map((h) => [h.kind, h.blocks])).toContainEqual(["scope_changed", "everything"]);
  expect(effects).toEqual([]);
  expect(await counted()).toEqual({ managed: 0, complete: 0 });
  const cards: PolicyChangeView[] = [];
  const policy: PolicyContext = {
    db: w.db,
    approvers: { resolve: r.deletions.approvers.approversNow },
    announcer: { showChange: async (v) => void cards.push(v) },
    presentScope: narrowed,
    environment: firstPolicy,
    now: r.passes.now,
    newId: r.passes.newId,
    clockSkew: r.deletions.clockSkew,
  };
  await askAboutScope(policy);
  await askAboutScope(policy);
  expect(cards).toHaveLength(1);
  expect(cards[0]).toMatchObject({ setting: "scope", proposedBy: "Twokey", effect: "beside", state: "proposed" });
  expect(cards[0]?.after).toContain("only_one_project");
  const service = createPolicyService(policy);
  const say = (who: Asker | undefined) =>
    service.approve({ changeId: cards[0]?.id ?? "", digest: cards[0]?.digest ?? "", by: who as Asker });
  expect(await say(team[0])).toMatchObject({ ok: true, value: { applied: false } });
  const second = await runPass(fleet, schedule, { ...passes, writer });
  expect([second.ok && second.value.state, effects]).toEqual(["held", []]);
  expect(await say(team[1])).toMatchObject({ ok: true, value: { applied: true } });
  expect((await readPolicy(w.db))?.body.scope).toEqual(narrowed);
  const third = await runPass(fleet, schedule, { ...passes, writer });
  expect(third.ok && third.value.plan.holds.map((h) => h.kind)).not.toContain("scope_changed");
  expect((await counted()).complete).toBe(1);
});

test("a scope that people refused is not asked about again for a day, but may be proposed by hand", async () => {
  const cards: PolicyChangeView[] = [];
  let now = 5_000_000_000_000;
  const policy: PolicyContext = {
    db: fresh.db,
    approvers: { resolve: async () => ({ ok: true, value: team.slice(0, 4).map((p) => p.operator) }) },
    announcer: { showChange: async (v) => void cards.push(v) },
    presentScope: { ...narrowed, root: "ROOT/elsewhere" },
    environment: firstPolicy,
    now: () => now as never,
    newId: () => crypto.randomUUID(),
    clockSkew: async () => ({ ms: 0, beside: "another clock" }),
  };
  const ada = team[0] as Asker;
  await askAboutScope(policy);
  const asked = cards.at(-1);
  await createPolicyService(policy).reject({ changeId: asked?.id ?? "", digest: asked?.digest ?? "", by: ada, reason: "that is not ours" });
  await askAboutScope(policy);
  expect(cards.filter((c) => c.state === "proposed")).toHaveLength(1);
  now += 25 * 3_600_000;
  await askAboutScope(policy);
  expect(cards.at(-1)).toMatchObject({ state: "proposed", setting: "scope" });
  await createPolicyService(policy).reject({
    changeId: cards.at(-1)?.id ?? "",
    digest: cards.at(-1)?.digest ?? "",
    by: ada,
    reason: "still not ours",
  });
  expect(
    await createPolicyService(policy).propose(ada, { setting: "scope", text: "present", reason: "it is ours after all" }),
  ).toMatchObject({
    ok: true,
  });
});

test("a deletion that people approved waits while the scope is not confirmed", async () => {
  const w = smallWorld(fresh.db);
  const { row, c } = await approveIn(w);
  w.limits = { ...w.limits, scopeIsConfirmed: false };
  expect(await takePassage(row, c)).toMatchObject({ ok: false, error: { kind: "unavailable", code: "deletion.scope_unconfirmed" } });
  w.limits = { ...w.limits, scopeIsConfirmed: true };
  expect(await takePassage(row, c)).toMatchObject({ ok: true });
});

async function counted(): Promise<{ readonly managed: number; readonly complete: number }> {
  const { z } = await import("zod");
  return fresh.db.one(
    z.object({ managed: z.coerce.number(), complete: z.coerce.number() }),
    "select (select count(*) from managed_domain) as managed, (select count(*) from sync_state where complete_at is not null) as complete",
  );
}
