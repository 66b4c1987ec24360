/**
 * Claim (H3): a stop and a Restore are carried out to the end while the CI database and Slack are away: the machines come back before
 * CloudStack expunges them, the domain is given back, and then everything stands still.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DeletionId, OperatorId } from "../../src/core/ids.ts";
import { failure } from "../../src/core/failure.ts";
import { err } from "../../src/core/result.ts";
import { recordIntent } from "../../src/store/intents.ts";
import { readStopView, stillness } from "../../src/sync/execution/stop-view.ts";
import { valueOf } from "../cloudstack/support.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow } from "../support/deletions.ts";
import { emulatedWorld } from "../support/emulated-world.ts";

const HOUR = 3_600_000;
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(() => resetDatabase(fresh.db));
afterAll(() => fresh.drop());

const gone = async () => err(failure("unavailable", "test.away", "it is away"));
/** As the bot knows somebody of whom nothing can be read. */
const by = {
  operator: { id: "slack:U0SOMEBODY" as OperatorId, name: "U0SOMEBODY", ciUserId: null },
  isTeam: false,
  mayBeTeam: true,
};

async function worldIn(phase: string) {
  const fill: Parameters<typeof emulatedWorld>[1] = (emulator, domain) => {
    const account = emulator.addAccount({ domain, name: "ann" }).accountId;
    emulator.addMachine({ account, name: "vm", stopped: true });
  };
  const e = await emulatedWorld(fresh.db, fill, {}, { expungeDelayMs: 24 * HOUR, expungeIntervalMs: HOUR });
  await e.until([phase]);
  expect((await expectRow(fresh.db, e.id)).phase).toBe(phase);
  const bot = e.bot.with({
    ci: { project: gone, listPeople: gone, projectsOf: gone, readProjectState: gone },
    approvers: { approversNow: gone, resolve: gone },
  });
  const states = async () =>
    (await e.inventory()).items.filter((i) => i.kind === "account" || i.kind === "machine").map((i) => `${i.name} ${i.state}`);
  return { ...e, bot, states };
}

test.each(["grace", "expunging"])("Restore in %s", async (phase) => {
  const e = await worldIn(phase);
  const { version, digest } = await expectRow(fresh.db, e.id);
  valueOf(await e.bot.services.deletions.restore({ deletionId: e.id as DeletionId, version, digest, by }));
  for (let i = 0; i < 20; i += 1) {
    await e.bot.advance(e.id);
    e.w.now += 1000;
  }
  expect(await expectRow(fresh.db, e.id)).toMatchObject({ phase: "closed", closed_reason: "everything is back as it was" });
  expect((await e.states()).toSorted()).toEqual(["ann enabled", "vm Stopped"]);
  await e.close();
});

test("a stop: machines are brought to rest, and a call that a dead process left is looked up, until everything stands still", async () => {
  const e = await worldIn("expunging");
  const view = valueOf(await e.bot.services.sync.stop(by, "something is wrong"));
  expect(stillness(view)).toContain("Everything stands still");
  const left = { id: crypto.randomUUID(), owner: { kind: "deletion" as const, id: e.id }, command: "destroy_machine" };
  await recordIntent(fresh.db, { ...left, params: { item: "x", name: "vm9" }, at: e.w.now });
  const now = async () => stillness((await readStopView(fresh.db, e.w.now)) ?? view);
  expect(await now()).toContain("not yet known to have ended: destroy machine vm9");
  await e.bot.advance(e.id);
  expect(await now()).toContain("Everything stands still");
  expect((await e.states()).toSorted()).toEqual(["ann disabled", "vm Stopped"]);
  await e.close();
});
