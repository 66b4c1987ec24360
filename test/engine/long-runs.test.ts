/**
 * Claims: long runs of deletions keep no short one and no pass waiting, however many there are; a long and a short run of one deletion never
 * overlap, whichever came first and whatever version put it in; of each at most one waits.
 */
import { DBOSClient } from "@dbos-inc/dbos-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Engine } from "../../src/engine/engine.ts";
import type { FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { lendEngineDatabase } from "../support/lent-database.ts";
import { loneEngine } from "../support/lone-engine.ts";

let fresh: FreshDatabase;
let engine: Engine;
let begun: string[];
let overlaps: string[];
let held: Map<string, () => void>;

beforeEach(async () => {
  fresh = await lendEngineDatabase();
  [begun, overlaps, held] = [[], [], new Map()];
  const active = new Set<string>();
  engine = loneEngine(fresh.url);
  engine.define("pass", async (id) => void begun.push(`pass ${id}`));
  // Long ones, and some short ones, end when they are let go.
  engine.define("deletion", async (id, _signal, isLong = false) => {
    const run = `${isLong ? "long" : "short"} ${id}`;
    if (active.has(id)) overlaps.push(run);
    active.add(id);
    begun.push(run);
    if (isLong || id.startsWith("held")) await new Promise<void>((go) => held.set(run, go));
    active.delete(id);
  });
});
afterEach(async () => {
  for (const go of held.values()) go();
  await engine.stop();
  await fresh.drop();
});

/** Puts a run in as the version before does. */
async function putInAsBefore(id: string): Promise<void> {
  const client = await DBOSClient.create({ systemDatabaseUrl: fresh.url, applicationName: "twokey" });
  const how = { workflowName: "work.deletion", queueName: "work", queuePartitionKey: `deletion:${id}` };
  await client.enqueue({ ...how, deduplicationID: `work.deletion:${id} waits`, appVersion: "1" }, id);
  await client.destroy();
}

const all = Array.from({ length: 30 }, (_, n) => `n${n}`);
const QueueRow = z.object({ queue: z.string(), status: z.string() });
const queuesOf = (partition: string) =>
  fresh.db.many(QueueRow, "select queue_name as queue, status from dbos.workflow_status where queue_partition_key = $1", [partition]);
const begins = (what: string) => eventually(`${what} begins`, () => begun.includes(what), { tell: () => begun.join(", ") });

test("keep no short one and no pass waiting, however many there are", async () => {
  await engine.start();
  for (const id of all) await engine.enqueue("deletion", id, { isLong: true });
  await eventually("several run", () => begun.length > 3);
  await engine.enqueue("deletion", "restore");
  await engine.enqueue("pass", "now");
  await begins("short restore");
  await begins("pass now");
  expect(begun.filter((b) => b.startsWith("long"))).toHaveLength(8);
});

test("one waits besides the short one, and neither overlaps the other", async () => {
  await engine.start();
  await engine.enqueue("deletion", "held x");
  await begins("short held x");
  for (let i = 0; i < 3; i += 1) await engine.enqueue("deletion", "held x", { isLong: true });
  for (let i = 0; i < 3; i += 1) await engine.enqueue("deletion", "held x", { delayMs: 600_000 });
  await eventually("the long one met it", async () =>
    (await queuesOf("deletion:held x")).some((r) => r.queue !== "work" && r.status === "SUCCESS"),
  );
  const waiting = (await queuesOf("deletion:held x")).filter((r) => r.status === "DELAYED" || r.status === "ENQUEUED");
  expect(waiting.map((r) => r.queue).toSorted()).toEqual(["work", "work-archiving"]);
  held.get("short held x")?.();
  await begins("long held x");
  await engine.enqueue("deletion", "held x");
  const metLong = async () => (await queuesOf("deletion:held x")).filter((r) => r.queue === "work" && r.status === "SUCCESS").length > 1;
  await eventually("the short one met it", metLong);
  expect(begun).toEqual(["short held x", "long held x"]);
  held.get("long held x")?.();
  await eventually("the short one runs again", () => begun.length === 3);
  expect(overlaps).toEqual([]);
});

test("what a process of the version before puts in excludes them", async () => {
  await engine.start();
  await putInAsBefore("held y");
  await begins("short held y");
  await engine.enqueue("deletion", "held y", { isLong: true });
  await eventually("the long one met it", async () =>
    (await queuesOf("deletion:held y")).some((r) => r.queue !== "work" && r.status === "SUCCESS"),
  );
  expect(begun).toEqual(["short held y"]);
  held.get("short held y")?.();
  await begins("long held y");
  expect(overlaps).toEqual([]);
});
