/** Claims that the query layer parses, classifies and locks; shown on a real PostgreSQL. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createDatabase, toJson, type Database } from "../../src/store/db.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { lendDatabaseLike } from "../support/lent-database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.drop();
});

test("a row that does not fit its schema is a bug, and the message names the column but no value", async () => {
  const asked = fresh.db.many(z.object({ id: z.number() }), "select $1::text as id", ["secret-value"]);
  await expect(asked).rejects.toMatchObject({ kind: "bug" });
  await expect(asked).rejects.toThrow(/id \(invalid_type\)/);
  await expect(asked).rejects.not.toThrow(/secret-value/);
});

test("one() refuses none and two, maybe() refuses two", async () => {
  const Row = z.object({ n: z.number() });
  await expect(fresh.db.one(Row, "select 1 as n where false")).rejects.toMatchObject({ kind: "bug" });
  await expect(fresh.db.one(Row, "select generate_series(1, 2) as n")).rejects.toMatchObject({ kind: "bug" });
  await expect(fresh.db.maybe(Row, "select generate_series(1, 2) as n")).rejects.toMatchObject({ kind: "bug" });
  expect(await fresh.db.maybe(Row, "select 1 as n where false")).toBeNull();
  expect(await fresh.db.one(Row, "select $1::int as n", [7])).toEqual({ n: 7 });
});

test("epoch milliseconds travel as numbers, jsonb arrays stay arrays", async () => {
  const row = await fresh.db.one(z.object({ at: z.number(), data: z.unknown() }), "select $1::bigint as at, $2::jsonb as data", [
    1_795_462_918_123,
    toJson([1, { a: null }]),
  ]);
  expect(row).toEqual({ at: 1_795_462_918_123, data: [1, { a: null }] });
  await expect(fresh.db.one(z.object({ n: z.number() }), "select 9007199254740993::bigint as n")).rejects.toMatchObject({ kind: "bug" });
});

test("a transaction that throws leaves nothing behind", async () => {
  const Row = z.object({ n: z.number() });
  await expect(
    fresh.db.tx(async (q) => {
      await q.exec("insert into seen_event values ('a', 1)");
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(await fresh.db.one(Row, "select count(*)::int as n from seen_event where key = 'a'")).toEqual({ n: 0 });
});

test.for([
  ["constraint", "insert into seen_event values ('k', 1), ('k', 2)"],
  ["bug", "select nonsense"],
  ["unavailable", "select pg_terminate_backend(pg_backend_pid())"],
] as const)("an error of kind %s is told apart", async ([kind, sql]) => {
  const error: unknown = await fresh.db.exec(sql).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(StoreError);
  expect(error).toMatchObject({ kind });
});

test("a limit of the database's on idle sessions ends neither a lock that is held nor a connection that waits for work", async () => {
  const { url, db } = fresh;
  await db.exec(`do $$ begin execute format('alter database %I set idle_session_timeout = 300', current_database()); end $$`);
  const lost: StoreError[] = [];
  const limited = createDatabase(url, { onError: (e) => void lost.push(e) });
  await limited.exec("select 1");
  const held = await limited.withAdvisoryLock("idle", { waitMs: 0 }, async (signal) => {
    await sleep(900);
    return signal.aborted;
  });
  expect([held, lost]).toEqual([{ held: true, value: false }, []]);
  await limited.close();
});

test("a database that is lent again is as it was first: rows, numbering, and what was changed by hand", async () => {
  const Row = z.object({ seq: z.number(), reason: z.string() });
  const rows = (db: Database) => db.many(Row, "select seq, reason from stop_switch order by seq");
  const write = (db: Database, reason: string) =>
    db.exec("insert into stop_switch (at, kind, by_operator, reason) values (1, 'stop', 'ci:ada', $1)", [reason]);
  const make = async () => {
    const made = await freshDatabase();
    await write(made.db, "from the beginning");
    return made;
  };
  const first = await lendDatabaseLike("db-test", make);
  const url = first.url;
  await write(first.db, "of one test");
  await first.drop();
  const again = await lendDatabaseLike("db-test", make);
  expect([again.url, await rows(again.db)]).toEqual([url, [{ seq: 1, reason: "from the beginning" }]]);
  await write(again.db, "of another test");
  expect((await rows(again.db)).map((row) => row.seq)).toEqual([1, 2]);
  await again.db.exec("alter table audit disable trigger all");
  await again.drop();
  const other = await lendDatabaseLike("db-test", make);
  expect(other.url, "no longer what it was, so it is gone").not.toBe(url);
  await other.drop();
});
