/** Claim: on real PostgreSQL and a small world in memory, a deletion goes on only as the rules say: every reason to stop stops it, and gives back. */
import { resumeByTwo } from "../support/stop.ts";
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { DAY_MS } from "../../src/core/units.ts";
import { LONG_MS } from "../../src/deletion/reasons.ts";
import { readStop, recordStop } from "../../src/store/stop-switch.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { appearedSince, inventoryDigest } from "../../src/core/inventory.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, expectRow, inventory, item, openOne, updateAnyway } from "../support/deletions.ts";
import { configOf, type TestBot } from "../support/bot.ts";
import { approveIn, botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
let w: SmallWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  w = await smallWorld(fresh.db);
});

const approved = () => approveIn(w);
const run = (row: DeletionRow, bot: TestBot) => bot.advance(row.id);
const phase = async (row: DeletionRow) => (await expectRow(fresh.db, row.id)).phase;

/** Lets time pass and machines be expunged, until the deletion rests. */
async function finish(row: DeletionRow, bot: TestBot): Promise<void> {
  for (const t of [130, 400, 500]) {
    w.now = Math.max(w.now, t);
    await run(row, bot);
    w.items = w.items.filter((i) => i.state !== "Destroyed");
  }
}

test("archiving saves the template, reads it back, and only then asks", async () => {
  const row = await openOne(fresh.db);
  await run(row, botIn(w, row));
  expect(await phase(row)).toBe("proposed");
  expect(w.calls).toEqual([]);
});

test("what waits for approvals is looked at every few minutes where quick passes say what was changed, otherwise twice a minute", async () => {
  const looks: (number | undefined)[] = [];
  const row = await openOne(fresh.db, {}, { graceMs: 14 * DAY_MS, approvalMs: 14 * DAY_MS });
  const enqueue = async (_name: string, id: string, o?: { readonly delayMs?: number }) => void (id === row.id ? looks.push(o?.delayMs) : 0);
  for (const seconds of ["5", "0"]) {
    const bot = botIn(w, row).with({ enqueue, config: configOf({ TWOKEY_QUICK_PASS_SECONDS: seconds }) });
    await run(row, bot);
    await bot.schedules.find((s) => s.name === "sweep-deletions")?.run();
  }
  expect(looks).toEqual([300_000, 300_000, 30_000, 30_000]);
  // The end of the time to decide is not looked for minutes later.
  await updateAnyway(fresh.db, row.id, { expires_at: (w.now + 70_000) as never });
  await run(row, botIn(w, row).with({ enqueue }));
  expect(looks.at(-1)).toBeLessThanOrEqual(70_000);
  expect(await phase(row)).toBe("proposed");
});

test("archiving exports nothing where another installation's mark is the newest: everything stops", async () => {
  const row = await openOne(fresh.db);
  const bot = botIn(w, row);
  const exported: string[] = [];
  const watched = bot.with({
    reader: { readMarks: async () => ok([{ id: "m", installation: "another", createdAt: 20 }]) },
    exports: { openExport: async (one) => (exported.push(one.name), bot.parts.cloud.exports.openExport(one)) },
  });
  await run(row, watched);
  expect({ phase: await phase(row), exported }).toEqual({ phase: "archiving", exported: [] });
  expect(await readStop(fresh.db)).toMatchObject({ stopped: true, reason: expect.stringContaining("Another installation") });
  await resetDatabase(fresh.db);
});

test("a template that is read back different is not saved, and keeps the button away", async () => {
  const row = await openOne(fresh.db);
  const bot = botIn(w, row);
  await run(row, bot.with({ archive: { open: async () => ok(Readable.from([Buffer.from("abX")])) } }));
  const [entry] = await fresh.db.many(z.object({ state: z.string() }), "select state from archive_entry where owner_id = $1", [row.id]);
  expect(entry?.state).toBe("failed");
});

test("the cool-off and the grace period are waited out, then all goes in order, the domain last", async () => {
  const { row, bot } = await approved();
  w.now = 129;
  await run(row, bot);
  expect(w.calls).toEqual([]);
  w.now = 130;
  await run(row, bot);
  expect([await phase(row), w.calls]).toEqual(["grace", ["disable a"]]);
  w.now = 200;
  await run(row, bot);
  expect(w.calls).toHaveLength(1);
  await finish(row, bot);
  expect(await phase(row)).toBe("deleted");
  expect(w.calls).toEqual(["disable a", "destroy m", "template t", "account a", "domain"]);
});

test("the budget lets one a day into the irreversible part", async () => {
  // The test before has used up the day, on the same clock.
  const { row, bot } = await approved();
  await finish(row, bot);
  expect(await phase(row)).toBe("grace");
  expect(w.calls).toEqual(["disable a"]);
});

test.each<[string, () => void, string, readonly string[]]>([
  ["something appears in the cool-off", () => w.items.push(item("machine", "new")), "closed", []],
  [
    "a machine is started in the cool-off",
    () => {
      w.items = w.items.map((i) => (i.kind === "machine" ? { ...i, state: "Running" } : i));
    },
    "closed",
    [],
  ],
  [
    "the project comes back in the cool-off",
    () => {
      w.project = "active";
    },
    "closed",
    [],
  ],
])("%s: nothing is touched, and it ends", async (_what, happens, end, done) => {
  const { row, bot } = await approved();
  happens();
  w.now = 130;
  await run(row, bot);
  expect([await phase(row), w.calls]).toEqual([end, done]);
});

test("the project comes back in the grace period: accounts are given back", async () => {
  const { row, bot } = await approved();
  w.now = 130;
  await run(row, bot);
  w.project = "active";
  w.now = 400;
  await run(row, bot);
  expect([await phase(row), w.calls]).toEqual(["closed", ["disable a", "enable"]]);
});

test("members are told when it is proposed, and after it was stopped", async () => {
  const row = await openOne(fresh.db);
  const bot = botIn(w, row);
  await run(row, bot);
  expect(w.told).toEqual(["proposed"]);
  w.project = "active";
  await run(row, bot);
  expect([await phase(row), w.told]).toEqual(["closed", ["proposed", "closed"]]);
});

test.each([
  ["closed", { phase: "closed", closed_because: "cancelled", entered_at: at(40) }],
  ["cooling_off", {}],
] as const)("what a process that died could not show any more in %s is shown by the next", async (shown, change) => {
  const { row, bot } = await approved();
  await updateDeletion(fresh.db, row.id, change);
  const cards: string[] = [];
  await run(row, bot.with({ cards: { showCard: async (v) => void cards.push(v.phase) } }));
  expect([cards, w.told]).toEqual([[shown], [shown]]);
});

test("each thing that Restore gives back is shown, and its outcome recorded", async () => {
  const { row, bot } = await approved();
  w.now = 130;
  await run(row, bot);
  await updateDeletion(fresh.db, row.id, { restore_by: "dora", closed_because: "restored", closed_by: "dora" });
  w.items = w.items.map((i) => (i.kind === "machine" ? { ...i, state: "Destroyed" } : i));
  const shown: string[] = [];
  await run(row, bot.with({ cards: { showCard: async (v) => void shown.push(v.activity ?? "") } }));
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "restored", closed_by: "dora" });
  expect(shown.filter((s) => s.startsWith("restoring"))).toEqual(["restoring: recover m", "restoring: enable a"]);
  const Done = z.object({ command: z.string(), result: z.string() });
  const done = await fresh.db.many(
    Done,
    "select command, result from intent join outcome on intent_id = id where owner_id = $1 and command in ('recover', 'enable')",
    [row.id],
  );
  expect(done).toEqual([
    { command: "recover", result: "done" },
    { command: "enable", result: "done" },
  ]);
  expect(w.told.at(-1)).toBe("closed");
});

test("while stopped no step is taken, and none is lost", async () => {
  const { row, bot } = await approved();
  await recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:ada", reason: "drill" });
  w.now = 130;
  await run(row, bot);
  expect([await phase(row), w.calls]).toEqual(["cooling_off", []]);
  await resumeByTwo(fresh.db, 2);
  await run(row, bot);
  expect(await phase(row)).toBe("grace");
});

test.each([
  ["still runs", ok({ state: "running" as const }), "quarantine is still running in CloudStack"],
  ["cannot be looked at", err(failure("unavailable", "cloudstack.away", "away")), "away"],
])("while a job that was begun %s, nothing is sent", async (_what, job, why) => {
  const { row, bot } = await approved();
  w.now = 130;
  const lost = async () => err(failure("indeterminate", "cloudstack.lost_answer", "lost"));
  await run(row, bot.with({ deleter: { quarantineAccount: lost } }));
  const unsettled = bot.with({ reader: { findJob: async () => job } });
  await run(row, unsettled);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "quarantining", activity: why });
  expect(w.calls).toEqual([]);
  await run(row, bot);
  expect([await phase(row), w.calls]).toEqual(["grace", ["disable a"]]);
});

const halted = async () => err(failure("refused", "cloudstack.stopped", "everything is stopped"));

test("a step that the stop switch cut off half-way is neither frozen nor lost", async () => {
  const { row, bot } = await approved();
  w.now = 130;
  await run(row, bot.with({ deleter: { quarantineAccount: halted } }));
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "quarantining", activity: "everything is stopped" });
  await run(row, bot);
  expect([await phase(row), w.calls]).toEqual(["grace", ["disable a"]]);
});

test.each([["an answer nobody understands", async () => err(failure("contract_broken", "cloudstack.malformed", "odd"))]] as const)(
  "what Restore could not give back because of %s is tried again, not given up",
  async (_what, fails) => {
    const { row, bot } = await approved();
    w.now = 130;
    await run(row, bot);
    await updateDeletion(fresh.db, row.id, { restore_by: "dora", closed_because: "restored", closed_by: "dora" });
    await run(row, bot.with({ restorer: { enableAccount: fails } }));
    expect([await phase(row), w.calls]).toEqual(["grace", ["disable a"]]);
    await run(row, bot);
    expect([await phase(row), w.calls]).toEqual(["closed", ["disable a", "enable"]]);
  },
);

/** Brings an approved deletion to where its machines are expunged; late enough that the budget of other tests is free again. */
async function expungeAll(row: DeletionRow, bot: TestBot, now: number): Promise<void> {
  w.now = now;
  await run(row, bot);
  w.now += 1000;
  await run(row, bot);
  expect(await phase(row)).toBe("expunging");
  w.items = w.items.filter((i) => i.kind !== "machine");
}

const saysNo = (times: number) => {
  let left = times;
  return async () =>
    left-- > 0 ? err(failure("rejected", "cloudstack.in_use", "still in use", { details: { command: "deleteTemplate" } })) : ok(undefined);
};

test.each([
  ["as long as the daily clean-up of accounts may take", LONG_MS - 1, "removing", null],
  ["for longer", LONG_MS, "frozen", "still in use"],
] as const)("a step that CloudStack refuses %s", async (_what, ms, end, why) => {
  const { row, bot } = await approved();
  await expungeAll(row, bot, ms === LONG_MS ? 1_500_000_000 : 1_100_000_000);
  const isRefused = { now: true };
  const deleteTemplate: typeof bot.deletions.deleter.deleteTemplate = async (...of) =>
    isRefused.now ? saysNo(1)() : bot.deletions.deleter.deleteTemplate(...of);
  const refused = bot.with({ deleter: { deleteTemplate } });
  for (let i = 0; i < 5; i++) await run(row, refused);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "removing", waiting_for: "cloudstack_refused", waiting_since: w.now });
  w.now += ms;
  await run(row, refused);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: end, frozen_reason: why });
  isRefused.now = false;
  await run(row, refused);
  expect(await phase(row)).toBe(end === "frozen" ? "frozen" : "deleted");
});

test.each(["rejected", "contract_broken"] as const)(
  "a look that fails as %s in the last phase is tried again, and nothing is taken meanwhile",
  async (kind) => {
    const { row, bot } = await approved();
    await expungeAll(row, bot, kind === "rejected" ? 2_000_000_000 : 3_000_000_000);
    let isBlind = false;
    const readInventory = async (...of: Parameters<typeof bot.deletions.reader.readInventory>) =>
      isBlind
        ? err(failure(kind, "cloudstack.odd", "listVolumes: odd", { details: { command: "listVolumes" } }))
        : bot.deletions.reader.readInventory(...of);
    const deleteTemplate: typeof bot.deletions.deleter.deleteTemplate = async (...of) => {
      const done = await bot.deletions.deleter.deleteTemplate(...of);
      isBlind = true;
      return done;
    };
    const blind = bot.with({ reader: { readInventory }, deleter: { deleteTemplate } });
    for (let i = 0; i < 4; i++) await run(row, blind);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "removing", activity: "listVolumes: odd" });
    expect(w.calls).toEqual(["disable a", "destroy m", "template t"]);
    isBlind = false;
    await run(row, blind);
    expect([await phase(row), w.calls.at(-1)]).toEqual(["deleted", "domain"]);
  },
);

test.each([
  [2, "everything is back as it was", ["disable a", "enable"]],
  [7, "everything is back as it was", ["disable a", "enable"]],
] as const)("what CloudStack refuses %i times to give back", async (times, reason, calls) => {
  const { row, bot } = await approved();
  w.now = 130;
  await run(row, bot);
  await updateDeletion(fresh.db, row.id, { restore_by: "dora", closed_because: "restored", closed_by: "dora" });
  const no = saysNo(times);
  const enableAccount: typeof bot.deletions.restorer.enableAccount = async (id) => {
    const said = await no();
    return said.ok ? bot.deletions.restorer.enableAccount(id) : said;
  };
  for (let i = 0; i < times + 1; i++) await run(row, bot.with({ restorer: { enableAccount } }));
  expect([await expectRow(fresh.db, row.id), w.calls]).toMatchObject([{ phase: "closed", closed_reason: reason }, calls]);
});

test("the digest does not depend on the order in which things are listed", () => {
  const shuffled = [...w.items].reverse();
  const id = "6f1c9a1e-0000-4000-8000-000000000001" as never;
  expect(inventoryDigest(inventory(id, shuffled))).toBe(inventoryDigest(inventory(id, w.items)));
  expect(appearedSince(w, { items: shuffled })).toEqual([]);
});
