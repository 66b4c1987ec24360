/**
 * Claims, through the assembled bot: what people or the domain changed while a deletion is under way counts at once, a Restore is never lost,
 * and Restore gives back only what was approved, only to the team, and only while something is left to give back.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Asker } from "../../src/core/people.ts";
import { ok } from "../../src/core/result.ts";
import { readEntries } from "../../src/store/archive-entries.ts";
import { readLiveDeletions, updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { resetDatabase } from "../sim/reset.ts";
import { putInForce, type TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";
import { approveIn, botIn, looseLimits, smallWorld, type SmallWorld } from "../support/small-world.ts";

const DAY_MS = 86_400_000;
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

const asker = (name: string, isTeam = true): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam });
/** A person's click on the card as it is now. */
async function click(row: Pick<DeletionRow, "id">, name: string, isTeam = true) {
  const { id, version, digest } = await expectRow(fresh.db, row.id);
  return { deletionId: id, version, digest, by: asker(name, isTeam), typedName: "a" };
}
/** A deletion that the bot itself opened, saved and put to people. */
async function proposed(): Promise<{ readonly row: DeletionRow; readonly bot: TestBot }> {
  const opened = await openOne(fresh.db);
  const bot = botIn(w, opened);
  await bot.advance(opened.id);
  const row = await expectRow(fresh.db, opened.id);
  expect(row.phase).toBe("proposed");
  return { row, bot };
}
/** A deletion whose accounts are disabled. */
async function quarantined(): Promise<{ readonly row: DeletionRow; readonly bot: TestBot }> {
  const { row, bot } = await approveIn(w);
  w.now = 130;
  await bot.advance(row.id);
  expect((await expectRow(fresh.db, row.id)).phase).toBe("grace");
  w.calls.length = 0;
  return { row, bot };
}

describe("a wait that two people made longer since the deletion was opened", () => {
  test("the cool-off is as long as the policy in force says", async () => {
    const { row, bot } = await proposed();
    await putInForce(fresh.db, { ...looseLimits, coolOffMs: 5000 });
    w.now = 50;
    for (const who of ["ada", "ben"]) expect(await bot.services.deletions.approve(await click(row, who))).toMatchObject({ ok: true });
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "cooling_off", until_at: 5050 });
    w.now = 5049;
    await bot.advance(row.id);
    expect(w.calls).toEqual([]);
  });

  test("the grace period is as long as the policy in force says", async () => {
    const { row, bot } = await approveIn(w);
    await putInForce(fresh.db, { ...looseLimits, graceMs: 7000 });
    w.now = 130;
    await bot.advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "grace", until_at: 7130 });
    w.now = 7129;
    await bot.advance(row.id);
    expect(w.calls).toEqual(["disable a"]);
  });
});

describe("a domain that two people protected since", () => {
  const protectIt = () => putInForce(fresh.db, { ...looseLimits, protectedDomains: ["ROOT/ci/a"] });
  const kept = { phase: "closed", closed_because: "kept" };

  test("while people are asked: the question is closed", async () => {
    const { row, bot } = await proposed();
    await protectIt();
    await bot.advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject(kept);
  });

  test("while it is archived: nobody is asked, and nothing more is saved", async () => {
    const opened = await openOne(fresh.db);
    await protectIt();
    await botIn(w, opened).advance(opened.id);
    expect(await expectRow(fresh.db, opened.id)).toMatchObject({ ...kept, proposed_at: null });
    expect(await readEntries(fresh.db, { kind: "deletion", id: opened.id })).toEqual([]);
  });
});

test("what appears while the rest is saved is saved too, before anybody is asked", async () => {
  const opened = await openOne(fresh.db);
  const bot = botIn(w, opened);
  const late = item("template", "late", { bytes: 3 });
  const appearing = async () => {
    if (!w.items.includes(late)) w.items = [...w.items, late];
    return ok(undefined);
  };
  await bot.with({ archive: { finish: appearing } }).advance(opened.id);
  const digest = inventoryDigest(inventory(opened.domain_id, w.items));
  expect(await expectRow(fresh.db, opened.id)).toMatchObject({ phase: "proposed", digest });
  const entries = await readEntries(fresh.db, { kind: "deletion", id: opened.id });
  expect(entries.map((e) => `${e.name} ${e.state}`).toSorted()).toEqual(["late verified", "t verified"]);
});

test("a domain that is still listed after CloudStack deleted it freezes its deletion, and Restore is refused then", async () => {
  const { row, bot } = await quarantined();
  const lying = bot.with({ deleter: { deleteDomain: async () => (w.calls.push("domain"), ok(undefined)) } });
  w.now = 400;
  await lying.advance(row.id);
  w.items = w.items.filter((i) => i.kind !== "machine");
  await lying.advance(row.id);
  const frozen = { phase: "frozen", frozen_from: "removing", frozen_reason: expect.stringContaining("still lists it") as string };
  expect(w.calls.at(-1)).toBe("domain");
  expect(await expectRow(fresh.db, row.id)).toMatchObject(frozen);
  // All that could be given back is gone: a Restore would promise what nobody can keep.
  expect(await bot.services.deletions.restore(await click(row, "dora"))).toMatchObject({ ok: false, error: { code: "deletion.phase" } });
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ ...frozen, restore_by: null });
});

describe("Restore", () => {
  test("that is clicked while a step finds a reason to freeze is not lost: all is given back", async () => {
    const { row, bot } = await quarantined();
    w.now = 400;
    const clickThenLoss = async () => {
      expect(await bot.services.deletions.restore(await click(row, "dora"))).toMatchObject({ ok: true });
      return ok({ neighbours: [], domains: null });
    };
    await bot.with({ reader: { readNeighbours: clickThenLoss } }).advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "restored", closed_by: "dora" });
    expect(w.calls).toEqual(["enable"]);
  });

  test("gives back nothing that the approved inventory does not list", async () => {
    const { row, bot } = await quarantined();
    const strangers = [
      item("account", "stranger", { id: "6f1c9a1e-0000-4000-8000-00000000000b", state: "disabled" }),
      item("machine", "old", { state: "Destroyed" }),
    ];
    w.items.push(...strangers);
    expect(await bot.services.deletions.restore(await click(row, "dora"))).toMatchObject({ ok: true });
    await bot.advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "restored" });
    expect(w.calls).toEqual(["enable"]);
    expect(w.items).toEqual(expect.arrayContaining(strangers));
  });

  test("is for the team only: another's click is refused and recorded, and nothing is given back", async () => {
    const { row, bot } = await quarantined();
    expect(await bot.services.deletions.restore(await click(row, "mia", false))).toMatchObject({
      ok: false,
      error: { code: "command.team_only" },
    });
    await bot.advance(row.id);
    expect([await expectRow(fresh.db, row.id), w.calls]).toMatchObject([{ phase: "grace", restore_by: null }, []]);
    const refused = await fresh.db.many(
      z.object({ actor: z.string() }),
      "select actor from audit where subject = $1 and kind = 'refused.deletion.restore'",
      [row.id],
    );
    expect(refused).toEqual([{ actor: "ci:mia" }]);
  });
});

test.each(["rejected", "cancelled", "restored", "kept"] as const)(
  "for 24 hours after a deletion was %s none is opened for its domain, then one is",
  async (because) => {
    const first = await openOne(fresh.db);
    const bot = botIn(w, first);
    const proposal = {
      domainId: first.domain_id,
      projectId: first.project_id,
      path: first.path,
      name: first.name,
      evidence: first.evidence,
    };
    const open = () => bot.passes.deletions.openDeletion(proposal as never, []);
    const ended = 1000;
    await updateDeletion(fresh.db, first.id, { phase: "closed", closed_because: because, entered_at: at(ended) });
    w.now = ended + DAY_MS - 1;
    await open();
    expect(await readLiveDeletions(fresh.db)).toEqual([]);
    w.now = ended + DAY_MS;
    await open();
    expect(await readLiveDeletions(fresh.db)).toMatchObject([{ domain_id: first.domain_id, phase: "archiving" }]);
  },
);
