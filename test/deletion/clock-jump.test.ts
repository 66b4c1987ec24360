/**
 * Claims that a clock that jumps skips no wait (INV-3): nothing is taken, nothing expires, nobody's vote counts, and the card says why, until the
 * clocks agree again. Shown with a real PostgreSQL and a world in memory whose clock is moved.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { resetDatabase } from "../sim/reset.ts";
import { after } from "../../src/core/clock.ts";
import type { Instant } from "../../src/core/ids.ts";
import { SKEW_MS_MAX, readClocks } from "../../src/approvals/clocks.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { createSkewMeter } from "../../src/store/server-clock.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { recordVote } from "../../src/store/ballots.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, enterAsSaved, expectRow, inventory, op, openOne } from "../support/deletions.ts";
import { approveIn, botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";

const DAY_MS = 24 * 3_600_000;
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

/** The clock of this process is set; the other clocks go on as before. */
function jump(ms: number): void {
  w.now += ms;
  w.skewMs += ms;
}

describe("ahead by 30 days", () => {
  test("in the cool-off: not quarantined; when the clocks agree, it goes on only after the wait that was promised", async () => {
    const { row, bot } = await approveIn(w);
    w.now = 50;
    jump(30 * DAY_MS);
    await bot.advance(row.id);
    expect(w.calls).toEqual([]);
    const held = await expectRow(fresh.db, row.id);
    expect(held).toMatchObject({ phase: "cooling_off", until_at: 130 });
    expect(held.activity).toMatch(/clock is 30 days ahead of .*: nothing is decided or deleted/);
    jump(-30 * DAY_MS);
    await bot.advance(row.id);
    expect(w.calls).toEqual([]);
    w.now = 130;
    await bot.advance(row.id);
    expect(w.calls).toEqual(["disable a"]);
  });

  test("in the grace period: nothing is destroyed", async () => {
    const { row, bot } = await approveIn(w);
    w.now = 130;
    await bot.advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "grace", until_at: 330 });
    jump(30 * DAY_MS);
    await bot.advance(row.id);
    expect(w.calls).toEqual(["disable a"]);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "grace" });
    jump(-30 * DAY_MS);
    w.now = 329;
    await bot.advance(row.id);
    expect(w.calls).toEqual(["disable a"]);
    w.now = 330;
    await bot.advance(row.id);
    expect(w.calls).toContain("destroy m");
  });

  test("half-way through the removing: no further step, and none is given up", async () => {
    const { row, bot } = await approveIn(w);
    w.now = 130;
    await bot.advance(row.id);
    w.now = 330;
    const { destroyMachine } = bot.deletions.deleter;
    const jumping: typeof destroyMachine = async (...args) => {
      jump(DAY_MS);
      return destroyMachine(...args);
    };
    await bot.with({ deleter: { destroyMachine: jumping } }).advance(row.id);
    // By a clock that is ahead, CloudStack may be about to expunge: until the clocks agree, the machine is better there.
    expect(w.calls.filter((call) => call !== "recover")).toEqual(["disable a", "destroy m"]);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "dismantling", frozen_reason: null, restore_by: null });
  });

  test("while people decide: the card does not expire, and no vote is taken", async () => {
    const opened = await openOne(fresh.db);
    const shown = inventory(opened.domain_id, w.items);
    const digest = inventoryDigest(shown);
    await recordApprovedInventory(fresh.db, opened.id, shown, 10);
    await enterAsSaved(fresh.db, opened, shown);
    await updateDeletion(fresh.db, opened.id, { phase: "proposed", digest, proposed_at: at(10), expires_at: at(1010), entered_at: at(10) });
    await recordVote(
      fresh.db,
      { kind: "deletion", id: opened.id },
      { voter: op("ada"), voterName: "ada", account: null, verdict: "approve", digest, reason: null, at: at(20) },
    );
    const bot = botIn(w, opened);
    const service = bot.services.deletions;
    const row = await expectRow(fresh.db, opened.id);
    const by = { operator: { id: op("ben"), name: "ben", ciUserId: null }, isTeam: true };
    const click = { deletionId: row.id, digest, version: row.version, by, typedName: "a" };
    w.now = 50;
    for (const days of [30, -30]) {
      jump(days * DAY_MS);
      await bot.advance(row.id);
      expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "proposed" });
      expect(await service.mayApprove(click)).toMatchObject({ ok: false, error: { code: "deletion.clock" } });
      expect(await service.approve(click)).toMatchObject({ ok: false, error: { code: "deletion.clock" } });
      jump(-days * DAY_MS);
    }
    expect(await service.approve(click)).toMatchObject({ ok: true });
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "cooling_off", until_at: 150 });
  });
});

test("behind by 30 days when the quarantine ends: no grace period is begun that would be over at once", async () => {
  const { row, bot } = await approveIn(w);
  w.now = 130;
  const { quarantineAccount } = bot.deletions.deleter;
  const jumping: typeof quarantineAccount = async (...args) => {
    jump(-30 * DAY_MS);
    return quarantineAccount(...args);
  };
  await bot.with({ deleter: { quarantineAccount: jumping } }).advance(row.id);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "quarantining" });
  jump(30 * DAY_MS);
  await bot.advance(row.id);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "grace", until_at: 330 });
});

// Longer ahead, it would be brought to rest, and the deadline forgotten again.
test("ahead by ten minutes when the dismantling begins: CloudStack's deadline is noted only by clocks that agree", async () => {
  const { row, bot } = await approveIn(w);
  w.now = 130;
  await bot.advance(row.id);
  w.now = 330;
  const lost = async () => err(failure("unavailable", "cloudstack.unreachable", "away"));
  await bot.with({ reader: { readExpungeDelay: lost } }).advance(row.id);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "dismantling", expunge_after: null });
  jump(10 * 60_000);
  await bot.advance(row.id);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "dismantling", expunge_after: null });
  jump(-10 * 60_000);
  await bot.advance(row.id);
  expect(w.calls).toEqual(["disable a", "destroy m"]);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "expunging", expunge_after: w.now + DAY_MS });
});

test("ahead by 30 days when something begins to keep a step back: that is not taken for a wait which begins in 30 days", async () => {
  const { row, bot } = await approveIn(w);
  w.now = 130;
  jump(30 * DAY_MS);
  await bot.advance(row.id);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ waiting_for: "unavailable", waiting_since: 130 + 30 * DAY_MS });
  // This clock is right again, and another one is wrong: the same reason lasts on.
  jump(-30 * DAY_MS);
  w.skewMs = DAY_MS;
  await bot.advance(row.id);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ waiting_for: "unavailable", waiting_since: 130 });
});

test("ahead by a little: the cool-off ends only when the other clock says so too", async () => {
  const { row, bot } = await approveIn(w);
  w.now = 100;
  jump(50);
  await bot.advance(row.id);
  expect(w.calls).toEqual([]);
  w.now += 30;
  await bot.advance(row.id);
  expect(w.calls).toEqual(["disable a"]);
});

test("within the limit a wait ends by the clock that is behind, and begins by the one that is ahead", async () => {
  const clocks = (ms: number) => readClocks({ now: () => 1_000_000 as Instant, clockSkew: async () => ({ ms, against: "another" }) });
  expect(await clocks(SKEW_MS_MAX)).toEqual(ok({ earliest: 1_000_000 - SKEW_MS_MAX, latest: 1_000_000 }));
  expect(await clocks(-SKEW_MS_MAX)).toEqual(ok({ earliest: 1_000_000, latest: 1_000_000 + SKEW_MS_MAX }));
  expect(await clocks(SKEW_MS_MAX + 1)).toMatchObject({ ok: false, error: { kind: "unavailable", code: "deletion.clock" } });
  expect(await clocks(-SKEW_MS_MAX - 1)).toMatchObject({ ok: false });
});

describe("the meter", () => {
  test("finds a clock that is not the database server's", async () => {
    const real = createSkewMeter(fresh.db, () => Date.now() as Instant, performance.now.bind(performance));
    expect(Math.abs((await real()).ms)).toBeLessThan(10_000);
    const ahead = createSkewMeter(fresh.db, () => after(Date.now() as Instant, DAY_MS), performance.now.bind(performance));
    expect(await ahead()).toMatchObject({ against: "the database server's clock" });
    expect((await ahead()).ms).toBeGreaterThan(DAY_MS - 10_000);
  });

  test("finds a jump of the machine's clock, which the embedded database makes too", async () => {
    // The server's clock is that of this process, whatever is done to it.
    let steady = 5;
    let wall = 1_000_000;
    const sameClock = { ...fresh.db, one: async () => ({ at: wall }) as never };
    const meter = createSkewMeter(
      sameClock,
      () => wall as Instant,
      () => steady,
    );
    [steady, wall] = [steady + 7000, wall + 7000];
    expect((await meter()).ms).toBe(0);
    [steady, wall] = [steady + 1000, wall + 30 * DAY_MS + 1000];
    expect(await meter()).toEqual({ ms: 30 * DAY_MS, against: "the machine's monotonic clock since Twokey was started" });
  });

  test("counts in whole milliseconds, however the machine counts: PostgreSQL refuses any other instant", async () => {
    let steady = 1000.3342;
    const meter = createSkewMeter(
      fresh.db,
      () => (Date.now() - 3) as Instant,
      () => (steady += 0.777),
    );
    for (let i = 0; i < 5; i++) expect(Number.isInteger((await meter()).ms)).toBe(true);
    const read = await readClocks({ now: () => 1000 as Instant, clockSkew: async () => ({ ms: -7.3342, against: "another" }) });
    expect(read).toEqual({ ok: true, value: { earliest: 1000, latest: 1007 } });
  });

  test("a database that is away lets nothing pass", async () => {
    const lost = { ...fresh.db, one: () => Promise.reject(new Error("away")) };
    await expect(
      createSkewMeter(
        lost,
        () => 1 as Instant,
        () => 1,
      )(),
    ).rejects.toThrow("away");
  });
});
