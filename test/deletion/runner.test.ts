/** Claim: on real PostgreSQL and a small world in memory, a deletion goes on only as the rules say: every reason to stop stops it, and gives back. */
import { Readable } from "node:stream";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import type { DeletionContext } from "../../src/deletion/context.ts";
import { advance } from "../../src/deletion/runner.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordVote } from "../../src/store/votes.ts";
import { appearedSince, inventoryDigest, type InventoryItem } from "../../src/sync/planning/inventory.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, enterAsSaved, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";

let fresh: FreshDatabase;
let now = 10;
let items: InventoryItem[] = [];
let project: "active" | "closed" | "absent" = "closed";
let calls: string[] = [];
let domainThere = true;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(() => {
  now = 10;
  project = "closed";
  domainThere = true;
  calls = [];
  items = [
    item("machine", "m", { state: "Stopped" }),
    item("account", "a", { id: "6f1c9a1e-0000-4000-8000-00000000000a", state: "enabled" }),
    item("template", "t", { bytes: 3 }),
  ];
});

function context(row: Pick<DeletionRow, "domain_id">): DeletionContext {
  const call = (name: string, effect: (i: InventoryItem) => void) => async (_g: unknown, i: InventoryItem) => {
    calls.push(`${name} ${i.name}`);
    effect(i);
    return ok(undefined);
  };
  const state = (s: string) => (i: InventoryItem) => {
    items = items.map((x) => (x.id === i.id ? { ...x, state: s } : x));
  };
  const gone = (i: InventoryItem) => {
    items = items.filter((x) => x.id !== i.id);
  };
  return {
    db: fresh.db,
    reader: {
      readInventory: async () => ok(inventory(row.domain_id, items)),
      findDomain: async () => ok(domainThere ? { id: row.domain_id, name: "a", path: "ROOT/ci/a" as DomainPath } : null),
      findJob: async () => ok({ state: "unknown" as const }),
      hasDeletionEvent: async () => ok(true),
    },
    restorer: {
      enableAccount: async (id) => (state("enabled")({ id } as unknown as InventoryItem), calls.push("enable"), ok(undefined)),
      recoverMachine: async (id) => (state("Stopped")({ id } as unknown as InventoryItem), calls.push("recover"), ok(undefined)),
      startMachine: async () => ok(undefined),
    },
    deleter: {
      quarantineAccount: call("disable", state("disabled")),
      destroyMachine: call("destroy", state("Destroyed")),
      deleteVolume: call("volume", gone),
      deleteSnapshot: call("snapshot", gone),
      deleteTemplate: call("template", gone),
      deleteNetwork: call("network", gone),
      releaseAddress: call("address", gone),
      deleteAccount: call("account", gone),
      deleteDomain: async () => {
        calls.push("domain");
        domainThere = false;
        return ok(undefined);
      },
    },
    exports: {
      openExport: async () => ok({ open: async () => ok({ bytes: Readable.from([Buffer.from("abc")]), offset: 0, totalBytes: 3 }) }),
    },
    archive: {
      append: async (_k, _o, bytes) => {
        for await (const _ of bytes) {
          /* Drained. */
        }
        return ok(3);
      },
      unfinishedBytes: async () => 3,
      finish: async () => ok(undefined),
      remove: async () => ok(undefined),
      open: async () => ok(Readable.from([Buffer.from("abc")])),
    },
    evidence: { readProjectState: async () => ok(project) },
    approvers: { approversNow: async () => ok(["ada", "ben", "dora"].map((n) => ({ id: op(n), name: n, ciUserId: null }))) },
    announcer: { showCard: async () => undefined, note: async () => undefined, tellMembers: async () => undefined },
    work: { enqueue: async () => undefined },
    now: () => now as Instant,
    newId: () => randomUUID(),
    fleetSize: async () => 5,
    isProtected: () => false,
  };
}

/** A deletion approved by two, in its cool-off until 130. */
async function approved(): Promise<{ readonly row: DeletionRow; readonly c: DeletionContext }> {
  const opened = await openOne(fresh.db);
  const shown = inventory(opened.domain_id, items);
  const digest = inventoryDigest(shown);
  await recordApprovedInventory(fresh.db, opened.id, shown, 10);
  await enterAsSaved(fresh.db, opened, shown);
  await updateDeletion(fresh.db, opened.id, { phase: "proposed", digest, proposed_at: at(10), expires_at: at(1010), entered_at: at(10) });
  for (const voter of ["ada", "ben"])
    await recordVote(fresh.db, opened.id, { voter: op(voter), voterName: voter, verdict: "approve", digest, reason: null, at: at(20) });
  await updateDeletion(fresh.db, opened.id, { phase: "cooling_off", entered_at: at(30), until_at: at(130) });
  return { row: await expectRow(fresh.db, opened.id), c: context(opened) };
}

const run = (row: DeletionRow, c: DeletionContext) => advance(row.id, c, new AbortController().signal);
const phase = async (row: DeletionRow) => (await expectRow(fresh.db, row.id)).phase;

/** Lets time pass and machines be expunged, until the deletion rests. */
async function finish(row: DeletionRow, c: DeletionContext): Promise<void> {
  for (const t of [130, 400, 500]) {
    now = Math.max(now, t);
    await run(row, c);
    items = items.filter((i) => i.state !== "Destroyed");
  }
}

test("archiving saves the template, reads it back, and only then asks", async () => {
  const row = await openOne(fresh.db);
  await run(row, context(row));
  expect(await phase(row)).toBe("proposed");
  expect(calls).toEqual([]);
});

test("a template that is read back different is not saved, and keeps the button away", async () => {
  const row = await openOne(fresh.db);
  const c = context(row);
  await run(row, { ...c, archive: { ...c.archive, open: async () => ok(Readable.from([Buffer.from("abX")])) } });
  const [entry] = await fresh.db.many(
    (await import("zod")).z.object({ state: (await import("zod")).z.string() }),
    "select state from archive_entry where owner_id = $1",
    [row.id],
  );
  expect(entry?.state).toBe("failed");
});

test("the cool-off and the grace period are waited out, then all goes in order, the domain last", async () => {
  const { row, c } = await approved();
  now = 129;
  await run(row, c);
  expect(calls).toEqual([]);
  now = 130;
  await run(row, c);
  expect([await phase(row), calls]).toEqual(["grace", ["disable a"]]);
  now = 200;
  await run(row, c);
  expect(calls).toHaveLength(1);
  await finish(row, c);
  expect(await phase(row)).toBe("deleted");
  expect(calls).toEqual(["disable a", "destroy m", "template t", "account a", "domain"]);
});

test("the budget lets one a day into the irreversible part", async () => {
  // The test before has used up the day, on the same clock.
  const { row, c } = await approved();
  await finish(row, c);
  expect(await phase(row)).toBe("grace");
  expect(calls).toEqual(["disable a"]);
});

test.each<[string, () => void, string, readonly string[]]>([
  ["something appears in the cool-off", () => items.push(item("machine", "new")), "closed", []],
  [
    "a machine is started in the cool-off",
    () => {
      items = items.map((i) => (i.kind === "machine" ? { ...i, state: "Running" } : i));
    },
    "closed",
    [],
  ],
  [
    "the project comes back in the cool-off",
    () => {
      project = "active";
    },
    "closed",
    [],
  ],
])("%s: nothing is touched, and it ends", async (_what, happens, end, done) => {
  const { row, c } = await approved();
  happens();
  now = 130;
  await run(row, c);
  expect([await phase(row), calls]).toEqual([end, done]);
});

test("the project comes back in the grace period: accounts are given back", async () => {
  const { row, c } = await approved();
  now = 130;
  await run(row, c);
  project = "active";
  now = 400;
  await run(row, c);
  expect([await phase(row), calls]).toEqual(["closed", ["disable a", "enable"]]);
});

test("while stopped no step is taken, and none is lost", async () => {
  const { row, c } = await approved();
  await recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:ada", reason: "drill" });
  now = 130;
  await run(row, c);
  expect([await phase(row), calls]).toEqual(["cooling_off", []]);
  await recordStop(fresh.db, { at: 2, kind: "resume", byOperator: "ci:ada and ci:ben", reason: "over" });
  await run(row, c);
  expect(await phase(row)).toBe("grace");
});

test("the digest does not depend on the order in which things are listed", () => {
  const shuffled = [...items].reverse();
  const id = "6f1c9a1e-0000-4000-8000-000000000001" as never;
  expect(inventoryDigest(inventory(id, shuffled))).toBe(inventoryDigest(inventory(id, items)));
  expect(appearedSince({ items }, { items: shuffled })).toEqual([]);
});
