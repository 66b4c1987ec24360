/**
 * Claim: a team with 400 domains that exist already starts: it looks without writing, proposes at a terminal, three approve in Slack, and
 * everything is managed without one call that changes something. Then the plan is ordinary, nothing is destroyed, what restricts waits, and
 * an adopted domain of another name than its project is exported and, once two approve that, deleted like any other.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { cast, demoChannel, slackSeed } from "../../demo/cast.ts";
import { addManagedRoot } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { person, type Person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import type { Twokey } from "../../src/app/start.ts";
import { createEvents } from "../../src/events.ts";
import { serve } from "../../src/main.ts";
import { configOf } from "../support/bot.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentOf, environmentWithoutSlack } from "../support/environment.ts";
import { twokey } from "../support/terminal.ts";

const COUNT = 400;
const names = Array.from({ length: COUNT }, (_, i) => `p-${String(i + 1).padStart(3, "0")}`);
const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-adopt-"));
const mapFile = path.join(dataDir, "map.csv");
let state: FreshDatabase;
let ciDatabase: FreshDatabase;
let ci: pg.Client;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let running: { readonly twokey: Twokey; stop(): Promise<void> } | undefined;
let outside: Record<string, string>;

beforeAll(async () => {
  [state, ciDatabase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  ci = new pg.Client({ connectionString: ciDatabase.url });
  await ci.connect();
  await ci.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  for (const p of Object.values(cast)) {
    const row = [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId];
    await ci.query("insert into person values ($1, $2, $3, $4, $5, true, $6)", row);
  }
  await ci.query(
    "insert into person select 'dev-' || n, 'dev-' || n, 'dev-' || n || '@example.org', 'Dev', n, true, null from unnest($1::text[]) n",
    [names],
  );
  await ci.query("insert into project (id, slug, name) select n, n, n from unnest($1::text[]) n", [names]);
  await ci.query("insert into membership select n, 'dev-' || n, 'member' from unnest($1::text[]) n", [names]);
  await ci.query("insert into membership values ('p-001', $1, 'member')", [cast.mia.id]);
  cloud = await startCloudStackEmulator({ jobMs: 1 });
  const root = addManagedRoot(cloud);
  for (const [i, name] of names.entries()) {
    const domain = cloud.addDomain({ name: i === 0 ? "Team One" : name, parent: root });
    // Every tenth has nobody yet, every tenth an old e-mail; the second has another role than members have.
    if (i % 10 === 5) continue;
    const email = i % 10 === 9 ? `old-${name}@example.org` : `dev-${name}@example.org`;
    const role = i === 1 ? { role: cloud.findRole("User") ?? "" } : {};
    const { accountId } = cloud.addAccount({ domain, name: `dev-${name}`, email, firstname: "Dev", lastname: name, ...role });
    cloud.addMachine({ account: accountId, name: `${name}-vm`, stopped: true });
    cloud.addTemplate({ account: accountId, name: `${name}-template`, bytes: 2000 });
  }
  cloud.addDomain({ name: "nobody-s", parent: root });
  slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 120_000 });
  outside = environmentWithoutSlack({ cloud, state, ci: ciDatabase, dataDir }, { USER: cast.chen.username });
  writeFileSync(mapFile, "# the old name\np-001,ROOT/ci/Team One\n");
});

afterAll(async () => {
  await running?.stop();
  await ci?.end();
  await Promise.all([slack?.close(), cloud?.close()]);
  await Promise.all([state?.drop(), ciDatabase?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

const changes = (): readonly string[] =>
  cloud
    .requests()
    .map((r) => r.command)
    .filter((command) => !/^(?:list|query|get|addAnnotation|removeAnnotation)/.test(command));
const below = () => cloud.tree().children.find((d) => d.name === "ci")?.children ?? [];
const owned = () => below().flatMap((d) => d.accounts.flatMap((a) => [...a.machines, ...a.templates])).length;
const who = (p: { readonly slackId: string }): Person => person(slack.url, p.slackId);
/** The newest message of the channel that holds all these words. */
const card = (p: Person, ...words: readonly string[]) =>
  p.waitFor(words.join(", "), (v) =>
    v.conversations.flatMap((c) => c.messages).findLast((m) => words.every((w) => JSON.stringify([m.text, m.blocks]).includes(w))),
  );
const passNow = () => expect.poll(async () => (await running?.twokey.runPassNow(null))?.ok, { timeout: 120_000 }).toBe(true);
const Counts = z.object({ tables: z.coerce.number(), domains: z.coerce.number(), accounts: z.coerce.number(), rows: z.coerce.number() });
const stored = () =>
  state.db.one(
    Counts,
    `select (select count(*) from adoption) as tables, (select count(*) from managed_domain where origin = 'adopted') as domains,
       (select count(*) from managed_account) as accounts, (select count(*) from audit) as rows`,
  );

test("a look without writing, and without Slack: the whole table, as text and as JSON; a mapping file with faults is refused", async () => {
  const before = await stored();
  const looked = await twokey(["adopt", "--dry-run", "--json", "--map", mapFile], outside);
  expect(looked).toMatchObject({ code: 0, err: "" });
  const table = JSON.parse(looked.out) as { counts: Record<string, number>; domains: readonly unknown[]; question: unknown };
  expect(table.counts).toMatchObject({ found: 400 + 360, absent: 41, ambiguous: 0 });
  expect([table.domains.length, table.question]).toEqual([400, null]);
  const text = await twokey(["adopt", "--dry-run"], outside);
  expect(text.out).toContain("To adopt: 399 domains and 359 accounts.");
  expect(text.out).toContain("ROOT/ci/Team One: no active project has its name");
  for (const [content, words] of [
    [
      "p-001,Team One\np-002,Team One\nzzz,p-003\np-004",
      ["line 2: the same domain", "line 3: the CI database has no project zzz", "line 4: there is no comma"],
    ],
    ["  \n", ["is empty"]],
  ] as const) {
    const bad = path.join(dataDir, "bad.csv");
    writeFileSync(bad, content);
    const refused = await twokey(["adopt", "--dry-run", "--map", bad], outside);
    expect(refused.code).toBe(2);
    for (const w of words) expect(refused.err).toContain(w);
  }
  expect((await twokey(["adopt", "--map", path.join(dataDir, "none.csv")], outside)).err).toContain("is not there");
  expect(await stored()).toEqual(before);
  expect(changes()).toEqual([]);
});

test("proposed at a terminal, approved by three in Slack: 400 domains are managed, and nothing was changed", async () => {
  const config = configOf(
    environmentOf(
      { cloud, slack, state, ci: ciDatabase, dataDir },
      {
        ...{ TWOKEY_SYNC_EVERY_SECONDS: "3600", TWOKEY_COOL_OFF_SECONDS: "1", TWOKEY_GRACE_SECONDS: "1" },
        ...{ TWOKEY_PUBLIC_URL: "https://twokey.example.org" },
      },
    ),
  );
  // A project whose domain has another name would get a new one by the first pass: its row waits until the mapping file says which.
  await ci.query("update project set slug = null where id = 'p-001'");
  running = await serve(config, createEvents("silent", "adopt"));
  await passNow();
  await ci.query("update project set slug = 'p-001' where id = 'p-001'");
  const [ada, ben, chen] = [who(cast.ada), who(cast.ben), who(cast.chen)];
  await card(ada, "/ci-adopt", "has the name of p-002");
  expect(changes()).toEqual([]);

  const made = await twokey(["adopt", "--map", mapFile], outside);
  expect(made).toMatchObject({ code: 0 });
  expect(made.out).toContain("where 3 approvers must agree");
  const before = changes().length;
  const shown = await card(ada, "Should Twokey adopt", "adoption_approve");
  await ada.waitFor("the table in the thread", (v) => /adoption-[0-9a-f]{12}\.txt/.test(JSON.stringify(v)));
  const click = (p: Person) => p.click({ channel: demoChannel, ts: shown.ts, actionId: "adoption_approve" });
  await ada.click({ channel: demoChannel, ts: shown.ts, actionId: "adoption_approve", value: "v1:forged" });
  await ada.waitFor("a forged value is refused", (v) => JSON.stringify(v).includes("not made by Twokey"));
  await click(ada);
  await card(ada, "Should Twokey adopt", "1 of 3");
  await click(ben);
  await card(ada, "Should Twokey adopt", "2 of 3");
  // The login at the terminal was Chen's, which is a note only: one approver more was asked for.
  await click(chen);
  await card(ada, "Approved: adopt", "They are managed now");
  expect(await stored()).toMatchObject({ tables: 1, domains: 400, accounts: 360 });
  expect(changes().length).toBe(before);
});

test("the next plan is ordinary: it creates and repairs, destroys and locks nothing, and what restricts waits for two more people", async () => {
  const [things, before] = [owned(), changes().length];
  await passNow();
  const [ada, ben, chen] = [who(cast.ada), who(cast.ben), who(cast.chen)];
  await card(ada, "it is its first plan", "/ci-adopt release");
  const since = changes().slice(before);
  expect(new Set(since)).toEqual(new Set(["createAccount", "updateUser"]));
  expect(owned()).toBe(things);
  const account = () =>
    below()
      .find((d) => d.name === "p-002")
      ?.accounts.find((a) => a.name === "dev-p-002");
  expect(account()).toMatchObject({ state: "enabled" });

  await chen.command(demoChannel, "/ci-adopt", "release");
  const shown = await card(ada, "Should Twokey release", "adoption_approve", "give dev-p-002 in p-002 the role CI Member");
  await ada.click({ channel: demoChannel, ts: shown.ts, actionId: "adoption_approve" });
  await card(ada, "Should Twokey release", "1 of 2");
  await ben.click({ channel: demoChannel, ts: shown.ts, actionId: "adoption_approve" });
  await card(ada, "Approved: release");
  await passNow();
  expect(changes()).toContain("updateAccount");
});

test("un-adopt asks, for a script as JSON; what is not adopted is refused, without JSON", async () => {
  const asked = await twokey(["un-adopt", "p-003", "p-004", "--json"], outside);
  expect(asked).toMatchObject({ code: 0, err: "" });
  const { question, ...given } = JSON.parse(asked.out) as { question: { id: string } };
  expect(given).toMatchObject({
    root: "ROOT/ci",
    domains: [{ path: "ROOT/ci/p-003" }, { path: "ROOT/ci/p-004" }],
    lines: [expect.stringContaining("ROOT/ci/p-003: Twokey no longer manages it"), expect.stringContaining("ROOT/ci/p-004")],
  });
  expect(question).toEqual({ id: expect.any(String) as string, wasOpen: false, approvals: 3 });
  const again = await twokey(["un-adopt", "p-003", "p-004", "--json"], outside);
  expect(JSON.parse(again.out)).toMatchObject({ question: { id: question.id, wasOpen: true } });
  const refused = await twokey(["un-adopt", "nowhere", "--json"], outside);
  expect(refused).toMatchObject({ code: 2, out: "", err: expect.stringContaining("nowhere") as string });
});

test("an adopted domain of another name is exported, and deleted once two approve that", async () => {
  const [ada, ben, mia] = [who(cast.ada), who(cast.ben), who(cast.mia)];
  await mia.command("C0CIUSERS", "/ci-export-template", "p-001 p-001-template");
  await mia.waitFor("the link", (v) => JSON.stringify(v).includes("https://twokey.example.org/exports/"));
  await ci.query("update project set closed_at = now(), closed_by = $1 where id = 'p-001'", [cast.chen.id]);
  await passNow();
  const shown = await card(ada, "ROOT/ci/Team One", "deletion_approve");
  await ada.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  await card(ada, "ROOT/ci/Team One", "1 of 2");
  await ben.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  const modal = await ben.waitFor("the window", (v) => v.modals[0]);
  await ben.submit({ viewId: modal.id, values: { name: { name: "Team One" } } });
  await card(ada, "ROOT/ci/Team One: Deleted");
  expect(below().map((d) => d.name)).not.toContain("Team One");
  expect(below()).toHaveLength(COUNT);
});
