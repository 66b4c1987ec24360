/**
 * Claim: a user who was entered anew in the CI database, under another id with the same username, gets nothing of the account that is the
 * former id's, since another person may have got that name; what is said is true and can be done. Field: SCIM re-provisioning.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { readPlanInputs } from "../../src/store/plans.ts";
import { replayPlan } from "../../src/sync/execution/replay.ts";
import type { PlanPolicy } from "../../src/sync/planning/policy.ts";
import { putInForce } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids, service, type Service } from "./people.ts";

let fresh: FreshDatabase;
let s: Service;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  const others = Array.from({ length: 20 }, (_, i) => `u${i}`);
  s = service(fresh.db, { alpha: ["mia", "bob", "cid"], beta: others });
  await s.pass();
  s.enteredAs.set("mia", "2043");
});
afterEach(() => fresh.drop());

const account = () => s.accounts.get(ids("alpha", "mia").account);

test("the account is locked and stays the former id's; the hold names both ids, and no adoption, which would refuse it", async () => {
  const { plan } = await s.pass();
  expect(s.made.map((c) => c.kind)).toEqual(["lock_account"]);
  expect(account()).toMatchObject({ state: "locked" });
  const [hold, ...more] = plan.holds;
  expect(more).toEqual([]);
  expect(hold).toMatchObject({ kind: "name_in_the_way", projectId: "alpha", about: "2043" });
  expect(hold?.sentence).toBe(
    "account mia in ROOT/ci/alpha is that of the CI user mia; 2043, who has the username mia now, gets none while it is called so",
  );
  expect(hold?.liftedBy).toContain("giving them the id mia again");
  expect(hold?.liftedBy).not.toContain("/ci-adopt");
});

test("both ways that the hold names lead on: the former id again, or another name for the old account", async () => {
  await s.pass();
  s.enteredAs.delete("mia");
  expect((await s.pass()).plan.holds).toEqual([]);
  expect(account()).toMatchObject({ state: "enabled" });

  s.enteredAs.set("mia", "2043");
  await s.pass();
  const old = account();
  if (old === undefined) throw new Error("the account is there");
  s.accounts.set(old.id, { ...old, name: "mia-old", users: old.users.map((u) => ({ ...u, username: "mia-old" })) });
  expect((await s.pass()).plan.holds).toEqual([]);
  expect(s.made.at(-1)).toMatchObject({ kind: "create_account", ciUserId: "2043" });
});

test("INV-7: a plan of earlier rules is made again in its own words", async () => {
  const { id } = await s.pass();
  const inputs = await readPlanInputs(fresh.db, id);
  if (inputs === null) throw new Error("the plan is stored");
  const [now, before] = [inputs, { ...inputs, policy: { ...(inputs.policy as PlanPolicy), rules: 3 } }].map((one) => replayPlan(one));
  expect(now?.ok === true && now.value.again === now.value.stored).toBe(true);
  expect(before).toMatchObject({ value: { again: expect.stringContaining("that was not made by Twokey") as string } });
});
