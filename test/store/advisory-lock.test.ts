/** Claims that a lock is held by one at a time, and that its loss is told. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { copyOf, freshDatabase, type FreshDatabase } from "../support/database.ts";
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

test("one lock after another takes the same session, and nobody has its lock meanwhile", async () => {
  const pidOf = async (key: string): Promise<unknown> => {
    const held = await fresh.db.withAdvisoryLock(key, { waitMs: 0 }, () => holdersOf(fresh));
    return held.held ? held.value : null;
  };
  const first = await pidOf("s1");
  expect(first).toHaveLength(1);
  expect(await holdersOf(fresh)).toEqual([]);
  expect(await pidOf("s2")).toEqual(first);
});

test("a session that was lost while nobody used it is replaced", async () => {
  await fresh.db.withAdvisoryLock("r", { waitMs: 0 }, () => Promise.resolve());
  const others =
    "from pg_stat_activity where datname = current_database() and query like '%pg_advisory_unlock%' and pid <> pg_backend_pid()";
  expect(await fresh.db.exec(`select pg_terminate_backend(pid, 5000) ${others}`)).toBeGreaterThan(0);
  expect(await fresh.db.withAdvisoryLock("r", { waitMs: 0 }, () => Promise.resolve(2))).toEqual({ held: true, value: 2 });
});

test("closed, it keeps no session", async () => {
  const other = await freshDatabase();
  await other.db.withAdvisoryLock("c", { waitMs: 0 }, () => Promise.resolve());
  await other.db.close();
  // A copy is refused while anybody is connected.
  await (await copyOf(other.url)).drop();
  await other.drop();
});

/** The sessions that hold an advisory lock of this database. */
function holdersOf({ db }: FreshDatabase): Promise<readonly number[]> {
  const row = z.object({ pid: z.number() }).transform((r) => r.pid);
  return db.many(
    row,
    "select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
  );
}
