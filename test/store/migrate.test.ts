/** Claims that migrations run once, also from two replicas at a time, and that a past this code does not know is refused. */
import { cpSync, mkdtempSync, rmSync, writeFileSync, appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MigrationRefused, migrate } from "../../src/store/migrate.ts";
import { emptyDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
let dir: string;
beforeEach(async () => {
  fresh = await emptyDatabase();
  dir = mkdtempSync(path.join(tmpdir(), "twokey-migrations-"));
  cpSync(path.resolve(import.meta.dirname, "../../migrations"), dir, { recursive: true });
});
afterEach(async () => {
  rmSync(dir, { recursive: true });
  await fresh.drop();
});

test("a schema that newer code made is refused, and nothing is run", async () => {
  writeFileSync(path.join(dir, "9998_newer.sql"), "-- Up Migration\ncreate table newer (id int);\n");
  await migrate(fresh.url, { dir });
  rmSync(path.join(dir, "9998_newer.sql"));
  await expect(migrate(fresh.url, { dir })).rejects.toThrow(MigrationRefused);
  await expect(migrate(fresh.url, { dir })).rejects.toThrow(/9998_newer/);
});

test("an edited file that was applied before is refused", async () => {
  await migrate(fresh.url, { dir });
  appendFileSync(path.join(dir, "0001_base.sql"), "\n-- edited\n");
  await expect(migrate(fresh.url, { dir })).rejects.toThrow(/0001_base was edited/);
});

test("a file that fails leaves the database as it was", async () => {
  writeFileSync(path.join(dir, "9998_broken.sql"), "-- Up Migration\ncreate table half (id int);\nselect nonsense;\n");
  await expect(migrate(fresh.url, { dir })).rejects.toThrow(/nonsense/);
  expect(await fresh.db.exec("select from pg_tables where tablename in ('half', 'audit')")).toBe(0);
});

test("two replicas at once both end well, and a second run finds nothing to do", async () => {
  const [a, b] = await Promise.all([migrate(fresh.url, { dir }), migrate(fresh.url, { dir })]);
  expect([...a, ...b].filter((name) => name === "0001_base")).toHaveLength(1);
  expect(await migrate(fresh.url, { dir })).toEqual([]);
});
