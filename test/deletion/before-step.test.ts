/** Claim: what happens beside or inside the domain after the approval stops every later step, in every phase, and each step's outcome is kept and shown. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { resetDatabase } from "../sim/reset.ts";
import { failure } from "../../src/core/failure.ts";
import type { Instant } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import type { Neighbour } from "../../src/store/neighbours.ts";
import type { DeletionContext } from "../../src/deletion/context.ts";
import type { LimitsNow } from "../../src/deletion/ports.ts";
import { describeDifference, differenceOf } from "../../src/deletion/difference.ts";
import { grantPassage, inspectBeforeStep } from "../../src/deletion/guard.ts";
import { lossesBetween } from "../../src/deletion/neighbours.ts";
import { openDeletion } from "../../src/deletion/open.ts";
import { takePassage } from "../../src/deletion/passage.ts";
import { advance } from "../../src/deletion/runner.ts";
import { createDatabase } from "../../src/store/db.ts";
import { readLiveDeletions, type DeletionRow } from "../../src/store/deletions.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";
import { approveIn, smallWorld, type SmallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
let w: SmallWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = smallWorld(fresh.db);
});
afterAll(() => fresh.drop());

const run = (row: DeletionRow, c: DeletionContext) => advance(row.id, c, new AbortController().signal);
const beta = (): Neighbour => w.neighbours[0] as Neighbour;

/** Brings an approved deletion to a phase in which it waits. */
async function until(phase: "grace" | "expunging"): Promise<{ readonly row: DeletionRow; readonly c: DeletionContext }> {
  const { row, c } = await approveIn(w);
  w.now = 130;
  await run(row, c);
  if (phase === "expunging") {
    w.now = 400;
    await run(row, c);
  }
  expect((await expectRow(fresh.db, row.id)).phase).toBe(phase);
  w.calls.length = 0;
  return { row, c };
}

describe("a neighbour", () => {
  const next = async (happens: () => void, more: (c: DeletionContext) => DeletionContext = (c) => c) => {
    const { row, c } = await until("grace");
    happens();
    w.now = 400;
    await run(row, more(c));
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
    const { row, c } = await until("grace");
    w.now = 400;
    const blind = { ...c, reader: { ...c.reader, readNeighbours: async () => err(failure("unavailable", "cloudstack.away", "away")) } };
    await run(row, blind);
    expect([(await expectRow(fresh.db, row.id)).phase, w.calls]).toEqual(["grace", []]);
    await run(row, c);
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
  const people = (...names: readonly string[]) => ({
    approversNow: async () => ok(names.map((n) => ({ id: op(n), name: n, ciUserId: null }))),
  });
  const limited = (c: DeletionContext, more: Partial<LimitsNow>): DeletionContext => ({
    ...c,
    limits: async () => ({ ...(await c.limits()), ...more }),
  });
  test.each<[string, (c: DeletionContext) => DeletionContext, string, readonly string[]]>([
    ["the domain is outside of the root now", (c) => ({ ...c, isProtected: () => true }), "frozen", []],
    ["two people protected it meanwhile", (c) => limited(c, { protectedDomains: ["ROOT/ci/a"] }), "closed", ["enable"]],
    ["nobody confirmed the scope that is read now", (c) => limited(c, { scopeIsConfirmed: false }), "grace", []],
    ["two people cut the budget meanwhile", (c) => limited(c, { perDay: 0 }), "grace", []],
    ["one of the two is no approver any more", (c) => ({ ...c, approvers: people("ada", "dora") }), "closed", ["enable"]],
    [
      "nobody can say who may approve",
      (c) => ({ ...c, approvers: { approversNow: async () => err(failure("unavailable", "slack.away", "away")) } }),
      "grace",
      [],
    ],
  ])("%s: nothing more is taken", async (_what, now, phase, calls) => {
    const { row, c } = await until("grace");
    w.now = 400;
    await run(row, now(c));
    expect([(await expectRow(fresh.db, row.id)).phase, w.calls]).toEqual([phase, calls]);
  });
});

describe("something new, or alive", () => {
  const appears = () => void w.items.push(item("volume", "new"));
  const starts = () => void (w.items = w.items.map((i) => (i.kind === "machine" ? { ...i, state: "Running" } : i)));

  test.each<["grace" | "expunging", string, () => void, readonly string[]]>([
    ["grace", "appears", appears, ["enable"]],
    ["grace", "runs", starts, ["enable"]],
    ["expunging", "appears", appears, ["recover", "enable"]],
    ["expunging", "runs", starts, ["enable"]],
  ])("in %s, when something %s: all is given back, and the question is put anew", async (phase, what, happens, given) => {
    const { row, c } = await until(phase);
    happens();
    w.now = 500;
    await run(row, c);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "changed" });
    expect(w.calls).toEqual(given);
    // The next pass proposes the domain again.
    const proposal = { domainId: row.domain_id, projectId: row.project_id, path: row.path, name: row.name, evidence: row.evidence };
    await openDeletion(proposal as never, [], row.policy, c);
    const [anew] = await readLiveDeletions(fresh.db, row.project_id);
    await run(anew as DeletionRow, c);
    const asked = await expectRow(fresh.db, anew?.id ?? "");
    expect(asked.phase).toBe("proposed");
    expect(asked.id).not.toBe(row.id);
    if (what === "appears") expect(asked.digest).not.toBe(row.digest);
  });

  test("a machine that ran when the fence saw it, and was stopped before it was given back, is started", async () => {
    const { row, c } = await until("grace");
    starts();
    w.now = 400;
    const away = async () => err(failure("unavailable", "cloudstack.away", "away"));
    await run(row, { ...c, restorer: { ...c.restorer, enableAccount: away } });
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "grace", restore_by: "twokey", ran_machines: ["machine-m"] });
    w.items = w.items.map((i) => (i.kind === "machine" ? { ...i, state: "Stopped" } : i));
    await run(row, c);
    expect([(await expectRow(fresh.db, row.id)).phase, w.calls]).toEqual(["closed", ["enable", "start"]]);
  });
});

describe("the guard answers, and who asks it tells", () => {
  const copying = () => void (w.items = w.items.map((i) => (i.kind === "template" ? { ...i, state: "copying" } : i)));

  test("it writes nothing and shows nothing, whether it lets the step through or not", async () => {
    const { row, c } = await until("grace");
    copying();
    const unheard = () => Promise.reject(new Error("the guard spoke"));
    // PostgreSQL itself refuses what it would write.
    const url = new URL(fresh.url);
    url.searchParams.set("options", "-c search_path=twokey -c default_transaction_read_only=on");
    const readOnly = createDatabase(url.href, { max: 2, onError: () => undefined });
    const mute = { ...c, db: readOnly, announcer: { showCard: unheard, note: unheard, tellMembers: unheard } };
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

  test.each<[string, (w: SmallWorld) => Promise<void>, string]>([
    ["protected", async () => void (w.limits = { ...w.limits, protectedDomains: ["ROOT/ci/a"] }), "deletion.protected"],
    ["stopped", () => recordStop(fresh.db, { at: 350, kind: "stop", byOperator: op("ada"), reason: "wait" }), "deletion.stopped"],
    ["outside", async () => void (w.limits = { ...w.limits, scopeIsConfirmed: false }), "deletion.scope_unconfirmed"],
  ])("%s while the last look is being shown: the last word is no", async (_what, happens, code) => {
    const { row, c } = await until("grace");
    copying();
    const slow = { ...c, announcer: { ...c.announcer, note: () => happens(w) } };
    expect(await takePassage(row, slow)).toMatchObject({ ok: false, error: { code } });
    expect(w.calls).toEqual([]);
  });
});

describe("after a step", () => {
  const Event = z.object({ data: z.object({ gone: z.array(z.string()), appeared: z.array(z.string()), changed: z.array(z.string()) }) });

  test("its outcome, what it came to, and a line in the thread are there", async () => {
    const { row, c } = await until("grace");
    w.now = 400;
    await run(row, c);
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
    expect(w.notes).toContain("inventory N: changed: machine m: Stopped → Destroyed");
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
