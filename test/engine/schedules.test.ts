/**
 * Claims: a firing is run by one process; while that one lives and runs it, no other begins the next one; a dead one's is begun again, a few
 * times; so is one that found no database. What schedules of earlier versions left behind is removed.
 */
import { DBOSClient } from "@dbos-inc/dbos-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EngineEvent } from "../../src/engine/event.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import { holdLife } from "../../src/engine/liveness.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { lendEngineDatabase } from "../support/lent-database.ts";

const DAY_SECONDS = 86_400;
let fresh: FreshDatabase;
let engine: Engine | null = null;
let events: EngineEvent[] = [];

beforeEach(async () => {
  fresh = await lendEngineDatabase();
});
afterEach(async () => {
  await engine?.stop();
  engine = null;
  await fresh.drop();
});

function create(): Engine {
  events = [];
  const onEvent = (event: EngineEvent): void => void events.push(event);
  const onFatal = (error: Error): void => {
    throw error;
  };
  engine = createEngine({ url: fresh.url, executorId: "me", applicationVersion: "1", now: Date.now, stopWaitMs: 200, onEvent, onFatal });
  return engine;
}

/** Today's firing, begun by a process. */
const begunBy = (who: string, tries = 1) =>
  fresh.db.exec(
    "insert into schedule_firing values ('daily', (extract(epoch from date_trunc('day', now(), 'UTC')) * 1000)::bigint, $1, $2)",
    [who, tries],
  );

/** Starts with a daily schedule, and another one by which it can be seen that all were asked for twice. */
async function firingsOfDaily(run: () => Promise<void> = () => Promise.resolve()): Promise<number> {
  let [daily, ticks] = [0, 0];
  const e = create();
  e.schedule("daily", DAY_SECONDS, () => {
    daily += 1;
    return run();
  });
  e.schedule("tick", 1, () => {
    ticks += 1;
    return Promise.resolve();
  });
  await e.start();
  await eventually("two rounds", () => ticks >= 2, { tell: () => JSON.stringify(events) });
  return daily;
}

test("what another living process runs is not begun, and no next firing of it either", async () => {
  const other = await holdLife(fresh.url, "other", () => undefined);
  await begunBy("other");
  await fresh.db.exec("update schedule_firing set at = at - 86400000");
  expect(await firingsOfDaily()).toBe(0);
  await other.release();
});

test("what ended is not begun again", async () => {
  await begunBy("other");
  await fresh.db.exec("update schedule_firing set run_by = null");
  expect(await firingsOfDaily()).toBe(0);
});

test("what a dead process had begun is begun again once, and said", async () => {
  await begunBy("other");
  expect(await firingsOfDaily()).toBe(1);
  expect(events).toContainEqual(expect.objectContaining({ kind: "taken_over", workflow: "schedule.daily", from: "other", count: 2 }));
});

test("what killed five processes waits for the next firing", async () => {
  await begunBy("other", 5);
  expect(await firingsOfDaily()).toBe(0);
});

test("a moment before the start of the process is not made up for", async () => {
  expect(await firingsOfDaily()).toBe(0);
});

test("a clock of the server that was ahead keeps nothing from firing", async () => {
  await begunBy("other");
  await fresh.db.exec("update schedule_firing set name = 'tick', run_by = null, at = at + 40 * 86400000::bigint");
  await firingsOfDaily();
});

test("a firing that found no database is begun again; one with any other error is reported and over", async () => {
  let tries = 0;
  const unavailable = async (): Promise<void> => {
    tries += 1;
    if (tries === 1) throw new StoreError("unavailable", "the database is away");
    await Promise.resolve();
  };
  await begunBy("dead");
  expect(await firingsOfDaily(unavailable)).toBe(2);
  expect(events.map((e) => e.kind)).toEqual(["taken_over", "run_retried"]);
  await engine?.stop();
  await fresh.db.exec("delete from schedule_firing");
  await begunBy("dead");
  expect(await firingsOfDaily(() => Promise.reject(new Error("a mistake")))).toBe(1);
  expect(events.map((e) => e.kind)).toEqual(["taken_over", "run_failed"]);
});

test("schedules of an earlier version, their queue and what waits in it are removed", async () => {
  await create().start();
  await engine?.stop();
  const client = await DBOSClient.create({ systemDatabaseUrl: fresh.url, applicationName: "twokey" });
  await client.registerQueue("schedules", { workerConcurrency: 16 });
  await client.applySchedules([{ scheduleName: "old", workflowName: "schedule.old", schedule: "*/1 * * * * *", queueName: "schedules" }]);
  await client.enqueue({ workflowName: "schedule.old", queueName: "schedules" });
  await client.destroy();
  await create().start();
  expect(await fresh.db.exec("select from dbos.workflow_schedules")).toBe(0);
  expect(await fresh.db.exec("select from dbos.queues where name = 'schedules'")).toBe(0);
  expect(await fresh.db.exec("select from dbos.workflow_status where queue_name = 'schedules'")).toBe(0);
});
