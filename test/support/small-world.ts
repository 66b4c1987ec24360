/** A small world in memory around a real PostgreSQL: a domain whose things come and go, people who approved, and neighbours. */
import { Readable } from "node:stream";
import { randomUUID } from "node:crypto";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import type { Holdings, Neighbour } from "../../src/store/neighbours.ts";
import type { Removal, RunningJob } from "../../src/deletion/cloud.ts";
import type { Database } from "../../src/store/db.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { recordVote } from "../../src/store/ballots.ts";
import { inventoryDigest, type InventoryItem } from "../../src/core/inventory.ts";
import { putInForce, testBot, type TestBot } from "./bot.ts";
import { at, enterAsSaved, expectRow, inventory, item, op, openOne } from "./deletions.ts";

/** What a test may change while a deletion runs; `calls`, `notes` and `told` are what came of it. */
export interface SmallWorld {
  readonly db: Database;
  now: number;
  /** How far `now` is before the other clocks. */
  skewMs: number;
  items: InventoryItem[];
  project: "active" | "closed" | "absent";
  domainThere: boolean;
  neighbours: Neighbour[];
  removals: Removal[];
  /** Jobs of the domain's accounts that have not ended. */
  jobs: RunningJob[];
  /** What neighbours hold by id; of one that is not in it, only the counts are known. */
  held: Holdings;
  calls: string[];
  notes: string[];
  told: string[];
}

/** A policy that lets all pass which a deletion's own frozen one does. */
export const looseLimits = { deletionsPerDay: 9, deletionsPerWeek: 9, coolOffMs: 0, graceMs: 0 } as const;

/** A stopped machine, an account, a template, and one neighbour; the policy in force bounds nothing. */
export async function smallWorld(db: Database): Promise<SmallWorld> {
  await putInForce(db, looseLimits);
  return {
    db,
    now: 10,
    skewMs: 0,
    items: [
      item("machine", "m", { state: "Stopped" }),
      item("account", "a", { id: "6f1c9a1e-0000-4000-8000-00000000000a", state: "enabled" }),
      item("template", "t", { bytes: 3 }),
    ],
    project: "closed",
    domainThere: true,
    neighbours: [{ id: randomUUID(), name: "beta", machines: 4, volumes: 5, templates: 2 }],
    removals: [],
    jobs: [],
    held: {},
    calls: [],
    notes: [],
    told: [],
  };
}

/** The bot in that world, looking at one domain. */
export function botIn(w: SmallWorld, row: Pick<DeletionRow, "domain_id">): TestBot {
  const call = (name: string, effect: (i: InventoryItem) => void) => async (_g: unknown, i: InventoryItem) => {
    w.calls.push(`${name} ${i.name}`);
    effect(i);
    return ok(undefined);
  };
  const state = (s: string) => (i: InventoryItem) => {
    w.items = w.items.map((x) => (x.id === i.id ? { ...x, state: s } : x));
  };
  const gone = (i: InventoryItem) => {
    w.items = w.items.filter((x) => x.id !== i.id);
  };
  return testBot(w.db, {
    reader: {
      readInventory: async () => ok(inventory(row.domain_id, w.items)),
      findDomain: async () => ok(w.domainThere ? { id: row.domain_id, name: "a", path: "ROOT/ci/a" as DomainPath } : null),
      findThing: async (_approved, { id }) => ok(w.items.find((i) => i.id === id) ?? null),
      findJob: async () => ok({ state: "unknown" as const }),
      readRunningJobs: async () => ok(w.jobs),
      hasDeletionEvent: async () => ok(true),
      readNeighbours: async () => ok({ neighbours: w.neighbours, domains: null }),
      readHoldings: async () => ok(w.held),
      readExpungeDelay: async () => ok(86_400_000),
      readRemovals: async () => ok(w.removals),
    },
    restorer: {
      enableAccount: async (id) => (state("enabled")({ id } as unknown as InventoryItem), w.calls.push("enable"), ok(undefined)),
      recoverMachine: async (id) => (state("Stopped")({ id } as unknown as InventoryItem), w.calls.push("recover"), ok(undefined)),
      lockAccount: async (id) => (state("locked")({ id } as unknown as InventoryItem), w.calls.push("lock"), ok(undefined)),
      disableAccount: async (id) => (state("disabled")({ id } as unknown as InventoryItem), w.calls.push("disable"), ok(undefined)),
      attachVolume: async (id, machine) => {
        w.items = w.items.map((x) => (x.id === id ? { ...x, parentId: machine } : x));
        w.calls.push("attach");
        return ok(undefined);
      },
      startMachine: async (id) => (state("Running")({ id } as unknown as InventoryItem), w.calls.push("start"), ok(undefined)),
    },
    deleter: {
      quarantineAccount: call("disable", state("disabled")),
      destroyMachine: call("destroy", state("Destroyed")),
      deleteVolume: call("volume", gone),
      deleteSnapshot: call("snapshot", gone),
      deleteTemplate: call("template", gone),
      deleteNetwork: call("network", gone),
      removeNetworkRules: call("rules", () => undefined),
      releaseAddress: call("address", gone),
      deleteAccount: async (g, { account }) => call("account", gone)(g, account),
      deleteDomain: async () => {
        w.calls.push("domain");
        w.domainThere = false;
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
    ci: { readProjectState: async () => ok(w.project) },
    cards: {
      note: async (_view, key, sentence) => void w.notes.push(`${key.replace(/\d+$/, "N")}: ${sentence}`),
      // Told again how it stands, a member's message stays as it is.
      tellMembers: async (view) => void (w.told.at(-1) === view.phase ? 0 : w.told.push(view.phase)),
    },
    now: () => w.now as Instant,
    clockSkew: async () => ({ ms: w.skewMs, against: "another clock" }),
  });
}

/** A deletion approved by two, in its cool-off until 130; `obstacles` were there when the question was made, and gone at the approval. */
export async function approveIn(
  w: SmallWorld,
  obstacles: readonly string[] = [],
): Promise<{ readonly row: DeletionRow; readonly bot: TestBot }> {
  const opened = await openOne(w.db);
  const shown = { ...inventory(opened.domain_id, w.items), obstacles };
  const digest = inventoryDigest(shown);
  await recordApprovedInventory(w.db, opened.id, shown, 10);
  await enterAsSaved(w.db, opened, shown);
  await updateDeletion(w.db, opened.id, { phase: "proposed", digest, proposed_at: at(10), expires_at: at(1010), entered_at: at(10) });
  for (const voter of ["ada", "ben"])
    await recordVote(
      w.db,
      { kind: "deletion", id: opened.id },
      { voter: op(voter), voterName: voter, account: null, verdict: "approve", digest, reason: null, at: at(20) },
    );
  await updateDeletion(w.db, opened.id, { phase: "cooling_off", entered_at: at(30), until_at: at(130) });
  return { row: await expectRow(w.db, opened.id), bot: botIn(w, opened) };
}
