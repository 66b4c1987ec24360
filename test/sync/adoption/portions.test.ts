/**
 * Claims, with 400 adopted domains and the limits of a new installation: a first plan is released in portions that the next pass carries out,
 * each counted, and what is answered when nothing fits works as it is typed; a portion for which there is no room any more when it is
 * decided is refused, and its card stays. No more domains are given back at once than a pass may make new ones for.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { validateBlocks } from "../../../emulators/slack/validate-blocks.ts";
import { renderAdoptionCard } from "../../../src/bot/render/adoption-card.ts";
import { answerAdopt } from "../../../src/commands/adopt.ts";
import { parseCommand } from "../../../src/commands/command.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Asker } from "../../../src/core/people.ts";
import { ok, type Result } from "../../../src/core/result.ts";
import { recordIntent } from "../../../src/store/intents.ts";
import type { AdoptionView } from "../../../src/sync/adoption/context.ts";
import { approversOf, configOf, putInForce, type TestBot } from "../../support/bot.ts";
import type { FreshDatabase } from "../../support/database.ts";
import { op } from "../../support/deletions.ts";
import { lendDatabase } from "../../support/lent-database.ts";
import { service, type Service } from "../people.ts";
import { domain, domainId } from "./world.ts";

const N = 400;
const DAY_MS = 86_400_000;

let fresh: FreshDatabase;
let s: Service;
let cards: Map<string, AdoptionView>;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  cards = new Map();
  s = service(fresh.db, {});
});
afterEach(() => fresh.drop());

/** Every project wants one machine fewer than its domain permits. */
function projects(nameOf: (n: number) => string): void {
  for (let n = 1; n <= N; n += 1) {
    s.projects[`p${n}`] = { members: new Set(), state: "active", limits: { user_vm: 2 } };
    s.domains.set(`p${n}`, { ...domain(n, nameOf(n)), limits: { user_vm: 3 } });
  }
}

const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });
const bot = (): TestBot =>
  s.bot(configOf()).with({
    approvers: approversOf(() => ok(["ada", "ben", "chen", "dora"])),
    adoptions: { showAdoption: async (view) => void cards.set(view.id, view) },
    reader: { readItems: async () => ok([]) },
  });
const adoption = () => bot().services.adoption;
const failed = (r: Result<unknown, Failure>): Failure => {
  if (r.ok) throw new Error("it was not refused");
  return r.error;
};
const code = (r: Result<unknown, Failure>): string => (r.ok ? "ok" : r.error.code);
const card = (): AdoptionView => {
  const last = [...cards.values()].findLast((v) => v.state === "proposed") ?? [...cards.values()].at(-1);
  if (last === undefined) throw new Error("no card was shown");
  return last;
};
const approve = (name: string) => {
  const { id, digest } = card();
  return adoption().approve({ id, digest, by: asker(name) });
};
async function agree(): Promise<readonly string[]> {
  return [code(await approve("ada")), code(await approve("ben"))];
}
const pass = () => s.pass(bot());

async function adoptAll(mapping = ""): Promise<void> {
  expect(code(await adoption().propose(asker("chen"), mapping))).toBe("ok");
  expect(await agree()).toEqual(["ok", "ok"]);
  s.now += 1000;
}

/** Asks for the next portion, and has two people agree on it. */
async function releasePortion(): Promise<AdoptionView> {
  expect(code(await adoption().release(asker("chen")))).toBe("ok");
  const view = card();
  expect(validateBlocks(renderAdoptionCard(view, "test", true).blocks, "message")).toEqual([]);
  expect(await agree()).toEqual(["ok", "ok"]);
  return view;
}

test("400 domains are released by ten, as the limits let so many through, and each portion is made by the next pass", async () => {
  projects((n) => `p${n}`);
  await adoptAll();
  expect((await pass()).plan.holds.map((h) => [h.kind, h.domainIds?.length])).toEqual([["first_plan", N]]);
  expect(s.made).toEqual([]);

  const first = await releasePortion();
  expect(first).toMatchObject({ domains: 10, rest: { domains: 390, changes: 390 } });
  expect(JSON.stringify(renderAdoptionCard(first, "test", true))).toContain("390 more in 390 further domains wait for a later portion");
  expect((await pass()).plan.holds.map((h) => h.kind)).toEqual(["first_plan"]);
  expect(s.made).toHaveLength(10);

  const reply = JSON.stringify(await answerAdopt(asker("chen"), { what: "release" }, adoption()));
  expect(reply).toContain("380 more in 380 further domains wait: /ci-adopt release again");
  expect(await agree()).toEqual(["ok", "ok"]);
  await pass();
  expect(s.made).toHaveLength(20);

  // Twenty a day, by default: nothing fits until tomorrow, or until two people say otherwise, in the words of the answer.
  const full = failed(await adoption().release(asker("chen")));
  expect(full).toMatchObject({ code: "adoption.no_room" });
  expect(full.message).toBe(
    "The limits do not let it through now: 380 domains with 380 restrictions (locks, changed roles, lowered limits) wait, and even " +
      "ROOT/ci/p117 alone has 1 restriction (locks, changed roles, lowered limits), and there is room for 0 restrictions, since the limit " +
      "is 20 a day, and 20 were made in the last one",
  );
  expect(full.remedy).toMatch(/^Ask again later, or two approvers raise it: /);
  const typed = /\/ci-policy (set restrictions-per-day 400 because [^.]+)\./.exec(full.remedy ?? "")?.[1] ?? "";
  expect(parseCommand("/ci-policy", typed)).toMatchObject({
    ok: true,
    value: { kind: "policy", wish: { setting: "restrictions-per-day", text: "400" } },
  });
  s.now += DAY_MS;
  expect(await releasePortion()).toMatchObject({ domains: 10, rest: { domains: 370 } });
  await pass();
  expect(s.made).toHaveLength(30);

  await putInForce(fresh.db, { restrictionsPerPass: 200, restrictionsPerDay: 1000, restrictionsPerWeek: 1000 });
  expect([(await releasePortion()).domains, (await pass()).outcomes.filter((o) => o.outcome === "done").length]).toEqual([200, 200]);
  expect(await releasePortion()).toMatchObject({ domains: 170, rest: null });
  expect((await pass()).plan.holds).toEqual([]);
  expect(s.made).toHaveLength(N);
  expect(new Set(s.made.map((c) => c.projectId)).size).toBe(N);
  expect(await adoption().release(asker("chen"))).toMatchObject({ ok: true, value: { id: null } });
}, 120_000);

test("a portion for which there is no room any more when it is decided: the vote is refused, the card stays, and it goes on later", async () => {
  projects((n) => `p${n}`);
  await adoptAll();
  await pass();
  expect(code(await adoption().release(asker("chen")))).toBe("ok");
  expect(code(await approve("ada"))).toBe("ok");
  for (let n = 0; n < 15; n += 1) {
    const params = { change: { kind: "lock_account", domainId: domainId(900) } };
    await recordIntent(fresh.db, {
      id: crypto.randomUUID(),
      owner: { kind: "pass", id: "other" },
      command: "lock_account",
      params,
      at: s.now,
    });
  }
  const refused = failed(await approve("ben"));
  expect(refused).toMatchObject({ code: "adoption.no_room" });
  expect(refused.message).toContain(
    "10 restrictions (locks, changed roles, lowered limits) in 10 domains would be released, and there is room for 5 restrictions",
  );
  expect(card()).toMatchObject({ state: "proposed" });
  await pass();
  expect(s.made).toEqual([]);
});

test("one domain that alone is more than the limits let through is named with every limit that is in its way", async () => {
  await putInForce(fresh.db, { restrictionsPerPass: 0, restrictionsPerDay: 0 });
  projects((n) => `p${n}`);
  await adoptAll();
  await pass();
  const { message, remedy } = failed(await adoption().release(asker("chen")));
  expect(message).toContain("400 domains with 400 restrictions (locks, changed roles, lowered limits) wait");
  expect(message).toContain("ROOT/ci/p1 alone has 1 restriction (");
  expect(remedy).toContain("Two approvers raise what is in the way: /ci-policy set restrictions-per-pass 400 because");
  expect(remedy).toContain("/ci-policy set restrictions-per-day 400 because");
});

test("the domain that is nearest to its release is named, not the first; one that waits alone is named alone", async () => {
  await putInForce(fresh.db, { restrictionsPerPass: 1, restrictionsPerDay: 1, restrictionsPerWeek: 1000, changesPerPass: 1000 });
  const lower = { user_vm: 2, volume: 2, snapshot: 2 };
  s.projects["p1"] = { members: new Set(), state: "active", limits: lower };
  s.domains.set("p1", { ...domain(1), limits: { user_vm: 3, volume: 3, snapshot: 3 } });
  s.projects["p2"] = { members: new Set(), state: "active", limits: { user_vm: 2, volume: 2 } };
  s.domains.set("p2", { ...domain(2), limits: { user_vm: 3, volume: 3 } });
  await adoptAll();
  await pass();
  expect(failed(await adoption().release(asker("chen"))).message).toBe(
    "The limits do not let it through now: 2 domains with 5 restrictions (locks, changed roles, lowered limits) wait, and even ROOT/ci/p2 " +
      "alone has 2 restrictions (locks, changed roles, lowered limits), and there is room for 1 restriction, since the limit is 1 in one " +
      "pass; there is room for 1 restriction, since the limit is 1 a day, and 0 were made in the last one",
  );
  s.domains.set("p2", { ...domain(2), limits: { user_vm: 2, volume: 2 } });
  await pass();
  const { message, remedy } = failed(await adoption().release(asker("chen")));
  expect(message).toContain("now: ROOT/ci/p1 alone has 3 restrictions (");
  expect(remedy).toContain("/ci-policy set restrictions-per-pass 3 because");
});

test("400 domains of other names: as many are given back at once as a pass may make new ones for", async () => {
  projects((n) => `Team ${n}`);
  await adoptAll(Array.from({ length: N }, (_, i) => `p${i + 1},${domainId(i + 1)}`).join("\n"));
  const all = Array.from({ length: N }, (_, i) => `p${i + 1}`);
  const refused = failed(await adoption().giveBack(asker("chen"), all));
  // A domain and its limit each, and 500 changes in a pass.
  expect(refused).toMatchObject({
    code: "adoption.no_room",
    message: expect.stringContaining("400 of these projects, by up to 800 changes") as string,
  });
  expect(refused.remedy).toContain("Give back 250 of them at once, such as p1 to p250, and the others after the next pass");
  expect(refused.remedy).toContain("/ci-policy set changes-per-pass 800 because");
  expect(code(await adoption().giveBack(asker("chen"), all.slice(0, 250)))).toBe("ok");
  expect(await agree()).toEqual(["ok", "ok"]);
  const record = await pass();
  expect(record.plan.holds.map((h) => h.kind)).not.toContain("too_many_changes");
  expect(s.made.filter((c) => c.kind === "create_domain")).toHaveLength(250);
}, 120_000);
