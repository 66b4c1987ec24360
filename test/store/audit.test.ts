/** Claims INV-10: the audit log's hash chain verifies, also with writers at the same time, and any tampering is seen. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAudit, recordAudit, verifyAudit } from "../../src/store/audit.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
});
afterEach(async () => {
  await fresh.drop();
});

async function record(n: number, data: unknown = { n }): Promise<void> {
  await fresh.db.tx(async (q) => {
    await recordAudit(q, { at: 1_000 + n, actor: "ci:1", kind: "test.entry", subject: `s${n % 2}`, data });
  });
}

/** What somebody with the superuser's rights and no scruples could do. */
async function tamper(sql: string): Promise<void> {
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(sql);
  });
}

test("INV-10: a changed row is found", async () => {
  for (let n = 1; n <= 3; n++) await record(n);
  for (const change of ["at = 7", "actor = 'ci:2'", "kind = 'other'", "subject = 'x'", "data = '{\"n\": 9}'"]) {
    const before = await readAudit(fresh.db, { limit: 10 });
    await tamper(`update audit set ${change} where seq = 2`);
    expect(await verifyAudit(fresh.db)).toEqual({ intact: false, seq: 2, reason: "row_changed" });
    await tamper("delete from audit");
    for (const row of before) {
      await tamper(`insert into audit overriding system value values (${row.seq}, ${row.at}, '${row.actor}', '${row.kind}', '${row.subject}',
        '${JSON.stringify(row.data)}', '${row.prevHash}', '${row.hash}')`);
    }
    expect(await verifyAudit(fresh.db)).toMatchObject({ intact: true, rows: 3 });
  }
});

test("INV-10: a row taken out or put in is found", async () => {
  for (let n = 1; n <= 3; n++) await record(n);
  await tamper("delete from audit where seq = 2");
  expect(await verifyAudit(fresh.db)).toEqual({ intact: false, seq: 3, reason: "row_missing_before" });
});

test("INV-10: a first row taken away is found", async () => {
  for (let n = 1; n <= 2; n++) await record(n);
  await tamper("delete from audit where seq = 1");
  expect(await verifyAudit(fresh.db)).toEqual({ intact: false, seq: 2, reason: "row_missing_before" });
});

test("INV-10: an end cut off is found when the head was noted elsewhere", async () => {
  for (let n = 1; n <= 3; n++) await record(n);
  const whole = await verifyAudit(fresh.db);
  if (!whole.intact) throw new Error("must be intact");
  await record(4);
  expect(await verifyAudit(fresh.db, whole.head)).toMatchObject({ intact: true, rows: 4 });
  await tamper("delete from audit where seq >= 3");
  expect(await verifyAudit(fresh.db)).toMatchObject({ intact: true, rows: 2 });
  expect(await verifyAudit(fresh.db, whole.head)).toMatchObject({ intact: false, reason: "cut_at_the_end" });
});

test("the chain verifies after writers at the same time, and a rolled back one leaves no gap in it", async () => {
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      n % 5 === 0
        ? fresh.db
            .tx(async (q) => {
              await recordAudit(q, { at: n, actor: "ci:1", kind: "never", subject: "s", data: null });
              throw new Error("rolled back");
            })
            .catch(() => undefined)
        : record(n),
    ),
  );
  expect(await verifyAudit(fresh.db)).toMatchObject({ intact: true, rows: 32 });
  expect((await readAudit(fresh.db, { limit: 100, subject: "s1" })).every((row) => row.subject === "s1")).toBe(true);
});

test("whatever JSON is recorded, the chain verifies over what the database gives back", async () => {
  const seen: unknown[] = [];
  // PostgreSQL's jsonb holds no zero byte and no half of a surrogate pair; such text is refused, not altered.
  const text = fc.string({ unit: "grapheme" }).filter((s) => !s.includes("\u0000"));
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue({ maxDepth: 3 }).filter((v) => !JSON.stringify(v).includes("\\u0000") && !/\\ud[89a-f]/i.test(JSON.stringify(v))),
      text,
      async (value, key) => {
        seen.push(value);
        await record(seen.length, { [key]: value, when: new Date(0), gone: undefined });
      },
    ),
    { numRuns: 60 },
  );
  expect(await verifyAudit(fresh.db)).toMatchObject({ intact: true, rows: seen.length });
});
