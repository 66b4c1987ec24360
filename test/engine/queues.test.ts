/**
 * Claims: however much people of projects asked for and however long it takes, a deletion's work begins; what the version before put into its
 * one queue is done, side by side with the rest; two runs of one thing never overlap, whichever queue they are in.
 */
import { DBOSClient } from "@dbos-inc/dbos-sdk";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Engine } from "../../src/engine/engine.ts";
import type { FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { lendEngineDatabase } from "../support/lent-database.ts";
import { loneEngine } from "../support/lone-engine.ts";

const MANY = 30;
let fresh: FreshDatabase;
let engine: Engine;
let begun: string[];
let ended: string[];
let held: Map<string, () => void>;

beforeEach(async () => {
  fresh = await lendEngineDatabase();
  [begun, ended, held] = [[], [], new Map()];
  engine = loneEngine(fresh.url);
  for (const name of ["export", "template", "backup"])
    engine.define(name, async (id) => {
      begun.push(`${name} ${id}`);
      await new Promise<void>((go) => held.set(`${name} ${id}`, go));
      ended.push(`${name} ${id}`);
    });
  for (const name of ["deletion", "pass"]) engine.define(name, async (id) => void begun.push(`${name} ${id}`));
});
afterEach(async () => {
  letAllGo();
  await engine.stop();
  await fresh.drop();
});

function letAllGo(): void {
  for (const go of held.values()) go();
}

/** Puts runs in as the version before does: into the one queue. */
async function putInAsBefore(name: string, ids: readonly string[]): Promise<void> {
  const client = await DBOSClient.create({ systemDatabaseUrl: fresh.url, applicationName: "twokey" });
  const how = (id: string) => ({ workflowName: `work.${name}`, queueName: "work", queuePartitionKey: `${name}:${id}` });
  for (const id of ids) await client.enqueue({ ...how(id), deduplicationID: `work.${name}:${id} waits`, appVersion: "1" }, id);
  await client.destroy();
}

const all = Array.from({ length: MANY }, (_, n) => `n${n}`);
const QueueRow = z.object({ queue: z.string(), status: z.string() });
const queuesOf = (partition: string) =>
  fresh.db.many(
    QueueRow,
    "select queue_name as queue, status from dbos.workflow_status where queue_partition_key = $1 order by created_at",
    [partition],
  );
const begins = (what: string) => eventually(`${what} begins`, () => begun.includes(what), { tell: () => begun.join(", ") });

test.each(["export", "template", "backup"])("deletions and passes begin while %ss fill all slots that they have", async (name) => {
  await engine.start();
  for (const id of all) await engine.enqueue(name, id);
  await eventually("several run", () => begun.length > 3);
  await engine.enqueue("deletion", "restore");
  await engine.enqueue("pass", "now");
  await begins("deletion restore");
  await begins("pass now");
  expect(begun.filter((b) => b.startsWith(name)).length).toBeLessThan(MANY);
  expect(ended).toEqual([]);
});

test("one kind of what people ask for does not keep another waiting", async () => {
  await engine.start();
  for (const id of all) await engine.enqueue("export", id);
  await eventually("several run", () => begun.length > 3);
  for (const name of ["template", "backup"]) {
    await engine.enqueue(name, "one");
    await begins(`${name} one`);
  }
});

describe("after an update", () => {
  test("what waited in the queue of the version before is done, and keeps no deletion waiting", async () => {
    await putInAsBefore("export", all);
    await putInAsBefore("deletion", ["old"]);
    await engine.start();
    await begins("deletion old");
    await engine.enqueue("deletion", "new");
    await begins("deletion new");
    expect(ended).toEqual([]);
    await eventually("all exports ran", () => (letAllGo(), ended.length === MANY));
    expect(new Set(ended).size).toBe(MANY);
  });

  test("what a dead process of the version before had begun is taken over, and keeps no deletion waiting", async () => {
    await putInAsBefore("export", all);
    await fresh.db.exec(
      "update dbos.workflow_status set status = 'PENDING', executor_id = 'dead', application_version = '1', deduplication_id = null",
    );
    await engine.start();
    await eventually("several run", () => begun.length > 3);
    await engine.enqueue("deletion", "new");
    await begins("deletion new");
    await eventually("all exports ran", () => (letAllGo(), ended.length === MANY));
    expect(new Set(ended).size).toBe(MANY);
  });

  test("a run that a process of the version before puts in is served, and none of the same overlaps it", async () => {
    await engine.start();
    await putInAsBefore("export", ["x"]);
    await begins("export x");
    expect(await queuesOf("export:x")).toMatchObject([{ status: "PENDING" }]);
    const [before] = await queuesOf("export:x");
    await fresh.db.exec("update dbos.workflow_status set deduplication_id = null");
    await engine.enqueue("export", "x");
    await engine.enqueue("export", "y");
    await begins("export y");
    expect(begun.filter((b) => b === "export x")).toHaveLength(1);
    // They exclude each other within one queue only.
    expect((await queuesOf("export:x")).map((r) => r.queue)).toEqual([before?.queue, before?.queue]);
    held.get("export x")?.();
    await eventually("the other runs", () => begun.filter((b) => b === "export x").length === 2);
  });

  test("while one is in the queue of the version before, another comes into the same queue", async () => {
    await engine.start();
    await fresh.db.exec(
      `insert into dbos.workflow_status
         (workflow_uuid, status, name, queue_name, queue_partition_key, delay_until_epoch_ms, created_at, updated_at)
       values ('w', 'DELAYED', 'work.template', 'work', 'template:t', 99999999999999, 0, 0)`,
    );
    await engine.enqueue("template", "t");
    expect((await queuesOf("template:t")).map((r) => r.queue)).toEqual(["work", "work"]);
  });
});
