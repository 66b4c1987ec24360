/** Claim: on real PostgreSQL every click that does not count is refused with its rule and recorded; two clicks at once make one decision. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Asker } from "../../src/core/people.ts";
import type { DeletionClick } from "../../src/deletion/view.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { inventoryDigest, type InventoryItem } from "../../src/core/inventory.ts";
import { approversOf, putInForce, testBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { looseLimits } from "../support/small-world.ts";
import { at, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";

let fresh: FreshDatabase;
let now = 20;
let items: readonly InventoryItem[] = [];
let members: Result<readonly CiUserId[], Failure> = ok([]);
let told: string[] = [];
let directory: Result<readonly string[], Failure> = ok([]);
beforeAll(async () => {
  fresh = await freshDatabase();
  await putInForce(fresh.db, looseLimits);
});
afterAll(() => fresh.drop());
beforeEach(() => {
  now = 20;
  items = [item("machine", "m", { state: "Stopped" }), item("template", "t", { bytes: 3 })];
  members = ok(["mia"] as never[]);
  told = [];
  directory = ok(["ada", "ben", "chen", "dora"]);
});

/** A click looks at the domain, at the members and at who may approve, and at nothing else. */
function service(row: Pick<DeletionRow, "domain_id">, confirmed = true) {
  const project = () => ({ id: "p-1", members: members.ok ? members.value.map((userId) => ({ userId })) : [] });
  const bot = testBot(fresh.db, {
    reader: { readInventory: async () => ok(confirmed ? inventory(row.domain_id, items) : { ...inventory(row.domain_id, items) }) },
    ci: { project: async () => (members.ok ? ok(project() as never) : members) },
    approvers: approversOf(() => directory),
    cards: { tellMembers: async (view) => void told.push(view.phase) },
    now: () => now as Instant,
  });
  return bot.services.deletions;
}

async function proposed(): Promise<DeletionRow> {
  const row = await openOne(fresh.db);
  const shown = inventory(row.domain_id, items);
  const owner = { kind: "deletion" as const, id: row.id };
  const id = randomUUID();
  await insertEntry(fresh.db, owner, { id, itemKind: "template", itemId: "template-t", name: "t", at: 5 });
  await updateEntry(fresh.db, id, 6, { state: "verified", key: id, sha256: "0", bytes: 3, manifest: {} });
  await recordApprovedInventory(fresh.db, row.id, shown, 10);
  await updateDeletion(fresh.db, row.id, {
    phase: "proposed",
    digest: inventoryDigest(shown),
    proposed_at: at(10),
    expires_at: at(1010),
    entered_at: at(10),
  });
  return expectRow(fresh.db, row.id);
}

const asker = (name: string, isTeam = true): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam });
const click = (
  row: DeletionRow,
  name: string,
  more: Partial<DeletionClick> = {},
): DeletionClick & { readonly typedName: string | null } => ({
  deletionId: row.id,
  version: row.version,
  digest: row.digest,
  by: asker(name),
  typedName: null,
  ...more,
});
const code = (r: Result<unknown, Failure>): string => (r.ok ? "ok" : r.error.code);
const refusals = async (id: string) =>
  (
    await fresh.db.many(
      z.object({ code: z.string() }),
      "select data->>'code' as code from audit where subject = $1 and kind like 'refused.%' order by seq",
      [id],
    )
  ).map((r) => r.code);

test.each<[string, string, string, () => void, Partial<DeletionClick>]>([
  ["who asked for it", "chen", "deletion.requester", () => undefined, {}],
  ["who is no approver", "eve", "deletion.not_approver", () => undefined, {}],
  ["an old card", "ada", "deletion.stale", () => undefined, { digest: "0".repeat(64) as never }],
  [
    "a click after the expiry",
    "ada",
    "deletion.expired",
    () => {
      now = 1010;
    },
    {},
  ],
  [
    "a click while nobody can say who may approve",
    "ada",
    "deletion.directory",
    () => {
      directory = err(failure("unavailable", "slack.away", "away"));
    },
    {},
  ],
  [
    "a domain that changed",
    "ada",
    "deletion.changed",
    () => {
      items = [...items, item("volume", "new")];
    },
    {},
  ],
  [
    "a machine that runs",
    "ada",
    "deletion.veto",
    () => {
      items = items.map((i) => (i.kind === "machine" ? { ...i, state: "Running" } : i));
    },
    {},
  ],
])("%s: refused by its rule, and recorded", async (_what, who, rule, happens, more) => {
  const row = await proposed();
  happens();
  expect(code(await service(row).approve(click(row, who, more)))).toBe(rule);
  expect(await refusals(row.id)).toEqual([rule]);
  expect((await expectRow(fresh.db, row.id)).phase).toBe("proposed");
});

test("what no second witness confirmed is not approved, although nothing in it speaks against it", async () => {
  const row = await proposed();
  expect(code(await service(row, false).approve(click(row, "ada")))).toBe("deletion.veto");
  expect(code(await service(row).approve(click(row, "ada")))).toBe("ok");
});

test("the same person does not count twice, and the deciding one must type the name", async () => {
  const row = await proposed();
  const d = service(row);
  expect(code(await d.approve(click(row, "ada")))).toBe("ok");
  expect(code(await d.approve(click(row, "ada")))).toBe("deletion.voted");
  expect(await d.mayApprove(click(row, "ben"))).toMatchObject({ ok: true, value: { mustTypeName: true, name: "a" } });
  expect(code(await d.approve(click(row, "ben")))).toBe("deletion.name");
  expect(code(await d.approve({ ...click(row, "ben"), typedName: "b" }))).toBe("deletion.name");
  expect(code(await d.approve({ ...click(row, "ben"), typedName: " a " }))).toBe("ok");
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "cooling_off", until_at: 120 });
  expect(code(await d.approve({ ...click(row, "dora"), typedName: "a" }))).toBe("deletion.phase");
  expect(await refusals(row.id)).toEqual(["deletion.voted", "deletion.name", "deletion.name", "deletion.phase"]);
});

test("two approvals and a double click in one moment are one decision", async () => {
  const row = await proposed();
  const d = service(row);
  const typed = (who: string) => d.approve({ ...click(row, who), typedName: "a" });
  const codes = (await Promise.all([typed("ada"), typed("ada"), typed("ben"), typed("dora")])).map(code).toSorted();
  expect(codes.filter((c) => c === "ok")).toHaveLength(2);
  const votes = await fresh.db.many(z.object({ voter: z.string() }), "select voter from ballot where question = $1", [row.id]);
  expect(votes).toHaveLength(2);
  expect((await expectRow(fresh.db, row.id)).phase).toBe("cooling_off");
});

test("rejecting needs the team and a reason, and ends it", async () => {
  const row = await proposed();
  const d = service(row);
  expect(code(await d.reject({ ...click(row, "mia"), by: asker("mia", false), reason: "we need it" }))).toBe("command.team_only");
  expect(code(await d.reject({ ...click(row, "dora"), reason: "no" }))).toBe("ballot.reason");
  expect(code(await d.reject({ ...click(row, "dora"), reason: "still in use" }))).toBe("ok");
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "rejected" });
  expect(code(await d.approve(click(row, "ada")))).toBe("deletion.phase");
});

test("cancel is for the cool-off, restore for what comes after it", async () => {
  const row = await proposed();
  const d = service(row);
  expect(code(await d.cancel(click(row, "dora")))).toBe("deletion.phase");
  expect(code(await d.restore(click(row, "dora")))).toBe("deletion.phase");
  await d.approve(click(row, "ada"));
  await d.approve({ ...click(row, "ben"), typedName: "a" });
  expect(code(await d.restore(click(row, "dora")))).toBe("deletion.phase");
  const live = await expectRow(fresh.db, row.id);
  expect(code(await d.cancel(click(live, "dora")))).toBe("ok");
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "cancelled" });
});

test("who asks for a domain that is being given back already changes nothing of who asked first", async () => {
  const row = await proposed();
  const d = service(row);
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await updateDeletion(q, row.id, { phase: "grace" });
  });
  expect(code(await d.restore(click(await expectRow(fresh.db, row.id), "dora")))).toBe("ok");
  const asked = await expectRow(fresh.db, row.id);
  expect(code(await d.restore(click(asked, "ada")))).toBe("deletion.phase");
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ restore_by: asked.restore_by, version: asked.version });
  expect(await fresh.db.exec("select from deletion_event where kind = 'restore asked'")).toBe(1);
});

test("an approval that is withdrawn in the cool-off ends the deletion", async () => {
  const row = await proposed();
  const d = service(row);
  await d.approve(click(row, "ada"));
  await d.approve({ ...click(row, "ben"), typedName: "a" });
  expect(code(await d.withdraw(click(await expectRow(fresh.db, row.id), "dora")))).toBe("deletion.no_vote");
  expect(code(await d.withdraw(click(await expectRow(fresh.db, row.id), "ben")))).toBe("ok");
  expect((await expectRow(fresh.db, row.id)).phase).toBe("closed");
});

const member = (name: string, isTeam = false): Asker => ({ operator: { id: op(name), name, ciUserId: name as never }, isTeam });

test.each<[string, Asker, string, () => void]>([
  ["who is no member", member("eve"), "deletion.not_member", () => undefined],
  ["one of the team who is no member", member("ada", true), "deletion.not_member", () => undefined],
  ["who is not known in the CI database", asker("mia"), "deletion.not_member", () => undefined],
  [
    "a member while the CI database is away",
    member("mia"),
    "deletion.members",
    () => void (members = err(failure("unavailable", "x", "away"))),
  ],
])("Keep by %s: refused and recorded, and nothing ends", async (_what, by, rule, happens) => {
  const row = await proposed();
  happens();
  expect(code(await service(row).keep(row.id, by))).toBe(rule);
  expect(await refusals(row.id)).toEqual([rule]);
  expect([(await expectRow(fresh.db, row.id)).phase, told]).toEqual(["proposed", []]);
});

test("Keep by a member closes it with the name, before the approval and after it", async () => {
  for (const isApproved of [false, true]) {
    const row = await proposed();
    const d = service(row);
    told = [];
    if (isApproved) {
      await d.approve(click(row, "ada"));
      await d.approve({ ...click(row, "ben"), typedName: "a" });
    }
    expect(code(await d.keep(row.id, member("mia")))).toBe("ok");
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "kept", closed_by: "mia" });
    const kept = await fresh.db.many(
      z.object({ actor: z.string() }),
      "select actor from audit where subject = $1 and kind = 'deletion.keep'",
      [row.id],
    );
    expect(kept).toEqual([{ actor: "ci:mia" }]);
    expect(told).toEqual(isApproved ? ["proposed", "cooling_off", "closed"] : ["closed"]);
  }
});
