/**
 * Claims: a change that CloudStack refuses again and again is told once, in one message that is corrected in place, and holds up nothing but
 * what depends on it. A user whom CloudStack locked out is told, and left so.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { failure, type FailureKind } from "../../src/core/failure.ts";
import type { CiUserId, Slug } from "../../src/core/ids.ts";
import { answerStatus } from "../../src/commands/status.ts";
import { answerPlan } from "../../src/commands/passes.ts";
import type { Change } from "../../src/sync/planning/plan.ts";
import type { FreshDatabase } from "../support/database.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import { configOf, putInForce } from "../support/bot.ts";
import { op } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids, service, type Service } from "./people.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
});
afterEach(() => fresh.drop());

const isOf = (c: Change, name: string): boolean => c.kind === "create_account" && c.person.username === name;
const there = (s: Service): string[] => [...s.accounts.values()].map((a) => a.name).toSorted();
const text = (s: Service): string[] => [...s.messages.values()].map((m) => JSON.stringify(renderPlan(m, "test")).replaceAll("\u200b", ""));

/** A project whose first new member has a name that the server cannot keep. */
async function withZoe(kind: FailureKind, words: () => string): Promise<Service> {
  const s = service(fresh.db, { beta: ["mia"], alpha: ["ann"] });
  await s.pass();
  s.messages.clear();
  s.shown = 0;
  for (const m of ["zoe", "noor", "ivan"]) s.projects["beta"]?.members.add(m);
  Object.assign(s.projects["beta"] ?? {}, { limits: { user_vm: 5 } });
  s.refuses = (c) => (isOf(c, "zoe") ? failure(kind, "cloudstack.internal", words()) : null);
  return s;
}

describe("a refusal that stays", () => {
  test.each<FailureKind>(["rejected", "stuck", "indeterminate", "unavailable"])(
    "%s: eight passes, one message, and the others exist",
    async (kind) => {
      const s = await withZoe(kind, () => "its database refused it");
      for (let i = 0; i < 8; i += 1) await s.pass();
      expect(there(s)).toEqual(["ann", "ivan", "mia", "noor"]);
      expect(s.domains.get("beta")?.limits).toEqual({ user_vm: 5 });
      // Where the others were held up at first, that they were made is news.
      expect(s.messages.size).toBe(kind === "rejected" || kind === "stuck" ? 1 : 2);
      expect(text(s)[0]).toContain("create account zoe");
      expect(text(s)[0]).toContain("its database refused it");
    },
  );

  test("other words are not news: the message is corrected in place; and none is shown while nothing is new", async () => {
    let n = 0;
    const s = await withZoe("rejected", () => `refused as number ${n}`);
    await s.pass();
    const before = s.shown;
    await s.pass();
    expect(s.shown).toBe(before);
    n = 1;
    await s.pass();
    expect([s.messages.size, s.shown]).toEqual([1, before]);
    expect(text(s)[0]).toContain("refused as number 1");
    expect(text(s)[0]).not.toContain("refused as number 0");
  });

  test("what is new beside it is shown, and so is its end", async () => {
    const s = await withZoe("rejected", () => "no");
    await s.pass();
    s.projects["alpha"]?.members.add("bo");
    await s.pass();
    expect(s.messages.size).toBe(2);
    s.refuses = () => null;
    await s.pass();
    expect(s.messages.size).toBe(3);
    expect(there(s)).toContain("zoe");
    await s.pass();
    expect(s.messages.size).toBe(3);
  });

  test("what depends on it waits: no account is asked for in a domain that was refused", async () => {
    const s = service(fresh.db, { alpha: ["ann"] });
    await s.pass();
    s.messages.clear();
    s.projects["gamma"] = { members: new Set(["gil"]), state: "active", limits: {} };
    s.refuses = (c) => (c.kind === "create_domain" ? failure("rejected", "cloudstack.internal", "no") : null);
    for (let i = 0; i < 4; i += 1) await s.pass();
    expect(s.made).toEqual([]);
    expect(s.messages.size).toBe(1);
    expect(text(s)[0]).toContain("skipped, since an earlier change of its project was not made");
  });
});

describe("a user whom CloudStack locked out", () => {
  test("is told in the plan, by /ci-plan and by /ci-status, and left so", async () => {
    const s = service(fresh.db, { aurora: ["mia", "tom"] });
    await s.pass();
    const account = s.accounts.get(ids("aurora", "mia").account);
    if (account === undefined) throw new Error("there is no account");
    s.accounts.set(account.id, { ...account, users: account.users.map((u) => ({ ...u, state: "disabled" })) });
    const record = await s.pass();
    const sentence = "user mia in ROOT/ci/aurora is disabled in CloudStack, after wrong passwords, or by somebody else; it is left so";
    expect(record.plan.drift).toEqual([{ kind: "disabled", path: "ROOT/ci/aurora/mia/mia", sentence }]);
    expect(s.made).toEqual([]);
    const by = { operator: { id: op("ada"), name: "ada", ciUserId: null }, isTeam: true };
    expect(JSON.stringify(await answerPlan(by, null, s.bot().services.sync))).toContain(sentence);
    expect(text(s).at(-1)).toContain(sentence);
    const mia = { operator: { id: op("mia"), name: "mia", ciUserId: "mia" as CiUserId }, isTeam: false };
    expect(await answerStatus(mia, "aurora" as Slug, s.bot().services)).toMatchObject({
      parts: expect.arrayContaining([
        { kind: "list", title: "CI database and CloudStack differ", lines: [`Locked or disabled: ${sentence}`] },
      ]),
    });
  });
});

test("a plan whose message never got into the channel is shown when it is back, once, the oldest first, and for a week", async () => {
  const s = service(fresh.db, { beta: ["mia"] });
  await s.pass();
  for (const member of ["noor", "zoe"]) {
    s.projects["beta"]?.members.add(member);
    await s.pass();
  }
  const plans = [...s.messages.keys()];
  expect(plans).toHaveLength(2);
  const told: string[] = [];
  let isBack = false;
  const post = async (id: string): Promise<void> => {
    told.push(id);
    if (isBack) await recordPostedMessage(fresh.db, { key: `plan:${id}`, channel: "C1", ts: id, digest: "d", at: s.now });
  };
  const bot = s.bot(configOf(), { plans: { showPlan: async (record) => post(record.id) } });
  const sweep = async (): Promise<readonly string[]> => {
    told.length = 0;
    await bot.schedules.find((one) => one.name === "show-plans")?.run();
    return [...told];
  };
  // The newest is still shown by its own pass.
  s.now -= 299_000;
  expect(await sweep()).toEqual([]);
  s.now += 299_000;
  expect(await sweep()).toEqual([plans[0]]);
  const later = s.now;
  s.now += 8 * 24 * 3600_000;
  expect(await sweep()).toEqual([]);
  s.now = later + 3600_000;
  isBack = true;
  expect(await sweep()).toEqual(plans);
  expect(await sweep()).toEqual([]);
});
