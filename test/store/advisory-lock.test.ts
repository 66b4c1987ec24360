/** Claims that a lock is held by one at a time, and that its loss is told. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.drop();
});

test("who does not want to wait is told that somebody else holds it", async () => {
  const outer = await fresh.db.withAdvisoryLock("k", { waitMs: 0 }, () =>
    fresh.db.withAdvisoryLock("k", { waitMs: 0 }, () => Promise.resolve("both")),
  );
  expect(outer).toEqual({ held: true, value: { held: false } });
  expect(await fresh.db.withAdvisoryLock("k", { waitMs: 0 }, () => Promise.resolve(1))).toEqual({ held: true, value: 1 });
});

test("who waits gets it afterwards, and never at the same time", async () => {
  let inside = 0;
  let most = 0;
  const enter = (): Promise<unknown> =>
    fresh.db.withAdvisoryLock("w", { waitMs: 60_000, pollMs: 5 }, async () => {
      most = Math.max(most, ++inside);
      await fresh.db.exec("select pg_sleep(0.02)");
      inside--;
    });
  await Promise.all([enter(), enter(), enter()]);
  expect(most).toBe(1);
});

test("an error of the work comes out as it is, and gives the lock back", async () => {
  await expect(fresh.db.withAdvisoryLock("e", { waitMs: 0 }, () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  expect((await fresh.db.withAdvisoryLock("e", { waitMs: 0 }, () => Promise.resolve())).held).toBe(true);
});

test("a lost connection aborts the signal, and the work's value is not taken for good", async () => {
  const lost = fresh.db.withAdvisoryLock("l", { waitMs: 0 }, async (signal) => {
    await fresh.db.exec(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
    );
    await eventually("aborted", () => signal.aborted);
    return "finished all the same";
  });
  await expect(lost).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
});
