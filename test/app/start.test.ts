/**
 * Claims about the bot as `startTwokey` starts it: it starts while CloudStack is away and works when it is back; the first start takes three
 * approvers; later only those count who are in the policy in force, from one moment to the next; its clocks are really compared; and its links
 * are good for their time and with their secret only.
 */
import { setTimeout as pause } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import { addManagedRoot } from "../../demo/keys.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { cast, demoApproverGroup, demoChannel, slackSeed } from "../../demo/cast.ts";
import { person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { startTwokey, type Twokey } from "../../src/app/start.ts";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import { tokenHash } from "../../src/archive/links.ts";
import { reimportPath } from "../../src/archive/reimport/links.ts";
import type { DomainId, DomainPath, Instant, ProjectId } from "../../src/core/ids.ts";
import type { Result } from "../../src/core/result.ts";
import type { Failure } from "../../src/core/failure.ts";
import { createEvents, type Events } from "../../src/events.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { readPolicy } from "../../src/store/policies.ts";
import { insertReimport, updateReimportItem } from "../../src/store/reimports.ts";
import { configOf, putInForce } from "../support/bot.ts";
import { ciDatabaseWith } from "../archive/reimport/support.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import { environmentOf } from "../support/environment.ts";

const DAY_MS = 86_400_000;
const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-start-"));
let state: FreshDatabase;
let ci: FreshDatabase;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let running: Twokey | null = null;
/** How far this process's clock is ahead. */
let aheadMs = 0;

beforeAll(async () => {
  const projects = [{ id: "p-1", slug: "aurora", members: [] }];
  [ci, cloud] = await Promise.all([ciDatabaseWith(projects), startCloudStackEmulator({ jobMs: 1 })]);
  for (const p of Object.values(cast))
    await ci.db.exec("insert into public.person values ($1, $2, $2 || '@example.org', $3, $4, true, $5)", [
      ...[p.id, p.username, p.firstName, p.lastName, p.slackId],
    ]);
  addManagedRoot(cloud);
}, 60_000);
beforeEach(async () => {
  aheadMs = 0;
  cloud.setFaults([]);
  [state, slack] = await Promise.all([freshDatabase(), startSlackEmulator({ seed: slackSeed() })]);
}, 60_000);
afterEach(async () => {
  await running?.stop();
  running = null;
  await slack.close();
  await state.drop();
}, 60_000);
afterAll(async () => {
  await cloud?.close();
  await ci?.drop();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

const theGroup = { SLACK_APPROVER_GROUP: demoApproverGroup };
/** Approvers by name instead of the group. */
const listed = (...who: readonly (keyof typeof cast)[]) => ({
  SLACK_APPROVER_GROUP: "",
  SLACK_APPROVERS: who.map((name) => cast[name].slackId).join(","),
});
const configWith = (approvers: Record<string, string>) =>
  configOf(environmentOf({ cloud, slack, state, ci, dataDir }, { TWOKEY_SYNC_EVERY_SECONDS: "3600", ...approvers }));

async function start(approvers: Record<string, string>, events: Events = createEvents("silent", "test")): Promise<Result<Twokey, Failure>> {
  const started = await startTwokey(configWith(approvers), state.url, {
    now: () => (Date.now() + aheadMs) as Instant,
    steadyMs: () => performance.now(),
    newId: () => randomUUID(),
    newToken: () => randomUUID(),
    // Pauses between two tries are skipped; how long Slack may take to say hello is not.
    sleep: async (ms, signal) =>
      ms < 30_000 ? undefined : pause(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }),
    events,
    onFatal: (error) => {
      throw error;
    },
  });
  if (started.ok) running = started.value;
  return started;
}
async function mustStart(...of: Parameters<typeof start>): Promise<Twokey> {
  const started = await start(...of);
  if (!started.ok) throw new Error(started.error.message);
  return started.value;
}
/** Waits until a person has been told something. */
const told = (who: keyof typeof cast, words: string) =>
  person(slack.url, cast[who].slackId).waitFor(words, (v) => JSON.stringify(v).includes(words), 60_000);
/** A person writes a command, and is told something in answer. */
async function writes(who: keyof typeof cast, command: string, text: string, answer: string): Promise<void> {
  await person(slack.url, cast[who].slackId).command(demoChannel, command, text);
  await told(who, answer);
}

// The first one: CloudStack has no mark of another installation yet.
test("stopped while the first pass reads: it waits for no answer, and nothing is asked of a database that is closed", async () => {
  const bugs: string[] = [];
  const log = (fact: string): void => void bugs.push(fact);
  const twokey = await mustStart(theGroup, { ...createEvents("silent", "test"), bug: log, failed: log });
  cloud.setFaults([{ kind: "delay", command: "listDomains", ms: 20_000 }]);
  const begun = twokey.begin();
  await eventually("the first pass reads", async () => (await state.db.exec("select from pass where ended_at is null")) === 1);
  running = null;
  await twokey.stop();
  await begun;
  expect(bugs).toEqual([]);
  expect(await state.db.exec("select from pass where trouble like '%being stopped'")).toBe(1);
}, 90_000);

test("CloudStack is away at the start, then back", async () => {
  cloud.setFaults([{ kind: "status", status: 503 }]);
  const logged: string[] = [];
  const silent = createEvents("silent", "test");
  const log = (fact: string): void => void logged.push(fact);
  const twokey = await mustStart(theGroup, { ...silent, failed: log, warn: log });
  // Links to this machine alone lead nobody anywhere.
  expect(logged).toEqual(expect.arrayContaining(["cloudstack.probe", "http.no_public_address"]));
  expect(await twokey.runPassNow(null)).toMatchObject({ ok: true, value: { state: "held" } });
  await told("ada", "CloudStack was not read completely");
  cloud.setFaults([]);
  expect(await twokey.runPassNow(null)).toMatchObject({ ok: true, value: { state: "applied" } });
  await told("ada", "create domain ROOT/ci/aurora");

  const read = async (path: string): Promise<string> => (await fetch(`${twokey.http.url}${path}`)).text();
  expect(JSON.parse(await read("/readyz"))).toEqual({ ready: true, database: "ok", slack: "ok", engine: "ok" });
  const metrics = await read("/metrics");
  for (const line of [
    'twokey_passes_total{outcome="held"} 1',
    'twokey_passes_total{outcome="applied"} 1',
    'twokey_cloudstack_calls_total{command="listDomains",outcome="cloudstack.maintenance"}',
    'twokey_changes_total{kind="create_domain",outcome="done"} 1',
    'twokey_slack_calls_total{method="chat.postMessage",outcome="answered"}',
    'twokey_deletions{phase="frozen"} 0',
    'twokey_votes_waiting{question="deletion"} 0',
    'twokey_budget_left{limit="deletionsPerDay"} 1',
    'twokey_up{part="slack"} 1',
    "twokey_stopped_seconds 0",
    "\ntwokey_queue_length ",
    "twokey_archive_bytes 0",
    "twokey_complete_pass_age_seconds ",
    'twokey_build_info{version="',
    "nodejs_eventloop_lag_seconds",
  ])
    expect(metrics).toContain(line);
  expect(metrics.match(/twokey_scrape_error\{.*\} 1/g)).toBeNull();
  expect(metrics).not.toContain("aurora");
}, 90_000);

test("with the token of an installation for a whole organisation it does not start, and says which one to use", async () => {
  Object.assign(slack.workspace.seed.team, { isOrgWide: true });
  expect(await start(theGroup)).toMatchObject({
    ok: false,
    error: { code: "slack.org_wide", remedy: expect.stringContaining("Install to Workspace") as string },
  });
  Object.assign(slack.workspace.seed.team, { isOrgWide: false });
}, 90_000);

test("in a public channel everybody could join the team: it does not start without a group for it", async () => {
  Object.assign(slack.workspace.channel(demoChannel) ?? {}, { isPrivate: false });
  expect(await start(theGroup)).toMatchObject({ ok: false, error: { code: "slack.public_channel" } });
}, 90_000);

test("the first start takes three approvers, and without them puts no policy in force; later two are enough", async () => {
  const refused = {
    ok: false,
    error: { code: "slack.too_few_approvers", message: expect.stringMatching(/Only 2 .* at least 3/) as string },
  };
  expect(await start(listed("ada", "ben"))).toMatchObject(refused);
  expect(await readPolicy(state.db)).toBeNull();
  await putInForce(state.db, { approvers: { group: null, ids: [cast.ada.slackId, cast.ben.slackId] } }, configWith(theGroup));
  await mustStart(theGroup);
}, 90_000);

test("approvers who were seen as one person keep nobody from starting, so that all can be stopped", async () => {
  await putInForce(state.db, { approvers: { group: demoApproverGroup, ids: [] } }, configWith(theGroup));
  await mustStart(theGroup);
  await running?.stop();
  running = null;
  // A row of the CI database had everybody's Slack account for a moment.
  const seen = "insert into known_account select slack_account, 'ci:wrong', seen_at from known_account on conflict do nothing";
  await state.db.exec(seen);
  const logged: string[] = [];
  const silent = createEvents("silent", "test");
  await mustStart(theGroup, { ...silent, warn: (fact: string) => void logged.push(fact) });
  expect(logged).toContain("slack.approvers_merged");
  await writes("ada", "/ci-stop", "looks wrong", "nothing is sent to CloudStack from now on");
}, 90_000);

test("after the first start the environment's approvers count no more, and a change in force counts at once", async () => {
  await putInForce(state.db, { approvers: { group: demoApproverGroup, ids: [] } }, configWith(theGroup));
  // By the environment alone it would not even start.
  await mustStart(listed("mia"));
  await writes("ada", "/ci-stop", "looks wrong", "nothing is sent to CloudStack from now on");
  await putInForce(state.db, { approvers: { group: null, ids: [cast.ada.slackId, cast.ben.slackId] } }, configWith(theGroup));
  await writes("chen", "/ci-resume", "", "You are not one of the approvers");
  await writes("ada", "/ci-resume", "", "1 of 2 approvers want to resume");
  await writes("ben", "/ci-resume", "", "Resumed: two people agreed");
}, 90_000);

test("while this process's clock differs from the database server's, nobody's vote counts", async () => {
  await mustStart(theGroup);
  await writes("ada", "/ci-stop", "looks wrong", "nothing is sent to CloudStack from now on");
  aheadMs = 30 * DAY_MS;
  await writes("ada", "/ci-resume", "", "clock is 30 days ahead");
  aheadMs = 0;
  await writes("ada", "/ci-resume", "", "1 of 2 approvers want to resume");
}, 90_000);

test("a link of a re-import serves its copy for its time, with its secret, and at no other time", async () => {
  const twokey = await mustStart(theGroup);
  const [entry, item, token] = [randomUUID(), randomUUID(), "secret".repeat(5)];
  const store = createFolderStore(path.join(dataDir, "archive"));
  await store.append(entry, 0, Readable.from([Buffer.from("abc")]));
  await store.finish(entry);
  await insertEntry(state.db, { kind: "backup", id: randomUUID() }, { id: entry, itemKind: "template", itemId: "t", name: "t", at: 1 });
  await updateEntry(state.db, entry, 1, { state: "verified", key: entry, sha256: "0", bytes: 3, manifest: {} });
  const key = { project_id: "p-1" as ProjectId, domain_id: randomUUID() as DomainId, path: "ROOT/ci/aurora" as DomainPath, account: "" };
  const reimport = { id: randomUUID(), ...key, from_at: at(1), begun_at: at(1) };
  await insertReimport(state.db, reimport, [{ id: item, entryId: entry, account: "ann" }]);
  const made = reimportPath(item, token, "QCOW2");
  if (!made.ok) throw new Error(made.error.message);
  const link = `${twokey.http.url}${made.value}`;
  const fetched = async (url: string): Promise<readonly [number, string]> => {
    const answer = await fetch(url);
    return [answer.status, await answer.text()];
  };
  const nothing = [404, "Nothing is served here.\n"];
  expect(await fetched(link)).toEqual(nothing);
  await updateReimportItem(state.db, item, 1, { state: "registering", tokenSha256: tokenHash(token), linkUntil: Date.now() + 90_000 });
  expect(await fetched(link)).toEqual([200, "abc"]);
  expect(await fetched(link.replace("secret", "secreT"))).toEqual(nothing);
  aheadMs = 90_000;
  expect(await fetched(link)).toEqual(nothing);
  aheadMs = 0;
  expect(await fetched(link)).toEqual([200, "abc"]);
}, 90_000);
