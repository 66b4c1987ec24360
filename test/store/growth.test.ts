/**
 * Claims: an unchanged pass stores none of its inputs again, and a change only what is around it; old plans that changed nothing are dropped,
 * those with changes, holds or proposals never, whoever asks (INV-10); what is kept can still be made again, byte for byte (INV-7).
 */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { DAY_MS } from "../../src/core/units.ts";
import { CountRow, type Database } from "../../src/store/db.ts";
import { cutIntoParts } from "../../src/store/parts.ts";
import { dropOldPlans, forgetOldMessages } from "../../src/store/old-rows.ts";
import { readPlanHeads, readPlanInputs } from "../../src/store/plans.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import { replayPlan } from "../../src/sync/execution/replay.ts";
import { quietService } from "../sim/quiet-day.ts";
import { openAsBot, type FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
let bot: Database;
beforeEach(async () => {
  fresh = await lendDatabase();
  bot = await openAsBot(fresh);
});
afterEach(async () => {
  await bot.close();
  await fresh.drop();
});

const count = (table: string, where = "true") => fresh.db.one(CountRow, `select count(*) as n from ${table} where ${where}`);
const bytesOf = (table: string) => fresh.db.one(CountRow, `select coalesce(sum(octet_length(body)), 0) as n from ${table}`);
const planIds = async () => (await readPlanHeads(fresh.db, 1000)).map((head) => head.id);

async function expectReplayed(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const inputs = await readPlanInputs(fresh.db, id);
    const again = inputs === null ? null : replayPlan(inputs);
    expect(again?.ok === true && again.value.again === again.value.stored, id).toBe(true);
  }
}

test("INV-10: nobody removes plans, passes or their inputs by hand", async () => {
  const world = await quietService(bot, 3, fresh.db);
  await world.pass();
  for (const table of ["plan", "pass", "snapshot", "snapshot_part"])
    await expect(bot.exec(`delete from ${table}`), table).rejects.toMatchObject({ cause: { code: "42501" } });
  // Even the owner meets the guards of what is in use, and of the last day.
  await fresh.db.exec("update plan set shown = true");
  await expect(fresh.db.exec("delete from plan")).rejects.toMatchObject({ constraint: "plan_append_only" });
  await expect(fresh.db.exec("delete from pass")).rejects.toMatchObject({ constraint: "pass_append_only" });
  await expect(fresh.db.exec("delete from snapshot")).rejects.toMatchObject({ kind: "constraint" });
  await expect(fresh.db.exec("truncate plan cascade")).rejects.toMatchObject({ kind: "constraint" });
  const now = Date.now();
  await fresh.db.exec("insert into snapshot (digest, side, body, stored_at) values (repeat('0', 64), 'known', '', $1)", [now]);
  await expect(fresh.db.exec("delete from snapshot where stored_at = $1", [now])).rejects.toMatchObject({
    constraint: "snapshot_append_only",
  });
});

test("a part of an input that is in use stays, whoever removes it", async () => {
  await quietService(bot, 120, fresh.db);
  expect(await count("snapshot", "in_parts")).toBeGreaterThan(0);
  await expect(fresh.db.exec("delete from snapshot_part")).rejects.toMatchObject({ constraint: "snapshot_part_append_only" });
});

test("unchanged passes store no input again, also while a project is absent", async () => {
  const world = await quietService(bot, 60, fresh.db);
  delete world.projects["p7"];
  await world.pass();
  await world.pass();
  const before = [await count("snapshot"), await count("snapshot_part"), await count("plan")];
  for (let n = 0; n < 6; n += 1) await world.pass();
  expect([await count("snapshot"), await count("snapshot_part"), await count("plan")]).toEqual([
    before[0],
    before[1],
    (before[2] ?? 0) + 6,
  ]);
  await expectReplayed(await planIds());
  const [newest = ""] = await planIds();
  expect((await readPlanInputs(fresh.db, newest))?.known).toMatchObject({
    lastComplete: { projects: 59, at: expect.any(Number) as number },
  });
});

test("one project more stores what is around it, and not all the others again", async () => {
  const world = await quietService(bot, 200, fresh.db);
  const before = (await bytesOf("snapshot")) + (await bytesOf("snapshot_part"));
  const parts = await count("snapshot_part");
  world.projects["p100b"] = { members: new Set(["zoe"]), state: "active", limits: {} };
  await world.pass();
  await world.pass();
  const more = (await bytesOf("snapshot")) + (await bytesOf("snapshot_part")) - before;
  expect(await count("snapshot_part")).toBeGreaterThan(parts);
  expect(more / before).toBeLessThan(0.6);
  await expectReplayed(await planIds());
});

test("whatever bytes are cut, joined they are the same; of two texts that differ in one place most parts are the same", () => {
  fc.assert(
    fc.property(fc.nat(400_000), fc.nat(), (length, seed) => {
      const bytes = Buffer.from(Array.from({ length: Math.min(length, 60_000) }, (_, n) => (n * n * (seed | 1)) >> 3));
      const long = Buffer.concat(Array.from({ length: Math.ceil(length / 60_000) }, () => bytes));
      expect(Buffer.concat([...cutIntoParts(long)]).equals(long)).toBe(true);
    }),
    { numRuns: 25 },
  );
  const text = randomBytes(600_000);
  const changed = Buffer.concat([text.subarray(0, 300_000), Buffer.from("one more"), text.subarray(300_000)]);
  const before = new Set(cutIntoParts(text).map((p) => p.toString("base64")));
  const others = cutIntoParts(changed).filter((p) => !before.has(p.toString("base64")));
  expect(before.size).toBeGreaterThan(10);
  expect(others.length).toBeLessThanOrEqual(4);
});

test("INV-10: old plans that changed nothing are dropped with their passes and inputs; changes, holds and what was shown stay", async () => {
  const world = await quietService(bot, 20, fresh.db);
  for (let n = 0; n < 4; n += 1) await world.pass();
  world.projects["new"] = { members: new Set(["zoe"]), state: "active", limits: {} };
  const made = await world.pass();
  expect(made.state).toBe("applied");
  const afterIt = await world.pass();
  for (let n = 0; n < 3; n += 1) await world.pass();
  const kept = world.projects;
  world.projects = {};
  const held = await world.pass().catch(() => null);
  world.projects = kept;
  for (let n = 0; n < 3; n += 1) await world.pass();
  const newest = await world.pass();
  world.now += 40 * DAY_MS;

  const before = await planIds();
  const shown = (await fresh.db.many(z.object({ id: z.string() }), "select id::text from plan where shown")).map((r) => r.id);
  let dropped = 0;
  for (let n = 1; n > 0; dropped += n) n = await dropOldPlans(bot, world.now - 30 * DAY_MS);
  const after = await planIds();
  expect(dropped).toBe(before.length - after.length);
  expect(dropped).toBeGreaterThanOrEqual(8);
  expect(after).toEqual(expect.arrayContaining([...shown, made.id, afterIt.id, newest.id, ...(held === null ? [] : [held.id])]));
  expect(await count("pass", "not exists (select from plan where pass_id = pass.id)")).toBe(0);
  const used = "exists (select from plan where snapshot.digest in (desired, observed, known, policy))";
  expect(await count("snapshot", `not ${used}`)).toBe(0);
  await expectReplayed(after);
  expect(await dropOldPlans(bot, world.now)).toBe(0);
  // The next pass finds its inputs stored already, or stores them again.
  await world.pass();
  await expectReplayed(await planIds());
});

test("refused are changes, proposals, holds, held rows and unasked proposals, each alone; and every state but unchanged", async () => {
  const world = await quietService(bot, 2, fresh.db);
  for (let n = 0; n < 12; n += 1) await world.pass();
  const [, , ...ids] = (await planIds()).slice(0, 10);
  const edits = [
    `'{outcomes}', '[{}]'`,
    `'{plan,additive}', '[{}]'`,
    `'{plan,restrictive}', '[{}]'`,
    `'{plan,proposals}', '[{}]'`,
    `'{plan,holds}', '[{}]'`,
    `'{plan,heldRows}', '[{}]'`,
    `'{notAsked}', '[{}]'`,
    `'{state}', '"applying"'`,
  ];
  for (const [n, edit] of edits.entries())
    await fresh.db.exec(`update plan set record = jsonb_set(record, ${edit}) where id = $1`, [ids[n]]);
  await dropOldPlans(bot, world.now + DAY_MS);
  expect(await planIds()).toEqual(expect.arrayContaining(ids.slice(0, edits.length)));
  for (const id of ids.slice(0, edits.length))
    await expect(fresh.db.exec("delete from plan where id = $1", [id])).rejects.toMatchObject({ constraint: "plan_append_only" });
});

test("the last day is never dropped, whatever is asked for", async () => {
  const world = await quietService(bot, 2, fresh.db);
  world.now = Date.now() - 6 * 3_600_000;
  for (let n = 0; n < 5; n += 1) await world.pass();
  const before = (await planIds()).slice(0, 5);
  await dropOldPlans(bot, Date.now() + 400 * DAY_MS);
  expect((await planIds()).slice(0, 5)).toEqual(before);
});

test("an old message of what ended is forgotten; one that may still be shown or corrected is not", async () => {
  const world = await quietService(bot, 2, fresh.db);
  const [shownLast, told] = [(await world.pass()).id, (await world.pass()).id];
  await fresh.db.exec("update plan set shown = (id = $1)", [shownLast]);
  await fresh.db.exec("update sync_state set undone = $1", [JSON.stringify([{ change: "x", plan: told, problem: null }])]);
  // A stop that two people ended, and one that is in force; as rows alone, without their votes.
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    const rows = [
      [1, "stop"],
      [2, "resume"],
      [3, "stop"],
    ];
    for (const row of rows)
      await q.exec(
        "insert into stop_switch (seq, at, kind, by_operator, reason) overriding system value values ($1, 5, $2, 'o', 'r')",
        row,
      );
  });
  const keys = [`plan:${shownLast}`, `plan:${told}`, "plan:gone", "deletion:no-such", "stop:1", "stop:3", "export:1"];
  for (const key of keys) await recordPostedMessage(bot, { key, channel: "C1", ts: "1.0", digest: "d", at: 10 });
  await recordPostedMessage(bot, { key: "plan:young", channel: "C1", ts: "1.0", digest: "d", at: 100 });
  expect(await forgetOldMessages(bot, 100)).toBe(3);
  const left = await fresh.db.many(z.object({ key: z.string() }), "select key from posted_message order by key");
  expect(left.map((r) => r.key)).toEqual(
    ["deletion:no-such", `plan:${shownLast}`, `plan:${told}`, "plan:young", "stop:3"].toSorted((a, b) => (a < b ? -1 : 1)),
  );
});
