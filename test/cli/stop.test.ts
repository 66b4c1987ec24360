/**
 * Claim (H3): a terminal stops, lists and gives back with nothing but Twokey's own database: no CI database, no Slack, no CloudStack. It
 * never resumes, and never votes.
 */
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { createHeadKeeper } from "../../src/approvals/ownership.ts";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import { createHeadCopy } from "../../src/archive/head-copy.ts";
import type { Instant } from "../../src/core/ids.ts";
import { prepareEngine } from "../../src/engine/schema.ts";
import { prepareStore } from "../../src/store/prepare.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { readAuditHead, readInstallation } from "../../src/store/installation.ts";
import { mayCall, readLastStop, readStop } from "../../src/store/stop-switch.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, expectRow, openOne } from "../support/deletions.ts";
import { lendEngineDatabase } from "../support/lent-database.ts";
import { putInForce, testBot } from "../support/bot.ts";
import { twokey, type Ran } from "../support/terminal.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendEngineDatabase();
  await putInForce(fresh.db);
  env = {};
  isLate = false;
});
afterEach(() => fresh.drop());

/** What else is set in the environment, and whether waiting for the archive ends at once. */
let env: Readonly<Record<string, string>> = {};
let isLate = false;
function terminal(...args: string[]): Promise<Ran> {
  return twokey(
    args,
    // Nothing of Slack, CloudStack and the CI database is set.
    { DATABASE_URL: fresh.url, USER: "dora", ...env },
    { now: () => 50 as Instant, sleep: () => (isLate ? Promise.resolve() : new Promise(() => undefined)) },
  );
}
const asker = (name: string) => ({ operator: { id: `ci:${name}` as never, name, ciUserId: null }, isTeam: true });

test("stop keeps every call back, and names who typed it; a second one, from Slack, adds to it", async () => {
  const done = await terminal("stop", "Slack", "is", "down");
  expect(done).toMatchObject({ code: 0, err: "" });
  expect(done.out).toMatch(/dora at a terminal: Slack is down[\s\S]*Everything stands still/);
  expect(await mayCall(fresh.db, "deleteDomain")).toMatchObject({ ok: false, error: { code: "cloudstack.stopped" } });
  await testBot(fresh.db, { now: () => 60 as Instant }).services.sync.stop(asker("eve"), "me too");
  expect((await readLastStop(fresh.db))?.stops.map((s) => s.name)).toEqual(["dora at a terminal", "eve"]);
});

test.each([
  [{ SUDO_USER: "", USER: "eve" }, "eve at a terminal"],
  [{ SUDO_USER: " ", USER: "", LOGNAME: "" }, "somebody at a terminal"],
  [{ SUDO_USER: "eve\nmallory" }, "eve mallory at a terminal"],
])("who typed it is the first login that is not empty, in one line: %j", async (logins, name) => {
  env = logins;
  const done = await terminal("stop", "now");
  env = {};
  expect(done).toMatchObject({ code: 0, err: "", out: expect.stringContaining(`${name}: now`) as string });
});

describe("the archive's copy of the audit log's head", () => {
  const copyIn = (folder: string) => createHeadCopy(createFolderStore(folder));
  /** A folder that the bot has kept the head in. */
  async function keptFolder(): Promise<string> {
    const folder = mkdtempSync(path.join(tmpdir(), "twokey-stop-"));
    await terminal("stop", "before");
    const onFailure = (f: { readonly message: string }): void => expect.fail(f.message);
    await createHeadKeeper({ db: fresh.db, copy: copyIn(folder), onFailure }).keep();
    return folder;
  }

  test("has the stop at once where the archive can be reached", async () => {
    const folder = await keptFolder();
    env = { TWOKEY_ARCHIVE_DIR: folder };
    const { code, out } = await terminal("stop", "now");
    expect(code).toBe(0);
    expect(out).not.toContain("was not told yet");
    const us = await readInstallation(fresh.db);
    expect(await copyIn(folder).read(us.id)).toEqual({ ok: true, value: await readAuditHead(fresh.db) });
  });

  test.each<[string, (gone: string) => Record<string, string>]>([
    ["its folder is not there", (gone) => ({ TWOKEY_ARCHIVE_DIR: gone })],
    ["its settings are wrong", () => ({ ARCHIVE_S3_PREFIX: "a/b" })],
    ["nothing answers there", () => ({ ARCHIVE_S3_BUCKET: "bucket", ARCHIVE_S3_ENDPOINT: "http://127.0.0.1:1" })],
  ])("follows later where %s: the stop is the same", async (_, set) => {
    const folder = await keptFolder();
    env = set(path.join(folder, "gone"));
    const { code, out, err } = await terminal("stop", "now");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^Stopped: [\s\S]*Everything stands still[\s\S]*The archive was not told yet \(/);
    expect((await readLastStop(fresh.db))?.stops.map((s) => s.reason)).toEqual(["before", "now"]);
  });

  test("is not waited for without end", async () => {
    await keptFolder();
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const account = { ARCHIVE_S3_ACCESS_KEY_ID: "id", ARCHIVE_S3_SECRET_ACCESS_KEY: "secret" };
    env = { ARCHIVE_S3_BUCKET: "bucket", ARCHIVE_S3_ENDPOINT: `http://127.0.0.1:${port}`, ...account };
    isLate = true;
    const { code, out } = await terminal("stop", "now");
    expect([code, out]).toEqual([0, expect.stringContaining("The archive was not told yet (it does not answer)")]);
    silent.closeAllConnections();
    silent.close();
  });

  test("is not begun from a terminal, whose settings may name a place that the bot has never used", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "twokey-stop-"));
    env = { TWOKEY_ARCHIVE_DIR: folder };
    expect((await terminal("stop", "now")).code).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test("for scripts: stop, resume and restore print JSON and nothing else; a reason may have the word, and a failure prints none", async () => {
  const parsed = ({ out }: Ran): unknown => JSON.parse(out);
  expect(parsed(await terminal("resume", "--json"))).toEqual({ stopped: false });
  expect(await terminal("restore", "--json", "nobody")).toMatchObject({
    code: 1,
    out: "",
    err: expect.stringContaining("no such") as string,
  });
  const [early, late] = [await inPhase("cooling_off"), await inPhase("grace")];
  const about = { id: early.id, project: early.slug, projectId: early.project_id, domainId: early.domain_id, path: early.path };
  expect(parsed(await terminal("restore", early.id, "--json"))).toEqual({ ...about, done: "cancelled" });
  expect(parsed(await terminal("restore", "--json", late.id))).toMatchObject({ id: late.id, done: "recorded" });

  const stops = [{ at: "1970-01-01T00:00:00.050Z", name: "dora at a terminal", reason: "disk full --json" }];
  const done = await terminal("stop", "--json", "disk", "full", "--json");
  expect(done).toMatchObject({ code: 0, err: "" });
  const said = { stopped: true, stops, votes: [], need: 2, onTheirWay: expect.anything() as unknown };
  expect(parsed(done)).toEqual({ ...said, archiveNotTold: "it has no copy of the audit log's head" });
  const shown = await terminal("resume", "--json");
  expect(shown.code).toBe(1);
  expect(parsed(shown)).toEqual(said);
  // After the reason it is part of it, and the answer is for people.
  expect((await terminal("stop", "again", "--json")).out).toMatch(/again --json[\s\S]*two approvers write/);
});

test("stop without a reason stops; a wish for help does not", async () => {
  expect(await terminal("stop", "--help")).toMatchObject({
    code: 0,
    out: expect.stringContaining("Usage: twokey stop [reason...]") as string,
  });
  expect((await terminal("stop", "--hlep")).code).toBe(2);
  expect((await readStop(fresh.db)).stopped).toBe(false);
  expect((await terminal("stop")).code).toBe(0);
  expect((await readStop(fresh.db)).stopped).toBe(true);
});

test("resume never resumes, however often: it shows the stop and leads to two approvers in Slack", async () => {
  expect(await terminal("resume")).toMatchObject({ code: 0, out: "Nothing is stopped.\n" });
  await terminal("stop", "drill");
  await testBot(fresh.db, { now: () => 60 as Instant }).services.sync.resume(asker("ada"));
  for (let i = 0; i < 3; i += 1) {
    const done = await terminal("resume");
    expect(done.code).toBe(1);
    expect(done.out).toMatch(/drill[\s\S]*1 of 2 \(ada\); two approvers write \/ci-resume/);
  }
  expect((await readStop(fresh.db)).stopped).toBe(true);
  expect(await fresh.db.many(z.object({ voter: z.string() }), "select voter from ballot")).toEqual([{ voter: "ci:ada" }]);
});

async function inPhase(phase: "archiving" | "cooling_off" | "grace" | "removing") {
  const row = await openOne(fresh.db);
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await updateDeletion(q, row.id, { phase, entered_at: at(1), until_at: at(86_400_000) });
  });
  return row;
}

test("deletions lists what is under way, and that all is stopped", async () => {
  expect((await terminal("deletions")).out).toBe("No deletion is under way.\n");
  const row = await inPhase("grace");
  await terminal("stop", "drill");
  const { code, out } = await terminal("deletions");
  expect(code).toBe(0);
  for (const word of ["Everything is stopped", "drill", row.slug, row.path, "grace until 1970-01-02", "npx twokey restore"])
    expect(out).toContain(word);
});

test("deletions and restore name one whose row cannot be read, and the others are listed", async () => {
  const [row, bad] = [await inPhase("grace"), await openOne(fresh.db, { name: "bad" })];
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update deletion set evidence = '{}' where id = $1", [bad.id]);
  });
  const { code, out } = await terminal("deletions");
  expect(code).toBe(0);
  expect(out).toContain(row.path);
  expect(out).toContain("bad  ROOT/ci/bad  its row in Twokey's database cannot be read (evidence), so nothing of it goes on");
  const listed = JSON.parse((await terminal("deletions", "--json")).out) as readonly {
    readonly id: string;
    readonly unreadable?: string;
  }[];
  expect(listed.map((d) => [d.id, d.unreadable !== undefined])).toEqual([
    [row.id, false],
    [bad.id, true],
  ]);
  const refused = await terminal("restore", "bad");
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain("ROOT/ci/bad: its row in Twokey's database cannot be read");
});

test("restore cancels in the cool-off", async () => {
  const row = await inPhase("cooling_off");
  expect((await terminal("restore", row.slug)).out).toContain("Cancelled");
  expect(await expectRow(fresh.db, row.id)).toMatchObject({
    phase: "closed",
    closed_because: "cancelled",
    closed_by: "dora at a terminal",
  });
});

test("restore in the grace period is carried out by the running bot, also while everything is stopped", async () => {
  const row = await inPhase("grace");
  await terminal("stop", "drill");
  const done = await terminal("restore", row.path);
  expect(done).toMatchObject({ code: 0, err: "" });
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ restore_by: "dora at a terminal", closed_because: "restored" });
  const audit = await fresh.db.many(z.object({ actor: z.string(), kind: z.string() }), "select actor, kind from audit order by seq");
  expect(audit).toContainEqual({ actor: "terminal:dora", kind: "deletion.restore" });
});

test("restore makes the run that waits due at once", async () => {
  const row = await inPhase("grace");
  // As the bot's start does: its role may work on the engine's tables.
  await prepareStore({ url: fresh.url, migrationUrl: null }, prepareEngine);
  await fresh.db.exec(
    `insert into dbos.workflow_status (workflow_uuid, status, name, queue_name, deduplication_id, queue_partition_key, delay_until_epoch_ms, created_at, updated_at)
     values ('w', 'DELAYED', 'work.deletion', 'work', $1, $2, 99999999999999, 0, 0)`,
    [`work.deletion:${row.id} waits`, `deletion:${row.id}`],
  );
  await terminal("restore", row.slug);
  const Due = z.object({ due: z.number() });
  const { due } = await fresh.db.one(Due, "select delay_until_epoch_ms::double precision as due from dbos.workflow_status");
  expect(due).toBeLessThan(99999999999999);
});

test.each([["archiving"], ["removing"]] as const)("restore in %s is refused with what there is instead, and recorded", async (phase) => {
  const row = await inPhase(phase);
  const done = await terminal("restore", row.slug);
  expect(done.code).toBe(1);
  expect(done.err).toContain("Restore is for");
  expect((await expectRow(fresh.db, row.id)).restore_by).toBeNull();
});

test("restore of what is not there is refused, with where to look", async () => {
  const done = await terminal("restore", "nothing");
  expect(done).toMatchObject({ code: 1 });
  expect(done.err).toContain("npx twokey deletions");
  expect((await terminal("restore")).code).toBe(2);
});
