/**
 * Claims: people's accounts have budgets, as domains have. A read that lost memberships locks nobody before a person has looked; over all
 * passes and replicas no more is taken away in a day and a week than the policy says; another map of roles changes nothing until two people
 * confirmed it; and what somebody else unlocked and locked again stays locked.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Asker } from "../../src/core/people.ts";
import { readPolicyChanges } from "../../src/store/policies.ts";
import type { AccountId, Instant, PassId } from "../../src/core/ids.ts";
import { countRestrictions, recordIntent } from "../../src/store/intents.ts";
import { applyChanges } from "../../src/sync/execution/apply.ts";
import type { Change } from "../../src/sync/planning/plan.ts";
import type { FreshDatabase } from "../support/database.ts";
import { configOf, putInForce } from "../support/bot.ts";
import { op } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids, service, type Service } from "./people.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
});
afterEach(() => fresh.drop());

const names = (n: number, from = 1): string[] => Array.from({ length: n }, (_, i) => `u${from + i}`);
const locked = (s: Service): number => [...s.accounts.values()].filter((a) => a.state === "locked").length;
const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });
const holds = (record: Awaited<ReturnType<Service["pass"]>>) => record.plan.holds.map((h) => h.kind);

describe("memberships", () => {
  test("sixteen people, of whom the view gives six: nobody is locked, in no later pass either, until the read is whole again", async () => {
    const s = service(fresh.db, { a: names(4, 1), b: names(4, 5), c: names(4, 9), d: names(4, 13) });
    await s.pass();
    for (const p of ["b", "c"]) s.projects[p]?.members.clear();
    s.projects["d"]?.members.delete("u13");
    s.projects["d"]?.members.delete("u14");
    for (let i = 0; i < 3; i += 1) {
      const record = await s.pass();
      expect(record.plan.holds).toMatchObject([
        {
          kind: "shrunken_source",
          blocks: "restrictions",
          sentence: "the CI database lists only 6 of 16 members whose accounts are in use",
        },
      ]);
      expect(record.state).toBe("held");
    }
    expect(locked(s)).toBe(0);
    for (const [p, from] of [
      ["b", 5],
      ["c", 9],
      ["d", 13],
    ] as const)
      for (const m of names(4, from)) s.projects[p]?.members.add(m);
    s.projects["a"]?.members.delete("u1");
    expect(holds(await s.pass())).toEqual([]);
    expect(locked(s)).toBe(1);
  });

  test("a project that closes with its memberships takes nothing from the others' count, and one who leaves a team of two is locked", async () => {
    const s = service(fresh.db, { big: names(12), small: ["x", "y"] });
    await s.pass();
    Object.assign(s.projects["big"] ?? {}, { state: "closed" });
    s.projects["big"]?.members.clear();
    s.projects["small"]?.members.delete("y");
    expect(holds(await s.pass(s.bot(configOf(), { ...quietDeletions })))).toEqual([]);
    expect(s.accounts.get(ids("small", "y").account)?.state).toBe("locked");
    expect(locked(s)).toBe(1);
  });
});

/** Deletions are another test's. */
const quietDeletions = { enqueue: async () => undefined };

describe("the budget over all passes", () => {
  test("ten memberships fewer in each pass: twenty people a day and sixty a week, by two replicas together", async () => {
    const s = service(fresh.db, { a: names(100), b: names(100, 101) });
    const replicas = [s.bot(), s.bot()];
    await s.pass();
    const gone = names(200);
    const passes = async (n: number): Promise<Awaited<ReturnType<Service["pass"]>> | null> => {
      let last = null;
      for (let i = 0; i < n; i += 1) {
        for (const m of gone.splice(0, 10)) for (const p of ["a", "b"]) s.projects[p]?.members.delete(m);
        last = await s.pass(replicas[i % 2]);
      }
      return last;
    };
    const last = await passes(4);
    expect(locked(s)).toBe(20);
    expect(last?.plan.holds).toContainEqual({
      kind: "restrictions_used_up",
      about: "day",
      blocks: "restrictions",
      sentence: "20 more locks, changed roles or lowered limits are above the limit of 20 a day over all passes",
      liftedBy: "time, or two approvers: /ci-policy set restrictions-per-day",
    });
    await putInForce(fresh.db, { restrictionsPerPass: 1000 });
    for (let day = 2; day <= 6; day += 1) {
      s.now += DAY;
      // Twenty more left each day, and no more.
      for (const [i, m] of names(200).entries()) {
        const { members } = s.projects[i < 100 ? "a" : "b"] ?? { members: new Set() };
        if (i < 20 * day) members.delete(m);
        else members.add(m);
      }
      await s.pass(replicas[day % 2]);
      expect(locked(s)).toBe(Math.min(20 * day, 60));
    }
    s.now += 3 * DAY;
    await s.pass();
    expect(locked(s)).toBe(60);
    const wide = { restrictionsPerPass: 1000, restrictionsPerDay: 100, restrictionsPerWeek: 1000, shrinkMinShare: 0.1 };
    // Nobody of one project is listed any more.
    await putInForce(fresh.db, { ...wide, emptiedPerPass: 1 });
    await s.pass();
    expect(locked(s)).toBe(120);
  });

  test.each([2, 12, -9])("a process whose clock is %s days ahead and knows it has no fresh budget: it restricts nobody", async (days) => {
    const s = service(fresh.db, { a: names(60) });
    await s.pass();
    const gone = names(60);
    const leave = (n: number): void => {
      for (const m of gone.splice(0, n)) s.projects["a"]?.members.delete(m);
    };
    for (const n of [10, 10, 0]) {
      leave(n);
      await s.pass();
    }
    expect(locked(s)).toBe(20);
    const real = s.now;
    s.now += days * DAY;
    const skewed = s.bot(configOf(), { clockSkew: async () => ({ ms: days * DAY, against: "the database server's clock" }) });
    leave(5);
    s.projects["a"]?.members.add("new");
    const { outcomes } = await s.pass(skewed);
    expect(locked(s)).toBe(20);
    expect(s.accounts.has(ids("a", "new").account)).toBe(true);
    const locks = outcomes.filter((o) => o.change.kind === "lock_account");
    expect(locks.map((o) => o.outcome)).not.toContain("done");
    // By a clock that is behind, those restricted a moment ago were restricted later than now: they count, and the plan holds already.
    const why = days < 0 ? [] : [`the limit of restrictions cannot be counted. Twokey's clock is ${days} days ahead of`];
    expect(locks.flatMap((o) => o.problem ?? [])).toEqual(why.map((w) => expect.stringContaining(w)));
    s.now = real + DAY;
    await s.pass();
    expect(locked(s)).toBe(25);
  });

  test("at the change itself it is counted once more, by one replica after the other, and a refused one took nothing away", async () => {
    const s = service(fresh.db, { a: names(12) });
    await s.pass();
    const lock = (m: string): Change =>
      ({
        ...{ kind: "lock_account", projectId: "a", slug: "a", domainId: s.domains.get("a")?.id, username: m, ciUserId: m },
        accountId: ids("a", m).account,
      }) as Change;
    let refused = true;
    const clockSkew = async () => ({ ms: 0, against: "another clock" });
    const context = {
      clockSkew,
      ...{ db: fresh.db, now: () => s.now as Instant, newId: () => crypto.randomUUID(), signal: new AbortController().signal },
      ...{ passId: crypto.randomUUID() as PassId, limits: { restrictionsPerDay: 2, restrictionsPerWeek: 60 } },
      reads: { asOf: s.now as Instant, ageMsMax: 0 },
      writer: {
        applyChange: async () =>
          refused ? { ok: false, error: { kind: "rejected", code: "c", message: "no" } } : { ok: true, value: undefined },
      },
    } as unknown as Parameters<typeof applyChanges>[1];
    const outcomes = async (...who: string[]) => (await applyChanges(who.map(lock), context)).map((o) => o.outcome);
    expect(await outcomes("u1", "u2", "u3")).toEqual(["refused", "refused", "refused"]);
    refused = false;
    const raced = await Promise.all(names(12).map((m) => outcomes(m)));
    expect(raced.flat().filter((o) => o === "done")).toHaveLength(2);
    expect(await applyChanges([lock("u3")], context)).toMatchObject([
      { outcome: "held", problem: "the limit of restrictions over all passes is reached" },
    ]);
    expect(await countRestrictions(fresh.db, s.now - DAY)).toBe(2);
  });

  test("a replica that counts waits until another one has recorded what it counted for", async () => {
    const at = 1_000;
    const intent = {
      id: crypto.randomUUID(),
      owner: { kind: "pass", id: crypto.randomUUID() },
      command: "lock_account",
      params: {},
      at,
    } as const;
    let counted: Promise<number> = Promise.resolve(-1);
    await fresh.db.tx(async (q) => {
      expect(await countRestrictions(q, 0)).toBe(0);
      counted = fresh.db.tx((other) => countRestrictions(other, 0));
      // It waits, or it has counted already what is not there yet.
      await eventually("the other one asked", async () => {
        const waits = "select from pg_locks where locktype = 'advisory' and not granted";
        return (await fresh.db.exec(waits)) > 0 || (await Promise.race([counted, Promise.resolve(-1)])) !== -1;
      });
      await recordIntent(q, intent);
    });
    expect(await counted).toBe(1);
  });
});

describe("roles", () => {
  const lost = configOf({ CLOUDSTACK_ROLES: "*=Nobody" });

  test("another map of roles changes nothing, new accounts included, until two people confirmed it; then it has the budget of restrictions", async () => {
    const s = service(fresh.db, { a: names(8) });
    await s.pass();
    s.projects["a"]?.members.add("new");
    const bot = s.bot(lost);
    const record = await s.pass(bot);
    expect(record.plan.holds[0]).toMatchObject({ kind: "roles_changed", blocks: "everything" });
    expect(record.plan.holds[0]?.sentence).toMatch(/^the map of roles is \*=Nobody; confirmed was \*=/);
    expect(s.made).toEqual([]);
    const [change] = await readPolicyChanges(fresh.db, 0);
    expect(change).toMatchObject({ setting: "scope", state: "proposed", body: { scope: { roles: { "*": "Nobody" } } } });
    for (const name of ["ada", "ben"])
      expect(
        await bot.services.policy.approve({ changeId: change?.id ?? "", digest: change?.digest ?? "", by: asker(name) }),
      ).toMatchObject({ ok: true });
    expect(holds(await s.pass(bot))).toEqual([]);
    expect([...s.accounts.values()].map((a) => a.roleName)).toEqual(Array.from({ length: 9 }, () => "Nobody"));
    expect(await countRestrictions(fresh.db, 0)).toBe(8);
  });

  test("more changed roles than one pass may take away are held", async () => {
    const s = service(fresh.db, { a: names(11) });
    await putInForce(fresh.db, {}, lost);
    expect(holds(await s.pass(s.bot(lost)))).toEqual(["too_many_restrictions"]);
    expect(s.made).toEqual([]);
  });

  test("a policy of an earlier version has no map: only changes of roles wait", async () => {
    const { roles: _, ...scope } = configOf().policy.scope;
    await putInForce(fresh.db, { scope });
    const s = service(fresh.db, { a: ["mia"] });
    s.projects["a"]?.members.add("new");
    const record = await s.pass(s.bot(lost));
    expect(record.plan.holds).toMatchObject([{ kind: "roles_changed", blocks: "restrictions" }]);
    expect(s.made.map((c) => c.kind)).toEqual(["create_account"]);
    expect((await readPolicyChanges(fresh.db, 0)).map((c) => c.setting)).toEqual(["scope"]);
  });
});

describe("a lock of ours", () => {
  test("is forgotten when somebody else unlocks it: what security locks later stays locked", async () => {
    const s = service(fresh.db, { p1: ["mia", "tom"] });
    const tom: AccountId = ids("p1", "tom").account;
    const state = () => s.accounts.get(tom)?.state;
    const byHand = (to: "enabled" | "locked") => {
      const account = s.accounts.get(tom);
      if (account !== undefined) s.accounts.set(tom, { ...account, state: to });
    };
    await s.pass();
    s.projects["p1"]?.members.delete("tom");
    await s.pass();
    expect(state()).toBe("locked");
    s.projects["p1"]?.members.add("tom");
    byHand("enabled");
    await s.pass();
    byHand("locked");
    const record = await s.pass();
    expect(state()).toBe("locked");
    expect(record.plan.drift).toMatchObject([{ kind: "locked_by_others" }]);
  });

  test("is undone when its member is back, and nobody else had a hand in it", async () => {
    const s = service(fresh.db, { p1: ["mia", "tom"] });
    await s.pass();
    s.projects["p1"]?.members.delete("tom");
    await s.pass();
    s.projects["p1"]?.members.add("tom");
    await s.pass();
    expect(s.accounts.get(ids("p1", "tom").account)?.state).toBe("enabled");
  });
});
