/**
 * Claims: whose CloudStack it is and how old the database is are known before anything is changed. Another installation, a removed mark and
 * an older database stop everything until two people accepted just that.
 */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { keysOf } from "../../demo/keys.ts";
import { createMemoryArchive } from "../sim/archive.ts";
import { openDoor } from "../sim/door.ts";
import { team } from "../sim/people.ts";
import { createReplica, type Replica } from "../sim/replica.ts";
import { createWorld, times, type World } from "../sim/world.ts";
import { signedForm } from "../../src/cloudstack/api/signature.ts";
import { failure } from "../../src/core/failure.ts";
import { claimsOfMarks } from "../../src/core/claims.ts";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import type { Asker } from "../../src/core/people.ts";
import { err } from "../../src/core/result.ts";
import { createDatabase, type Database } from "../../src/store/db.ts";
import { readLiveDeletions, readNewestDeletion } from "../../src/store/deletions.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { readStop } from "../../src/store/stop-switch.ts";
import { changed } from "../support/bot.ts";
import { copyOf, freshDatabase, type FreshDatabase } from "../support/database.ts";
import axios from "axios";

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

/** A bot with another database, and with another archive unless it is the same installation's. */
async function another(db: Database, archive = createMemoryArchive()): Promise<Replica> {
  return createReplica({ ...w, db, archive }, "B", keysOf(w.cloud));
}

async function emptyInstallation(): Promise<FreshDatabase> {
  const made = await freshDatabase();
  dropped.push(made);
  const { seedPolicy } = await import("../../src/store/policies.ts");
  const { firstPolicy } = await import("../sim/world.ts");
  await made.db.tx((q) => seedPolicy(q, firstPolicy, w.clock.at));
  return made;
}

async function pass(r: Replica) {
  w.clock.at += 60_000;
  return r.runPass(null, { kind: "schedule" });
}

/** What a pass came to: its state, and the kinds of its holds. */
async function outcome(r: Replica): Promise<readonly string[]> {
  const done = await pass(r);
  return done.ok ? [done.value.state, ...done.value.plan.holds.map((h) => h.kind)] : [done.error.code, done.error.message];
}

async function byHand(command: string, params: Record<string, string>): Promise<unknown> {
  const data = signedForm(command, params, { ...w.cloud.admin }, w.clock.at as Instant);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await axios.request<Readable>({ method: "POST", url: w.cloud.url, data, headers });
  w.clock.at += 5000;
  return JSON.parse(await text(answer.data)) as unknown;
}

const rootId = (): string => w.cloud.tree().children.find((d) => d.name === "ci")?.id ?? "";
const marks = async (): Promise<readonly { readonly id: string; readonly annotation: string }[]> => {
  const answer = await byHand("listAnnotations", { entitytype: "DOMAIN", entityid: rootId() });
  const shape = z.object({
    listannotationsresponse: z.object({ annotation: z.array(z.object({ id: z.string(), annotation: z.string() })).optional() }),
  });
  return shape.parse(answer).listannotationsresponse.annotation ?? [];
};
const effects = (): readonly string[] => {
  const commands = w.cloud.requests().map((r) => r.command);
  return commands.filter((c) => !/^(?:list|query)/.test(c));
};
const resume = (r: Replica, who: Asker) => r.services.sync.resume(who);
async function bothResume(r: Replica): Promise<void> {
  expect(await resume(r, ada)).toMatchObject({ ok: true, value: { resumed: false } });
  expect((await readStop(dbOf(r))).stopped).toBe(true);
  expect(await resume(r, ben)).toMatchObject({ ok: true, value: { resumed: true } });
}
const dbOf = (r: Replica): Database => r.deletions.db as Database;

/** Whether it changed anything depends on the seed. */
const notHeld = expect.stringMatching(/^(?:applied|unchanged)$/);

describe("the mark", () => {
  test("is set by the first pass of the first installation, once, and costs an unchanged pass one call", async () => {
    expect(await outcome(bot)).toEqual([notHeld]);
    expect(await marks()).toHaveLength(1);
    const before = w.cloud.requests().length;
    expect(await outcome(bot)).toEqual(["unchanged"]);
    const calls = w.cloud
      .requests()
      .slice(before)
      .map((r) => r.command);
    expect(calls.filter((c) => c === "listAnnotations")).toHaveLength(1);
    expect(calls.filter((c) => !/^list(?:Domains|Accounts|Annotations)$/.test(c))).toEqual([]);
    expect(await marks()).toHaveLength(1);
  });

  test("of another installation holds everything; adopted by two, the other one stops", async () => {
    await pass(bot);
    const second = await another((await emptyInstallation()).db);
    const before = effects().length;
    // A closed project is what 2017 began with.
    Object.assign(w.ci.projects[1] ?? {}, { state: "closed", closedAt: w.clock.at, closedBy: null });
    expect(await outcome(second)).toEqual(["held", "not_ours"]);
    expect(effects().length).toBe(before);
    expect(await readLiveDeletions(dbOf(second))).toEqual([]);
    expect(await dbOf(second).exec("select from managed_domain")).toBe(0);
    const stop = await readStop(dbOf(second));
    expect(stop).toMatchObject({ stopped: true, by: "twokey" });
    expect(stop.stopped && stop.reason).toMatch(
      /Another installation of Twokey \([0-9a-f-]{36}\) set its mark at ROOT\/ci on .*ROOT\/ci\//,
    );
    expect(await pass(second)).toMatchObject({ ok: false, error: { code: "sync.stopped" } });

    await bothResume(second);
    expect((await outcome(second)).filter((x) => x === "not_ours")).toEqual([]);
    expect(await marks()).toHaveLength(2);
    expect(await outcome(bot)).toEqual(["held", "not_ours"]);
    expect((await readStop(first.db)).stopped).toBe(true);
  });

  test("is missing, and ids are derived that this database never asked for: an older version made them, or this one is restored", async () => {
    const second = await another((await emptyInstallation()).db);
    const before = effects().length;
    expect((await outcome(second)).slice(0, 2)).toEqual(["held", "not_ours"]);
    expect(effects().length).toBe(before);
    const stop = await readStop(dbOf(second));
    expect(stop.stopped && stop.reason).toMatch(/^\d+ domains or accounts have ids that only Twokey derives/);
    expect(await marks()).toEqual([]);
  });

  test("of another installation is named at the start, and its domains only by the first pass: two people resume twice", async () => {
    await pass(bot);
    const second = await another((await emptyInstallation()).db);
    const reason = async (): Promise<string> => {
      const stop = await readStop(dbOf(second));
      return stop.stopped ? stop.reason : "not stopped";
    };
    expect(await second.verifyOwner()).toMatchObject({ ok: false });
    expect(await reason()).toMatch(/^Another installation of Twokey/);
    expect(await reason()).not.toContain("this database does not know them");
    await bothResume(second);
    const before = effects().length;
    expect(await outcome(second)).toEqual(["held", "not_ours"]);
    expect(effects().length).toBe(before);
    expect(await reason()).toMatch(/^\d+ domains or accounts .* this database does not know them/);
    await bothResume(second);
    expect((await outcome(second)).filter((x) => x === "not_ours")).toEqual([]);
  });

  test("removed by hand is asked about, and set again after two people said so; the next time it is asked about again", async () => {
    await pass(bot);
    for (const round of [1, 2]) {
      await byHand("removeAnnotation", { id: (await marks())[0]?.id ?? "" });
      const before = effects().length;
      expect(await outcome(bot), String(round)).toEqual(["held", "not_ours"]);
      expect(effects().length).toBe(before);
      await bothResume(bot);
      expect(await outcome(bot)).not.toContain("not_ours");
      expect(await marks()).toHaveLength(1);
    }
  });

  test("that cannot be read holds the pass, without a stop: what is not known is not ours", async () => {
    await pass(bot);
    const blind = createReplica(w, "C", keysOf(w.cloud), (p) =>
      changed(p, {
        reader: { readMarks: async () => err(failure("rejected", "cloudstack.not_allowed", "listAnnotations is not allowed")) },
      }),
    );
    expect(await outcome(blind)).toEqual(["held", "not_ours"]);
    expect((await readStop(first.db)).stopped).toBe(false);
  });

  test("that cannot be set keeps the pass from changing anything", async () => {
    const before = effects().length;
    const writer = { addMark: async () => err(failure("rejected", "cloudstack.not_allowed", "addAnnotation is not allowed")) };
    const weak = createReplica(w, "C", keysOf(w.cloud), (p) => changed(p, { writer }));
    expect(await pass(weak)).toMatchObject({ ok: false, error: { code: "cloudstack.not_allowed" } });
    expect(effects().length).toBe(before);
  });
});

describe("a claim", () => {
  test("is put by a mark of the same second, whoever was first, and by none of another root", () => {
    const us = { id: "a", mark: "1", markRoot: "ROOT/ci" };
    const root = "ROOT/ci" as DomainPath;
    const mark = (id: string, installation: string, createdAt: number) => ({ id, installation, createdAt });
    expect(claimsOfMarks(us, [mark("1", "a", 5), mark("2", "b", 5)], root).claims).toMatchObject([{ kind: "mark", subject: "2" }]);
    expect(claimsOfMarks(us, [mark("2", "b", 5), mark("1", "a", 6)], root)).toMatchObject({ claims: [], ours: { id: "1" } });
    expect(claimsOfMarks(us, [], root).claims).toMatchObject([{ kind: "mark_removed", subject: "1" }]);
    expect(claimsOfMarks(us, [], "ROOT/other" as DomainPath).claims).toEqual([]);
  });

  test("is not accepted by the end of another stop that hid it", async () => {
    await pass(bot);
    await byHand("removeAnnotation", { id: (await marks())[0]?.id ?? "" });
    await pass(bot);
    await bot.services.sync.stop(ada, "maintenance");
    await bothResume(bot);
    expect(await outcome(bot)).toEqual(["held", "not_ours"]);
  });

  test("cannot be put with a stop that is over or voted on, changed, or forged; an installation keeps its id", async () => {
    await pass(bot);
    await byHand("removeAnnotation", { id: (await marks())[0]?.id ?? "" });
    await pass(bot);
    const add = (stop: string) => `insert into claim (stop, kind, subject, sentence, at) values (${stop}, 'domain', 'x', 'x', 1)`;
    const newest = "(select max(seq) from stop_switch where kind = 'stop')";
    await bot.services.sync.stop(ada, "maintenance");
    await expect(first.db.exec(add("(select min(seq) from stop_switch)"))).rejects.toMatchObject({ constraint: "claim_stop" });
    await resume(bot, ada);
    await expect(first.db.exec(add(newest))).rejects.toMatchObject({ constraint: "claim_stop" });
    await resume(bot, ben);
    await expect(first.db.exec(add(newest))).rejects.toMatchObject({ constraint: "claim_stop" });
    await expect(first.db.exec("update claim set subject = 'y'")).rejects.toMatchObject({ constraint: "claim_append_only" });
    await expect(first.db.exec("update installation set id = gen_random_uuid()")).rejects.toMatchObject({ constraint: "installation_id" });
    await expect(first.db.exec("delete from installation")).rejects.toMatchObject({ constraint: "installation_id" });
  });
});

describe("a database restored from an older backup", () => {
  /** Closes a project whose people stopped their machines, and has its deletion approved: it is in its cool-off. */
  async function approvedDeletion(): Promise<string> {
    await pass(bot);
    const project = w.ci.projects.find((p) => p.slug !== "alpha" && rootChildren().includes(p.slug));
    if (project === undefined) throw new Error("no project");
    const domain = w.cloud
      .tree()
      .children.find((d) => d.name === "ci")
      ?.children.find((d) => d.name === project.slug);
    for (const machine of domain?.accounts.flatMap((a) => a.machines) ?? [])
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
  const rootChildren = (): readonly string[] =>
    w.cloud
      .tree()
      .children.find((d) => d.name === "ci")
      ?.children.map((d) => d.name) ?? [];
  const advance = (r: Replica, id: string) => r.work.deletion(id, new AbortController().signal);

  test("starts stopped, says by how much, and destroys nothing of what was cancelled since; two people resume", async () => {
    const id = await approvedDeletion();
    await first.db.close();
    const backup = await copyOf(first.url);
    dropped.unshift(backup);
    const now = createDatabase(first.url, { max: 3, onError: () => undefined });
    const present = await another(now, w.archive);
    expect(await present.services.deletions.cancel({ deletionId: id, digest: null, by: ada } as never)).toMatchObject({ ok: true });
    await now.close();

    w.clock.at += 3 * 86_400_000;
    const restored = await another(backup.db, w.archive);
    const before = effects().length;
    expect(await restored.verifyOwner()).toMatchObject({ ok: false, error: { code: "ownership.claimed" } });
    const stop = await readStop(backup.db);
    expect(stop.stopped && stop.reason).toMatch(/is older than it was: its audit log ends with row \d+ of .*; 1 rows are missing/);
    await advance(restored, id);
    await pass(restored);
    expect(effects().length).toBe(before);
    // What it did meanwhile does not make it the newer one.
    expect(await restored.verifyOwner()).toMatchObject({ ok: false });
    await bothResume(restored);
    expect(await restored.verifyOwner()).toMatchObject({ ok: true });
    expect(await outcome(restored)).not.toContain("not_ours");
  });

  test("is found at the next step and the next pass too, when it is put back under a running bot", async () => {
    const id = await approvedDeletion();
    await first.db.close();
    const backup = await copyOf(first.url);
    dropped.unshift(backup);
    const now = createDatabase(first.url, { max: 3, onError: () => undefined });
    await (await another(now, w.archive)).services.deletions.cancel({ deletionId: id, digest: null, by: ada } as never);
    await now.close();

    const restored = await another(backup.db, w.archive);
    w.clock.at += times.coolOffMs * 2;
    const before = effects().length;
    await advance(restored, id);
    expect(effects().length).toBe(before);
    expect((await readStop(backup.db)).stopped).toBe(true);
  });

  test("that went on for itself is not taken for the newer one; a lost copy is asked about too", async () => {
    await pass(bot);
    await first.db.close();
    const backup = await copyOf(first.url);
    dropped.unshift(backup);
    const now = createDatabase(first.url, { max: 3, onError: () => undefined });
    await pass(await another(now, w.archive));
    await now.close();
    // Its own archive does not know it: a copy of production's database in another place.
    const strayed = await another(backup.db);
    for (let i = 0; i < 3; i++) await strayed.services.deletions.recordRefusal(ada.operator.id, "x", "x");
    expect(await strayed.verifyOwner()).toMatchObject({ ok: false, error: { message: expect.stringContaining("no longer has the copy") } });
    const restored = await another(backup.db, w.archive);
    expect(await restored.verifyOwner()).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("is not the one that it was") },
    });
  });

  /** A backup from before the first copy of the head, with one template that was saved under this key. */
  async function beforeTheFirstCopy(id: string): Promise<Database> {
    await first.db.close();
    const backup = await copyOf(first.url);
    dropped.unshift(backup);
    await backup.db.exec("update installation set kept_hash = null");
    await backup.db.tx(async (q) => {
      await insertEntry(q, { kind: "deletion", id }, { id: KEY, itemKind: "template", itemId: KEY, name: "gcc", at: 1 });
      await updateEntry(q, KEY, 2, { state: "saving" });
      await updateEntry(q, KEY, 3, { state: "verified", key: KEY, sha256: "0".repeat(64), bytes: 5, manifest: {} });
    });
    return backup.db;
  }
  const KEY = "6f1c9a1e-0000-4000-8000-0000000000aa";

  test("that never gave the archive a copy is held by an archive without what it saved; it writes nothing there before two agreed", async () => {
    const id = await approvedDeletion();
    const db = await beforeTheFirstCopy(id);
    const archive = createMemoryArchive();
    const unmounted = await another(db, archive);
    w.clock.at += times.coolOffMs * 2;
    const before = effects().length;
    // What anybody does meanwhile gives the empty place no copy that would be believed later.
    await unmounted.services.deletions.recordRefusal(ada.operator.id, "x", "x");
    expect(archive.newestHead()).toBeUndefined();
    expect(await unmounted.verifyOwner()).toMatchObject({
      ok: false,
      error: { code: "ownership.claimed", message: expect.stringMatching(/nor the template gcc that this database saved there/) },
    });
    await advance(unmounted, id);
    await pass(unmounted);
    expect(effects().length).toBe(before);
    expect(archive.newestHead()).toBeUndefined();
    await bothResume(unmounted);
    expect(await unmounted.verifyOwner()).toMatchObject({ ok: true });
    expect(archive.newestHead()).toBeDefined();
  });

  test("is held by an archive without what it saved while CloudStack does not answer, too", async () => {
    const db = await beforeTheFirstCopy(await approvedDeletion());
    const down = { reader: { readMarks: async () => err(failure("unavailable", "cloudstack.unreachable", "down")) } };
    const unmounted = createReplica({ ...w, db, archive: createMemoryArchive() }, "B", keysOf(w.cloud), (p) => changed(p, down));
    expect(await unmounted.verifyOwner()).toMatchObject({ ok: false, error: { code: "ownership.claimed" } });
    expect((await readStop(db)).stopped).toBe(true);
  });

  test("that never gave the archive a copy goes on where the archive has what it saved, and waits while that cannot be told", async () => {
    const db = await beforeTheFirstCopy(await approvedDeletion());
    const archive = createMemoryArchive();
    let isAway = true;
    const open: typeof archive.open = async (key) =>
      isAway && key === KEY ? err(failure("unavailable", "archive.broken", "away")) : archive.open(key);
    await archive.append(KEY, 0, Readable.from([Buffer.from("bytes")]));
    await archive.finish(KEY);
    const mounted = await another(db, { ...archive, open });
    expect(await mounted.verifyOwner()).toMatchObject({ ok: false, error: { code: "ownership.unknown" } });
    expect((await readStop(db)).stopped).toBe(false);
    isAway = false;
    expect(await mounted.verifyOwner()).toMatchObject({ ok: true });
    expect(archive.newestHead()).toBeDefined();
  });

  test("a bucket that denies what is not there is an empty one, until something was kept in it", async () => {
    const denied = err(failure("rejected", "archive.denied", "The archive's bucket denies Twokey access"));
    const { open } = w.archive;
    const isThere = (key: string): boolean => w.archive.bytesOf(key) !== undefined;
    const archive = { ...w.archive, open: async (key: string) => (isThere(key) ? open(key) : denied) };
    const started = createReplica({ ...w, archive }, "C", keysOf(w.cloud));
    expect(await outcome(started)).toEqual([notHeld]);
    const again = createReplica({ ...w, archive: { ...archive, open: async () => denied } }, "C", keysOf(w.cloud));
    expect(await outcome(again)).toEqual(["held", "not_ours"]);
  });

  test("cannot be told while the archive is away: the first pass of a process waits, later ones go on", async () => {
    await pass(bot);
    let isAway = true;
    const { open } = w.archive;
    const archive = {
      ...w.archive,
      open: async (key: string) => (isAway ? err(failure("unavailable", "archive.broken", "away")) : open(key)),
    };
    const started = createReplica({ ...w, archive }, "C", keysOf(w.cloud));
    expect(await outcome(started)).toEqual(["held", "not_ours"]);
    isAway = false;
    expect(await outcome(started)).toEqual(["unchanged"]);
    isAway = true;
    expect(await outcome(started)).toEqual(["unchanged"]);
    expect((await readStop(first.db)).stopped).toBe(false);
  });
});
