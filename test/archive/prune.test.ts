/**
 * Claims: whatever the rules, the last copy of a thing and what is in use stay, in the choice and in PostgreSQL; each removal is audited and
 * survives a cut. The choice is a pure function, and is asked for rules that no configuration allows; all else is the bot's own schedule.
 */
import { resumeByTwo } from "../support/stop.ts";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import { copiesToPrune, type KeepRules } from "../../src/archive/prune.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import {
  beginRemoval,
  insertEntry,
  readKeptCopies,
  shareCopy,
  recordReadWhole,
  takeBackCopy,
  updateEntry,
  type KeptCopy,
} from "../../src/store/archive-entries.ts";
import { recordAudit } from "../../src/store/audit.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { createEvents } from "../../src/events.ts";
import { resetDatabase } from "../sim/reset.ts";
import { botOf, configOf, testBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, openOne } from "../support/deletions.ts";

const copy = fc.record({
  id: fc.uuid(),
  itemKind: fc.constantFrom("template" as const, "volume" as const),
  itemId: fc.constantFrom("a", "b", "c"),
  name: fc.constant("x"),
  key: fc.constant("k"),
  sha256: fc.constant("0"),
  bytes: fc.nat(10),
  savedSeq: fc.nat(),
  usedAt: fc.nat(50),
  inUse: fc.boolean(),
});
const copies = fc.uniqueArray(copy, { selector: (c) => c.savedSeq, maxLength: 30 });
const rules: fc.Arbitrary<KeepRules> = fc.record({ versions: fc.integer({ min: -2, max: 5 }), ageMs: fc.nat(60) });
const BYTES = Buffer.from("abc");
const SHA256 = createHash("sha256").update(BYTES).digest("hex");
const sameThing = (a: KeptCopy, b: KeptCopy) => a.itemKind === b.itemKind && a.itemId === b.itemId;
const idsOf = (list: readonly KeptCopy[]) => list.map((c) => c.id).toSorted();
const holds = (property: (all: KeptCopy[], r: KeepRules, now: number) => void) =>
  fc.assert(fc.property(copies, rules, fc.nat(120), property), { numRuns: 500 });

describe("the choice", () => {
  test("never takes the newest copy of a thing, nor what is in use, nor what is young", () =>
    holds((all, r, now) => {
      const gone = new Set(copiesToPrune(all, r, now));
      for (const one of all) {
        const kept = all.filter((c) => sameThing(c, one) && !gone.has(c));
        expect(kept.length).toBeGreaterThan(0);
        expect(Math.max(...kept.map((c) => c.savedSeq))).toBe(Math.max(...all.filter((c) => sameThing(c, one)).map((c) => c.savedSeq)));
        if (one.inUse || now - one.usedAt <= r.ageMs) expect(gone.has(one)).toBe(false);
      }
    }));

  test("is what counting the newer copies says", () =>
    holds((all, r, now) => {
      const newer = (c: KeptCopy) => all.filter((o) => sameThing(o, c) && o.savedSeq > c.savedSeq).length;
      const expected = all.filter((c) => newer(c) >= Math.max(1, r.versions) && now > c.usedAt + r.ageMs && !c.inUse);
      expect(idsOf(copiesToPrune(all, r, now))).toEqual(idsOf(expected));
    }));

  test("done twice takes nothing more, in any order takes the same, and keeping more takes less", () =>
    holds((all, r, now) => {
      const gone = copiesToPrune(all, r, now);
      expect(
        copiesToPrune(
          all.filter((c) => !gone.includes(c)),
          r,
          now,
        ),
      ).toEqual([]);
      expect(idsOf(copiesToPrune(all.toReversed(), r, now))).toEqual(idsOf(gone));
      for (const more of [
        { ...r, versions: r.versions + 1 },
        { ...r, ageMs: r.ageMs + 1 },
      ])
        expect(copiesToPrune(all, more, now).every((c) => gone.includes(c))).toBe(true);
    }));
});

describe("on PostgreSQL", () => {
  let fresh: FreshDatabase;
  let removed: string[] = [];
  let answer: Result<void, Failure>;
  /** Objects that are no longer in the archive, whatever its rows say, or that it cannot read now. */
  const [lost, unreadable] = [new Set<string>(), new Set<string>()];
  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  afterAll(() => fresh.drop());
  beforeEach(() => {
    answer = ok(undefined);
  });

  /** Runs the bot's schedule at a time; gives what was removed then, and why not all was. */
  async function prune(now: number, versions = 1): Promise<{ readonly removed: readonly string[]; readonly failed: readonly string[] }> {
    removed = [];
    const failed: string[] = [];
    const config = configOf();
    const bot = testBot(fresh.db, {
      config: { ...config, archive: { ...config.archive, keep: { versions, ageMs: 100 } } },
      archive: {
        remove: async (key) => {
          if (answer.ok) removed.push(key);
          return answer;
        },
        open: async (key) => {
          if (unreadable.has(key)) return err(failure("unavailable", "archive.slow", "slow"));
          return lost.has(key) || removed.includes(key)
            ? err(failure("rejected", "archive.missing", "not there"))
            : ok(Readable.from([BYTES]));
        },
      },
      events: { ...createEvents("silent", "test"), failed: (fact, f) => void failed.push(`${fact} ${f.code}`) },
      now: () => at(now),
    });
    // As after each pass: by this, an archive that lacks a copy is known to be the archive.
    await bot.deletions.ownership.keep();
    await bot.schedules.find((one) => one.name === "prune-archive")?.run();
    return { removed: removed.toSorted(), failed };
  }
  const gone = (...keys: readonly string[]) => ({ removed: keys.toSorted(), failed: [] });

  /** A verified copy of a thing, of an export whose link is good until `until`. */
  async function saved(itemId: string, when: number, until = 0): Promise<string> {
    const [id, owner] = [randomUUID(), randomUUID()];
    await insertEntry(fresh.db, { kind: "export", id: owner }, { id, itemKind: "template", itemId, name: itemId, at: when });
    await updateEntry(fresh.db, id, when, { state: "verified", key: id, sha256: SHA256, bytes: BYTES.length, manifest: {} });
    await fresh.db.exec(
      `insert into export (id, slug, template_id, template_name, asked_by, listener, state, link_until, asked_at)
       values ($1, 'a', 't', 't', 'x', '{}', 'ready', $2, 1)`,
      [owner, until],
    );
    return id;
  }
  const audited = async (id: string) =>
    (await fresh.db.many(z.object({ kind: z.string() }), "select kind from audit where subject = $1 order by seq", [id])).map(
      (r) => r.kind,
    );

  test("old copies go, each audited before and after, and the last stays", async () => {
    const [older, old, last] = [await saved("i1", 10), await saved("i1", 20), await saved("i1", 30)];
    expect(await prune(1000)).toEqual(gone(old, older));
    for (const id of [old, older]) expect(await audited(id)).toEqual(["archive.prune", "archive.pruned"]);
    expect(await audited(last)).toEqual([]);
    expect(await prune(9e12)).toEqual(gone());
  });

  test("by rules that keep no version, the last copy stays all the same", async () => {
    const [old, last] = [await saved("i0", 10), await saved("i0", 20)];
    expect(await prune(1000, 0)).toEqual(gone(old));
    expect(await audited(last)).toEqual([]);
  });

  test("young copies, good links and deletions under way keep theirs", async () => {
    const row = await openOne(fresh.db);
    const mine = randomUUID();
    await insertEntry(fresh.db, { kind: "deletion", id: row.id }, { id: mine, itemKind: "template", itemId: "i2", name: "x", at: 1 });
    await updateEntry(fresh.db, mine, 1, { state: "verified", key: mine, sha256: SHA256, bytes: BYTES.length, manifest: {} });
    await saved("i2", 2, 5000);
    const young = await saved("i2", 950);
    await saved("i2", 960);
    expect(await prune(1000)).toEqual(gone());
    expect(await prune(2000)).toEqual(gone(young));
    await updateDeletion(fresh.db, row.id, { phase: "closed" });
    expect(await prune(2000)).toEqual(gone(mine));
  });

  test("a store that does not answer is told, and what was begun is finished next time", async () => {
    const old = await saved("i3", 10);
    await saved("i3", 20);
    answer = err(failure("unavailable", "archive.slow", "slow"));
    expect(await prune(1000)).toEqual({ removed: [], failed: ["archive.prune archive.slow"] });
    expect(await audited(old)).toEqual(["archive.prune"]);
    answer = ok(undefined);
    expect(await prune(1000)).toEqual(gone(old));
    expect(await audited(old)).toEqual(["archive.prune", "archive.pruned"]);
  });

  test("nothing goes while everything is stopped", async () => {
    const old = await saved("i4", 10);
    await saved("i4", 20);
    await recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "x", reason: "look first" });
    expect(await prune(1000)).toEqual({ removed: [], failed: ["archive.prune archive.stopped"] });
    await resumeByTwo(fresh.db, 2);
    expect(await prune(1000)).toEqual(gone(old));
  });

  test("PostgreSQL refuses the last copy, a copy in use, a verified copy that changes, and a deleted row", async () => {
    const refusal = async (statement: Promise<unknown>): Promise<string | null> => {
      const thrown: unknown = await statement.then(
        () => "it was let through",
        (error: unknown) => error,
      );
      if (!(thrown instanceof StoreError)) throw new Error(String(thrown));
      return thrown.constraint;
    };
    const only = await saved("i5", 10);
    expect(await refusal(beginRemoval(fresh.db, only, 1000))).toBe("archive_last_copy");
    const linked = await saved("i5", 15, 5000);
    const newest = await saved("i5", 20);
    expect(await refusal(beginRemoval(fresh.db, newest, 1000))).toBe("archive_last_copy");
    // Nobody has read the newest one.
    expect(await refusal(beginRemoval(fresh.db, only, 1000))).toBe("archive_last_copy");
    await recordReadWhole(fresh.db, newest, 1000);
    expect(await refusal(beginRemoval(fresh.db, only, 1000 + 86_400_001))).toBe("archive_last_copy");
    expect(await beginRemoval(fresh.db, linked, 1000)).toBe(false);
    expect(await refusal(fresh.db.exec("update archive_entry set removal_begun_at = 1000 where id = $1", [linked]))).toBe("archive_in_use");
    expect(await refusal(fresh.db.exec("update archive_entry set sha256 = '1' where id = $1", [only]))).toBe("archive_verified");
    expect(await refusal(fresh.db.exec("update archive_entry set state = 'failed' where id = $1", [only]))).toBe("archive_verified");
    expect(await beginRemoval(fresh.db, only, 1000)).toBe(true);
    expect(await refusal(fresh.db.exec("update archive_entry set removal_begun_at = null where id = $1", [only]))).toBe("archive_removal");
    expect(await refusal(fresh.db.exec("delete from archive_entry where id = $1", [only]))).toBe("archive_entry_append_only");
    expect((await readKeptCopies(fresh.db, 1000)).filter((c) => c.itemId === "i5").map((c) => c.id)).toEqual([linked, newest]);
  });

  test("a copy that several entries share goes once, for all of them, and not while one of them is in use", async () => {
    const old = await saved("i7", 10);
    const [shares, owner] = [randomUUID(), randomUUID()];
    const row = await openOne(fresh.db);
    // The newest entry is the export's, which nobody needs any more.
    for (const [at, id, of] of [
      [15, shares, { kind: "deletion", id: row.id }],
      [16, randomUUID(), { kind: "export", id: owner }],
    ] as const) {
      await insertEntry(fresh.db, of, { id, itemKind: "template", itemId: "i7", name: "i7", at: 1 });
      expect(await shareCopy(fresh.db, id, old, at, {})).toBe(true);
    }
    await saved("i7", 20);
    // What earlier tests began.
    await prune(0);
    removed.length = 0;
    expect(await prune(1000)).toEqual(gone());
    await updateDeletion(fresh.db, row.id, { phase: "closed" });
    expect(await prune(1000)).toEqual(gone(old));
    expect((await readKeptCopies(fresh.db, 1000)).filter((c) => c.itemId === "i7")).toHaveLength(1);

    const late = randomUUID();
    await insertEntry(fresh.db, { kind: "export", id: randomUUID() }, { id: late, itemKind: "template", itemId: "i7", name: "i7", at: 1 });
    expect(await shareCopy(fresh.db, late, old, 30, {})).toBe(false);
    const asVerified = { state: "verified", key: old, sha256: SHA256, bytes: BYTES.length, manifest: {} } as const;
    await expect(updateEntry(fresh.db, late, 30, asVerified)).rejects.toMatchObject({ constraint: "archive_reuse" });
  });

  test("a copy that was taken back is no copy: the one before it stays", async () => {
    const whole = await saved("i8", 10);
    const damaged = await saved("i8", 20);
    await takeBackCopy(fresh.db, damaged, 30, "It is damaged");
    expect(await prune(1000)).toEqual(gone());
    expect((await readKeptCopies(fresh.db, 1000)).filter((c) => c.itemId === "i8").map((c) => c.id)).toEqual([whole]);
  });

  test.each([1, 3])("with %i versions kept, the last whole copy stays while the archive has lost the newer ones", async (versions) => {
    const thing = `lost${versions}`;
    const old = await saved(thing, 10);
    const newer = [];
    for (let n = 0; n < versions; n += 1) newer.push(await saved(thing, 20 + n));
    for (const key of newer) lost.add(key);
    expect(await prune(1000, versions)).toEqual(gone());
    // They count as saved no longer.
    expect((await readKeptCopies(fresh.db, 1000)).filter((c) => c.itemId === thing).map((c) => c.id)).toEqual([old]);
    const again = [];
    for (let n = 0; n < versions; n += 1) again.push(await saved(thing, 30 + n));
    expect(await prune(1000, versions)).toEqual(gone(old));
  });

  test("nothing of a thing goes while a copy that stays cannot be read, nor once its removal has begun and no other is whole", async () => {
    // What other tests left.
    await prune(1000);
    const [old, kept] = [await saved("i9", 10), await saved("i9", 20)];
    unreadable.add(kept);
    expect(await prune(1000)).toEqual({ removed: [], failed: ["archive.prune archive.slow"] });
    unreadable.delete(kept);
    answer = err(failure("unavailable", "archive.slow", "slow"));
    await prune(1000);
    answer = ok(undefined);
    lost.add(kept);
    expect(await prune(1000)).toEqual({ removed: [], failed: ["archive.prune archive.no_copy"] });
    // The last one is never given up.
    expect((await readKeptCopies(fresh.db, 1000)).filter((c) => c.itemId === "i9").map((c) => c.id)).toEqual([kept]);
    await saved("i9", 30);
    expect(await prune(1000)).toEqual(gone(old, kept));
  });

  test.each([
    ["has never had", false],
    ["has", true],
  ])("while its disk is not mounted no copy is given up, where the archive %s the audit log's head", async (_, hasHead) => {
    await resetDatabase(fresh.db);
    const root = await mkdtemp(path.join(tmpdir(), "twokey-mount-"));
    const [store, config, failed] = [createFolderStore(root), configOf(), new Array<string>()];
    const [older, old, last] = [await saved("golden", 10), await saved("golden", 20), await saved("golden", 30)];
    for (const key of [old, older, last]) {
      await store.append(key, 0, Readable.from([BYTES]));
      await store.finish(key);
    }
    const { parts } = testBot(fresh.db, {
      config: { ...config, archive: { ...config.archive, keep: { versions: 1, ageMs: 100 } } },
      events: { ...createEvents("silent", "test"), failed: (fact, f) => void failed.push(`${fact} ${f.code}`) },
      now: () => at(1000),
    });
    const bot = botOf({ ...parts, archive: store });
    const pruned = async () => {
      await bot.schedules.find((one) => one.name === "prune-archive")?.run();
      return [failed.splice(0), (await readKeptCopies(fresh.db, 1000)).map((c) => c.id)];
    };
    if (hasHead) {
      await fresh.db.tx((q) => recordAudit(q, { at: 1, actor: "ada", kind: "test", subject: "x", data: {} }));
      await bot.deletions.ownership.keep();
    }
    await rename(root, `${root}.disk`);
    await mkdir(root);
    expect(await pruned()).toEqual([["archive.prune archive.unknown"], [older, old, last]]);
    await rm(root, { recursive: true });
    await rename(`${root}.disk`, root);
    expect(await pruned()).toEqual([[], [last]]);
    await rm(root, { recursive: true });
  });

  test("two copies of the same instant: at the same moment only one of them can go", async () => {
    const both = [await saved("i6", 10), await saved("i6", 10)];
    for (const key of both) await recordReadWhole(fresh.db, key, 1000);
    const outcomes = await Promise.allSettled(both.map((id) => fresh.db.tx((q) => beginRemoval(q, id, 1000))));
    expect(outcomes.filter((o) => o.status === "fulfilled")).toHaveLength(1);
    expect((await readKeptCopies(fresh.db, 1000)).filter((c) => c.itemId === "i6")).toHaveLength(1);
  });
});

test("the folder removes what is whole, what is unfinished, and minds nothing that is not there", async () => {
  const root = await mkdtemp(path.join(tmpdir(), "twokey-remove-"));
  const folder = createFolderStore(root);
  const key = "abcdef01-2345";
  await folder.append(key, 0, Readable.from([Buffer.from("x")]));
  expect(await folder.remove(key)).toEqual(ok(undefined));
  await folder.append(key, 0, Readable.from([Buffer.from("x")]));
  await folder.finish(key);
  expect(await folder.remove(key)).toEqual(ok(undefined));
  expect(await folder.remove(key)).toEqual(ok(undefined));
  expect(await readdir(path.join(root, "ab"))).toEqual([]);
  await rm(root, { recursive: true });
});
