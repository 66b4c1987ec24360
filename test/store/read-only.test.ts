/** Claims: looking writes nothing. A database that is not there, empty, older, newer or away is told apart, with what to do. */
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { openFilledForReading, openForReading } from "../../src/store/read-only.ts";
import { emptyDatabase, freshDatabase } from "../support/database.ts";

const dataDir = "/nowhere";

test("no server, an older and a newer database are refused with what to do; the address is never told", async () => {
  const away = await openForReading({ dataDir, databaseUrl: "postgres://twokey:geheim@127.0.0.1:1/db" });
  expect(away).toMatchObject({ ok: false, error: { code: "store.unavailable" } });
  expect(JSON.stringify(away)).not.toContain("geheim");

  const fresh = await freshDatabase();
  const newest = await fresh.db.one(z.object({ name: z.string() }), "select name from pgmigrations order by id desc limit 1");
  await fresh.db.exec("delete from pgmigrations where name = $1", [newest.name]);
  const older = await openForReading({ dataDir, databaseUrl: fresh.url });
  expect(older).toMatchObject({ ok: false, error: { code: "store.older", message: expect.stringContaining(newest.name) as string } });
  await fresh.db.exec("insert into pgmigrations (name, run_on) values ($1, now()), ('9999_later', now())", [newest.name]);
  const newer = await openForReading({ dataDir, databaseUrl: fresh.url });
  expect(newer).toMatchObject({ ok: false, error: { code: "store.newer", message: expect.stringContaining("9999_later") as string } });
  await fresh.drop();
});

test("nothing is made where nothing is: no folder, no tables", async () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), "look-")), "data");
  const none = await openForReading({ dataDir: folder, databaseUrl: null });
  expect(none).toMatchObject({ ok: true, value: { db: null } });
  expect(readdirSync(path.dirname(folder))).toEqual([]);
  expect(await openFilledForReading({ dataDir: folder, databaseUrl: null })).toMatchObject({ ok: false, error: { code: "store.empty" } });

  const empty = await emptyDatabase();
  expect(await openForReading({ dataDir, databaseUrl: empty.url })).toMatchObject({ ok: true, value: { db: null } });
  expect(await openFilledForReading({ dataDir, databaseUrl: empty.url })).toMatchObject({ ok: false, error: { code: "store.empty" } });
  expect(await empty.db.exec("select from pg_namespace where nspname = 'twokey'")).toBe(0);
  await empty.drop();
});

test("it is read, and every write is refused by PostgreSQL, in a transaction or outside one", async () => {
  const fresh = await freshDatabase();
  const opened = await openForReading({ dataDir, databaseUrl: fresh.url });
  if (!opened.ok || opened.value.db === null) throw new Error("it did not open");
  const { db, close } = opened.value;
  expect(await db.many(z.object({ n: z.number() }), "select 1 as n")).toEqual([{ n: 1 }]);
  await expect(db.exec("insert into installation default values")).rejects.toThrow(/read-only transaction/);
  await expect(db.tx((q) => q.exec("update sync_state set projects = 1"))).rejects.toThrow(/read-only transaction/);
  await close();
  await fresh.drop();
});
