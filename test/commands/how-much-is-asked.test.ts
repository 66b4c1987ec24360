/**
 * Claim: a command asks CloudStack and the CI database for what its answer needs only. Counted on the whole bot, with nothing remembered:
 * the list of templates by at most 8 calls and 1 read, of one project or of all, from the choice to the link at most 12 and 2, a project's
 * status by at most 20. The menu over all projects offers what is somebody's own, whatever it is called, within Slack's limits.
 * Keep in the status of a project that is to be deleted keeps it, on the same bot.
 */
import { randomUUID } from "node:crypto";
import { addManagedRoot } from "../../demo/keys.ts";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { cast, demoChannel, slackSeed } from "../../demo/cast.ts";
import type { Json, JsonObject } from "../../emulators/slack/control-api.ts";
import { person, type Person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { startTwokey, type Twokey } from "../../src/app/start.ts";
import { configOf } from "../support/bot.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import type { Instant, ProjectId } from "../../src/core/ids.ts";
import { createEvents } from "../../src/events.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentOf } from "../support/environment.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-asked-"));
let state: FreshDatabase;
let ciDatabase: FreshDatabase;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let twokey: Twokey | undefined;
/** How far the bot's clock is ahead: what it remembers for seconds is forgotten before each test. */
let aheadMs = 0;
let ciReads = 0;

/** More projects than a person is shown one by one. */
const more = [3, 4, 5, 6, 7, 8] as const;
const hostileNames = [
  "<!channel> & <https://evil.example|ok>",
  "*b* _i_ `c`",
  "x".repeat(200),
  "\u202Egpj.exe",
  "ÄÖ 名前",
  "a\nb",
] as const;

/** Counts the transactions on the CI database; a statement outside of one is one too. */
function countReads(name: string): () => void {
  const open = new Set<pg.Client>();
  const real = pg.Client.prototype.query;
  const spy = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    if (this.database === name) {
      const sql = typeof args[0] === "string" ? args[0].trim().toLowerCase() : "";
      if (!open.has(this)) ciReads += 1;
      if (sql.startsWith("begin")) open.add(this);
      if (/^(?:commit|rollback)/.test(sql)) open.delete(this);
    }
    return (real as (...all: unknown[]) => unknown).apply(this, args);
  } as never);
  return () => spy.mockRestore();
}
let stopCounting = (): void => undefined;

beforeAll(async () => {
  [state, ciDatabase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  const client = new pg.Client({ connectionString: ciDatabase.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  for (const p of Object.values(cast)) {
    const row = [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId];
    await client.query("insert into person values ($1, $2, $3, $4, $5, true, $6)", row);
  }
  await client.query("insert into project (id, slug, name) values ('p-1', 'aurora', 'Aurora'), ('p-2', 'other', 'Other')");
  for (const n of more)
    await client.query("insert into project (id, slug, name) values ($1, $2, $3)", [`p-${n}`, `more-${n}`, `More ${n}`]);
  await client.query("insert into membership values ('p-1', $1, 'member')", [cast.mia.id]);
  await client.end();
  cloud = await startCloudStackEmulator({ jobMs: 1 });
  const root = addManagedRoot(cloud);
  for (const [id, name] of [["p-1", "aurora"], ["p-2", "other"], ...more.map((n) => [`p-${n}`, `more-${n}`] as const)] as const) {
    const domain = cloud.addDomain({ name, parent: root, id: domainIdFor(id as ProjectId, 1) });
    const { accountId } = cloud.addAccount({ domain, name: `${name}-one` });
    const machine = cloud.addMachine({ account: accountId, name: `${name}-vm` });
    cloud.addVolume({ account: accountId, name: `${name}-disk`, machine });
    cloud.addSnapshot({ machine, name: `${name}-snapshot` });
    for (const n of [1, 2]) cloud.addTemplate({ account: accountId, name: `${name}-template-${n}`, bytes: 1000 });
    if (name === "more-3") for (const hostile of hostileNames) cloud.addTemplate({ account: accountId, name: hostile, bytes: 1000 });
    if (name === "more-4") for (let n = 0; n < 120; n++) cloud.addTemplate({ account: accountId, name: `many-${n}`, bytes: 1000 });
  }
  await recordAsMadeBefore(state.db, cloud);
  slack = await startSlackEmulator({ seed: slackSeed() });
  // Passes that run by themselves would be counted with the answers.
  const environment = {
    ...{ TWOKEY_SYNC_EVERY_SECONDS: "3600", TWOKEY_QUICK_PASS_SECONDS: "0" },
    TWOKEY_PUBLIC_URL: "https://twokey.example.org",
  };
  const config = configOf(environmentOf({ cloud, slack, state, ci: ciDatabase, dataDir }, environment));
  const started = await startTwokey(config, state.url, {
    now: () => (Date.now() + aheadMs) as Instant,
    steadyMs: () => performance.now(),
    newId: () => randomUUID(),
    newToken: () => randomUUID().replaceAll("-", ""),
    sleep: async (ms, signal) => {
      await pause(ms, undefined, signal === undefined ? {} : { signal });
    },
    events: createEvents("silent", "asked"),
    onFatal: (error) => {
      throw error;
    },
  });
  if (!started.ok) throw new Error(started.error.message);
  twokey = started.value;
  expect((await twokey.runPassNow(null)).ok).toBe(true);
  stopCounting = countReads(new URL(ciDatabase.url).pathname.slice(1));
}, 60_000);

afterAll(async () => {
  stopCounting();
  await twokey?.stop();
  await Promise.all([slack?.close(), cloud?.close()]);
  await Promise.all([state?.drop(), ciDatabase?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

beforeEach(() => {
  aheadMs += 60_000;
});

/** Does something, waits for what a person then sees, and counts what was asked meanwhile. */
async function counted<T>(act: () => Promise<unknown>, answer: () => Promise<T>) {
  const before = cloud.requests().length;
  ciReads = 0;
  await act();
  const seen = await answer();
  const calls = cloud
    .requests()
    .slice(before)
    .map((r) => r.command);
  return { seen, calls, reads: ciReads };
}

/** The message to a person that holds these words, its fields too. */
const told = (who: Person, words: string) =>
  who.waitFor(
    words,
    (v) => v.conversations.flatMap((c) => c.messages).findLast((m) => JSON.stringify([m.text, m.blocks]).includes(words)),
    60_000,
  );

function optionOf(json: Json): string | undefined {
  if (json === null || typeof json !== "object") return undefined;
  if (!Array.isArray(json) && (json as JsonObject)["action_id"] === "choose_template")
    return String(((json as JsonObject)["options"] as readonly JsonObject[])[0]?.["value"]);
  return Object.values(json)
    .map((v) => optionOf(v as Json))
    .find((v) => v !== undefined);
}

test("the list of templates, and from the choice to the link", async () => {
  const mia = person(slack.url, cast.mia.slackId);
  const list = await counted(
    () => mia.command("C0CIUSERS", "/ci-export-template", "aurora"),
    () => told(mia, "Which template"),
  );
  expect(JSON.stringify(list.seen.blocks)).toContain("aurora-template-2");
  expect(list.calls.length, list.calls.join(" ")).toBeLessThanOrEqual(8);
  expect(list.calls).toContain("listTemplates");
  expect(list.reads).toBe(1);

  aheadMs += 60_000;
  const value = optionOf(list.seen.blocks as Json) ?? "";
  const link = await counted(
    () => mia.click({ channel: "C0CIUSERS", ts: list.seen.ts, actionId: "choose_template", value }),
    () => told(mia, "Download"),
  );
  expect(link.calls).toContain("extractTemplate");
  expect(link.calls.length, link.calls.join(" ")).toBeLessThanOrEqual(12);
  expect(link.reads).toBeGreaterThan(0);
  expect(link.reads).toBeLessThanOrEqual(2);
}, 90_000);

// On a machine so busy that this takes longer than who is who is kept, people are read again: then it is counted again.
test(
  "the menu over all projects: one list for the team's eight, then none for a minute; from the choice to the link",
  { retry: 2, timeout: 120_000 },
  async () => {
    const ada = person(slack.url, cast.ada.slackId);
    const asked = await counted(
      () => ada.command(demoChannel, "/ci-export-template"),
      () => told(ada, "Which template"),
    );
    expect(JSON.stringify(asked.seen.blocks)).toContain('"external_select"');
    expect(asked.calls.length, asked.calls.join(" ")).toBeLessThanOrEqual(8);
    expect(asked.calls.filter((c) => c === "listTemplates")).toHaveLength(1);
    expect(asked.reads).toBe(1);
    const place = { channel: demoChannel, ts: asked.seen.ts, actionId: "choose_template" };
    const typing = async (who: Person, value: string, at = place) => {
      const answered = await who.options({ ...at, value });
      return answered.ok ? (answered.options ?? []) : [];
    };
    const labels = (options: readonly JsonObject[]) => options.map((o) => String((o["text"] as JsonObject)["text"]));
    const before = cloud.requests().length;
    const all = await typing(ada, "");
    expect(all).toHaveLength(100);
    const hostile = labels(await typing(ada, "more-3"));
    expect(hostile).toHaveLength(hostileNames.length + 2);
    for (const label of hostile) expect([...label].length).toBeLessThanOrEqual(75);
    expect(hostile.join()).not.toContain("\u202E");
    expect(hostile).toEqual(expect.arrayContaining([expect.stringMatching(/^more-3: x{50,}… \(1000 B\)$/)]));
    expect(labels(await typing(ada, "many-119"))).toEqual(["more-4: many-119 (1000 B)"]);
    expect(await typing(ada, "no such thing")).toEqual([]);
    expect(cloud.requests().length).toBe(before);
    expect((await ada.view()).notices.filter((n) => n.text.includes("options"))).toEqual([]);

    aheadMs += 30_000;
    const [option] = await typing(ada, "more-5 template-1");
    const link = await counted(
      () => ada.click({ ...place, value: String(option?.["value"]) }),
      () => told(ada, "Download more-5-template-1"),
    );
    expect(link.calls.length, link.calls.join(" ")).toBeLessThanOrEqual(12);
    expect(link.reads).toBeLessThanOrEqual(2);

    const mia = person(slack.url, cast.mia.slackId);
    await mia.command("C0CIUSERS", "/ci-export-template");
    const own = await told(mia, '"external_select"');
    const offered = labels(await typing(mia, "", { channel: "C0CIUSERS", ts: own.ts, actionId: "choose_template" }));
    expect(offered).toEqual(["aurora: aurora-template-1 (1000 B)", "aurora: aurora-template-2 (1000 B)"]);
    // Somebody else's, from a menu that was not theirs.
    await mia.click({ channel: "C0CIUSERS", ts: own.ts, actionId: "choose_template", value: String(option?.["value"]) });
    expect((await mia.view()).conversations.flatMap((c) => c.messages).filter((m) => m.text.includes("more-5"))).toEqual([]);

    const message = link.seen;
    const dm = (await ada.view()).conversations.find((c) => c.messages.some((m) => m.ts === message.ts))?.id ?? "";
    expect(await ada.click({ channel: dm, ts: message.ts, actionId: "export_revoke" })).toMatchObject({ ok: true, acked: true });
    await told(ada, "Link revoked");
  },
);

test("a project's status, for its member and for the team", async () => {
  for (const who of [cast.mia, cast.ada]) {
    aheadMs += 60_000;
    const one = person(slack.url, who.slackId);
    const status = await counted(
      () => one.command(who === cast.mia ? "C0CIUSERS" : demoChannel, "/ci-status", "aurora"),
      () => told(one, "No deletion is under way"),
    );
    const shown = JSON.stringify(status.seen.blocks);
    for (const part of ["1 running, 0 not", "aurora-template-1", "aurora-template-2", "*Disks* (2)", "*Snapshots* (1)"])
      expect(shown).toContain(part);
    expect(status.calls.length, status.calls.join(" ")).toBeLessThanOrEqual(20);
    expect(status.reads).toBeLessThanOrEqual(2);
  }
}, 90_000);

test("the status of a project that is to be deleted has Keep for its member, and one click keeps it", async () => {
  const client = new pg.Client({ connectionString: ciDatabase.url });
  await client.connect();
  await client.query("update project set closed_at = now(), closed_by = $1 where id = 'p-1'", [cast.chen.id]);
  await client.end();
  // Nothing is opened while the clocks disagree.
  aheadMs = 0;
  expect((await twokey?.runPassNow(null))?.ok).toBe(true);
  const [mia, ada] = [person(slack.url, cast.mia.slackId), person(slack.url, cast.ada.slackId)];
  await told(ada, "ROOT/ci/aurora");
  await mia.command("C0CIUSERS", "/ci-status", "aurora");
  const status = await told(mia, "status_keep");
  expect(status.text).toMatch(/^aurora: (?:backing up templates|waiting for approvals)\b/);
  await mia.click({ channel: "C0CIUSERS", ts: status.ts, actionId: "status_keep" });
  await told(mia, "The domain is kept");
  await told(ada, "ROOT/ci/aurora: Kept, nothing deleted");
  await mia.command("C0CIUSERS", "/ci-status", "aurora");
  await told(mia, "The last deletion: kept, nothing deleted");
}, 90_000);
