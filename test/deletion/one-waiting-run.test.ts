/** Claim (H2): however long a deletion waits and however often it is swept, it has one waiting run, and CloudStack is asked once in a while. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { sweepDeletions } from "../../src/deletion/runner.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import type { TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { expectRow, openOne } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import { lendEngineDatabase } from "../support/lent-database.ts";
import { botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";
import { loneEngine } from "../support/lone-engine.ts";

let fresh: FreshDatabase;
let w: SmallWorld;
let row: DeletionRow;
let engine: Engine;
let bot: TestBot;
let looks = 0;

beforeEach(async () => {
  fresh = await lendEngineDatabase();
  looks = 0;
  w = await smallWorld(fresh.db);
  row = await openOne(fresh.db);
  // A long grace period, as in production: a waiting deletion looks again after half a minute.
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(`update deletion set policy = policy || '{"graceMs": 600000, "approvalMs": 600000}'`);
  });
  engine = loneEngine(fresh.url);
  const usual = botIn(w, row);
  bot = usual.with({
    enqueue: (name, id, o) => engine.enqueue(name, id, o),
    reader: {
      readInventory: async (...asked) => {
        looks += 1;
        return usual.parts.cloud.reader.readInventory(...asked);
      },
    },
  });
  engine.define("deletion", bot.work.deletion);
  await engine.start();
});
afterEach(async () => {
  await engine.stop();
  await fresh.drop();
});

const count = (status: string) =>
  fresh.db.exec(`select from dbos.workflow_status where queue_partition_key = $1 and status in (${status})`, [`deletion:${row.id}`]);
const waiting = () => count("'DELAYED', 'ENQUEUED'");
/** When the run that waits is due. */
const dueAt = () =>
  fresh.db.one(
    z.object({ due: z.number() }).transform((found) => found.due),
    "select delay_until_epoch_ms as due from dbos.workflow_status where queue_partition_key = $1 and status in ('DELAYED', 'ENQUEUED')",
    [`deletion:${row.id}`],
  );
const rests = async () => (await waiting()) === 1 && (await count("'PENDING'")) === 0;

test("a proposed deletion is swept a hundred times: one run waits, and nothing is looked at", async () => {
  await engine.enqueue("deletion", row.id);
  await eventually("it is proposed, and waits", async () => (await expectRow(fresh.db, row.id)).phase === "proposed" && (await rests()));
  const [before, due] = [looks, await dueAt()];
  for (let i = 0; i < 100; i += 1) await sweepDeletions(bot.deletions);
  expect(await waiting()).toBe(1);
  expect(looks).toBe(before);
  expect(await dueAt()).toBe(due);
});

test("while everything is stopped, too", async () => {
  await bot.services.sync.stop({ operator: { id: "ci:dora" as never, name: "Dora", ciUserId: null }, isTeam: true }, "drill");
  await engine.enqueue("deletion", row.id);
  for (let i = 0; i < 20; i += 1) await sweepDeletions(bot.deletions);
  await eventually("it was looked at", async () => (await expectRow(fresh.db, row.id)).activity === "stopped: drill");
  for (let i = 0; i < 20; i += 1) await sweepDeletions(bot.deletions);
  expect(await waiting()).toBeLessThanOrEqual(1);
  expect(looks).toBe(0);
});

test("a lost job is found by the sweep", async () => {
  await updateDeletion(fresh.db, row.id, { activity: "its run was lost" });
  expect(await waiting()).toBe(0);
  await sweepDeletions(bot.deletions);
  expect(await waiting()).toBe(1);
});
