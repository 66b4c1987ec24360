/**
 * Claims: however many deletions save or read copies, and however long, one that people want back is given back meanwhile, and a stop counts
 * for each; what takes long is left to long runs, in every phase; what people decide, or the project, ends a deletion's own saving.
 */
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ok } from "../../src/core/result.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { SHORT_MS } from "../../src/deletion/reasons.ts";
import { readEntries } from "../../src/store/archive-entries.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import type { PartsChange, TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { expectRow, item, op, openOne, updateAnyway } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import { lendEngineDatabase } from "../support/lent-database.ts";
import { approveIn, botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";
import { loneEngine } from "../support/lone-engine.ts";

const HOUR = 3_600_000;
const never = (): Promise<never> => new Promise(() => undefined);
/** CloudStack copies for hours before there is anything to download; or it gives nothing to download. */
const hangs: readonly (readonly [string, NonNullable<PartsChange["exports"]>])[] = [
  ["CloudStack has not made what is to be downloaded", { openExport: never }],
  ["a download gives nothing", { openExport: async () => ok({ open: never }) }],
];

let fresh: FreshDatabase;
let w: SmallWorld;
beforeEach(async () => {
  fresh = await lendEngineDatabase();
  w = await smallWorld(fresh.db);
});
afterEach(() => fresh.drop());

const entriesOf = (row: DeletionRow) => readEntries(fresh.db, { kind: "deletion", id: row.id });
const by = { operator: { id: op("eve"), name: "Eve", ciUserId: null }, isTeam: true };
const stop = () => recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:eve", reason: "drill" });

describe("while twenty deletions save", () => {
  let engine: Engine;
  afterEach(() => engine.stop());

  /** Twenty that save without an end, and one more. */
  async function busy(exports: NonNullable<PartsChange["exports"]>): Promise<{ readonly bot: TestBot; readonly rows: DeletionRow[] }> {
    const rows: DeletionRow[] = [];
    for (let i = 0; i <= 20; i += 1) rows.push(await openOne(fresh.db, { name: `d${i}` }));
    const [first] = rows;
    if (first === undefined) throw new Error("none was opened");
    engine = loneEngine(fresh.url);
    const bot = botIn(w, first).with({ exports, enqueue: (name, id, o) => engine.enqueue(name, id, o) });
    engine.define("deletion", bot.work.deletion);
    await engine.start();
    for (const row of rows.slice(0, 20)) await engine.enqueue("deletion", row.id);
    const save = () => fresh.db.exec("select from archive_entry where state = 'saving'");
    await eventually("all slots are taken", async () => (await save()) === 8);
    return { bot, rows };
  }

  test.each(hangs)("(%s) another one is given back, and a stop counts for each of them", async (_how, exports) => {
    const { bot, rows } = await busy(exports);
    const [wanted, saving] = [rows[20], rows[0]];
    if (wanted === undefined || saving === undefined) throw new Error("none was opened");
    const asked = { restore_by: "ada", closed_because: "restored", digest: "a".repeat(64) as never } as const;
    await updateAnyway(fresh.db, wanted.id, { phase: "grace", until_at: 1e15 as never, ...asked });
    await engine.enqueue("deletion", wanted.id);
    await eventually("it is given back", async () => (await expectRow(fresh.db, wanted.id)).phase === "closed");
    await bot.services.sync.stop(by, "drill");
    for (const row of rows.slice(0, 20)) await engine.enqueue("deletion", row.id);
    const stand = () => fresh.db.exec("select from deletion where activity = 'stopped: drill'");
    await eventually("all stand", async () => (await stand()) === 20);
    expect(await fresh.db.exec("select from archive_entry where state = 'failed'")).toBe(0);
  });
});

describe("its own saving ends", () => {
  let row: DeletionRow;
  let run: Promise<void>;
  async function saving(exports: NonNullable<PartsChange["exports"]>): Promise<TestBot> {
    row = await openOne(fresh.db);
    let isAsked = false;
    const openExport = exports.openExport ?? never;
    const bot = botIn(w, row).with({ exports: { openExport: (one) => ((isAsked = true), openExport(one)) } });
    run = bot.advance(row.id);
    await eventually("it saves", () => isAsked);
    return bot;
  }

  test.each(hangs)("(%s) when people reject it", async (_how, exports) => {
    const bot = await saving(exports);
    const { version, digest } = await expectRow(fresh.db, row.id);
    const rejected = await bot.services.deletions.reject({ deletionId: row.id, version, digest, by, reason: "it is needed" });
    expect(rejected).toMatchObject({ ok: true });
    await run;
    expect((await expectRow(fresh.db, row.id)).phase).toBe("closed");
  });

  test.each(hangs)("(%s) when everything is stopped, and nothing counts as not to be saved", async (_how, exports) => {
    await saving(exports);
    await stop();
    await run;
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "archiving", activity: "stopped: drill" });
    expect(await entriesOf(row)).toMatchObject([{ state: "saving", problem: null }]);
  });

  test.each(hangs)("(%s) when another run has taken it over", async (_how, exports) => {
    await saving(exports);
    await fresh.db.exec("update deletion set lease = lease + 1");
    await run;
    expect((await expectRow(fresh.db, row.id)).phase).toBe("archiving");
  });

  test.each(hangs)("(%s) when its project is back", async (_how, exports) => {
    await saving(exports);
    w.project = "active";
    w.now += 60_000;
    await run;
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "came_back" });
  });

  test("also while bytes come without an end", async () => {
    async function* bytes(): AsyncGenerator<Buffer> {
      for (; w.now < HOUR; w.now += 3000) yield Buffer.from("x");
    }
    await saving({ openExport: async () => ok({ open: async () => ok({ bytes: Readable.from(bytes()), offset: 0, totalBytes: null }) }) });
    await stop();
    await run;
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "archiving", activity: "stopped: drill" });
    expect(w.now).toBeLessThan(HOUR);
  });
});

describe("a short run", () => {
  let used: string[];
  let long: string[];
  beforeEach(() => void ([used, long] = [[], []]));
  /** A bot that says what of the archive it uses, and which runs it leaves to others. */
  const noting = (bot: TestBot): TestBot =>
    bot.with({
      exports: { openExport: (one) => (used.push(`export ${one.name}`), bot.parts.cloud.exports.openExport(one)) },
      archive: {
        // Whether a copy is there is asked at any time; its bytes are read by long runs.
        open: async (key) => {
          const opened = await bot.parts.archive.open(key);
          async function* bytes(from: Readable): AsyncGenerator<unknown> {
            used.push("read");
            yield* from;
          }
          return opened.ok ? ok(Readable.from(bytes(opened.value))) : opened;
        },
      },
      enqueue: async (_name, id, o) => void (o?.isLong === true ? long.push(id) : 0),
    });
  const runShort = (bot: TestBot, row: DeletionRow) => bot.work.deletion(row.id, new AbortController().signal, false);
  const runLong = (bot: TestBot, row: DeletionRow) => bot.work.deletion(row.id, new AbortController().signal, true);
  const phase = async (row: DeletionRow) => (await expectRow(fresh.db, row.id)).phase;

  test("saves nothing before people are asked, and says that it waits for its turn", async () => {
    const row = await openOne(fresh.db);
    const bot = noting(botIn(w, row));
    w.now += 60_000;
    await runShort(bot, row);
    expect([used, long]).toEqual([[], [row.id]]);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({
      phase: "archiving",
      activity: "waits for its turn to read and save copies: a few deletions do so at a time",
    });
    await runLong(bot, row);
    expect(used).toEqual(["export t", "read"]);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "proposed", activity: null });
  });

  test("ends a deletion whose project is back, without waiting for a turn", async () => {
    const row = await openOne(fresh.db);
    w.project = "active";
    await runShort(noting(botIn(w, row)), row);
    expect(await phase(row)).toBe("closed");
    expect(long).toEqual([]);
  });

  test("does not try again to save what could not be saved", async () => {
    const row = await openOne(fresh.db);
    const bot = noting(botIn(w, row));
    await runLong(bot, row);
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await q.exec("update archive_entry set state = 'failed', store_key = null, sha256 = null, bytes = null, problem = 'it was refused'");
    });
    used = [];
    await runShort(bot, row);
    expect([used, long]).toEqual([[], [row.id]]);
    await runLong(bot, row);
    expect(used).toContain("export t");
    expect(await entriesOf(row)).toMatchObject([{ state: "verified" }]);
  });

  test("reads no copy before a phase that destroys, nor before a thing goes: long runs do, to the end", async () => {
    const { row, bot: usual } = await approveIn(w);
    const bot = noting(usual);
    w.now = 130;
    await runShort(bot, row);
    expect(await phase(row)).toBe("grace");
    w.now += 10_000;
    const left: string[] = [];
    for (let i = 0; i < 10 && (await phase(row)) !== "deleted"; i += 1) {
      used = [];
      await runShort(bot, row);
      expect(used).toEqual([]);
      if (long.length > 0) {
        left.push(await phase(row));
        long = [];
        await runLong(bot, row);
        expect(used).toContain("read");
      }
      w.items = w.items.filter((one) => one.state !== "Destroyed");
      w.now += 10_000;
    }
    expect(await phase(row)).toBe("deleted");
    expect(left).toEqual(["grace", "expunging"]);
  });

  test("leaves the last copies to a long run too, when that one's process died in removing", async () => {
    const { row, bot: usual } = await approveIn(w);
    const bot = noting(usual);
    w.items = w.items.filter((one) => one.kind !== "machine");
    await updateAnyway(fresh.db, row.id, { phase: "removing", until_at: null });
    w.items = w.items.map((one) => (one.kind === "account" ? { ...one, state: "disabled" } : one));
    await runShort(bot, row);
    expect(used).toEqual([]);
    expect(long).toEqual([row.id]);
    expect(w.calls).toEqual([]);
    expect((await expectRow(fresh.db, row.id)).activity).toContain("waits for its turn");
  });

  test("saves nothing of what appeared after the point of no return: people are asked once a long run has", async () => {
    const { row, bot: usual } = await approveIn(w);
    const bot = noting(usual);
    w.items = [...w.items.filter((one) => one.kind === "template"), item("template", "new", { bytes: 3 })];
    await updateAnyway(fresh.db, row.id, { phase: "removing", until_at: null });
    await runShort(bot, row);
    expect([used, long, await phase(row)]).toEqual([[], [row.id], "removing"]);
    await runLong(bot, row);
    expect(used).toContain("export new");
    expect(await phase(row)).toBe("frozen");
  });

  test("has destroyed machines recovered while the next one's copy waits long for its turn", async () => {
    const machines = ["m1", "m2"].map((name) => item("machine", name, { state: "Stopped" }));
    const disk = (of: string | undefined) =>
      item("volume", `root of ${of}`, { bytes: 3, parentId: machines.find((m) => m.name === of)?.id ?? null, facts: { type: "ROOT" } });
    w.items = [...w.items.filter((one) => one.kind === "account"), ...machines, disk("m2")];
    const { row, bot: usual } = await approveIn(w);
    const bot = noting(usual);
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await q.exec(`update deletion set policy = policy || '{"archiveKinds": ["volume"]}'`);
    });
    w.items = w.items.map((one) => (one.kind === "account" ? { ...one, state: "disabled" } : one));
    await updateAnyway(fresh.db, row.id, { phase: "dismantling", until_at: null });
    await runShort(bot, row);
    expect(w.calls).toEqual(["destroy m1"]);
    expect(long).toEqual([row.id]);
    w.now += SHORT_MS;
    await runShort(bot, row);
    expect(w.calls).toEqual(["destroy m1", "recover"]);
    await updateDeletion(fresh.db, row.id, { restore_by: "ada", closed_because: "restored" });
    await runShort(bot, row);
    expect(await phase(row)).toBe("closed");
    expect(used).toEqual([]);
  });
});
