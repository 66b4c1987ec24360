/** Claim: a row of the users view without a usable id takes nobody else's rights away, and gives nobody another's. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { CiUserId } from "../../src/core/ids.ts";
import { putInForce } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ciPerson, identityOn, twoSlacks, type IdentityWorld, type OneSlack } from "./two-slacks.ts";

const team = ["ada", "ben", "chen", "dora"];
let slack: OneSlack;
let fresh: FreshDatabase;
let w: IdentityWorld;
beforeAll(async () => {
  const [first] = twoSlacks;
  if (first === undefined) throw new Error("there is no Slack");
  slack = await first[1]();
});
afterAll(() => slack.close());
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  slack.setEnterprise(null);
  slack.setPublic(false);
  slack.setGroup(team.map((name) => `U${name.toUpperCase()}`));
  slack.setMembers(team.map((name) => `U${name.toUpperCase()}`));
  for (const name of team) slack.set({ id: `U${name.toUpperCase()}`, name, email: `${name}@example.org` });
  w = await identityOn(slack, fresh.db, { people: team.slice(0, 3).map((id) => ciPerson(id)) });
});
afterEach(() => fresh.drop());

test.each([
  ["no id", null],
  ["an empty id", ""],
  ["an id of 201 characters", "d".repeat(201)],
  ["an id with a line feed", "do\nra"],
])("a person with %s: the three others are approvers, and that person is told why not", async (_what, id) => {
  w.people = [...w.people, { ...ciPerson("dora"), id: id as CiUserId | null }];
  const now = await w.identity.approversNow();
  expect(now.ok && now.value.map((a) => a.id).toSorted()).toEqual(["ci:ada", "ci:ben", "ci:chen"]);
  expect(await w.identity.identify("UDORA")).toMatchObject({
    value: { operator: { ciUserId: null, name: expect.stringContaining("id in the CI database cannot be used") } },
  });
});

test("a second row with a person's address, without a usable id: the address is nobody's, as with any second row", async () => {
  w.people = [...w.people, { ...ciPerson("ada"), id: null }];
  expect(await w.identity.identify("UADA")).toMatchObject({ value: { operator: { ciUserId: null } } });
  const now = await w.identity.approversNow();
  expect(now.ok && now.value.map((a) => a.id).toSorted()).toEqual(["ci:ben", "ci:chen"]);
});

test("no person without an id is a user whose id is the word null", async () => {
  w.people = [...w.people, { ...ciPerson("dora"), id: null }];
  const listed = await w.identity.listedNow();
  expect(listed.ok && listed.value("ci:null" as never)).toBe(false);
});
