/** Claim INV-2, INV-3: a click that waited for its question is decided by what is true when it counts, and no cool-off begins in the past. */
import pg from "pg";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Asker } from "../../src/core/people.ts";
import type { Instant } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { approversOf, putInForce, testBot } from "../support/bot.ts";
import { freshDatabase, untilLockWait, type FreshDatabase } from "../support/database.ts";
import { looseLimits } from "../support/small-world.ts";
import { at, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";

let fresh: FreshDatabase;
let now = 20;
beforeAll(async () => {
  fresh = await freshDatabase();
  await putInForce(fresh.db, looseLimits);
});
afterAll(() => fresh.drop());
const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });

test.each<[string, number, boolean]>([
  ["half a second: the cool-off has its whole length from then on", 520, true],
  ["longer than the list of approvers may be old: it is asked again", 60_020, false],
])("the deciding click waits for the row, %s", async (_, later, counts) => {
  now = 20;
  const items = [item("template", "t", { bytes: 3 })];
  const opened = await openOne(fresh.db);
  const shown = inventory(opened.domain_id, items);
  const id = randomUUID();
  await insertEntry(fresh.db, { kind: "deletion", id: opened.id }, { id, itemKind: "template", itemId: "template-t", name: "t", at: 5 });
  await updateEntry(fresh.db, id, 6, { state: "verified", key: id, sha256: "0", bytes: 3, manifest: {} });
  await recordApprovedInventory(fresh.db, opened.id, shown, 10);
  await updateDeletion(fresh.db, opened.id, {
    phase: "proposed",
    digest: inventoryDigest(shown),
    proposed_at: at(10),
    expires_at: at(1_000_000),
    entered_at: at(10),
  });
  const row = await expectRow(fresh.db, opened.id);
  const bot = testBot(fresh.db, {
    reader: { readInventory: async () => ok(shown) },
    approvers: approversOf(() => ok(["ada", "ben"])),
    now: () => now as Instant,
  });
  const click = (who: string) => ({ deletionId: row.id, version: row.version, digest: row.digest, by: asker(who), typedName: row.name });
  expect(await bot.services.deletions.approve(click("ada"))).toMatchObject({ ok: true });
  const other = new pg.Client({ connectionString: fresh.url, options: "-c search_path=twokey" });
  await other.connect();
  await other.query("begin");
  await other.query("select 1 from deletion where id = $1 for update", [row.id]);
  const deciding = bot.services.deletions.approve(click("ben"));
  await untilLockWait(fresh);
  now = later;
  await other.query("commit");
  await other.end();
  expect((await deciding).ok).toBe(counts);
  const after = await expectRow(fresh.db, row.id);
  expect(after.phase).toBe(counts ? "cooling_off" : "proposed");
  if (counts) expect(after.until_at).toBeGreaterThanOrEqual(later + row.policy.coolOffMs);
});
