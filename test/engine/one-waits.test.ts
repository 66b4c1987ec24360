/** Claim: however often work is put in, at most one run of it waits besides the one that runs, and none is lost. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Engine } from "../../src/engine/engine.ts";
import { prepareEngine } from "../../src/engine/schema.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { loneEngine } from "../support/lone-engine.ts";

let fresh: FreshDatabase;
let engine: Engine;
const HOUR = 3_600_000;

beforeAll(async () => {
  fresh = await freshDatabase();
  await prepareEngine(fresh.url, null);
});
afterEach(() => engine.stop());
afterAll(() => fresh.drop());

/** An engine whose runs of "look" wait until they are let go. */
async function start(): Promise<{ readonly begun: string[]; letGo(): void }> {
  const begun: string[] = [];
  const held: (() => void)[] = [];
  engine = loneEngine(fresh.url);
  engine.define("look", async (id) => {
    begun.push(id);
    await new Promise<void>((go) => held.push(go));
  });
  await engine.start();
  return { begun, letGo: () => held.shift()?.() };
}

const Due = z.object({ status: z.string(), due: z.number().nullable() });
function waiting(id: string) {
  return fresh.db.many(
    Due,
    `select status, delay_until_epoch_ms::double precision as due from dbos.workflow_status
     where queue_partition_key = $1 and status in ('DELAYED', 'ENQUEUED')`,
    [`look:${id}`],
  );
}

test("sweeps, clicks and a run that puts itself in again leave one waiting run", async () => {
  const { begun, letGo } = await start();
  await engine.enqueue("look", "a");
  await eventually("the first run has begun", () => begun.length === 1);
  // While it runs: its own successor, three sweeps, and two clicks in transactions.
  await engine.enqueue("look", "a", { delayMs: HOUR });
  for (let i = 0; i < 3; i += 1) await engine.enqueue("look", "a", { delayMs: HOUR });
  expect(await waiting("a")).toHaveLength(1);
  for (let i = 0; i < 2; i += 1) await fresh.db.tx((tx) => engine.enqueue("look", "a", { tx }));
  expect(await waiting("a")).toHaveLength(1);
  letGo();
  await eventually("the clicks' run has begun", () => begun.length === 2);
  expect(await waiting("a")).toEqual([]);
  letGo();
});

test("the earlier time counts, whichever came first", async () => {
  await start();
  await engine.enqueue("look", "b", { delayMs: 2 * HOUR });
  await engine.enqueue("look", "b", { delayMs: HOUR });
  const [sooner, ...more] = await waiting("b");
  await engine.enqueue("look", "b", { delayMs: 3 * HOUR });
  expect(more).toEqual([]);
  expect(await waiting("b")).toEqual([sooner]);
  expect((sooner?.due ?? 0) - Date.now()).toBeLessThan(1.5 * HOUR);
});

test("many at the same time, in transactions and outside, leave one", async () => {
  await start();
  const asks = Array.from({ length: 12 }, (_, i) =>
    i % 3 === 0 ? fresh.db.tx((tx) => engine.enqueue("look", "c", { tx, delayMs: HOUR })) : engine.enqueue("look", "c", { delayMs: HOUR }),
  );
  await Promise.all(asks);
  expect(await waiting("c")).toHaveLength(1);
});

test("a waiting run that a transaction made due cannot begin before the transaction's rows can be read", async () => {
  const { begun, letGo } = await start();
  await engine.enqueue("look", "d", { delayMs: HOUR });
  await fresh.db.tx(async (tx) => {
    await engine.enqueue("look", "d", { tx });
    // Long enough for the queue to be looked at: other work that is put in now is begun.
    await engine.enqueue("look", "other");
    await eventually("other work has begun", () => begun.includes("other"));
    expect(begun).toEqual(["other"]);
  });
  await eventually("it has begun", () => begun.includes("d"));
  letGo();
  letGo();
});

test("a rolled back click does not make the waiting run due, and leaves it", async () => {
  await start();
  await engine.enqueue("look", "e", { delayMs: HOUR });
  const before = await waiting("e");
  const click = fresh.db.tx(async (tx) => {
    await engine.enqueue("look", "e", { tx });
    throw new Error("refused");
  });
  await expect(click).rejects.toThrow("refused");
  expect(await waiting("e")).toEqual(before);
});
