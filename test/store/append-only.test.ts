/** Claims that the tables of record only grow (INV-10), whoever asks; shown on a real PostgreSQL, as its superuser. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase } from "../support/database.ts";
import type { FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.db.exec(
    `insert into audit (at, actor, kind, subject, data, prev_hash, hash) values (1, 'a', 'k', 's', '{}', 'p', repeat('0', 64))`,
  );
  await fresh.db.exec(`insert into intent values ('6f0d0c5e-7a0b-4d53-9a51-3c1f3f2f7a11', 'pass', 'p', 'createDomain', '{}', 1)`);
  await fresh.db.exec(`insert into outcome (intent_id, result, data, at) values ('6f0d0c5e-7a0b-4d53-9a51-3c1f3f2f7a11', 'done', '{}', 1)`);
  await fresh.db.exec(`insert into stop_switch (at, kind, by_operator, reason) values (1, 'stop', 'o', 'r')`);
});
afterAll(async () => {
  await fresh.drop();
});

const TABLES = ["audit", "intent", "outcome", "stop_switch"];

test.for(
  TABLES.flatMap(
    (table) =>
      [
        [table, `update ${table} set at = 2`],
        [table, `delete from ${table}`],
        [table, `truncate ${table} cascade`],
      ] as const,
  ),
)("%s: %s is refused", async ([table, sql]) => {
  await expect(fresh.db.exec(sql)).rejects.toMatchObject({
    kind: "constraint",
    message: expect.stringContaining("the table only grows") as string,
  });
  expect(await fresh.db.exec(`select from ${table}`)).toBe(1);
});

test("the refusal names the table's guard", async () => {
  await expect(fresh.db.exec("delete from audit")).rejects.toMatchObject({ constraint: "audit_append_only" });
});
