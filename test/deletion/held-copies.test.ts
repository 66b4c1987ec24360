/** Claim: nothing is destroyed that the archive does not hold at that moment; a volume's copy is of the time when nobody can write; unchanged things are not downloaded again, and what changes every hour not at all. */
import { mkdtemp, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pruneArchive } from "../../src/archive/prune.ts";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { ArchiveStore } from "../../src/archive/ports.ts";
import { s3Failure } from "../../src/archive/s3-failure.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { requireCopies } from "../../src/deletion/steps/copies.ts";
import { readEntries, type ArchiveEntryRow } from "../../src/store/archive-entries.ts";
import { recordDeletionEvent, updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordVote } from "../../src/store/ballots.ts";
import type { QuestionRef } from "../../src/core/votes.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import type { TestBot } from "../support/bot.ts";
import { botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";
import { resetDatabase } from "../sim/reset.ts";

let fresh: FreshDatabase;
let w: SmallWorld;
let folder: string;
/** What CloudStack gives for each thing that is exported, and which things were. */
let source: Map<string, string>;
let exported: string[];
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await smallWorld(fresh.db);
  folder = await mkdtemp(path.join(tmpdir(), "twokey-held-"));
  [source, exported] = [new Map(), []];
});
afterEach(() => rm(folder, { recursive: true, force: true }));
afterAll(() => fresh.drop());

function bot(row: DeletionRow, store: ArchiveStore = createFolderStore(folder)): TestBot {
  return botIn(w, row).with({
    archive: store,
    exports: {
      openExport: async (one) => {
        exported.push(one.name);
        const text = source.get(one.name) ?? "abc";
        return ok({ open: async () => ok({ bytes: Readable.from([Buffer.from(text)]), offset: 0, totalBytes: text.length }) });
      },
    },
  });
}

const now = (row: DeletionRow) => expectRow(fresh.db, row.id);
const entries = (row: DeletionRow) => readEntries(fresh.db, { kind: "deletion", id: row.id });
const entryOf = async (row: DeletionRow, name: string): Promise<ArchiveEntryRow> => {
  const found = (await entries(row)).find((e) => e.name === name);
  if (found === undefined) throw new Error(`there is no entry of ${name}`);
  return found;
};
const fileOf = async (row: DeletionRow, name: string): Promise<string> => {
  const key = (await entryOf(row, name)).store_key ?? "";
  return path.join(folder, key.slice(0, 2), key);
};

/** Two people vote; PostgreSQL checks what it checks of real votes. */
async function votedByTwo(row: DeletionRow, on: QuestionRef, itemName: string | null = null): Promise<void> {
  const { digest } = await now(row);
  if (digest === null) throw new Error("nothing was proposed");
  for (const voter of ["ada", "ben"])
    await recordVote(
      fresh.db,
      on,
      { voter: op(voter), voterName: voter, account: null, verdict: "approve", digest, reason: null, at: at(w.now) },
      itemName,
    );
}

/** Archives, lets two people approve, and waits until the accounts are in quarantine. */
async function untilGrace(opened: DeletionRow, b: TestBot): Promise<DeletionRow> {
  await b.advance(opened.id);
  await votedByTwo(opened, { kind: "deletion", id: opened.id });
  await updateDeletion(fresh.db, opened.id, { phase: "cooling_off", entered_at: at(w.now), until_at: at(w.now + 100) });
  w.now += 120;
  await b.advance(opened.id);
  const row = await now(opened);
  expect(row.phase).toBe("grace");
  w.calls.length = 0;
  return row;
}

/** Lets the grace period pass, and CloudStack expunge what was destroyed. */
async function goOn(row: DeletionRow, b: TestBot): Promise<void> {
  for (let i = 0; i < 3; i++) {
    w.now += 7 * HOUR;
    await b.advance(row.id);
    const gone = new Set(w.items.filter((one) => one.state === "Destroyed").map((one) => one.id));
    w.items = w.items.filter((one) => !gone.has(one.id) && !(gone.has(one.parentId ?? "") && one.facts["type"] === "ROOT"));
    w.items = w.items.map((one) => (gone.has(one.parentId ?? "") ? { ...one, parentId: null } : one));
  }
}

const HOUR = 3_600_000;
const account = item("account", "a", { id: "6f1c9a1e-0000-4000-8000-00000000000a", state: "enabled" });
const golden = item("template", "golden", { bytes: 3 });

describe("a copy that the archive does not hold", () => {
  const harms: readonly (readonly [string, (file: string) => Promise<void>, string])[] = [
    ["is missing", (file) => unlink(file), "is missing"],
    ["has other bytes", (file) => writeFile(file, "xyz"), "is damaged"],
    ["has a byte more", (file) => writeFile(file, "abcd"), "is damaged"],
    ["is empty", (file) => writeFile(file, ""), "is damaged"],
  ];
  test.each(harms)("%s: nothing is destroyed, and the card says which", async (_how, harm, sentence) => {
    w.items = [account, item("machine", "m", { state: "Stopped" }), golden, item("template", "silver", { bytes: 3 })];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    const row = await untilGrace(opened, b);
    await harm(await fileOf(row, "golden"));
    await goOn(row, b);
    expect(w.calls).toEqual([]);
    const after = await now(row);
    expect(after.phase).toBe("frozen");
    expect(after.frozen_reason).toContain("template golden");
    expect(after.frozen_reason).toContain(sentence);
    expect(await entryOf(row, "golden")).toMatchObject({ state: "failed" });
    expect(await entryOf(row, "silver")).toMatchObject({ state: "verified" });
  });

  test("found after the machines were expunged: nothing of what is left is removed", async () => {
    const machine = item("machine", "m", { state: "Stopped" });
    w.items = [account, machine, golden, item("network", "net"), item("volume", "data", { bytes: 5, facts: { type: "DATADISK" } })];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    const row = await untilGrace(opened, b);
    w.now += 10_000;
    await b.advance(row.id);
    expect((await now(row)).phase).toBe("expunging");
    await writeFile(await fileOf(row, "golden"), "xyz");
    w.items = w.items.filter((one) => one.kind !== "machine");
    await goOn(row, b);
    expect(w.calls).toEqual(["destroy m"]);
    expect(await now(row)).toMatchObject({ phase: "frozen", frozen_from: "expunging" });
  });

  test("is noticed for each thing, directly before it: what was whole when the phase began may not be now", async () => {
    w.items = [account, golden, item("template", "silver", { bytes: 3 })];
    const opened = await openOne(fresh.db);
    let harm = async () => undefined as void;
    const b = bot(opened);
    const harmful = b.with({
      deleter: { deleteTemplate: async (...call) => (await harm(), b.parts.cloud.deleter.deleteTemplate(...call)) },
    });
    const row = await untilGrace(opened, b);
    const silver = await fileOf(row, "silver");
    harm = () => unlink(silver);
    await goOn(row, harmful);
    expect(w.calls).toEqual(["template golden"]);
    expect((await now(row)).frozen_reason).toContain("template silver");
  });

  test("is noticed for the first thing too, although it was whole when the phase began", async () => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    const row = await untilGrace(opened, b);
    const file = await fileOf(row, "golden");
    const harmful = b.with({
      reader: {
        readInventory: async (...of) => {
          if ((await now(row)).phase === "removing") await rm(file, { force: true });
          return b.parts.cloud.reader.readInventory(...of);
        },
      },
    });
    await goOn(row, harmful);
    expect(w.calls).toEqual([]);
    expect(await now(row)).toMatchObject({ phase: "frozen", frozen_from: "removing" });
  });

  test("is not given up by waivers that are older than it", async () => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    await b.with({ exports: { openExport: async () => err(failure("rejected", "cloudstack.rejected", "no")) } }).advance(opened.id);
    // Waived while it was tried again, and then it could be saved.
    const waived = b.with({
      exports: {
        openExport: async (one) => {
          await votedByTwo(opened, { kind: "waiver", id: (await entryOf(opened, "golden")).id }, "golden");
          return b.parts.cloud.exports.openExport(one);
        },
      },
    });
    await waived.advance(opened.id);
    expect(await entryOf(opened, "golden")).toMatchObject({ state: "verified", waivers: [{ name: "ada" }, { name: "ben" }] });
    const row = await untilGrace(opened, b);
    await unlink(await fileOf(row, "golden"));
    await goOn(row, b);
    expect(w.calls).toEqual([]);
    expect((await now(row)).phase).toBe("frozen");
    await updateDeletion(fresh.db, row.id, { phase: "grace", until_at: at(w.now), frozen_reason: null });
    await goOn(row, b);
    expect(await readFile(await fileOf(row, "golden"), "utf8")).toBe("abc");
    expect(w.calls.at(-1)).toBe("domain");
  });

  test("is saved again when people let the deletion go on, and only then what it saves is destroyed", async () => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    const row = await untilGrace(opened, b);
    await writeFile(await fileOf(row, "golden"), "xyz");
    await goOn(row, b);
    expect((await now(row)).phase).toBe("frozen");
    expect(exported).toEqual(["golden"]);
    // As "Go on" does.
    await updateDeletion(fresh.db, row.id, { phase: "grace", until_at: at(w.now), frozen_reason: null });
    await goOn(row, b);
    expect(exported).toEqual(["golden", "golden"]);
    expect(w.calls).toEqual(["template golden", "account a", "domain"]);
    expect(await entryOf(row, "golden")).toMatchObject({ state: "verified" });
  });

  test("is waited for while the archive cannot be reached", async () => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    const row = await untilGrace(opened, b);
    const away = b.with({ archive: { open: async () => err(failure("unavailable", "archive.slow", "The bucket did not answer")) } });
    await goOn(row, away);
    expect(w.calls).toEqual([]);
    expect(await now(row)).toMatchObject({
      phase: "grace",
      activity: expect.stringMatching(/^the copy of template golden .*The bucket did not answer$/),
    });
    await goOn(row, b);
    expect(w.calls.at(-1)).toBe("domain");
  });

  test("is waited for while the bucket's lifecycle has moved it where it cannot be read, however many hours giving it back takes", async () => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    const row = await untilGrace(opened, b);
    const answer = Object.assign(new Error("x"), { name: "InvalidObjectState", $metadata: { httpStatusCode: 403 } });
    const cold = b.with({ archive: { open: async () => err(s3Failure(answer, "https://s3.example.org")) } });
    for (let hour = 0; hour < 48; hour += 1) await goOn(row, cold);
    expect(w.calls).toEqual([]);
    const activity = /^the copy of template golden .*storage class from which it must be restored first/;
    expect(await now(row)).toMatchObject({ phase: "grace", frozen_reason: null, activity: expect.stringMatching(activity) });
    await goOn(row, b);
    expect(w.calls.at(-1)).toBe("domain");
  });

  test.each<[string, () => Promise<Result<Readable, Failure>>]>([
    ["is not opened", () => new Promise<never>(() => undefined)],
    ["gives no bytes", async () => ok(new Readable({ read: () => undefined }))],
  ])("keeps no Restore waiting while the archive hangs: it %s", async (_how, open) => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db);
    const b = bot(opened);
    const row = await untilGrace(opened, b);
    let isAsked = false;
    const hanging = b.with({ archive: { open: () => ((isAsked = true), open()) } });
    w.now += 7 * HOUR;
    const run = hanging.advance(row.id);
    await eventually("the archive is asked", () => isAsked);
    await updateDeletion(fresh.db, row.id, { restore_by: "ada", closed_because: "restored" });
    await run;
    await hanging.advance(row.id);
    expect(w.calls).toEqual(["enable"]);
    expect((await now(row)).phase).toBe("closed");
  });

  test("is not read while the day's limit of deletions is used up", async () => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db, {}, { deletionsPerDay: 1 });
    const row = await untilGrace(opened, bot(opened));
    await recordDeletionEvent(fresh.db, row.id, w.now + 7 * HOUR, "entered dismantling", null);
    w.now += 8 * HOUR;
    await bot(opened, { open: async () => Promise.reject(new Error("it was read")) } as unknown as ArchiveStore).advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "grace", activity: expect.stringContaining("limit of 1 a day") });
  });

  test("does not matter for what two people gave up", async () => {
    w.items = [account, golden];
    const opened = await openOne(fresh.db);
    const refusing = bot(opened).with({ exports: { openExport: async () => err(failure("rejected", "cloudstack.rejected", "no")) } });
    await refusing.advance(opened.id);
    await votedByTwo(opened, { kind: "waiver", id: (await entryOf(opened, "golden")).id }, "golden");
    const row = await untilGrace(opened, refusing);
    await goOn(row, refusing);
    expect(w.calls.at(-1)).toBe("domain");
  });
});

describe("a volume", () => {
  const machine = item("machine", "m", { state: "Stopped" });
  const disk = (type: string): InventoryItem => item("volume", "disk", { bytes: 3, parentId: machine.id, state: "Ready", facts: { type } });

  async function opened(): Promise<DeletionRow> {
    const row = await openOne(fresh.db, {}, { archiveKinds: ["template", "iso", "volume"] });
    source.set("disk", "old");
    return row;
  }
  const copyOf = async (row: DeletionRow): Promise<string> => readFile(await fileOf(row, "disk"), "utf8");

  test.each(["ROOT", "DATADISK"])(
    "(%s) that was written to after it was saved is saved again in quarantine, before its machine goes",
    async (type) => {
      w.items = [account, machine, disk(type)];
      const row = await opened();
      const b = bot(row);
      await b.advance(row.id);
      expect(await copyOf(row)).toBe("old");
      // Its machine was started, and stopped, between two reads: the same id, the same size.
      source.set("disk", "NEW");
      const watched = b.with({
        deleter: {
          destroyMachine: async (...call) => (w.notes.push(`held: ${await copyOf(row)}`), b.parts.cloud.deleter.destroyMachine(...call)),
        },
      });
      await goOn(await untilGrace(row, watched), watched);
      expect(w.notes).toContain("held: NEW");
      expect(w.calls.at(-1)).toBe("domain");
      expect(await copyOf(row)).toBe("NEW");
      expect(exported).toEqual(["disk", "disk"]);
    },
  );

  test("saved by a clock that jumped ahead meanwhile is no copy of its quarantine", async () => {
    w.items = [account, machine, disk("ROOT")];
    const row = await opened();
    const b = bot(row);
    const jumping = b.with({
      exports: {
        openExport: async (one) => {
          [w.now, w.skewMs] = [w.now + 2 * HOUR, w.skewMs + 2 * HOUR];
          return b.parts.cloud.exports.openExport(one);
        },
      },
    });
    await jumping.advance(row.id);
    expect(await entryOf(row, "disk")).toMatchObject({ state: "verified" });
    [w.now, w.skewMs] = [w.now - 2 * HOUR, w.skewMs - 2 * HOUR];
    const grace = await untilGrace(row, b);
    source.set("disk", "NEW");
    await goOn(grace, b);
    expect(await copyOf(row)).toBe("NEW");
    expect(exported).toEqual(["disk", "disk"]);
  });

  test("is not saved again by a clock that is ahead", async () => {
    w.items = [account, machine, disk("ROOT")];
    const row = await opened();
    const b = bot(row);
    const grace = await untilGrace(row, b);
    [w.now, w.skewMs] = [w.now + 7 * HOUR, 7 * HOUR];
    const held = await requireCopies(grace, w.items, { ...inventory(row.domain_id, w.items) }, b.deletions);
    expect(held).toMatchObject({ ok: false, error: { kind: "unavailable", code: "deletion.clock" } });
    expect(exported).toEqual(["disk"]);
  });

  test("is not saved again while CloudStack may give the bytes of an earlier export", async () => {
    w.items = [account, machine, disk("ROOT"), golden];
    const row = await opened();
    const b = bot(row);
    const grace = await untilGrace(row, b);
    w.now += 6 * HOUR - 1;
    // Nothing else is read meanwhile, at each poll again.
    await b.with({ archive: { open: async () => Promise.reject(new Error("it was read")) } }).advance(grace.id);
    expect(exported).toEqual(["disk", "golden"]);
    expect(await now(row)).toMatchObject({
      phase: "grace",
      activity: expect.stringMatching(/^the volume disk is saved again six hours after/),
    });
    expect(await entryOf(row, "disk")).toMatchObject({ state: "verified" });
    w.now += 1;
    await b.advance(grace.id);
    expect(exported).toEqual(["disk", "golden", "disk"]);
    expect(w.calls).toEqual(["destroy m"]);
  });

  test("has no copy of an earlier question at its end, although one counted at its beginning", async () => {
    w.items = [account, machine, disk("ROOT")];
    const first = await opened();
    await bot(first).advance(first.id);
    await updateDeletion(fresh.db, first.id, { phase: "closed", closed_because: "expired" });
    const row = await opened();
    const b = bot(row);
    const grace = await untilGrace(row, b);
    expect(exported).toEqual(["disk"]);
    source.set("disk", "NEW");
    await goOn(grace, b);
    expect(exported).toEqual(["disk", "disk"]);
    expect(await copyOf(row)).toBe("NEW");
  });

  test("whose copy is damaged keeps its machine", async () => {
    w.items = [account, item("machine", "k", { state: "Stopped" }), machine, disk("ROOT")];
    const row = await opened();
    const b = bot(row);
    const grace = await untilGrace(row, b);
    const harmful = b.with({
      deleter: {
        destroyMachine: async (...call) => {
          await writeFile(await fileOf(row, "disk"), "bad");
          return b.parts.cloud.deleter.destroyMachine(...call);
        },
      },
    });
    await goOn(grace, harmful);
    expect(w.calls).toEqual(["destroy k", "recover"]);
    expect((await now(row)).frozen_reason).toContain("volume disk");
  });

  test("whose copy is damaged when the first machine's turn comes keeps that one too", async () => {
    w.items = [account, machine, disk("ROOT")];
    const row = await opened();
    const b = bot(row);
    const grace = await untilGrace(row, b);
    const harmful = b.with({
      reader: {
        readInventory: async (...of) => {
          if ((await now(row)).phase === "dismantling") await writeFile(await fileOf(row, "disk"), "bad");
          return b.parts.cloud.reader.readInventory(...of);
        },
      },
    });
    await goOn(grace, harmful);
    expect(w.calls).toEqual([]);
    expect(await now(row)).toMatchObject({ phase: "frozen", frozen_from: "dismantling" });
  });

  test("that cannot be saved again keeps everything", async () => {
    w.items = [account, machine, disk("ROOT")];
    const row = await opened();
    const b = bot(row);
    const grace = await untilGrace(row, b);
    const refusing = b.with({ exports: { openExport: async () => err(failure("rejected", "cloudstack.rejected", "It is encrypted")) } });
    await goOn(grace, refusing);
    expect(w.calls).toEqual([]);
    expect((await now(row)).frozen_reason).toBe("the volume disk could not be saved again: It is encrypted");
  });

  test("that is being saved again does not keep a Restore waiting", async () => {
    w.items = [account, machine, disk("ROOT")];
    const row = await opened();
    const b = bot(row);
    const grace = await untilGrace(row, b);
    let given = 0;
    async function* slowly(): AsyncGenerator<Buffer> {
      yield Buffer.from("NE");
      await updateDeletion(fresh.db, row.id, { restore_by: "ada", closed_because: "restored" });
      for (; given < 50; given++) {
        w.now += 3000;
        yield Buffer.from("W");
      }
    }
    const slow = b.with({
      exports: { openExport: async () => ok({ open: async () => ok({ bytes: Readable.from(slowly()), offset: 0, totalBytes: null }) }) },
    });
    w.now += 7 * HOUR;
    await slow.advance(grace.id);
    await slow.advance(grace.id);
    expect(given).toBeLessThan(5);
    expect(w.calls).toEqual(["enable"]);
    expect((await now(row)).phase).toBe("closed");
  });
});

describe("the next question", () => {
  /** Closes the question, and opens the next one of the same domain. */
  async function asked(previous: DeletionRow | null, b?: TestBot): Promise<DeletionRow> {
    if (previous !== null) await updateDeletion(fresh.db, previous.id, { phase: "closed", closed_because: "expired" });
    const row = await openOne(fresh.db);
    await (b ?? bot(row)).advance(row.id);
    return row;
  }
  const templates = (change: Partial<InventoryItem> = {}): InventoryItem[] => [
    account,
    ...["t0", "t1"].map((name) => item("template", name, { bytes: 3, state: "Ready", createdAt: at(1), ...change })),
  ];

  test("downloads nothing that is unchanged, however often it is asked", async () => {
    w.items = templates();
    let row = await asked(null);
    const first = await entries(row);
    for (let day = 0; day < 3; day++) row = await asked(row);
    expect(exported).toEqual(["t0", "t1"]);
    const last = await entries(row);
    expect(last.map((e) => e.state)).toEqual(["verified", "verified"]);
    expect(last.map((e) => [e.store_key, e.sha256, e.saved_at])).toEqual(first.map((e) => [e.store_key, e.sha256, e.saved_at]));
    await goOn(await untilGrace(row, bot(row)), bot(row));
    expect(w.calls.at(-1)).toBe("domain");
  });

  test.each<[string, Partial<InventoryItem>]>([
    ["size", { bytes: 4 }],
    ["state", { state: "Not Ready" }],
    ["creation", { createdAt: at(2) }],
    ["checksum", { facts: { checksum: "{SHA-256}ab" } }],
    ["id", { id: "template-other" }],
    ["size that is not known", { bytes: null }],
  ])("downloads what has another %s", async (_what, change) => {
    w.items = [account, item("template", "t0", { bytes: 3, state: "Ready", createdAt: at(1) })];
    const row = await asked(null);
    w.items = [account, item("template", "t0", { bytes: 3, state: "Ready", createdAt: at(1), ...change })];
    await asked(row);
    expect(exported).toEqual(["t0", "t0"]);
  });

  test("downloads what the archive does not hold any longer, and no entry counts as saved by it", async () => {
    w.items = templates();
    const row = await asked(null);
    await writeFile(await fileOf(row, "t0"), "xyz");
    const next = await asked(row);
    expect(exported).toEqual(["t0", "t1", "t0"]);
    expect((await entries(next)).map((e) => e.state)).toEqual(["verified", "verified"]);
    expect((await entries(row)).map((e) => e.state)).toEqual(["failed", "verified"]);
  });

  test("keeps a shared copy from being pruned, until newer copies are there and nobody counts on it", async () => {
    w.items = templates();
    const row = await asked(null);
    const next = await asked(row);
    const store = createFolderStore(folder);
    const prune = () => pruneArchive({ db: fresh.db, store, rules: { versions: 1, ageMs: 0 }, now: () => at(1_000_000) });
    expect(await prune()).toEqual(ok({ removed: 0, bytes: 0 }));
    await updateDeletion(fresh.db, next.id, { phase: "closed", closed_because: "expired" });
    expect(await prune()).toEqual(ok({ removed: 0, bytes: 0 }));
    w.now += 10;
    w.items = templates({ createdAt: at(2) });
    const last = await asked(null);
    expect(await prune()).toEqual(ok({ removed: 2, bytes: 6 }));
    const [old, newest] = [await fileOf(next, "t0"), await fileOf(last, "t0")];
    await expect(stat(old)).rejects.toThrow("ENOENT");
    expect(await readFile(newest, "utf8")).toBe("abc");
  });
});

describe("hourly snapshots", () => {
  const volume = item("volume", "ROOT-1", { bytes: 5, state: "Ready", facts: { type: "ROOT" } });
  const snapshot = (name: string, createdAt: number): InventoryItem =>
    item("snapshot", name, { parentId: volume.id, createdAt: at(createdAt), facts: { intervalType: "HOURLY" } });

  test("are waited out with one sentence: no second card, and nothing is downloaded", async () => {
    w.items = [account, golden, volume];
    const row = await openOne(fresh.db);
    const b = bot(row);
    for (let n = 0; n < 3; n++) {
      w.items = [account, golden, volume, snapshot(`s${n}`, 0)];
      await b.advance(row.id);
      expect(await now(row)).toMatchObject({
        phase: "archiving",
        activity: expect.stringMatching(/every hour of volume ROOT-1: delete the/),
      });
    }
    expect(exported).toEqual([]);
    expect(await now(row)).toMatchObject({ waiting_for: "unavailable" });
    w.now += 25 * HOUR;
    w.items = [account, golden, volume, snapshot("s3", w.now)];
    await b.advance(row.id);
    expect(w.notes.filter((n) => n.startsWith("waits")).join()).toContain("every hour of volume ROOT-1");
    w.project = "active";
    await b.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "closed", closed_because: "came_back" });
  });

  test("that ended, and those that people make, keep nobody waiting", async () => {
    w.items = [account, golden, volume, snapshot("old", -2 * HOUR), item("snapshot", "by hand", { facts: { intervalType: "MANUAL" } })];
    const row = await openOne(fresh.db);
    await bot(row).advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "proposed" });
  });
});
