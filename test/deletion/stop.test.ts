/** Claim: after /ci-stop no replica sends another call that has an effect, nor while the switch cannot be read; going on takes two people. */
import { randomUUID } from "node:crypto";
import { addManagedRoot } from "../../demo/keys.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { answerResume, answerStop } from "../../src/commands/stop.ts";
import type { Asker } from "../../src/core/people.ts";
import type { DomainId, DomainPath, Instant, JobId } from "../../src/core/ids.ts";
import { createDatabase, type Database } from "../../src/store/db.ts";
import type { DeletionRow } from "../../src/store/deletions.ts";
import { mayCall, readStop, recordStop } from "../../src/store/stop-switch.ts";
import type { Inventory } from "../../src/core/inventory.ts";
import { botCloud, grantFor, valueOf } from "../cloudstack/support.ts";
import { createHeadCopy } from "../../src/archive/head-copy.ts";
import { readAuditHead, readInstallation } from "../../src/store/installation.ts";
import { botOf, configOf, putInForce, testBot } from "../support/bot.ts";
import { eventually } from "../support/eventually.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { op } from "../support/deletions.ts";
import { approveIn, smallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
let now = 100;
beforeEach(async () => {
  fresh = await lendDatabase();
  now = 100;
  skew = 0;
  config = configOf();
  await putInForce(fresh.db);
});
afterEach(() => fresh.drop());

const open = (url: string) => createDatabase(url, { max: 2, onError: () => undefined });
let skew = 0;
/** What the process is told to read; the team confirmed the usual. */
let config = configOf();
const service = (db: Database = fresh.db) =>
  testBot(db, { config, now: () => now++ as Instant, clockSkew: async () => ({ ms: skew, against: "another clock" }) }).services.sync;
const asker = (name: string, isTeam = true): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam });

test("a stop and a resume are in the archive's copy of the head at once: a database from before them is older than it", async () => {
  const bot = testBot(fresh.db, { config, now: () => now++ as Instant });
  const { sync } = bot.services;
  const kept = async () => valueOf(await createHeadCopy(bot.parts.archive).read((await readInstallation(fresh.db)).id))?.seq;
  const head = async () => (await readAuditHead(fresh.db))?.seq;
  const isKept = async () => (await kept()) === (await head());
  expect(await sync.stop(asker("ada"), "everything looks wrong")).toMatchObject({ ok: true });
  await eventually("the archive has the stop", isKept, { limitMs: 60_000 });
  for (const who of ["ada", "ben"]) {
    expect(await sync.resume(asker(who))).toMatchObject({ ok: true });
    await eventually("the archive has the vote", isKept, { limitMs: 60_000 });
  }
});

test("an archive that does not answer keeps neither a stop nor anybody's next click waiting, and is asked no more than once at a time", async () => {
  let asked = 0;
  const hangs = async () => (asked++, new Promise<never>(() => undefined));
  const bot = testBot(fresh.db, { config, now: () => now++ as Instant });
  const given: string[] = [];
  const events = { ...bot.parts.events, failed: (fact: string) => void given.push(fact) };
  const { sync } = botOf({ ...bot.parts, events, archive: { ...bot.parts.archive, open: hangs } }).services;
  expect(await sync.stop(asker("ada"), "it looks wrong")).toMatchObject({ ok: true });
  // It was answered before the archive was given up.
  expect(given).toEqual([]);
  expect(await sync.stop(asker("ada"), "it still does")).toMatchObject({ ok: true });
  await eventually("it was asked", async () => asked > 0, { limitMs: 60_000 });
  expect(asked).toBe(1);
});

describe("calls with an effect", () => {
  let emulator: CloudStackEmulator;
  let alpha: DomainId;
  let inventory: Inventory;
  beforeAll(async () => {
    emulator = await startCloudStackEmulator({ jobMs: 5 });
    alpha = emulator.addDomain({ name: "alpha", parent: addManagedRoot(emulator) }) as DomainId;
    const ann = emulator.addAccount({ domain: alpha, name: "ann" }).accountId;
    const machine = emulator.addMachine({ account: ann, name: "m", stopped: true });
    emulator.addVolume({ account: ann, name: "data", machine });
    const { reader } = botCloud(emulator);
    inventory = valueOf(await reader.readInventory(alpha, "ROOT/ci/alpha" as DomainPath));
  });
  afterAll(() => emulator.close());
  let approved: DeletionRow;
  beforeEach(async () => {
    ({ row: approved } = await approveIn(await smallWorld(fresh.db)));
  });

  const effects = () => emulator.requests().filter((r) => /^(?:de|disable|destroy|delete)/.test(r.command)).length;
  /** A replica of its own: its own connections, and CloudStack as the bot has it. */
  const replica = (db: Database) => botCloud(emulator, { db }).deleter;
  const volume = () => inventory.items.find((i) => i.name === "data") as Inventory["items"][number];
  const take = async (d: ReturnType<typeof replica>) =>
    d.deleteVolume(grantFor(inventory, inventory.path, approved, Date.now() as Instant), volume(), randomUUID() as JobId);
  const stopped = { ok: false, error: { kind: "refused", code: "cloudstack.stopped" } };

  test("are not sent while the switch cannot be read", async () => {
    const nowhere = open("postgres://postgres@127.0.0.1:1/none");
    const before = effects();
    expect(await take(replica(nowhere))).toMatchObject(stopped);
    await nowhere.close();
    const lost = open(fresh.url);
    await lost.close();
    expect(await take(replica(lost))).toMatchObject(stopped);
    expect(effects()).toBe(before);
  });

  test("are not sent after a stop in another replica, nor after a restart", async () => {
    const [here, there] = [open(fresh.url), open(fresh.url)];
    const before = effects();
    await answerStop(asker("dora"), "looks wrong", service(here));
    expect(await take(replica(there))).toMatchObject(stopped);
    await Promise.all([here.close(), there.close()]);
    const restarted = open(fresh.url);
    expect(await take(replica(restarted))).toMatchObject(stopped);
    await restarted.close();
    expect(effects()).toBe(before);
  });

  test("a stop between two calls of one step keeps the second back; resumed, it goes on", async () => {
    const there = open(fresh.url);
    let isQuiet = true;
    // Dora stops once the first call has been sent, just before the switch is read for the second.
    const d = replica({
      ...there,
      one: async (...asked) => {
        const isDetached = emulator.requests().some((r) => r.command === "detachVolume");
        if (isDetached && isQuiet) await service().stop(asker("dora"), "now");
        if (isDetached) isQuiet = false;
        return there.one(...asked);
      },
    });
    expect(await take(d)).toMatchObject(stopped);
    expect(emulator.requests().map((r) => r.command)).toContain("detachVolume");
    const sent = () => emulator.requests().filter((r) => r.command === "deleteVolume").length;
    expect(sent()).toBe(0);
    for (const who of ["ada", "ben"]) valueOf(await service().resume(asker(who)));
    expect(await take(d)).toMatchObject({ ok: true });
    expect(sent()).toBe(1);
    await there.close();
  });

  test("nobody is locked, and no export is asked for", async () => {
    const { writer, exports } = botCloud(emulator, { db: fresh.db });
    const account = inventory.items.find((i) => i.kind === "account") as Inventory["items"][number];
    const place = { projectId: "p-alpha", slug: "alpha", domainId: alpha, path: "ROOT/ci/alpha" };
    const lock = { ...place, kind: "lock_account", accountId: account.id, username: account.name, ciUserId: "ann" };
    const asked = () => emulator.requests().filter((r) => /^(?:lock|disable|create|extract)/.test(r.command)).length;
    const before = asked();
    await service().stop(asker("dora"), "now");
    expect(await writer.applyChange(lock as never, randomUUID() as never)).toMatchObject(stopped);
    expect(await exports.openExport(volume())).toMatchObject(stopped);
    expect(asked()).toBe(before);
  });

  test("looking goes on", async () => {
    await service().stop(asker("dora"), "now");
    for (const command of ["listDomains", "queryAsyncJobResult"])
      expect(await mayCall(fresh.db, command)).toEqual({ ok: true, value: undefined });
    for (const command of ["deleteDomain", "recoverVirtualMachine", "extractTemplate", "createDomain"])
      expect(await mayCall(fresh.db, command), command).toMatchObject(stopped);
  });
});

describe("going on", () => {
  const isStopped = async () => (await readStop(fresh.db)).stopped;

  test("who is not of the team neither stops nor resumes", async () => {
    expect(await service().stop(asker("mia", false), "no")).toMatchObject({ ok: false, error: { code: "command.team_only" } });
    expect(await isStopped()).toBe(false);
    await service().stop(asker("dora"), "drill");
    expect(await service().resume(asker("mia", false))).toMatchObject({ ok: false, error: { code: "command.team_only" } });
    expect(await isStopped()).toBe(true);
  });

  test("one person, however often, is one; the second makes it go on, and both are recorded", async () => {
    await service().stop(asker("dora"), "drill");
    expect((await answerResume(asker("ada"), service())).title).toBe("1 of 2 approvers want to resume");
    for (let i = 0; i < 2; i += 1)
      expect(await service().resume(asker("ada"))).toMatchObject({ ok: false, error: { code: "resume.voted" } });
    expect(await isStopped()).toBe(true);
    expect((await answerResume(asker("ben"), service())).title).toBe("Resumed: two people agreed");
    expect(await isStopped()).toBe(false);
    expect(await fresh.db.many(z.object({ voter: z.string() }), "select voter from ballot where kind = 'resume' order by seq")).toEqual([
      { voter: "ci:ada" },
      { voter: "ci:ben" },
    ]);
    const turns = await fresh.db.many(z.object({ by_operator: z.string() }), "select by_operator from stop_switch where kind = 'resume'");
    expect(turns).toEqual([{ by_operator: "ci:ada and ci:ben" }]);
    expect(await service().resume(asker("eve"))).toMatchObject({ ok: false, error: { code: "sync.not_stopped" } });
  });

  test.each<[string, string, () => void, string]>([
    ["who is no approver", "eve", () => undefined, "resume.not_approver"],
    ["while the clocks disagree", "ada", () => (skew = 600_000), "deletion.clock"],
    ["in a scope that nobody confirmed", "ada", () => (config = configOf({ CI_USERS_VIEW: "other_users" })), "deletion.scope_unconfirmed"],
  ])("a word is refused: %s", async (_, who, arrange, code) => {
    await service().stop(asker("dora"), "drill");
    arrange();
    expect(await service().resume(asker(who))).toMatchObject({ ok: false, error: { code } });
    expect(await fresh.db.many(z.object({}), "select from ballot")).toEqual([]);
  });

  test("PostgreSQL itself refuses a resume that two people did not ask for", async () => {
    const resumeNow = () => recordStop(fresh.db, { at: 999, kind: "resume", byOperator: "ci:eve", reason: "alone" });
    await expect(resumeNow()).rejects.toMatchObject({ constraint: "resume_stopped" });
    await service().stop(asker("dora"), "drill");
    await expect(resumeNow()).rejects.toMatchObject({ constraint: "resume_quorum" });
    await service().resume(asker("ada"));
    await expect(resumeNow()).rejects.toMatchObject({ constraint: "resume_quorum" });
    expect(await isStopped()).toBe(true);
  });

  test("a new stop voids a word given for the one before", async () => {
    await service().stop(asker("dora"), "first");
    await service().resume(asker("ada"));
    await service().stop(asker("dora"), "second");
    expect(await service().resume(asker("ben"))).toMatchObject({ ok: true, value: { resumed: false, have: 1 } });
    expect(await isStopped()).toBe(true);
  });

  test("two words at once through two replicas make one turn", async () => {
    await service().stop(asker("dora"), "drill");
    const [here, there] = [open(fresh.url), open(fresh.url)];
    const done = await Promise.all([service(here).resume(asker("ada")), service(there).resume(asker("ben"))]);
    await Promise.all([here.close(), there.close()]);
    expect(done.map((r) => r.ok && r.value.resumed).toSorted()).toEqual([false, true]);
    const turns = await fresh.db.many(z.object({ kind: z.string() }), "select kind from stop_switch order by seq");
    expect(turns.map((t) => t.kind)).toEqual(["stop", "resume"]);
  });
});
