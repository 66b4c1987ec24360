/**
 * Claim: reads that are too old restrict nobody, also where they became so after the plan was made: the machine slept, or the changes before
 * took hours. What adds something goes on, and the next pass does the rest by what it reads.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { ok } from "../../src/core/result.ts";
import { countRestrictions } from "../../src/store/intents.ts";
import type { Change } from "../../src/sync/planning/plan.ts";
import { configOf, putInForce, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids, service, type Service } from "./people.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AGAINST = "the database server's clock";

let fresh: FreshDatabase;
let s: Service;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  s = service(fresh.db, { p1: ["mia", "tom", "una"], p2: ["x", "y"], others: Array.from({ length: 12 }, (_, i) => `o${i}`) });
  await s.pass();
});
afterEach(() => fresh.drop());

/** A bot that tells each change before it is made. */
function watched(made: Change[], before: (c: Change) => void, skewMs: () => number = () => 0): TestBot {
  return s.bot(configOf(), {
    clockSkew: async () => ({ ms: skewMs(), against: AGAINST }),
    writer: {
      applyChange: async (c) => {
        before(c);
        made.push(c);
        const account = "accountId" in c ? s.accounts.get(c.accountId) : undefined;
        if (c.kind === "lock_account" && account !== undefined) s.accounts.set(account.id, { ...account, state: "locked" });
        if (c.kind === "lower_limit") {
          const domain = s.domains.get(c.projectId);
          if (domain !== undefined) s.domains.set(c.projectId, { ...domain, limits: { ...domain.limits, [c.type]: c.to } });
        }
        return ok(undefined);
      },
    },
  });
}
const stateOf = (name: string) => s.accounts.get(ids("p1", name).account)?.state;
const kinds = (made: readonly Change[]) => made.map((c) => c.kind).toSorted();

test("a process that slept for ten hours between two changes locks nobody who came back meanwhile", async () => {
  s.projects["p1"]?.members.delete("tom");
  s.projects["p1"]?.members.add("new");
  const made: Change[] = [];
  const bot = watched(made, (c) => {
    if (c.kind !== "create_account") return;
    s.now += 10 * HOUR;
    s.projects["p1"]?.members.add("tom");
  });
  const { outcomes, state } = await s.pass(bot);
  expect(kinds(made)).toEqual(["create_account"]);
  expect(outcomes.find((o) => o.change.kind === "lock_account")).toMatchObject({
    outcome: "held",
    problem: "the reads are too old to act on by now",
  });
  expect(state).toBe("stopped");
  expect(await countRestrictions(fresh.db, 0)).toBe(0);
});

test("every further restriction is left, what adds something goes on, and the next pass does the rest once", async () => {
  for (const name of ["tom", "una"]) s.projects["p1"]?.members.delete(name);
  Object.assign(s.projects["p1"] ?? {}, { limits: { user_vm: 1 } });
  s.projects["p2"]?.members.delete("y");
  s.projects["p2"]?.members.add("new");
  const made: Change[] = [];
  let slept = false;
  const bot = watched(made, (c) => {
    if (slept || c.kind !== "lower_limit") return;
    slept = true;
    s.now += 2 * HOUR;
  });
  const { outcomes } = await s.pass(bot);
  // Of another project, one may be under way while the process falls asleep.
  expect(kinds(made).filter((kind) => kind === "lower_limit" || kind === "create_account")).toEqual(["create_account", "lower_limit"]);
  expect(stateOf("tom")).toBe("enabled");
  expect(stateOf("una")).toBe("enabled");
  expect(outcomes.filter((o) => o.change.projectId === "p1" && o.change.kind === "lock_account").map((o) => o.outcome)).toEqual([
    "held",
    "held",
  ]);
  const shown = s.shown;
  await s.pass();
  await s.pass();
  expect(stateOf("tom")).toBe("locked");
  expect(stateOf("una")).toBe("locked");
  expect(s.shown - shown).toBe(2);
});

test.each([
  ["an hour old to the millisecond", 0, "locked"],
  ["a millisecond older", 1, "enabled"],
] as const)("reads that are %s", async (_, more, state) => {
  s.projects["p1"]?.members.delete("tom");
  s.projects["p1"]?.members.add("new");
  const bot = watched([], (c) => {
    if (c.kind === "create_account") s.now += HOUR + more;
  });
  await s.pass(bot);
  expect(stateOf("tom")).toBe(state);
});

test("the other clock counts too: a process whose own clock is a little behind it", async () => {
  s.projects["p1"]?.members.delete("tom");
  s.projects["p1"]?.members.add("new");
  const bot = watched(
    [],
    (c) => {
      if (c.kind === "create_account") s.now += HOUR - 1;
    },
    () => -2,
  );
  await s.pass(bot);
  expect(stateOf("tom")).toBe("enabled");
});

test("a machine that slept without its clock going on restricts nobody: the clocks disagree", async () => {
  s.projects["p1"]?.members.delete("tom");
  s.projects["p1"]?.members.add("new");
  let skew = 0;
  const bot = watched(
    [],
    (c) => {
      if (c.kind === "create_account") skew = -10 * HOUR;
    },
    () => skew,
  );
  const { outcomes } = await s.pass(bot);
  expect(stateOf("tom")).toBe("enabled");
  expect(outcomes.find((o) => o.change.kind === "lock_account")?.problem).toContain("Twokey's clock is 10 hours behind");
});
