/** Claim: what happens beside or inside the domain after the approval stops every later step, in every phase, and each step's outcome is kept and shown. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { resetDatabase } from "../sim/reset.ts";
import { failure } from "../../src/core/failure.ts";
import type { Instant } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { readNeighboursBody, type Neighbour } from "../../src/store/neighbours.ts";
import { describeDifference, differenceOf } from "../../src/deletion/difference.ts";
import { grantPassage, inspectBeforeStep } from "../../src/deletion/guard.ts";
import { LONG_MS, SHORT_MS } from "../../src/deletion/reasons.ts";
import { lossesBetween } from "../../src/deletion/neighbours.ts";
import { takePassage } from "../../src/deletion/passage.ts";
import { createDatabase } from "../../src/store/db.ts";
import { readLiveDeletions, updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, completeOf, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";
import { approversOf, configOf, putInForce, type TestBot } from "../support/bot.ts";
import { approveIn, looseLimits, smallWorld, type SmallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
let w: SmallWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await smallWorld(fresh.db);
});
afterAll(() => fresh.drop());

const run = (row: DeletionRow, bot: TestBot) => bot.advance(row.id);
const beta = (): Neighbour => w.neighbours[0] as Neighbour;

/** Brings an approved deletion to a phase in which it waits. */
async function until(
  phase: "grace" | "expunging",
  obstacles: readonly string[] = [],
): Promise<{ readonly row: DeletionRow; readonly bot: TestBot }> {
  const { row, bot } = await approveIn(w, obstacles);
  w.now = 130;
  await run(row, bot);
  if (phase === "expunging") {
    w.now = 400;
    await run(row, bot);
  }
  expect((await expectRow(fresh.db, row.id)).phase).toBe(phase);
  w.calls.length = 0;
  return { row, bot };
}

describe("a job that a user began just before the quarantine (R10)", () => {
  const account = "6f1c9a1e-0000-4000-8000-00000000000a";
  const racing = { accountId: account, command: "CreateTemplate" };
  const begin = async () => {
    const { row, bot } = await approveIn(w);
    w.jobs = [racing];
    w.now = 130;
    await run(row, bot);
    return { row, bot, now: () => expectRow(fresh.db, row.id) };
  };

  test("is waited for once its account is disabled, and the card says so; then the quarantine is done", async () => {
    const { row, bot, now } = await begin();
    const activity = "waits for a job begun before the quarantine, which CloudStack still finishes: CreateTemplate of a";
    expect(await now()).toMatchObject({ phase: "quarantining", activity, waiting_for: "job_running" });
    w.now = 130 + LONG_MS - 1;
    await run(row, bot);
    expect((await now()).phase).toBe("quarantining");
    w.jobs = [{ ...racing, accountId: "another account" }];
    await run(row, bot);
    expect(await now()).toMatchObject({ phase: "grace", waiting_for: null });
    expect(w.calls).toEqual(["disable a"]);
  });

  test("that makes something: all is given back, and people are asked about it again", async () => {
    const { row, bot, now } = await begin();
    w.items = [...w.items, item("template", "racing")];
    await run(row, bot);
    expect((await now()).phase).toBe("quarantining");
    w.jobs = [];
    await run(row, bot);
    const closed = { phase: "closed", closed_because: "changed", closed_reason: expect.stringContaining("template racing") };
    expect(await now()).toMatchObject(closed);
    expect(w.calls.filter((c) => c !== "start")).toEqual(["disable a", "enable"]);
  });

  test("that makes something while another account is still to be disabled", async () => {
    w.items = [...w.items, item("account", "b", { id: "6f1c9a1e-0000-4000-8000-00000000000b", state: "enabled" })];
    const { row, bot } = await approveIn(w);
    const { deleter } = bot.parts.cloud;
    const racingBot = bot.with({
      deleter: {
        quarantineAccount: async (...of) => {
          const done = await deleter.quarantineAccount(...of);
          if (w.calls.length === 1) {
            w.jobs = [{ ...racing, accountId: of[1].id }];
            w.items = [...w.items, item("template", "racing")];
          }
          return done;
        },
      },
    });
    w.now = 130;
    await run(row, racingBot);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "quarantining", waiting_for: "job_running" });
    w.jobs = [];
    await run(row, racingBot);
    const closed = { phase: "closed", closed_because: "changed", closed_reason: expect.stringContaining("template racing") };
    expect(await expectRow(fresh.db, row.id)).toMatchObject(closed);
  });

  test("that never ends is waited for no longer than a day and a half: then all is given back", async () => {
    const { row, bot, now } = await begin();
    w.now = 130 + LONG_MS;
    await run(row, bot);
    expect(await now()).toMatchObject({ phase: "closed", closed_because: "changed" });
    expect(w.calls.filter((c) => c !== "start")).toEqual(["disable a", "enable"]);
  });

  test("that could not be read then: nobody is shut out, and the card says why", async () => {
    const { row, bot } = await approveIn(w);
    const remedy = failure("rejected", "cloudstack.not_allowed", "listAsyncJobs: refused", { details: { command: "listAsyncJobs" } });
    w.now = 130;
    await run(row, bot.with({ reader: { readRunningJobs: async () => err(remedy) } }));
    const waits = { phase: "cooling_off", waiting_for: "unavailable", activity: "listAsyncJobs: refused" };
    expect(await expectRow(fresh.db, row.id)).toMatchObject(waits);
    expect(w.calls).toEqual([]);
    await run(row, bot);
    expect((await expectRow(fresh.db, row.id)).phase).toBe("grace");
  });

  test("that cannot be read keeps the quarantine open", async () => {
    const { row, bot, now } = await begin();
    const remedy = failure("rejected", "cloudstack.not_allowed", "listAsyncJobs: refused", { details: { command: "listAsyncJobs" } });
    const blind = bot.with({ reader: { readRunningJobs: async () => err(remedy) } });
    await run(row, blind);
    expect(await now()).toMatchObject({ phase: "quarantining", waiting_for: "unavailable", activity: "listAsyncJobs: refused" });
  });
});

describe("an account that somebody enabled again", () => {
  const enable = () => {
    w.items = w.items.map((i) => (i.kind === "account" ? { ...i, state: "enabled" } : i));
  };

  test("in the grace period: nothing is destroyed, all is given back, and people are asked again", async () => {
    const { row, bot } = await until("grace");
    enable();
    w.now = 400;
    await run(row, bot);
    const after = await expectRow(fresh.db, row.id);
    expect([after.phase, after.closed_because]).toEqual(["closed", "changed"]);
    expect(after.closed_reason).toBeTruthy();
    expect(w.calls.filter((c) => !["enable", "start"].includes(c))).toEqual([]);
  });

  test("after machines were destroyed: they are recovered, and nothing more is taken", async () => {
    const { row, bot } = await until("expunging");
    enable();
    w.now = 500;
    await run(row, bot);
    expect((await expectRow(fresh.db, row.id)).phase).toBe("closed");
    expect(w.calls).toContain("recover");
    expect(w.calls.filter((c) => !["enable", "start", "recover"].includes(c))).toEqual([]);
  });

  test("after the machines are gone: nobody can bring them back, so it freezes, and nothing more is taken", async () => {
    const { row, bot } = await until("expunging");
    w.items = w.items.filter((i) => i.kind !== "machine");
    enable();
    await updateDeletion(fresh.db, row.id, { phase: "removing", entered_at: 450 as Instant });
    w.now = 500;
    await run(row, bot);
    const after = await expectRow(fresh.db, row.id);
    expect([after.phase, after.frozen_reason]).toEqual(["frozen", expect.stringContaining("no longer disabled")]);
    expect(w.calls).toEqual([]);
  });
});

describe("a neighbour", () => {
  const next = async (happens: () => void) => {
    const { row, bot } = await until("grace");
    happens();
    w.now = 400;
    await run(row, bot);
    const first = await expectRow(fresh.db, row.id);
    if (first.phase === "grace") {
      // It may be a count that lags: it waits for it, and says so, before it freezes.
      expect(first).toMatchObject({ waiting_for: "neighbours", waiting_since: 400 });
      w.now = 400 + SHORT_MS - 1;
      await run(row, bot);
      expect((await expectRow(fresh.db, row.id)).phase).toBe("grace");
      w.now = 400 + SHORT_MS;
      await run(row, bot);
    }
    const after = await expectRow(fresh.db, row.id);
    return { phase: after.phase, why: after.frozen_reason, calls: w.calls };
  };

  test("that vanished freezes the deletion, which names it, and nothing more is taken", async () => {
    const seen = await next(() => void (w.neighbours = []));
    expect(seen).toEqual({
      phase: "frozen",
      why: "something outside the domain vanished since the last step: the domain beta",
      calls: [],
    });
  });

  test.each([
    [{ machines: 3 }, "in beta 1 machine"],
    [{ volumes: 3 }, "in beta 2 volumes"],
    [{ templates: 1, machines: 0 }, "in beta 4 machines, 1 template"],
  ])("that holds less without a line in the log (%o) freezes it", async (fewer, words) => {
    const seen = await next(() => void (w.neighbours = [{ ...beta(), ...fewer }]));
    expect(seen).toMatchObject({ phase: "frozen", why: expect.stringMatching(new RegExp(`: ${words}$`)), calls: [] });
  });

  test("a removal of long ago, or of another kind, explains nothing", async () => {
    const long = 130 - 3600_000;
    expect(
      await next(() => {
        w.neighbours = [{ ...beta(), machines: 3 }];
        w.removals = [
          { kind: "machine", id: "x", at: long as Instant },
          { kind: "volume", id: "y", at: at(200) },
        ];
      }),
    ).toMatchObject({ phase: "frozen", calls: [] });
  });

  test("what our own list names, found in a neighbour's log, excuses nothing", async () => {
    expect(
      await next(() => {
        w.neighbours = [{ ...beta(), machines: 3 }];
        w.removals = [{ kind: "machine", id: "machine-m", at: at(200) }];
      }),
    ).toMatchObject({ phase: "frozen", calls: [] });
  });

  test("that cannot be seen keeps the step back, and it is tried again", async () => {
    const { row, bot } = await until("grace");
    w.now = 400;
    const blind = bot.with({ reader: { readNeighbours: async () => err(failure("unavailable", "cloudstack.away", "away")) } });
    await run(row, blind);
    expect([(await expectRow(fresh.db, row.id)).phase, w.calls]).toEqual(["grace", []]);
    await run(row, bot);
    expect(w.calls).toEqual(["destroy m"]);
  });

  test.each<[string, () => void]>([
    ["whose owner removed it", () => w.removals.push({ kind: "machine", id: "x", at: at(200) })],
    ["that grew", () => void (w.neighbours = [{ ...beta(), machines: 9 }])],
  ])("%s is no reason to stop", async (_what, happens) => {
    const seen = await next(() => {
      w.neighbours = [{ ...beta(), machines: 3 }];
      happens();
    });
    expect(seen).toMatchObject({ phase: "expunging", calls: ["destroy m"] });
  });

  const holds = (...ids: readonly string[]) => ({
    [beta().id]: ids.map((id) => ({ kind: id.startsWith("d") ? ("volume" as const) : ("machine" as const), id, machineId: null })),
  });
  test.each<[string, readonly string[], number, string]>([
    ["is only counted lower: every machine is still there by its id", ["m1", "m2", "m3", "m4"], 2, "expunging"],
    ["lost a machine without a line in the log, whatever the count fell by", ["m1", "m2", "m3"], 2, "frozen"],
    ["lost one thing and got another", ["m1", "m2", "m3", "new"], 3, "frozen"],
  ])("that %s", async (_what, now, machines, phase) => {
    w.held = holds("m1", "m2", "m3", "m4");
    const seen = await next(() => {
      w.held = holds(...now);
      w.neighbours = [{ ...beta(), machines }];
    });
    expect(seen).toMatchObject({ phase, calls: phase === "frozen" ? [] : ["destroy m"] });
    expect(seen.why).toBe(phase === "frozen" ? "something outside the domain vanished since the last step: in beta 1 machine" : null);
  });

  test("whose owner removed a thing that was new is no reason; the log explains only what was there, by its id", async () => {
    w.held = holds("m1", "m2");
    const removed = { kind: "machine", id: "new", at: at(200) } as const;
    const fewer = () => {
      w.removals = [removed];
      w.neighbours = [{ ...beta(), machines: 3 }];
    };
    expect(await next(fewer)).toMatchObject({ phase: "expunging" });
  });

  test("whose thing was removed at an earlier step, when a new one made up for it, is no reason", async () => {
    w.held = holds("m1", "m2");
    const seen = await next(() => {
      w.removals = [{ kind: "machine", id: "m1", at: (130 - 3600_000) as Instant }];
      w.held = holds("m2");
      w.neighbours = [{ ...beta(), machines: 3 }];
    });
    expect(seen).toMatchObject({ phase: "expunging" });
  });

  test("and a line about a thing that was new explains no loss of another", async () => {
    w.held = holds("m1", "m2");
    const seen = await next(() => {
      w.removals = [{ kind: "machine", id: "new", at: at(200) }];
      w.held = holds("m1");
      w.neighbours = [{ ...beta(), machines: 3 }];
    });
    expect(seen).toMatchObject({ phase: "frozen", calls: [] });
  });

  test("of which a machine was removed by a call of its own is remembered without it", async () => {
    w.held = holds("m1", "m2", "d1");
    const { row, bot } = await until("grace");
    w.removals = [{ kind: "machine", id: "m1", at: at(200) }];
    w.neighbours = [{ ...beta(), machines: 3 }];
    w.now = 300;
    expect(await takePassage(row, bot.deletions)).toMatchObject({ ok: true });
    expect((await readNeighboursBody(fresh.db, row.id)).held).toEqual(holds("m2", "d1"));
  });

  test("a root disk that goes with a machine destroyed days ago is explained by it", async () => {
    const seen = await next(() => {
      w.neighbours = [{ ...beta(), volumes: 4 }];
      w.removals = [{ kind: "machine", id: "x", at: (130 - 3 * 24 * 3600_000) as Instant }];
    });
    expect(seen.phase).toBe("expunging");
  });

  test("that another deletion of ours takes apart is known", async () => {
    const other = await openOne(fresh.db);
    w.neighbours = [{ ...beta(), id: other.domain_id }];
    // No way leads there but the deletion's own; that it stands there is all that is asked.
    await fresh.db.exec("alter table deletion disable trigger deletion_rules");
    await fresh.db.exec("update deletion set phase = 'removing' where id = $1", [other.id]);
    await fresh.db.exec("alter table deletion enable trigger deletion_rules");
    expect(await next(() => void (w.neighbours = []))).toMatchObject({ phase: "expunging", calls: ["destroy m"] });
  });

  test("losses are counted for each kind, and nothing makes up for another's loss", () => {
    const was = [
      { id: "1", name: "one", machines: 2, volumes: 2, templates: 2 },
      { id: "2", name: "two", machines: 1, volumes: 0, templates: 0 },
    ];
    const is = [{ id: "1", name: "one", machines: 5, volumes: 1, templates: 2 }];
    expect(lossesBetween(was, is)).toEqual([
      { id: "1", name: "one", whole: false, lost: { machines: 0, volumes: 1, templates: 0 } },
      { id: "2", name: "two", whole: true, lost: { machines: 1, volumes: 0, templates: 0 } },
    ]);
    expect(lossesBetween(was, was)).toEqual([]);
  });
});

describe("what was true at the approval is asked again", () => {
  const limited = (more: Parameters<typeof putInForce>[1]) => async (bot: TestBot) => {
    await putInForce(fresh.db, { ...looseLimits, ...more });
    return bot;
  };
  const approvers = (who: Parameters<typeof approversOf>[0]) => async (bot: TestBot) => bot.with({ approvers: approversOf(who) });
  const configured = (env: Record<string, string>) => async (bot: TestBot) => bot.with({ config: configOf(env) });
  test.each<[string, (bot: TestBot) => Promise<TestBot>, string, readonly string[]]>([
    ["two people protected it meanwhile", limited({ protectedDomains: ["ROOT/ci/a"] }), "closed", ["enable"]],
    ["two people protected it, in capitals", limited({ protectedDomains: ["ROOT/CI/A"] }), "closed", ["enable"]],
    ["two people protected what it lies in", limited({ protectedDomains: ["ROOT/ci"] }), "closed", ["enable"]],
    ["two people protected what lies in it", limited({ protectedDomains: ["ROOT/ci/a/inner"] }), "closed", ["enable"]],
    ["nobody confirmed the scope that is read now", configured({ CI_USERS_VIEW: "other_users" }), "grace", []],
    ["two people cut the budget meanwhile", limited({ deletionsPerDay: 0 }), "grace", []],
    ["one of the two is no approver at the moment", approvers(() => ok(["ada", "dora"])), "grace", []],
    ["nobody can say who may approve", approvers(() => err(failure("unavailable", "slack.away", "away"))), "grace", []],
  ])("%s: nothing more is taken", async (_what, now, phase, calls) => {
    const { row, bot } = await until("grace");
    w.now = 400;
    await run(row, await now(bot));
    expect([(await expectRow(fresh.db, row.id)).phase, w.calls]).toEqual([phase, calls]);
  });
});

test("one of the two stays away: all is given back when it has lasted, and not before", async () => {
  const { row, bot } = await until("grace");
  const away = bot.with({ approvers: approversOf(() => ok(["ada", "dora"])) });
  for (const [now, phase, calls] of [
    [400, "grace", []],
    [400 + SHORT_MS - 1, "grace", []],
    [400 + SHORT_MS, "closed", ["enable"]],
  ] as const) {
    w.now = now;
    await run(row, away);
    expect([(await expectRow(fresh.db, row.id)).phase, w.calls]).toEqual([phase, calls]);
  }
});

describe("something new, or alive", () => {
  const appears = () => void w.items.push(item("volume", "new"));
  const starts = () => void (w.items = w.items.map((i) => (i.kind === "machine" ? { ...i, state: "Running" } : i)));

  test.each<["grace" | "expunging", string, () => void, readonly string[]]>([
    ["grace", "appears", appears, ["enable"]],
    ["grace", "runs", starts, ["enable"]],
    ["expunging", "appears", appears, ["recover", "enable"]],
    ["expunging", "runs", starts, ["enable"]],
  ])("in %s, when something %s: all is given back, and the question is put again", async (phase, what, happens, given) => {
    const { row, bot } = await until(phase);
    happens();
    w.now = 500;
    await run(row, bot);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "changed" });
    expect(w.calls).toEqual(given);
    // The next pass proposes the domain again.
    const proposal = { domainId: row.domain_id, projectId: row.project_id, path: row.path, name: row.name, evidence: row.evidence };
    await bot.passes.deletions.openDeletion(proposal as never, []);
    const [anew] = await readLiveDeletions(fresh.db, row.project_id);
    await run(anew as DeletionRow, bot);
    const asked = await expectRow(fresh.db, anew?.id ?? "");
    expect(asked.phase).toBe("proposed");
    expect(asked.id).not.toBe(row.id);
    if (what === "appears") expect(asked.digest).not.toBe(row.digest);
  });

  const obstacle = "machine m is protected from deletion";
  test.each([
    ["grace", "that was not on the approved card", []],
    ["grace", "that was lifted before the approval", [obstacle]],
    ["expunging", "that was not on the approved card", []],
    ["expunging", "that was lifted before the approval", [obstacle]],
  ] as const)("in %s, an obstacle %s: nothing more is taken", async (phase, _which, asked) => {
    const { row, bot } = await until(phase, asked);
    w.now = 500;
    const now = () =>
      completeOf({ domainId: row.domain_id, path: row.path, items: w.items, obstacles: [obstacle], asOf: w.now as Instant });
    await run(row, bot.with({ reader: { readInventory: async () => ok(now()) } }));
    const after = await expectRow(fresh.db, row.id);
    expect(after).toMatchObject({ phase: "closed", closed_because: "changed" });
    expect(w.calls.filter((call) => /^(?:destroy|delete|release)/.test(call))).toEqual([]);
    const told = `select from deletion_event where deletion_id = $1 and data::text like '%${obstacle}%'`;
    expect(await fresh.db.exec(told, [row.id])).toBeGreaterThan(0);
  });

  test("a machine that ran when the fence saw it, and was stopped before it was given back, is started", async () => {
    const { row, bot } = await until("grace");
    starts();
    w.now = 400;
    const away = async () => err(failure("unavailable", "cloudstack.away", "away"));
    await run(row, bot.with({ restorer: { enableAccount: away } }));
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "grace", restore_by: "twokey", ran_machines: ["machine-m"] });
    w.items = w.items.map((i) => (i.kind === "machine" ? { ...i, state: "Stopped" } : i));
    await run(row, bot);
    expect([(await expectRow(fresh.db, row.id)).phase, w.calls]).toEqual(["closed", ["enable", "start"]]);
  });
});

describe("the guard answers, and who asks it tells", () => {
  const copying = () => void (w.items = w.items.map((i) => (i.kind === "template" ? { ...i, state: "copying" } : i)));

  test("it writes nothing and shows nothing, whether it lets the step through or not", async () => {
    const { row, bot } = await until("grace");
    copying();
    const unheard = () => Promise.reject(new Error("the guard spoke"));
    // PostgreSQL itself refuses what it would write.
    const url = new URL(fresh.url);
    url.searchParams.set("options", "-c search_path=twokey -c default_transaction_read_only=on");
    const readOnly = createDatabase(url.href, { max: 2, onError: () => undefined });
    const mute = bot.with({ db: readOnly, cards: { showCard: unheard, note: unheard, tellMembers: unheard } }).deletions;
    try {
      await expect(takePassage(row, mute)).rejects.toThrow(/read-only/);
      const { seen, found } = await inspectBeforeStep(row, mute);
      expect(seen).toMatchObject({ difference: { changed: ["template t:  → copying"] }, neighbours: { neighbours: null } });
      if (!found.ok) throw new Error(found.error.message);
      expect(await grantPassage(row, found.value, mute)).toMatchObject({ ok: true, value: { fresh: { items: w.items } } });
      w.neighbours = [];
      expect(await inspectBeforeStep(row, mute)).toMatchObject({
        seen: { neighbours: null, difference: { changed: ["template t:  → copying"] } },
        found: { error: { code: "deletion.neighbours" } },
      });
    } finally {
      await readOnly.close();
    }
  });

  const elsewhere = configOf({ CI_USERS_VIEW: "other_users" });
  test.each<[string, () => Promise<void>, string]>([
    ["protected", () => putInForce(fresh.db, { ...looseLimits, protectedDomains: ["ROOT/ci/a"] }), "deletion.protected"],
    ["stopped", () => recordStop(fresh.db, { at: 350, kind: "stop", byOperator: op("ada"), reason: "wait" }), "deletion.stopped"],
    ["another scope confirmed", () => putInForce(fresh.db, looseLimits, elsewhere), "deletion.scope_unconfirmed"],
  ])("%s while the last look is being shown: the last word is no", async (_what, happens, code) => {
    const { row, bot } = await until("grace");
    copying();
    expect(await takePassage(row, bot.with({ cards: { showCard: happens } }).deletions)).toMatchObject({ ok: false, error: { code } });
    expect(w.calls).toEqual([]);
  });
});

describe("after a step", () => {
  const Event = z.object({ data: z.object({ gone: z.array(z.string()), appeared: z.array(z.string()), changed: z.array(z.string()) }) });

  test("its outcome and what it came to are in the log, and no line of it in the thread", async () => {
    const { row, bot } = await until("grace");
    w.now = 400;
    await run(row, bot);
    const outcomes = await fresh.db.many(
      z.object({ command: z.string(), result: z.string() }),
      "select command, result from intent join outcome on intent_id = id order by intent.at",
    );
    expect(outcomes).toEqual([
      { command: "quarantine", result: "done" },
      { command: "destroy", result: "done" },
    ]);
    const events = await fresh.db.many(
      Event,
      "select data from deletion_event where deletion_id = $1 and kind = 'inventory changed' order by seq",
      [row.id],
    );
    expect(events.map((e) => e.data.changed)).toEqual([["account a: enabled → disabled"], ["machine m: Stopped → Destroyed"]]);
    // The thread is a story, not a trace.
    expect(w.notes).toEqual([]);
  });

  test("a look that finds all as before says nothing", async () => {
    const row = await openOne(fresh.db);
    const look = inventory(row.domain_id, w.items);
    expect(differenceOf(look, { ...look, asOf: at(5) })).toBeNull();
  });

  test("a difference names a few of each sort and counts the rest", () => {
    const id = "6f1c9a1e-0000-4000-8000-000000000001" as never;
    const many = [..."abcdefg"].map((n) => item("volume", n));
    const found = differenceOf(inventory(id, many), inventory(id, [item("vm_snapshot", "s")]));
    expect(found && describeDifference(found)).toBe(
      "gone: volume a, volume b, volume c, volume d, volume e and 2 more; new: vm snapshot s",
    );
  });
});
