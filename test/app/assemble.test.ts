/**
 * Claims about the bot as it is put together: nothing outside of the managed root is taken; while CloudStack cannot say which domains are the
 * root and its ancestors, no deletion goes on and nobody approves one, and when it can, all goes on by itself; putting it together does nothing.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { resetDatabase } from "../sim/reset.ts";
import { assemble } from "../../src/app/assemble.ts";
import type { Parts } from "../../src/app/parts.ts";
import type { Asker } from "../../src/core/people.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import type { ManagedRoot } from "../../src/cloudstack/read/reader.ts";
import { readLiveDeletions, updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { configOf, putInForce, type TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, enterAsSaved, expectRow, inventory, openOne, op } from "../support/deletions.ts";
import { approveIn, botIn, looseLimits, smallWorld, type SmallWorld } from "../support/small-world.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";

let fresh: FreshDatabase;
let w: SmallWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await smallWorld(fresh.db);
});
afterAll(() => fresh.drop());

const stands = async (row: DeletionRow) => {
  const { phase, frozen_reason, activity } = await expectRow(fresh.db, row.id);
  return { phase, frozen: frozen_reason, activity };
};
const outside = { phase: "frozen", frozen: "ROOT/ci/a is not below the managed root" };

test.each(["the root", "an ancestor of the root"])("a domain whose id is that of %s is not touched", async (which) => {
  const { row, bot } = await approveIn(w);
  const other = op("x") as never;
  const root: ManagedRoot = which === "the root" ? { id: row.domain_id, ancestors: [] } : { id: other, ancestors: [other, row.domain_id] };
  w.now = 130;
  await bot.with({ reader: { readManagedRoot: async () => ok(root) } }).advance(row.id);
  expect([await stands(row), w.calls]).toMatchObject([outside, []]);
});

test.each(["ROOT/other", "ROOT/ci/a", "ROOT/ci/a/below"])("a domain that does not lie below the root %s is not touched", async (root) => {
  const { row, bot } = await approveIn(w);
  const config = configOf({ CLOUDSTACK_ROOT_DOMAIN: root });
  // Two people confirmed that this is read now, so the scope keeps nothing back.
  await putInForce(fresh.db, looseLimits, config);
  w.now = 130;
  await bot.with({ config }).advance(row.id);
  expect([await stands(row), w.calls]).toMatchObject([outside, []]);
});

/** The bot while CloudStack does not answer who the root is; `comeBack` mends that. */
function blind(bot: TestBot): { readonly bot: TestBot; comeBack(): void; asked(): number } {
  const { readManagedRoot } = bot.parts.cloud.reader;
  let isAway = true;
  let asked = 0;
  const away = err(failure("unavailable", "cloudstack.unreachable", "CloudStack cannot be reached"));
  const ask = async (): Promise<Result<ManagedRoot, Failure>> => {
    asked += 1;
    return isAway ? away : readManagedRoot();
  };
  return { bot: bot.with({ reader: { readManagedRoot: ask } }), comeBack: () => void (isAway = false), asked: () => asked };
}

const waits = /^waits: the managed root could not be found: CloudStack cannot be reached/;

test("CloudStack is away at the start: an approved deletion waits in every phase, and goes on when it is back", async () => {
  const { row, bot: usual } = await approveIn(w);
  const { bot, comeBack, asked } = blind(usual);
  w.now = 130;
  await bot.advance(row.id);
  expect([await stands(row), w.calls]).toMatchObject([{ phase: "cooling_off", activity: expect.stringMatching(waits) }, []]);
  await usual.advance(row.id);
  expect(await stands(row)).toMatchObject({ phase: "grace" });
  w.now = 400;
  await bot.advance(row.id);
  expect([await stands(row), w.calls]).toMatchObject([{ phase: "grace", activity: expect.stringMatching(waits) }, ["disable a"]]);
  comeBack();
  await bot.advance(row.id);
  expect([await stands(row), w.calls]).toMatchObject([{ phase: "expunging" }, ["disable a", "destroy m"]]);
  // Once it is known it is not asked again.
  const n = asked();
  w.items = w.items.filter((i) => i.kind !== "machine");
  await bot.advance(row.id);
  expect([await stands(row), asked()]).toMatchObject([{ phase: "deleted" }, n]);
});

test("CloudStack is away at the start: nobody is asked, nobody approves, and nothing is closed for it", async () => {
  const row = await openOne(fresh.db);
  const { bot, comeBack, asked } = blind(botIn(w, row));
  await bot.advance(row.id);
  expect(await stands(row)).toMatchObject({ phase: "archiving", activity: expect.stringMatching(waits) });
  const shown = inventory(row.domain_id, w.items);
  const digest = inventoryDigest(shown);
  await recordApprovedInventory(fresh.db, row.id, shown, 10);
  await enterAsSaved(fresh.db, row, shown);
  await updateDeletion(fresh.db, row.id, { phase: "proposed", digest, proposed_at: at(10), expires_at: at(1010), entered_at: at(10) });
  w.now = 20;
  await bot.advance(row.id);
  expect(await stands(row)).toMatchObject({ phase: "proposed", activity: expect.stringMatching(waits) });
  const { version } = await expectRow(fresh.db, row.id);
  const ada: Asker = { operator: { id: op("ada"), name: "ada", ciUserId: null }, isTeam: true };
  const click = { deletionId: row.id, version, digest, by: ada, typedName: null };
  const refused = { ok: false, error: { kind: "unavailable", code: "deletion.root_unknown" } };
  const { deletions } = bot.services;
  const waive = () => deletions.waive({ ...click, entryId: randomUUID() });
  for (const act of [() => deletions.mayApprove(click), () => deletions.approve(click), waive]) {
    const before = asked();
    expect(await act()).toMatchObject(refused);
    expect(asked() - before, "nobody waits for CloudStack while the deletion is locked").toBe(1);
  }
  comeBack();
  expect(await waive()).toMatchObject({ ok: false, error: { code: "waiver.unknown" } });
  expect(await deletions.approve(click)).toMatchObject({ ok: true });
});

test("CloudStack is away at the start: no deletion is opened, and the next pass opens it", async () => {
  const { row, bot: usual } = await approveIn(w);
  await updateDeletion(fresh.db, row.id, { phase: "closed", closed_because: "changed", entered_at: at(40) });
  const { bot, comeBack } = blind(usual);
  const { domain_id: domainId, project_id: projectId, path, name, evidence } = row;
  const proposal = { domainId, projectId, path, name, evidence } as never;
  const live = async () => (await readLiveDeletions(fresh.db)).length;
  await bot.passes.deletions.openDeletion(proposal, []);
  expect([await bot.passes.deletions.whyNotOpened(proposal, []), await live()]).toEqual([
    expect.objectContaining({ reason: expect.stringContaining("could not be found") as unknown }),
    0,
  ]);
  comeBack();
  await bot.passes.deletions.openDeletion(proposal, []);
  expect(await live()).toBe(1);
});

test("putting it together reads nothing and sends nothing", () => {
  const { parts } = botIn(w, { domain_id: op("x") as never });
  const used: string[] = [];
  const watch = <T extends object>(value: T, path: string): T =>
    new Proxy(value, {
      get: (target, key, self) => {
        const found: unknown = Reflect.get(target, key, self);
        const here = `${path}.${String(key)}`;
        if (typeof found === "function") return () => (used.push(here), Promise.reject(new Error(here)));
        return typeof found === "object" && found !== null && here !== ".config" ? watch(found, here) : found;
      },
    });
  assemble(watch(parts, "") satisfies Parts);
  expect(used).toEqual([]);
});
