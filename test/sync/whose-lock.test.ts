/**
 * Claims: a lock is ours from its intent on, whoever recorded how the call ended, until a read finds the account in any other state; then
 * whatever locks it later is somebody else's. In a domain under deletion nothing is judged: its quarantine and its Restore change states.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failure } from "../../src/core/failure.ts";
import type { Instant } from "../../src/core/ids.ts";
import { err } from "../../src/core/result.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { callsOnTheirWay } from "../../src/store/intents.ts";
import { readOpenLocks, recordLock } from "../../src/store/locks.ts";
import { readKnownState } from "../../src/store/managed.ts";
import { settleLocks } from "../../src/sync/execution/locks.ts";
import type { Change } from "../../src/sync/planning/plan.ts";
import { configOf, putInForce, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { openOne } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids, service, type Service } from "./people.ts";

let fresh: FreshDatabase;
let s: Service;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  s = service(fresh.db, { p1: ["mia", "tom"], p2: ["x"] });
  await s.pass();
});
afterEach(() => fresh.drop());

type State = "enabled" | "locked" | "disabled";
const tom = ids("p1", "tom").account;
const state = () => s.accounts.get(tom)?.state;
const set = (to: State): void => {
  const account = s.accounts.get(tom);
  if (account !== undefined) s.accounts.set(tom, { ...account, state: to });
};
const leave = () => s.projects["p1"]?.members.delete("tom");
const comeBack = () => s.projects["p1"]?.members.add("tom");
const lost = () => err(failure("indeterminate", "cloudstack.lost", "no answer"));
/** A bot whose calls end like this. */
const withCalls = (applyChange: (c: Change) => Promise<ReturnType<typeof lost>>): TestBot => s.bot(configOf(), { writer: { applyChange } });
/** A process that is killed in a call, which had its effect or not. */
const killed = (to: State | null): TestBot =>
  withCalls(async () => {
    if (to !== null) set(to);
    throw new Error("killed");
  });
const die = (bot: TestBot) => expect(s.pass(bot)).rejects.toThrow("killed");

describe("somebody else's lock stays", () => {
  test.each<State>(["enabled", "disabled"])("that was made after a pass found the account %s", async (between) => {
    leave();
    await s.pass();
    expect(state()).toBe("locked");
    set(between);
    if (between === "enabled") comeBack();
    await s.pass();
    set("locked");
    await s.pass();
    comeBack();
    const { plan } = await s.pass();
    expect(state()).toBe("locked");
    expect(plan.drift).toMatchObject([{ kind: "locked_by_others" }]);
  });

  test("for which CloudStack refused ours", async () => {
    leave();
    s.refuses = () => {
      set("locked");
      return failure("rejected", "cloudstack.refused", "another job of the account runs");
    };
    await s.pass();
    s.refuses = () => null;
    comeBack();
    await s.pass();
    expect(state()).toBe("locked");
  });

  test("that was made after a pass saw that our lock, without an end, never arrived", async () => {
    leave();
    await die(killed(null));
    comeBack();
    await s.pass();
    set("locked");
    await s.pass();
    expect(state()).toBe("locked");
    expect(await readOpenLocks(fresh.db)).toEqual([]);
  });

  test("that was made after an unlock of ours, without an end, had its effect", async () => {
    leave();
    await s.pass();
    comeBack();
    await die(killed("enabled"));
    await s.pass();
    set("locked");
    await s.pass();
    expect(state()).toBe("locked");
    expect(await readOpenLocks(fresh.db)).toEqual([]);
  });
});

describe("our lock is undone when its member is back", () => {
  test("whose process was killed before it recorded that", async () => {
    leave();
    await die(killed("locked"));
    expect(await readOpenLocks(fresh.db)).toHaveLength(1);
    expect(await callsOnTheirWay(fresh.db, s.now)).toHaveLength(1);
    await s.pass();
    expect(await readOpenLocks(fresh.db)).toEqual([]);
    expect(await callsOnTheirWay(fresh.db, s.now)).toEqual([]);
    expect(state()).toBe("locked");
    comeBack();
    await s.pass();
    expect(state()).toBe("enabled");
  });

  test("in the very next pass, too", async () => {
    leave();
    await die(killed("locked"));
    comeBack();
    await s.pass();
    expect(state()).toBe("enabled");
  });

  test("whose answer was lost", async () => {
    leave();
    const lossy = withCalls(async (c) => {
      if (c.kind === "lock_account") set("locked");
      return lost();
    });
    await s.pass(lossy);
    await s.pass();
    comeBack();
    await s.pass();
    expect(state()).toBe("enabled");
  });

  test.each([["running"], [null]] as const)(
    "whose job ended after passes that found the account enabled (the job meanwhile: %s)",
    async (job) => {
      leave();
      s.jobState = job;
      await s.pass(withCalls(async () => lost()));
      comeBack();
      await s.pass();
      expect(await readOpenLocks(fresh.db)).toHaveLength(1);
      // An hour later, when its queue is empty.
      set("locked");
      s.jobState = "succeeded";
      await s.pass();
      expect(state()).toBe("enabled");
      await s.pass();
      expect(await readOpenLocks(fresh.db)).toEqual([]);
    },
  );

  test("whose second call was refused, while the end of the first was not known", async () => {
    leave();
    s.jobState = "running";
    await s.pass(withCalls(async () => lost()));
    s.refuses = () => failure("rejected", "cloudstack.refused", "another job of the account runs");
    await s.pass();
    s.refuses = () => null;
    set("locked");
    s.jobState = "succeeded";
    comeBack();
    await s.pass();
    expect(state()).toBe("enabled");
  });

  test("whose undoing was cut off before it was sent", async () => {
    leave();
    await s.pass();
    comeBack();
    await die(killed(null));
    await s.pass();
    expect(state()).toBe("enabled");
  });

  test.each([
    ["no pass", false],
    ["a pass", true],
  ] as const)("after a Restore gave the account back as it was, with %s between its enabling and its locking", async (_, reads) => {
    leave();
    await s.pass();
    Object.assign(s.projects["p1"] ?? {}, { state: "closed" });
    const row = await openOne(fresh.db, { domain: s.domains.get("p1")?.id ?? "" });
    set("disabled");
    await s.pass();
    set("enabled");
    if (reads) await s.pass();
    set("locked");
    const restored = { phase: "closed", closed_because: "restored", closed_by: "Ada", entered_at: s.now as Instant } as const;
    await updateDeletion(fresh.db, row.id, restored);
    Object.assign(s.projects["p1"] ?? {}, { state: "active" });
    comeBack();
    await s.pass();
    expect(state()).toBe("enabled");
  });

  test("whose end was not recorded before its domain came under deletion: nothing of it is settled until that is over", async () => {
    leave();
    await die(killed("locked"));
    const row = await openOne(fresh.db, { domain: s.domains.get("p1")?.id ?? "" });
    set("disabled");
    await s.pass();
    expect(await readOpenLocks(fresh.db)).toHaveLength(1);
    set("locked");
    const restored = { phase: "closed", closed_because: "restored", closed_by: "Ada", entered_at: s.now as Instant } as const;
    await updateDeletion(fresh.db, row.id, restored);
    comeBack();
    await s.pass();
    expect(state()).toBe("enabled");
  });
});

test("no job is looked up where every call has its end", async () => {
  leave();
  await s.pass();
  comeBack();
  await s.pass();
  expect(s.lookedUp).toBe(0);
});

test("a lock that another process began during a read is not judged by that read", async () => {
  const { managedAccounts } = await readKnownState(fresh.db, []);
  await recordLock(fresh.db, tom, true);
  const observed = { coverage: "complete", accounts: [...s.accounts.values()] } as const;
  const known = { managedAccounts, domainsUnderDeletion: [] };
  await settleLocks(observed, known, [], { db: fresh.db, now: () => s.now as Instant });
  expect((await readKnownState(fresh.db, [])).managedAccounts.find((m) => m.accountId === tom)?.lockedByUs).toBe(true);
});
