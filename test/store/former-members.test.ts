/**
 * Claim: whether somebody was a member to the end is one rule for what they are told and for what they get: of each case both queries say
 * the same. Who was only told of a deletion reads how it stands, and gets nothing.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import type { Inventory } from "../../src/core/inventory.ts";
import { readFormerProjects } from "../../src/store/former-projects.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import { readDeletionsOfMember } from "../../src/store/project-history.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { inventory, item, openOne } from "../support/deletions.ts";

const mia = "mia" as CiUserId;
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(() => resetDatabase(fresh.db));
afterAll(() => fresh.drop());

interface Case {
  /** The state of their account in the approved inventory; null: it is not in it; left out: none was approved. */
  readonly approved?: string | null;
  readonly account?: "none" | "of another project" | "in another domain" | "locked because they had left";
}

/** A deleted domain, and what is known of one person. */
async function deleted({ approved, account }: Case): Promise<string> {
  const row = await openOne(fresh.db);
  const id = randomUUID();
  if (account !== "none")
    await fresh.db.exec(
      `insert into managed_account (account_id, user_id, domain_id, project_id, ci_user_id, locked_by_us, recorded_at)
       values ($1, $2, $3, $4, 'mia', $5, 1)`,
      [
        ...[id, randomUUID(), account === "in another domain" ? randomUUID() : row.domain_id],
        ...[account === "of another project" ? "p-9" : row.project_id, account === "locked because they had left"],
      ],
    );
  if (approved !== undefined) {
    const own = approved === null ? [] : [item("account", "mia", { id, state: approved })];
    await recordApprovedInventory(fresh.db, row.id, inventory(row.domain_id, [...own, item("template", "t")]) as Inventory, 5);
  }
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update deletion set phase = 'deleted' where id = $1", [row.id]);
  });
  return row.id;
}

const given = async (): Promise<boolean> => (await readFormerProjects(fresh.db, mia)).length > 0;
const told = async (): Promise<boolean> => (await readDeletionsOfMember(fresh.db, mia, null)).length > 0;

test.each<readonly [string, Case, boolean]>([
  ["an account that was enabled when it was approved", { approved: "enabled" }, true],
  ["an account, and no inventory was approved, as of a domain that was gone", {}, true],
  ["no account", { account: "none", approved: null }, false],
  ["an account of another project", { account: "of another project", approved: "enabled" }, false],
  ["an account in another domain of the project", { account: "in another domain", approved: "enabled" }, false],
  ["locked by a pass because they had left", { account: "locked because they had left", approved: "enabled" }, false],
  ["locked by a pass, and no inventory was approved", { account: "locked because they had left" }, false],
  ["shut out by hand before it was approved", { approved: "disabled" }, false],
  ["locked by hand before it was approved", { approved: "locked" }, false],
  ["an account that was gone when it was approved", { approved: null }, false],
])("%s: told and given alike", async (_what, one, isMember) => {
  await deleted(one);
  expect([await told(), await given()]).toEqual([isMember, isMember]);
});

test("who was told of it as a member, and had left by the end, reads how it stands and gets nothing", async () => {
  const id = await deleted({ account: "locked because they had left", approved: "enabled" });
  await recordPostedMessage(fresh.db, { key: `keep:${id}:mia`, channel: "D1", ts: "1.1", digest: "a".repeat(64), at: 1 as Instant });
  expect([await told(), await given()]).toEqual([true, false]);
});

test("nobody's: the team gets all of it, whoever was a member", async () => {
  await deleted({ account: "none" });
  expect(await readFormerProjects(fresh.db, null)).toHaveLength(1);
});
