/**
 * Claim INV-8: the newest copy of a thing is the one whose bytes were saved last, by PostgreSQL's own count. That somebody used an older one
 * later, or that a clock jumped, makes none newer; and one that cannot be read for a moment is no reason to take an older one.
 */
import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { shareExistingCopy } from "../../src/archive/copy.ts";
import { manifestOf } from "../../src/archive/entry.ts";
import { chooseCopies } from "../../src/archive/reimport/point.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import {
  beginRemoval,
  insertEntry,
  readCopiesToShare,
  readEntries,
  readKeptCopies,
  recordReadWhole,
  shareCopy,
  updateEntry,
} from "../../src/store/archive-entries.ts";
import { recordAudit } from "../../src/store/audit.ts";
import { readSavedCopies } from "../../src/store/reimport-sources.ts";
import { resetDatabase } from "../sim/reset.ts";
import { configOf, testBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, item } from "../support/deletions.ts";

const volume = item("volume", "data", { bytes: 5, state: "Ready" });
const template = item("template", "golden", { bytes: 5, state: "Ready" });
const BACKUP = "backup" as const;
let fresh: FreshDatabase;
/** What the archive holds, what it cannot read for a moment, and what pruning removed. */
const [bytes, unreadable, removed] = [new Map<string, string>(), new Set<string>(), new Array<string>()];
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  await resetDatabase(fresh.db);
  for (const list of [bytes, unreadable]) list.clear();
  removed.length = 0;
  // By this, an archive that lacks a copy is known to be the archive.
  await fresh.db.tx((q) => recordAudit(q, { at: 1, actor: "ada", kind: "test", subject: "x", data: {} }));
  await botAt(5).deletions.ownership.keep();
});

const archive = {
  remove: async (key: string) => {
    removed.push(key);
    return ok(undefined);
  },
  open: async (key: string) => {
    if (unreadable.has(key)) return err(failure("unavailable", "archive.slow", "slow"));
    const found = bytes.get(key);
    return found === undefined ? err(failure("rejected", "archive.missing", "not there")) : ok(Readable.from([Buffer.from(found)]));
  },
};
function botAt(now: number) {
  const config = configOf();
  const rules = { versions: 1, ageMs: 100 };
  return testBot(fresh.db, { config: { ...config, archive: { ...config.archive, keep: rules } }, archive, now: () => at(now) });
}
const prune = (now: number) =>
  botAt(now)
    .schedules.find((one) => one.name === "prune-archive")
    ?.run();

/** A backup run of the project. */
async function aRun(when: number) {
  const id = randomUUID();
  await fresh.db.exec(
    `insert into backup_run (id, project_id, slug, domain_id, path, policy, state, asked_at, ended_at)
     values ($1, 'p-1', 'a', $2, 'ROOT/ci/a', 'templates', 'complete', $3, $3)`,
    [id, randomUUID(), when],
  );
  return { kind: BACKUP, id };
}

async function save(content: string, when: number, thing = volume): Promise<string> {
  const id = randomUUID();
  bytes.set(id, content);
  const owner = await aRun(when);
  const saved = { bytes: 5, sha256: createHash("sha256").update(content).digest("hex") };
  const manifest = manifestOf({ item: thing, domainPath: "ROOT/ci/a", savedFor: owner }, saved, when);
  await insertEntry(fresh.db, owner, { id, itemKind: thing.kind, itemId: thing.id, name: thing.name, at: when });
  await updateEntry(fresh.db, id, when, { state: "verified", key: id, ...saved, manifest });
  return id;
}

/** A deletion that ended since asks for a copy of a thing. */
async function share(when: number, thing = volume) {
  const [id, owner] = [randomUUID(), { kind: "deletion" as const, id: randomUUID() }];
  await insertEntry(fresh.db, owner, { id, itemKind: thing.kind, itemId: thing.id, name: thing.name, at: when });
  const { parts } = botAt(when);
  const c = { ...parts, store: parts.archive, source: parts.cloud.exports };
  const shared = await shareExistingCopy(id, { item: thing, domainPath: "ROOT/ci/a", savedFor: owner }, c);
  const [entry] = await readEntries(fresh.db, owner);
  return { id, key: entry?.state === "verified" ? entry.store_key : null, said: shared.ok ? shared.value : shared.error.code };
}
const keptKeys = async () => (await readKeptCopies(fresh.db, 1000)).map((k) => k.key);

test.each([volume, template])(
  "$kind: the newest copy cannot be read for a moment: no older one is taken, and pruning keeps it",
  async (thing) => {
    const older = await save("older", 10, thing);
    const newest = await save("newer", 20, thing);
    unreadable.add(newest);
    expect(await share(30, thing)).toMatchObject({ key: null, said: "archive.slow" });
    unreadable.clear();
    expect(await share(31, thing)).toMatchObject({ key: newest, said: true });
    await prune(1000);
    expect(removed).toEqual([older]);
    expect(await keptKeys()).toEqual([newest]);
  },
);

test("an older copy that somebody counts on since is no newer: pruning and PostgreSQL keep the newest bytes", async () => {
  const older = await save("older", 10);
  const newest = await save("newer", 20);
  const id = randomUUID();
  await insertEntry(fresh.db, await aRun(30), { id, itemKind: "volume", itemId: volume.id, name: "data", at: 30 });
  expect(await shareCopy(fresh.db, id, older, 800, { savedAt: 10 })).toBe(true);
  for (const key of [older, newest]) await recordReadWhole(fresh.db, key, 1000);
  await expect(beginRemoval(fresh.db, newest, 1000)).rejects.toMatchObject({ constraint: "archive_last_copy" });
  // What was used lately stays for its age, however old its bytes are.
  await prune(890);
  expect(removed).toEqual([]);
  await prune(1000);
  expect(removed).toEqual([older]);
  expect(await keptKeys()).toEqual([newest]);
});

test("a clock that was eight days ahead makes no copy the newest", async () => {
  const ahead = await save("older", 8 * 86_400_000);
  const newest = await save("newer", 20);
  expect((await readCopiesToShare(fresh.db, "volume", volume.id)).map((c) => [c.store_key, c.isNewest])).toEqual([
    [newest, true],
    [ahead, false],
  ]);
  await prune(9 * 86_400_000);
  expect(removed).toEqual([ahead]);
});

test("a volume's older copy is not taken where the newest is damaged, nor once that counts no longer; a template's is", async () => {
  await save("older", 10);
  bytes.set(await save("newer", 20), "other");
  for (const when of [30, 31]) expect(await share(when)).toMatchObject({ key: null, said: false });
  const golden = await save("older", 10, template);
  bytes.set(await save("newer", 20, template), "other");
  expect(await share(30, template)).toMatchObject({ key: golden, said: true });
});

test("a volume's older copy is not taken where the newest is of another state of it", async () => {
  await save("older", 10);
  await save("newer", 20, { ...volume, state: "Allocated" });
  expect(await share(30)).toMatchObject({ key: null, said: false });
});

test("a re-import takes the newest bytes, whichever copy was used last, and tells when they were saved", async () => {
  const older = await save("older", 10);
  const newest = await save("newer", 20);
  const id = randomUUID();
  await insertEntry(fresh.db, await aRun(30), { id, itemKind: "volume", itemId: volume.id, name: "data", at: 30 });
  const [copy] = (await readCopiesToShare(fresh.db, "volume", volume.id)).filter((c) => c.store_key === older);
  if (copy === undefined) throw new Error("the older copy is there");
  const saved = { bytes: copy.bytes, sha256: copy.sha256 };
  const manifest = manifestOf({ item: volume, domainPath: "ROOT/ci/a", savedFor: { kind: BACKUP, id } }, saved, 10);
  await shareCopy(fresh.db, id, older, 500, manifest);
  const chosen = chooseCopies(await readSavedCopies(fresh.db, "p-1" as never, ["a"]), at(1000));
  expect(chosen).toMatchObject([{ key: newest, savedAt: 20 }]);
  // Its bytes are those of its time, also for somebody who asks for an earlier one.
  expect(chooseCopies(await readSavedCopies(fresh.db, "p-1" as never, ["a"]), at(15))).toMatchObject([{ key: older, savedAt: 10 }]);
});
