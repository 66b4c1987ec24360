/** Claims, on real PostgreSQL: what could not be saved is waived by name by two distinct approvers who did not ask, by nobody else, and is recorded. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Asker } from "../../src/core/people.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import type { Instant } from "../../src/core/ids.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { archiveContents } from "../../src/deletion/steps/archive.ts";
import type { WaiveClick } from "../../src/deletion/decide.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { inventoryDigest, type Inventory } from "../../src/core/inventory.ts";
import { approversOf, putInForce, testBot, type TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { looseLimits } from "../support/small-world.ts";
import { at, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";

let fresh: FreshDatabase;
let now = 20;
let directory: Result<readonly string[], Failure>;
let asked: string[];
beforeAll(async () => {
  fresh = await freshDatabase();
  await putInForce(fresh.db, looseLimits);
});
afterAll(() => fresh.drop());
beforeEach(() => {
  now = 20;
  directory = ok(["ada", "ben", "chen", "dora"]);
  asked = [];
});

const holds = (row: DeletionRow): Inventory => inventory(row.domain_id, [item("template", "good"), item("template", "bad")]);
const botFor = (row: DeletionRow): TestBot =>
  testBot(fresh.db, {
    reader: { readInventory: async () => ok(holds(row)) },
    exports: {
      openExport: async (one) => {
        asked.push(one.id);
        return err(failure("rejected", "test.no", "It cannot be extracted"));
      },
    },
    approvers: approversOf(() => directory),
    now: () => now as Instant,
  });

/** A proposed deletion with one template saved and one that failed. */
async function proposed(): Promise<{ readonly row: DeletionRow; readonly good: string; readonly bad: string }> {
  const row = await openOne(fresh.db);
  const owner = { kind: "deletion" as const, id: row.id };
  const [good, bad] = [randomUUID(), randomUUID()];
  await insertEntry(fresh.db, owner, { id: good, itemKind: "template", itemId: "template-good", name: "good", at: 5 });
  await insertEntry(fresh.db, owner, { id: bad, itemKind: "template", itemId: "template-bad", name: "bad", at: 5 });
  await updateEntry(fresh.db, good, 6, { state: "verified", key: good, sha256: "0", bytes: 3, manifest: {} });
  await updateEntry(fresh.db, bad, 6, { state: "failed", problem: "It cannot be extracted" });
  await recordApprovedInventory(fresh.db, row.id, holds(row), 10);
  const digest = inventoryDigest(holds(row));
  await updateDeletion(fresh.db, row.id, { phase: "proposed", digest, proposed_at: at(10), expires_at: at(1010), entered_at: at(10) });
  return { row: await expectRow(fresh.db, row.id), good, bad };
}

const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });
const click = (row: DeletionRow, entryId: string, name: string, more: Partial<WaiveClick> = {}): WaiveClick => ({
  deletionId: row.id,
  version: row.version,
  digest: row.digest,
  by: asker(name),
  entryId,
  ...more,
});
const code = (r: Result<unknown, Failure>): string => (r.ok ? "ok" : r.error.code);
const audited = (id: string) =>
  fresh.db.many(
    z.object({ kind: z.string(), actor: z.string(), data: z.record(z.string(), z.unknown()) }),
    "select kind, actor, data from audit where subject = $1 order by seq",
    [id],
  );

describe("refused, recorded, and nothing waived:", () => {
  test.each<[string, string, string, () => void, Partial<WaiveClick>]>([
    ["who asked for the deletion", "chen", "waiver.requester", () => undefined, {}],
    ["who is no approver", "eve", "waiver.not_approver", () => undefined, {}],
    ["another card", "ada", "waiver.stale", () => undefined, { digest: "0".repeat(64) as never }],
    ["a card without a digest", "ada", "waiver.stale", () => undefined, { digest: null }],
    ["a version that is not there yet", "ada", "deletion.stale", () => undefined, { version: 99 }],
    ["an entry that is nowhere", "ada", "waiver.unknown", () => undefined, { entryId: randomUUID() }],
    ["a click at the expiry", "ada", "waiver.expired", () => (now = 1010), {}],
    ["nobody can say who may", "ada", "waiver.directory", () => (directory = err(failure("unavailable", "x", "away"))), {}],
  ])("%s", async (_, who, expected, arrange, more) => {
    const { row, bad } = await proposed();
    arrange();
    const d = botFor(row).services.deletions;
    expect(code(await d.waive(click(row, bad, who, more)))).toBe(expected);
    expect((await audited(row.id)).map((a) => [a.kind, a.data["code"]])).toEqual([["refused.deletion.waive", expected]]);
    expect((await d.view(row.id)).ok && (await d.view(row.id))).toMatchObject({ value: { archive: [{ waivedBy: [] }, { waivedBy: [] }] } });
  });

  test("what is saved, another deletion's entry, the same person twice, a third person", async () => {
    const { row, good, bad } = await proposed();
    const other = await proposed();
    const d = botFor(row).services.deletions;
    expect(code(await d.waive(click(row, good, "ada")))).toBe("waiver.saved");
    expect(code(await d.waive(click(row, other.bad, "ada")))).toBe("waiver.unknown");
    expect(code(await d.waive(click(row, bad, "ada")))).toBe("ok");
    expect(code(await d.waive(click(row, bad, "ada")))).toBe("waiver.voted");
    expect(code(await d.waive(click(row, bad, "ben")))).toBe("ok");
    expect(code(await d.waive(click(row, bad, "dora")))).toBe("waiver.done");
  });

  test("a late click: the deletion was rejected meanwhile", async () => {
    const { row, bad } = await proposed();
    const d = botFor(row).services.deletions;
    expect(code(await d.reject({ ...click(row, bad, "ben"), reason: "we need it" }))).toBe("ok");
    expect(code(await d.waive(click(row, bad, "ada")))).toBe("deletion.phase");
  });

  test("what is just being saved", async () => {
    const { row, bad } = await proposed();
    await fresh.db.exec("update archive_entry set state = 'saving' where id = $1", [bad]);
    expect(code(await botFor(row).services.deletions.waive(click(row, bad, "ada")))).toBe("waiver.saving");
  });
});

test("two people waive it by name; until then nobody can approve, after it the card has its buttons", async () => {
  const { row, bad } = await proposed();
  const d = botFor(row).services.deletions;
  const approve = (name: string) => d.approve({ ...click(row, bad, name), typedName: "a" });
  expect(code(await approve("ada"))).toBe("deletion.veto");
  const one = await d.waive(click(row, bad, "ada"));
  expect(one).toMatchObject({ ok: true, value: { archive: [{ name: "bad", state: "failed", waivedBy: ["ada"] }, { state: "verified" }] } });
  expect(one.ok && one.value.vetoes).toEqual(["the template bad is not saved: It cannot be extracted"]);
  expect(code(await approve("ada"))).toBe("deletion.veto");
  const two = await d.waive(click(row, bad, "ben"));
  expect(two).toMatchObject({ ok: true, value: { vetoes: [], archive: [{ name: "bad", state: "waived", waivedBy: ["ada", "ben"] }, {}] } });
  expect((await audited(row.id)).filter((a) => a.kind === "archive.waived")).toEqual([
    {
      kind: "archive.waived",
      actor: op("ada"),
      data: expect.objectContaining({ name: "bad", have: 1, problem: "It cannot be extracted" }),
    },
    { kind: "archive.waived", actor: op("ben"), data: expect.objectContaining({ name: "bad", have: 2 }) },
  ]);
  expect((await audited(row.id)).map((a) => a.kind).filter((kind) => /waive/.test(kind))).toEqual([
    ...["deletion.waive", "archive.waived"],
    ...["deletion.waive", "archive.waived"],
  ]);
  expect([code(await approve("ada")), code(await approve("ben"))]).toEqual(["ok", "ok"]);
  expect((await expectRow(fresh.db, row.id)).phase).toBe("cooling_off");
});

test("two people at the same moment are two; one person at the same moment twice is one", async () => {
  const { row, bad } = await proposed();
  const d = botFor(row).services.deletions;
  const twice = await Promise.all([d.waive(click(row, bad, "ada")), d.waive(click(row, bad, "ada"))]);
  expect(twice.map(code).toSorted()).toEqual(["ok", "waiver.voted"]);
  const next = await proposed();
  const both = await Promise.all(["ada", "ben"].map((n) => d.waive(click(next.row, next.bad, n))));
  expect(both.map(code)).toEqual(["ok", "ok"]);
});

test("what failed is tried again and its button stays; what is waived is let be", async () => {
  const { row, bad } = await proposed();
  const bot = botFor(row);
  const d = bot.services.deletions;
  const states: string[] = [];
  const watch = async () => {
    const view = await d.view(row.id);
    if (view.ok) states.push(view.value.archive[0]?.state ?? "");
  };
  await archiveContents(row, holds(row), bot.deletions, watch);
  expect([asked, states]).toEqual([["template-bad"], ["failed", "failed"]]);
  for (const name of ["ada", "ben"]) expect(code(await d.waive(click(row, bad, name)))).toBe("ok");
  await archiveContents(row, holds(row), bot.deletions, watch);
  expect(asked).toEqual(["template-bad"]);
});

describe("PostgreSQL itself refuses", () => {
  const refusal = async (statement: Promise<unknown>): Promise<string | null> => {
    const thrown: unknown = await statement.then(
      () => "it was let through",
      (error: unknown) => error,
    );
    if (!(thrown instanceof StoreError)) throw new Error(String(thrown));
    return thrown.constraint;
  };
  const waive = (row: DeletionRow, entry: string, voter: string, more: { name?: string; digest?: string; at?: number } = {}) =>
    fresh.db.exec(
      `insert into ballot (kind, question, voter, voter_name, verdict, item_name, digest, reason, at) values ('waiver', $1, $2, $2, 'approve', $3, $4, 'x', $5)`,
      [entry, op(voter), more.name ?? "bad", more.digest ?? row.digest, more.at ?? 20],
    );
  const vote = (row: DeletionRow, voter: string) =>
    fresh.db.exec(
      "insert into ballot (kind, question, voter, voter_name, verdict, digest, at) values ('deletion', $1, $2, $2, 'approve', $3, 20)",
      [row.id, op(voter), row.digest],
    );

  test.each([
    ["who asked", "ballot_requester", "chen", {}],
    ["another name", "ballot_name", "ada", { name: "good" }],
    ["another digest", "ballot_digest", "ada", { digest: "0".repeat(64) }],
    ["a word before the question", "ballot_early", "ada", { at: 9 }],
    ["a word after the expiry", "ballot_expired", "ada", { at: 1010 }],
  ] as const)("%s", async (_, rule, voter, more) => {
    const { row, bad } = await proposed();
    expect(await refusal(waive(row, bad, voter, more))).toBe(rule);
  });

  test("what is saved, another deletion's entry, one person twice, a closed deletion, a change of what was said", async () => {
    const { row, good, bad } = await proposed();
    const other = await proposed();
    expect(await refusal(waive(row, good, "ada", { name: "good" }))).toBe("ballot_open");
    expect(await refusal(waive(row, other.bad, "ada"))).toBe("ballot_digest");
    await waive(row, bad, "ada");
    expect(await refusal(waive(row, bad, "ada"))).toBe("ballot_once");
    expect(await refusal(fresh.db.exec("update ballot set voter = 'x'"))).toBe("ballot_append_only");
    expect(await refusal(fresh.db.exec("delete from ballot"))).toBe("ballot_append_only");
    await fresh.db.exec("update deletion set phase = 'closed' where id = $1", [other.row.id]);
    expect(await refusal(waive(other.row, other.bad, "ada"))).toBe("ballot_open");
  });

  test("a vote while something is neither saved nor waived by two distinct people", async () => {
    const { row, bad } = await proposed();
    expect(await refusal(vote(row, "ada"))).toBe("ballot_archive");
    await waive(row, bad, "ada");
    expect(await refusal(vote(row, "ada"))).toBe("ballot_archive");
    await waive(row, bad, "ben");
    expect(await vote(row, "ada")).toBe(1);
  });

  test("a vote while something has no entry at all", async () => {
    const { row } = await proposed();
    await fresh.db.exec("update archive_entry set item_id = 'gone' where owner_id = $1 and name = 'good'", [row.id]);
    expect(await refusal(vote(row, "ada"))).toBe("ballot_archive");
  });
});
