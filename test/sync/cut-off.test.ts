/**
 * Claims: a pass of a process that is being stopped ends at once: it waits for no read, makes no further change, records the one that is under
 * way, and gives the lock back; the next process makes what is left, and nothing twice.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { BeingStopped, unlessStopped, whyAborted } from "../../src/sync/execution/cut-off.ts";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { planLines } from "../../src/sync/execution/plan-text.ts";
import { configOf, putInForce, type PartsChange } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { service, type Service } from "./people.ts";

let fresh: FreshDatabase;
let s: Service;
let process: AbortController;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  s = service(fresh.db, { alpha: ["ann"] });
  await s.pass();
  s.messages.clear();
  process = new AbortController();
});
afterEach(() => fresh.drop());

const Pass = z.object({ ended: z.boolean(), trouble: z.string().nullable() });
const newestPass = () => fresh.db.one(Pass, "select ended_at is not null as ended, trouble from pass order by seq desc limit 1");
const run = (change: PartsChange = {}) => {
  s.now += 300_000;
  return s.bot(configOf(), { stopping: process.signal, ...change }).runPass(null, { kind: "schedule" });
};

test("while a side is read: the pass ends without its answer, is recorded as ended, and the next one can run", async () => {
  let isAsked = (): void => undefined;
  const asked = new Promise<void>((resolve) => (isAsked = resolve));
  const never = new Promise<never>(() => undefined);
  const passing = run({ reader: { ...s.bot().parts.cloud.reader, readFleet: () => (isAsked(), never) } });
  await asked;
  process.abort(new BeingStopped());
  expect(await passing).toMatchObject({ ok: false, error: { code: "sync.stopping", kind: "unavailable" } });
  expect(await newestPass()).toEqual({ ended: true, trouble: "The pass was cut off: this process is being stopped" });
  expect(s.messages.size).toBe(0);
  expect(await s.pass()).toMatchObject({ state: "unchanged" });
});

test("before it read anything nothing is read", async () => {
  process.abort(new BeingStopped());
  expect(await run()).toMatchObject({ ok: false, error: { code: "sync.stopping" } });
});

test("while changes are made: the one under way is recorded, no further one is made, and the next process makes the rest", async () => {
  for (const name of ["bea", "cleo", "dan", "eve"]) s.projects["alpha"]?.members.add(name);
  s.refuses = () => {
    process.abort(new BeingStopped());
    return null;
  };
  const cut = await run();
  if (!cut.ok) throw new Error(cut.error.message);
  expect(s.made).toHaveLength(1);
  expect(cut.value).toMatchObject({ state: "stopped", readBack: null });
  expect(cut.value.outcomes.map((o) => [o.outcome, o.problem])).toEqual([
    ["done", null],
    ["held", "this process is being stopped"],
    ["held", "this process is being stopped"],
    ["held", "this process is being stopped"],
  ]);
  expect(await newestPass()).toMatchObject({ ended: true });
  s.refuses = () => null;
  await s.pass();
  expect(s.made).toHaveLength(4);
  expect(await s.pass()).toMatchObject({ state: "unchanged" });
});

test("stopped by a person in the middle: what is not made says so in the message and in every line of the plan, and that nothing failed", async () => {
  for (const name of ["bea", "cleo", "dan"]) s.projects["alpha"]?.members.add(name);
  const stop = { at: s.now, kind: "stop", byOperator: "ci:eve", reason: "the disk is full" } as const;
  const { writer } = s.bot().parts.cloud;
  const changing = {
    ...writer,
    applyChange: async (...a: Parameters<typeof writer.applyChange>) => {
      const made = await writer.applyChange(...a);
      await recordStop(fresh.db, stop);
      return made;
    },
  };
  const cut = await run({ writer: changing });
  if (!cut.ok) throw new Error(cut.error.message);
  expect(cut.value.state).toBe("stopped");
  expect(cut.value.outcomes.map((o) => o.outcome)).toEqual(["done", "held", "held"]);
  for (const text of [planLines(cut.value, "test").join("\n"), JSON.stringify(renderPlan(cut.value, "test"))]) {
    expect(text.match(/in alpha: held \(stopped: the disk is full\)/g)).toHaveLength(2);
    expect(text).not.toMatch(/skipped|failure/);
  }
});

test("what fails otherwise is no stop, and a lost lock keeps its own words", async () => {
  await expect(run({ reader: { readFleet: () => Promise.reject(new Error("a bug")) } })).rejects.toThrow("a bug");
  await expect(unlessStopped(Promise.reject(new Error("x")), process.signal)).rejects.toThrow("x");
  expect(await unlessStopped(Promise.resolve(3), process.signal)).toBe(3);
  const lost = new AbortController();
  lost.abort();
  expect(whyAborted(lost.signal)).toBe("this process lost its lock");
});
