/**
 * Claims: accounts that a second table adopts wait for a release like those of the first; a mapping file whose lines are swapped adopts
 * nothing; a domain none of whose accounts match is shown first.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Failure } from "../../../src/core/failure.ts";
import type { Asker } from "../../../src/core/people.ts";
import { ok, type Result } from "../../../src/core/result.ts";
import { readKnownState } from "../../../src/store/managed.ts";
import type { AdoptionView } from "../../../src/sync/adoption/context.ts";
import type { ObservedAccount } from "../../../src/sync/planning/observed.ts";
import { approversOf, configOf, putInForce, type TestBot } from "../../support/bot.ts";
import type { FreshDatabase } from "../../support/database.ts";
import { op } from "../../support/deletions.ts";
import { lendDatabase } from "../../support/lent-database.ts";
import { service, type Service } from "../people.ts";
import { account, accountId, domain, domainId } from "./world.ts";

let fresh: FreshDatabase;
let s: Service;
let shown: AdoptionView[] = [];
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  shown = [];
  s = service(fresh.db, {});
});
afterEach(() => fresh.drop());

const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });
const bot = (): TestBot =>
  s.bot(configOf({})).with({
    approvers: approversOf(() => ok(["ada", "ben", "chen", "dora"])),
    adoptions: { showAdoption: async (view) => void shown.push(view) },
  });
const adoption = () => bot().services.adoption;
const code = (r: Result<unknown, Failure>): string => (r.ok ? "ok" : r.error.code);
const active = (...members: string[]) => ({ members: new Set(members), state: "active" as const, limits: { user_vm: 3 } });
const put = (n: number, a: ObservedAccount): void => {
  s.domains.set(`p${n}`, { ...domain(n), limits: { user_vm: 3 } });
  s.accounts.set(a.id, a);
};
const card = (): AdoptionView => {
  const last = shown.at(-1);
  if (last === undefined) throw new Error("no card was shown");
  return last;
};
const propose = async (mapping = "") => {
  shown = [];
  return adoption().propose(asker("chen"), mapping);
};
async function approve(): Promise<void> {
  const { id, digest } = card();
  for (const name of ["ada", "ben"]) expect(code(await adoption().approve({ id, digest, by: asker(name) }))).toBe("ok");
}
const waiting = async () => (await readKnownState(fresh.db, [])).firstPlan;
const pass = () => s.pass(bot());

test("accounts of a second table wait for a release, too, and the card says so", async () => {
  s.projects = { p1: active("user1") };
  put(1, account(1, 1, "user1"));
  put(1, account(4, 1, "user4", { roleName: "Old Role" }));
  expect(code(await propose())).toBe("ok");
  await approve();
  await pass();
  expect(await waiting()).toEqual([]);

  s.projects["p1"]?.members.add("user4");
  await pass();
  expect(code(await propose())).toBe("ok");
  expect(card().lines).toEqual(["1 accounts in ROOT/ci/p1: what restricts or deletes there waits for a release again"]);
  await approve();
  expect(await waiting()).toEqual([domainId(1)]);
  const { plan } = await pass();
  expect(plan.holds.find((h) => h.kind === "first_plan")).toMatchObject({ domainIds: [domainId(1)] });
  expect(s.made.map((c) => c.kind)).not.toContain("set_role");

  shown = [];
  expect(code(await adoption().release(asker("chen")))).toBe("ok");
  await approve();
  await pass();
  expect(s.made).toContainEqual(expect.objectContaining({ kind: "set_role", accountId: accountId(4) }));
});

test("two lines of a mapping file are swapped: refused with both, whether the names or only the accounts show it", async () => {
  s.projects = { p1: active("user1"), p2: active("user2") };
  put(1, account(1, 1, "user1"));
  put(2, account(2, 2, "user2"));
  const refused = await propose("p1,p2\np2,p1");
  expect(refused).toMatchObject({ ok: false, error: { code: "adoption.mapping" } });
  expect(JSON.stringify(refused)).toContain("ROOT/ci/p2 has the name of another active project, p2; line 2 gives p2 another one");
  s.domains.set("p1", { ...domain(1, "Team One"), limits: null });
  s.domains.set("p2", { ...domain(2, "Team Two"), limits: null });
  const again = await propose("p1,Team Two\np2,Team One");
  expect(JSON.stringify(again)).toContain("of ROOT/ci/Team Two no account is of a member of p1, and 1 are of members of p2");
  expect(JSON.stringify(again)).toContain("are the domains of lines 2 and 1 swapped?");
  expect(shown).toEqual([]);
  expect(code(await propose("p1,Team One\np2,Team Two"))).toBe("ok");
});

test("a domain none of whose accounts match comes first, on the card and in the table", async () => {
  s.projects = { p1: active("user1"), p2: active("user2") };
  put(1, account(1, 1, "user1"));
  put(2, account(9, 2, "stranger"));
  expect(code(await propose())).toBe("ok");
  expect(card().lines[0]).toBe("0 of 1 accounts match: ROOT/ci/p2 for p2");
  expect(card().table).toMatch(/\n\n0 of 1 accounts match: ROOT\/ci\/p2 for p2\n/);
});
