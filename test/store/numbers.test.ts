/**
 * Claim INV-10: a database that was moved by logical replication, whose sequences begin anew, goes on above the numbers that it has: from
 * the start of the bot on, a stop and the audit log are written as before, and newer is newer.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { recordAudit, verifyAudit } from "../../src/store/audit.ts";
import { readStop, recordStop } from "../../src/store/stop-switch.ts";
import { freshDatabase, openAsBot, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const stopNow = (at: number) =>
  recordStop(fresh.db, { at, kind: "stop", byOperator: "ci:ada", byName: "Ada", reason: `no. ${at}` } as never);
const recordLine = (at: number) =>
  fresh.db.tx((q) => recordAudit(q, { at, actor: "ci:ada", kind: "test.entry", subject: "s", data: { at } }));
const lastNumbers = () =>
  fresh.db.many(
    z.object({ name: z.string(), last: z.coerce.number() }),
    "select sequencename as name, coalesce(last_value, 0) as last from pg_sequences where schemaname = 'twokey' order by 1",
  );

/** As a subscriber has them after the switch: the rows are there, the sequences at their beginning. */
const beginAnew = () =>
  fresh.db.exec(`do $$ declare s record; begin
    for s in select sequencename as name from pg_sequences where schemaname = 'twokey' loop
      execute format('alter sequence twokey.%I restart', s.name);
    end loop;
  end $$`);

test("what is written after the next start comes after what was there", async () => {
  for (const at of [1, 2, 3]) await recordLine(at);
  for (const at of [1, 2]) await stopNow(at);
  const before = await lastNumbers();
  await beginAnew();
  await (await openAsBot(fresh)).close();
  expect(await lastNumbers()).toEqual(before);

  await stopNow(3);
  expect(await readStop(fresh.db)).toMatchObject({ stopped: true, seq: 3 });
  await recordLine(4);
  expect(await verifyAudit(fresh.db)).toMatchObject({ intact: true });
});

test("numbers that are ahead of their rows stay: none is given twice", async () => {
  await fresh.db.exec("select setval('twokey.audit_seq_seq', 100)");
  await (await openAsBot(fresh)).close();
  expect((await lastNumbers()).find(({ name }) => name === "audit_seq_seq")).toMatchObject({ last: 100 });
});
