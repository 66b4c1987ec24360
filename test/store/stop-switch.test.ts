/** Claims INV-3's store side: stopped is stopped until resumed, and an unreadable switch counts as stopped. */
import { resumeByTwo } from "../support/stop.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase } from "../../src/store/db.ts";
import { readStop, recordStop } from "../../src/store/stop-switch.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.drop();
});

test("INV-3: no database, no step", async () => {
  const nowhere = createDatabase("postgres://postgres@127.0.0.1:1/none", { onError: () => undefined });
  expect(await readStop(nowhere)).toMatchObject({ stopped: true, since: null });
  await nowhere.close();
});

test("INV-3: a table that is gone or a row that cannot be read counts as stopped", async () => {
  const broken = await freshDatabase();
  await broken.db.exec("alter table stop_switch alter column at type text");
  await broken.db.exec("insert into stop_switch (at, kind, by_operator, reason) values ('now', 'stop', 'x', 'y')");
  expect((await readStop(broken.db)).stopped).toBe(true);
  await broken.db.exec("drop table stop_switch cascade");
  expect((await readStop(broken.db)).stopped).toBe(true);
  await broken.drop();
});

test("the last turn of the switch counts, not the latest clock", async () => {
  const first = { at: 100, name: "ci:1", reason: "looks wrong" };
  expect(await readStop(fresh.db)).toEqual({ stopped: false });
  await recordStop(fresh.db, { at: 100, kind: "stop", byOperator: "ci:1", reason: "looks wrong" });
  expect(await readStop(fresh.db)).toEqual({ stopped: true, seq: 1, since: 100, by: "ci:1", reason: "looks wrong", stops: [first] });
  // Another adds to it.
  await recordStop(fresh.db, { at: 90, kind: "stop", byOperator: "ci:2", byName: "Two", reason: "me too" });
  const stops = [first, { at: 90, name: "Two", reason: "me too" }];
  expect(await readStop(fresh.db)).toEqual({ stopped: true, seq: 2, since: 90, by: "ci:2", reason: "looks wrong; me too", stops });
  await resumeByTwo(fresh.db, 50);
  expect(await readStop(fresh.db)).toEqual({ stopped: false });
});
