/**
 * How old the database is, where the archive does not say it: put back together with it, or while it is away. The mark at the managed root
 * names the head of the audit log after each decision.
 */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import axios from "axios";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { keysOf } from "../../demo/keys.ts";
import { createMemoryArchive } from "../sim/archive.ts";
import { openDoor } from "../sim/door.ts";
import { team } from "../sim/people.ts";
import { createReplica, type Replica } from "../sim/replica.ts";
import { createWorld, times, type World } from "../sim/world.ts";
import { signedForm } from "../../src/cloudstack/api/signature.ts";
import { markOf, markText } from "../../src/cloudstack/read/marks.ts";
import { claimsOfMarks, markedHead, type Mark } from "../../src/core/claims.ts";
import { failure } from "../../src/core/failure.ts";
import type { DomainPath, Instant, OperatorId } from "../../src/core/ids.ts";
import type { Asker } from "../../src/core/people.ts";
import { err } from "../../src/core/result.ts";
import { createDatabase, type Database } from "../../src/store/db.ts";
import { readDeletion, readNewestDeletion } from "../../src/store/deletions.ts";
import { readInstallation } from "../../src/store/installation.ts";
import { readStop } from "../../src/store/stop-switch.ts";
import { changed } from "../support/bot.ts";
import { copyOf, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { stopEverything } from "../../src/sync/execution/service.ts";

const [ada, ben] = team as unknown as readonly [Asker, Asker];
let first: FreshDatabase;
let dropped: FreshDatabase[] = [];
let w: World;
let bot: Replica;
beforeEach(async () => {
  first = await freshDatabase();
  dropped = [first];
  w = await createWorld(7, first.db);
  openDoor((request, response) => w.cloud.serve(request, response));
  bot = createReplica(w, "A", keysOf(w.cloud));
});
afterEach(async () => {
  for (const one of dropped) await one.drop();
});

const another = (db: Database, archive: World["archive"]): Replica => createReplica({ ...w, db, archive }, "B", keysOf(w.cloud));
const advance = (r: Replica, id: string) => r.work.deletion(id, new AbortController().signal);
const commands = (): readonly string[] => w.cloud.requests().map((r) => r.command);
const marking = (): readonly string[] => commands().filter((c) => /Annotation$/.test(c) && c !== "listAnnotations");
const effects = (): readonly string[] => commands().filter((c) => !/^(?:list|query)|Annotation$/.test(c));

async function pass(r: Replica) {
  w.clock.at += 60_000;
  return r.runPass(null, { kind: "schedule" });
}

async function byHand(command: string, params: Record<string, string>): Promise<string> {
  const data = signedForm(command, params, { ...w.cloud.admin }, w.clock.at as Instant);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await axios.request<Readable>({ method: "POST", url: w.cloud.url, data, headers });
  w.clock.at += 5000;
  return text(answer.data);
}

async function marksNow(): Promise<readonly Mark[]> {
  const seen = await bot.deletions.ownership.inspect();
  return seen.ok ? seen.value.marks : [];
}

const rootTree = () => w.cloud.tree().children.find((d) => d.name === "ci");
const marks = async (): Promise<readonly string[]> =>
  (await byHand("listAnnotations", { entitytype: "DOMAIN", entityid: rootTree()?.id ?? "" })).match(/Twokey installation [^"]*/g) ?? [];

/** Closes a project whose people stopped their machines, and has its deletion approved: it is in its cool-off. */
async function approvedDeletion(): Promise<string> {
  await pass(bot);
  const domain = rootTree()?.children.find((d) => d.name !== "alpha" && w.ci.projects.some((p) => p.slug === d.name));
  const project = w.ci.projects.find((p) => p.slug === domain?.name);
  if (project === undefined || domain === undefined) throw new Error("no project");
  for (const machine of domain.accounts.flatMap((a) => a.machines))
    if (machine.state === "Running") await byHand("stopVirtualMachine", { id: machine.id });
  w.clock.at += 60_000;
  Object.assign(project, { state: "closed", closedAt: w.clock.at, closedBy: null });
  await pass(bot);
  const id = (await readNewestDeletion(first.db, project.id))?.id;
  if (id === undefined) throw new Error("no deletion");
  await advance(bot, id);
  for (const who of [ada, ben]) {
    const digest = (await readNewestDeletion(first.db, project.id))?.digest ?? "";
    const done = await bot.services.deletions.approve({ deletionId: id, digest, by: who, typedName: project.slug } as never);
    if (!done.ok) throw new Error(done.error.message);
  }
  return id;
}

/** What a snapshot of the whole machine holds now: the database, and the archive's copy of the head of its audit log. */
async function snapshot(): Promise<{ readonly backup: FreshDatabase; readonly archive: World["archive"]; readonly now: Database }> {
  await bot.deletions.ownership.keepAndMark();
  const installation = (await readInstallation(first.db)).id;
  const head = w.archive.newestHead();
  await first.db.close();
  const backup = await copyOf(first.url);
  dropped.unshift(backup);
  const archive = createMemoryArchive();
  await archive.append(`00000000-${installation}`, 0, Readable.from([head ?? Buffer.alloc(0)]));
  await archive.finish(`00000000-${installation}`);
  return { backup, archive, now: createDatabase(first.url, { max: 3, onError: () => undefined }) };
}

/** Lets a restored bot work for a while, and gives what it changed. */
async function workOf(restored: Replica, id: string): Promise<readonly string[]> {
  w.clock.at += times.coolOffMs * 2;
  const before = effects().length;
  await restored.verifyOwner();
  for (let i = 0; i < 5; i += 1) {
    await advance(restored, id);
    w.clock.at += 60_000;
  }
  return effects().slice(before);
}

const cancel = (r: Replica, id: string) => r.services.deletions.cancel({ deletionId: id, digest: null, by: ada } as never);

describe("a database put back together with its archive", () => {
  test("does not go on with what was cancelled since, and says by how much it is older", async () => {
    const id = await approvedDeletion();
    const { backup, archive, now } = await snapshot();
    const present = another(now, w.archive);
    expect(await cancel(present, id)).toMatchObject({ ok: true });
    await pass(present);
    await now.close();
    const restored = another(backup.db, archive);
    expect(await workOf(restored, id)).toEqual([]);
    expect(await readStop(backup.db)).toMatchObject({
      stopped: true,
      reason: expect.stringMatching(/is older than it was: .*, but its mark at the managed root knows row \d+/),
    });
    for (const who of [ada, ben]) await restored.services.sync.resume(who);
    expect(await restored.verifyOwner()).toMatchObject({ ok: true });
  });

  test("is stopped, where people stopped everything since, although a stop lets nothing else be changed", async () => {
    const id = await approvedDeletion();
    const { backup, archive, now } = await snapshot();
    const present = another(now, w.archive);
    await present.services.sync.stop(ada, "something is wrong");
    await present.deletions.ownership.keepAndMark();
    await now.close();
    expect(await workOf(another(backup.db, archive), id)).toEqual([]);
    expect((await readStop(backup.db)).stopped).toBe(true);
  });

  test("is asked about once, where the archive and the mark know the same row", async () => {
    await pass(bot);
    const { backup, now } = await snapshot();
    const present = another(now, w.archive);
    await present.services.sync.stop(ada, "a look");
    await present.deletions.ownership.keepAndMark();
    await now.close();
    const restored = another(backup.db, w.archive);
    expect(await restored.verifyOwner()).toMatchObject({ ok: false, error: { message: expect.stringMatching(/the archive knows row/) } });
    for (const who of [ada, ben]) await restored.services.sync.resume(who);
    expect(await restored.verifyOwner()).toMatchObject({ ok: true });
  });

  test("runs beside the one it is a copy of: the next decision of either stops the other", async () => {
    await pass(bot);
    const { backup, archive, now } = await snapshot();
    const [original, clone] = [another(now, w.archive), another(backup.db, archive)];
    await original.services.sync.stop(ada, "a look");
    await original.deletions.ownership.keepAndMark();
    expect(await clone.verifyOwner()).toMatchObject({ ok: false, error: { code: "ownership.claimed" } });
    await now.close();
  });
});

test("a database put back under a running bot while the archive is away does not go on with what was cancelled since", async () => {
  const id = await approvedDeletion();
  const { backup, now } = await snapshot();
  let behind: Database = now;
  const moving = new Proxy({} as Database, { get: (_t, key) => (behind as never)[key] });
  let isAway = false;
  const open: World["archive"]["open"] = async (key) =>
    isAway ? err(failure("unavailable", "archive.broken", "away")) : w.archive.open(key);
  const running = another(moving, { ...w.archive, open });
  expect(await running.verifyOwner()).toMatchObject({ ok: true });
  expect(await cancel(running, id)).toMatchObject({ ok: true });
  await pass(running);
  behind = backup.db;
  isAway = true;
  expect(await workOf(running, id)).toEqual([]);
  await now.close();
});

describe("the mark", () => {
  test("is set again after a decision, once, and the one before it is removed", async () => {
    await approvedDeletion();
    const before = marking().length;
    await pass(bot);
    await pass(bot);
    expect(marking().slice(before)).toEqual([]);
    await bot.services.sync.stop(ada, "a look");
    await bot.deletions.ownership.keepAndMark();
    await bot.deletions.ownership.keepAndMark();
    expect(marking().slice(before)).toEqual(["addAnnotation", "removeAnnotation"]);
    expect(await marks()).toEqual([expect.stringMatching(/ Audit row \d+ [0-9a-f]{64}$/)]);
  });

  test("is set again by the next pass after a stop from a terminal, and by the run that ends a deletion", async () => {
    const id = await approvedDeletion();
    await bot.deletions.ownership.keepAndMark();
    const before = marking().length;
    for (const project of w.ci.projects) Object.assign(project, { state: "active", closedAt: null });
    await advance(bot, id);
    expect((await readDeletion(first.db, id))?.phase).toBe("closed");
    expect(marking().slice(before)).toEqual(["addAnnotation", "removeAnnotation"]);
    await stopEverything({ id: "terminal:ada" as OperatorId, name: "ada" }, "a look", { db: first.db, now: () => w.clock.at as Instant });
    await pass(bot);
    expect(marking().slice(before)).toEqual(["addAnnotation", "removeAnnotation", "addAnnotation", "removeAnnotation"]);
  });

  test("that may not be removed stays, and the newest counts", async () => {
    await pass(bot);
    const removeMark = async () => err(failure("rejected", "cloudstack.not_allowed", "removeAnnotation is not allowed"));
    const weak = createReplica(w, "C", keysOf(w.cloud), (p) => changed(p, { writer: { removeMark } }));
    await weak.services.sync.stop(ada, "a look");
    await weak.deletions.ownership.keepAndMark();
    expect(await marks()).toHaveLength(2);
    expect(await bot.verifyOwner()).toMatchObject({ ok: true });
  });

  test("of another installation, or of a newer database, is not covered by ours", async () => {
    await pass(bot);
    const us = (await readInstallation(first.db)).id;
    const entityid = rootTree()?.id ?? "";
    for (const annotation of [markText(crypto.randomUUID(), null), markText(us, { seq: 999_999, hash: "a".repeat(64) })]) {
      w.clock.at += 5000;
      await byHand("addAnnotation", { entitytype: "DOMAIN", entityid, annotation });
      await bot.services.sync.stop(ada, "a look");
      const before = marking().length;
      await bot.deletions.ownership.keepAndMark();
      expect(marking().slice(before)).toEqual([]);
    }
  });

  test("names a row that was cut off since: that is no older database", async () => {
    await pass(bot);
    await bot.services.sync.stop(ada, "a look");
    for (const who of [ada, ben]) await bot.services.sync.resume(who);
    await bot.deletions.ownership.keepAndMark();
    for (let i = 0; i < 3; i += 1) await pass(bot);
    const Row = z.object({ seq: z.number(), hash: z.string(), prev_hash: z.string() });
    const rows = (await first.db.many(Row, "select seq, hash, prev_hash from audit order by seq")).slice(0, -1);
    const [begin, last] = [rows[0], rows.at(-1)];
    expect(markedHead(await readInstallation(first.db), await marksNow())?.seq).toBeLessThan(last?.seq ?? 0);
    const cut = "select cut_audit($1, $2, $3, $4, repeat('f', 64), $5, 'signed')";
    await first.db.exec(cut, [last?.seq, last?.hash, rows.length, begin?.prev_hash, w.clock.at]);
    expect(await bot.verifyOwner()).toMatchObject({ ok: true });
  });

  test("fits into an annotation, is read as it was written, and by Twokey 0.1.0", () => {
    const [installation, head] = [crypto.randomUUID(), { seq: 123_456_789_012, hash: "f".repeat(64) }];
    const annotation = markText(installation, head);
    expect(annotation.length).toBeLessThanOrEqual(255);
    expect(markOf({ id: "1", annotation, created: 5 as Instant })).toEqual({ id: "1", installation, createdAt: 5, head });
    expect(annotation).toMatch(new RegExp(`^Twokey installation ${installation}\\b`));
    expect(markOf({ id: "1", annotation: markText(installation, null), created: 5 as Instant })?.head).toBeNull();
  });

  test("without a head says nothing of the age; of several of ours the newest does", () => {
    const mark = (id: string, createdAt: number, seq: number | null) => ({
      ...{ id, installation: "a", createdAt },
      head: seq === null ? null : { seq, hash: String(seq) },
    });
    expect(markedHead({ id: "a" }, [mark("1", 5, null)])).toBeNull();
    expect(markedHead({ id: "b" }, [mark("1", 5, 7)])).toBeNull();
    expect(markedHead({ id: "a" }, [mark("1", 5, 9), mark("2", 6, 3), mark("3", 7, null)])).toMatchObject({ seq: 3 });
    const us = { id: "a", mark: "1", markRoot: "ROOT/ci" };
    expect(claimsOfMarks(us, [mark("1", 5, 3), mark("2", 5, 4)], "ROOT/ci" as DomainPath).ours).toMatchObject({ id: "2" });
  });
});
