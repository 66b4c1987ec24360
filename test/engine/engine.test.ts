/** Claims what one process's engine does with work; shown on a real PostgreSQL. Fail-over is in fail-over.test.ts. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import type { EngineEvent } from "../../src/engine/event.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { lendEngineDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
let engine: Engine | null = null;
let starts = 0;
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
  engine = createEngine({
    url: fresh.url,
    executorId: `test-${++starts}`,
    applicationVersion: "1",
    now: Date.now,
    stopWaitMs: 200,
    reapEveryMs: 200,
    pollMs: 100,
    onEvent: (event) => {
      events.push(event);
    },
    onFatal: (error) => {
      throw error;
    },
  });
  return engine;
}

function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  return eventually(what, holds, { tell: () => JSON.stringify(events) });
}

test("enqueue before start is refused", async () => {
  await expect(create().enqueue("any", "1")).rejects.toThrow(/not been started/);
});

test("work that was put in runs once, soon after", async () => {
  const seen: string[] = [];
  const e = create();
  e.define("greet", async (id) => {
    seen.push(id);
    await Promise.resolve();
  });
  await e.start();
  for (let i = 0; i < 5; i++) {
    await e.enqueue("greet", `n${i}`);
    await until("greet ran", () => seen.length === i + 1);
  }
  expect(seen).toEqual(["n0", "n1", "n2", "n3", "n4"]);
});

test("a transaction that is rolled back leaves no work; a duplicate in a transaction does not spoil it", async () => {
  const seen: string[] = [];
  const e = create();
  e.define("tx", async (id) => {
    seen.push(id);
    await Promise.resolve();
  });
  await e.start();
  await expect(
    fresh.db.tx(async (tx) => {
      await e.enqueue("tx", "rolled-back", { tx });
      throw new Error("changed my mind");
    }),
  ).rejects.toThrow("changed my mind");
  await fresh.db.tx(async (tx) => {
    await e.enqueue("tx", "first", { tx, key: "k", delayMs: 300 });
    await e.enqueue("tx", "second", { tx, key: "k" });
    await tx.exec("insert into seen_event values ('tx-survived', 1)");
  });
  await e.enqueue("tx", "third", { key: "k" });
  await until("first ran", () => seen.length > 0);
  await e.enqueue("tx", "later");
  await until("later ran", () => seen.includes("later"));
  expect(seen).toEqual(["first", "later"]);
  expect(await fresh.db.exec("select from seen_event where key = 'tx-survived'")).toBe(1);
});

test("a key is free again after its run has ended, in whatever way", async () => {
  const seen: string[] = [];
  const e = create();
  e.define("again", async (id) => {
    seen.push(id);
    await Promise.resolve();
    if (seen.length === 1) throw new Error("first try");
  });
  await e.start();
  await e.enqueue("again", "x", { key: "k" });
  await until("it failed", () => events.some((event) => event.kind === "run_failed"));
  await until("it ran again", async () => {
    await e.enqueue("again", "x", { key: "k" });
    return seen.length > 1;
  });
});

test("two runs of the same (name, id) never overlap, others do", async () => {
  let now = 0;
  let most = 0;
  let besides = 0;
  let isHeld = true;
  const e = create();
  e.define("alone", async (id) => {
    if (id === "other") {
      if (now > 0) besides++;
      return;
    }
    most = Math.max(most, ++now);
    // Held until the other ran beside it; afterwards long enough for a second one to be seen.
    while (isHeld) await sleep(10);
    await sleep(150);
    now--;
  });
  await e.start();
  for (let i = 0; i < 3; i++) {
    isHeld = true;
    await e.enqueue("alone", "same");
    await until("it runs", () => now > 0);
    // Another waits while this one runs.
    await e.enqueue("alone", "same");
    await until("the other runs beside it", async () => {
      await e.enqueue("alone", "other");
      return besides > i;
    });
    isHeld = false;
  }
  await until(
    "all done",
    async () => now === 0 && (await fresh.db.exec("select from dbos.workflow_status where status in ('ENQUEUED', 'PENDING')")) === 0,
  );
  expect(most).toBe(1);
});

test("delayed work waits", async () => {
  const seen: [string, number][] = [];
  const e = create();
  e.define("later", async (id) => {
    seen.push([id, performance.now()]);
    await Promise.resolve();
  });
  await e.start();
  const asked = performance.now();
  await e.enqueue("later", "kept", { delayMs: 1_000.663, key: "d" });
  await until("kept ran", () => seen.length > 0);
  expect(seen.map(([id]) => id)).toEqual(["kept"]);
  expect(seen[0]?.[1]).toBeGreaterThan(asked + 990);
});

test("work that meets an absent database is tried again; any other error ends it", async () => {
  let tries = 0;
  const e = create();
  e.define("flaky", async () => {
    await Promise.resolve();
    if (++tries < 3) throw new StoreError("unavailable", "away");
  });
  await e.start();
  await e.enqueue("flaky", "x");
  await until("third try", () => tries === 3);
  expect(events.filter((event) => event.kind === "run_retried")).toHaveLength(2);
});

test("work interrupted by stop begins again after the next start", async () => {
  const first = create();
  let began = 0;
  first.define(
    "cut",
    (_id, signal) =>
      new Promise((_, reject) => {
        began++;
        signal.addEventListener("abort", () => {
          reject(new Error("stopped"));
        });
      }),
  );
  await first.start();
  await first.enqueue("cut", "x");
  await until("began", () => began === 1);
  await first.stop();
  const second = create();
  let again = 0;
  second.define("cut", async () => {
    again++;
    await Promise.resolve();
  });
  await second.start();
  await until("again", () => again === 1);
  expect(events.map((event) => event.kind)).toContain("taken_over");
});

test("a schedule fires at whole periods, and a schedule that is no longer named is forgotten", async () => {
  const at: number[] = [];
  const e = create();
  e.schedule("tick", 1, async (t) => {
    at.push(t);
    await Promise.resolve();
  });
  await e.start();
  await until("three firings", () => at.length >= 3);
  expect(at.every((t) => t % 1_000 === 0)).toBe(true);
  expect(new Set(at).size).toBe(at.length);
  await e.stop();
  await create().start();
  expect(await fresh.db.exec("select from dbos.workflow_schedules")).toBe(0);
});
