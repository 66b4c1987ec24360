/**
 * Claim: July 2017 again, with 400 domains: the sync is narrowed to one project, the source loses its rows, the source says that all others
 * are closed, the expunge delay is on, and a hurried approver clicks everything there is, again and again, types every name it is asked for and
 * sends every command. Nothing is deleted, and nobody is locked. The program of 2017, run on the same CloudStack afterwards, destroys the contents of all but one.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { addManagedRoot } from "../../demo/keys.ts";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callCloudStack } from "../../demo/api.ts";
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { cast, demoChannel, slackSeed } from "../../demo/cast.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import type { Twokey } from "../../src/app/start.ts";
import { configOf } from "../support/bot.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import { createEvents } from "../../src/events.ts";
import { serve } from "../../src/main.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentOf } from "../support/environment.ts";
import { clickEverything, type Hurry } from "./hurried.ts";

const COUNT = 400;
const DAY_MS = 24 * 3600_000;
const names = Array.from({ length: COUNT }, (_, i) => `p-${String(i + 1).padStart(3, "0")}`);
const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-2017-"));
let state: FreshDatabase;
let ciDatabase: FreshDatabase;
let ci: pg.Client;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let running: { readonly twokey: Twokey; stop(): Promise<void> } | undefined;

/** What the view of the CI database shows of the 400; its definition stays, since another one would be held for that alone. */
const view = (where: string, closed = "closed_at"): Promise<unknown> =>
  ci.query(`delete from told; insert into told select id, ${closed} from project where ${where}`);
const VIEW = `create table told (id text, closed_at timestamptz);
  create or replace view twokey_projects as select p.id, slug, name, case when t.closed_at is null then 'active' else 'closed' end as state,
    t.closed_at, case when t.closed_at is null then null else '${cast.chen.id}' end as closed_by, limits from project p join told t using (id)`;

beforeAll(async () => {
  [state, ciDatabase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  ci = new pg.Client({ connectionString: ciDatabase.url });
  await ci.connect();
  await ci.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  for (const p of Object.values(cast)) {
    const row = [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId];
    await ci.query("insert into person values ($1, $2, $3, $4, $5, true, $6)", row);
  }
  await ci.query("insert into project (id, slug, name) select n, n, n from unnest($1::text[]) n", [names]);
  await ci.query(VIEW);
  await view("true");
  cloud = await startCloudStackEmulator({ jobMs: 1, expungeDelayMs: DAY_MS, expungeIntervalMs: 1000 });
  const root = addManagedRoot(cloud);
  for (const [i, name] of names.entries()) {
    const domain = cloud.addDomain({ name, parent: root, id: domainIdFor(name as ProjectId, 1) });
    const { accountId } = cloud.addAccount({ domain, name: `${name}-builder` });
    const machine = cloud.addMachine({ account: accountId, name: `${name}-vm`, stopped: i % 2 === 0 });
    cloud.addSnapshot({ machine, name: `${name}-snapshot` });
    cloud.addTemplate({ account: accountId, name: `${name}-template`, bytes: 2000 });
  }
  await recordAsMadeBefore(state.db, cloud);
  slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 120_000 });
  const config = configOf(
    environmentOf(
      { cloud, slack, state, ci: ciDatabase, dataDir },
      {
        TWOKEY_SYNC_EVERY_SECONDS: "3600",
        TWOKEY_COOL_OFF_SECONDS: "1",
        TWOKEY_GRACE_SECONDS: "1",
        TWOKEY_ABSENCE_READS: "2",
        TWOKEY_ABSENCE_SECONDS: "0",
        TWOKEY_DELETIONS_PER_DAY: "400",
        TWOKEY_DELETIONS_PER_WEEK: "400",
      },
    ),
  );
  running = await serve(config, createEvents("silent", "july-2017"));
});

afterAll(async () => {
  await running?.stop();
  await ci?.end();
  await Promise.all([slack?.close(), cloud?.close()]);
  await Promise.all([state?.drop(), ciDatabase?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

/** Everything that stands, with its state. */
const standing = (): string => JSON.stringify(cloud.tree());
const below = () => cloud.tree().children.find((d) => d.name === "ci")?.children ?? [];
const owned = (kind: "machines" | "snapshots" | "templates"): number => below().flatMap((d) => d.accounts.flatMap((a) => a[kind])).length;
const harm = () => cloud.requests().filter((r) => /^(?:delete|destroy|expunge|disable|lock|stop)/i.test(r.command));

test("nothing is deleted, whatever the source says and one person clicks", async () => {
  const before = standing();
  expect([below().length, owned("machines"), owned("snapshots"), owned("templates")]).toEqual([COUNT, COUNT, COUNT, COUNT]);
  const ada = person(slack.url, cast.ada.slackId);
  const hurry: Hurry = { who: ada, channel: demoChannel, names, seen: new Map() };
  // The passes that she asked for may still run: passes never overlap.
  const pass = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += 1) await expect.poll(async () => (await running?.twokey.runPassNow(null))?.ok).toBe(true);
  };
  const said = (words: string) =>
    ada.waitFor(words, (v) => v.conversations.some((c) => c.messages.some((m) => JSON.stringify([m.text, m.blocks]).includes(words))));

  await pass(1);
  await ada.command(demoChannel, "/ci-sync", "p-001");
  await ada.command(demoChannel, "/ci-plan", "p-001");
  await said("says nothing about any other");
  await clickEverything(hurry);

  await view("id = 'p-001'");
  await pass(2);
  await said("the CI database lists only");
  await clickEverything(hurry);

  await view("false");
  await pass(1);
  await clickEverything(hurry);

  await view("true", "case when id <> 'p-001' then now() end");
  await pass(2);
  await said("399 domains would be proposed for deletion at once");
  await clickEverything(hurry);

  await view("true", "case when id in ('p-002', 'p-003', 'p-005') then now() end");
  await pass(1);
  await said("deletion_approve");
  await clickEverything(hurry);
  // Of so many clicks some are refused as too many: she presses again.
  const pressAgain = async (): Promise<boolean> => {
    const shown = (await ada.view()).conversations.flatMap((c) => c.messages);
    const cards = shown.filter((m) => JSON.stringify(m.blocks).includes("deletion_approve"));
    for (const { ts } of cards) await ada.click({ channel: demoChannel, ts, actionId: "deletion_approve" });
    return JSON.stringify(shown.map((m) => [m.text, m.blocks])).includes("1 of 2");
  };
  await expect.poll(pressAgain, { interval: 500 }).toBe(true);

  await view("true");
  await pass(1);
  await clickEverything(hurry);
  expect(harm()).toEqual([]);
  expect(standing()).toBe(before);
  // The person really was there: commands, buttons and windows were tried.
  expect(hurry.seen.get("command")).toBeGreaterThan(10);
  console.info(`2017: one person did ${[...hurry.seen].map(([k, n]) => `${n} × ${k}`).join(", ")}`);
});

test("the program of 2017 destroys all but one here, expunge delay or not", async () => {
  await view("id = 'p-001'");
  const { rows } = await ci.query<{ slug: string }>("select slug from twokey_projects");
  const wanted = new Set(rows.map((r) => r.slug));
  for (const domain of below())
    if (!wanted.has(domain.name)) await callCloudStack(cloud.url, cloud.admin, { command: "deleteDomain", id: domain.id, cleanup: "true" });
  await expect.poll(() => [owned("machines"), owned("snapshots"), owned("templates")]).toEqual([1, 1, 1]);
});
