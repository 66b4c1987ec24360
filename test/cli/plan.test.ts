/**
 * Claims: `twokey plan` says what a pass would do, with nothing of Slack and no key that changes anything, writes nothing to any of the
 * systems, and ends with 0, 2 or 1. `twokey plan show` prints every line of a stored plan. 400 projects take less than 3 seconds.
 */
import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { z } from "zod";
import { parseLookConfig } from "../../src/config/config.ts";
import { readInstallation } from "../../src/store/installation.ts";
import { botCi, putInForce } from "../support/bot.ts";
import { isRead } from "../../src/store/stop-switch.ts";
import { readPlanHeads } from "../../src/store/plans.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { twokey } from "../support/terminal.ts";
import { startStoredLife } from "./stored-life.ts";

const PROJECTS = 400;
let cloud: CloudStackEmulator;
let root: string;
let ci: FreshDatabase;
let own: FreshDatabase;
let env: Record<string, string>;
beforeAll(async () => {
  spawnSync(process.execPath, [path.resolve("scripts/prepare.mjs"), "--quiet"], { stdio: "ignore" });
  [ci, own] = [await emptyDatabase(), await emptyDatabase()];
  const client = new pg.Client({ connectionString: ci.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  await client.query(`
    insert into person (id, username, email, first_name, last_name)
      select 'u-' || n, 'user' || n, 'u' || n || '@example.org', 'F', 'L' from generate_series(1, 800) n;
    insert into project (id, slug, name) select 'p-' || n, 'p' || n, 'P' || n from generate_series(1, ${PROJECTS}) n;
    insert into membership select 'p-' || (1 + (n - 1) / 2), 'u-' || n, 'member' from generate_series(1, 800) n`);
  await client.end();
  cloud = await startCloudStackEmulator({});
  root = addManagedRoot(cloud);
  const { read } = keysOf(cloud);
  const dataDir = path.join(mkdtempSync(path.join(tmpdir(), "plan-")), "data");
  env = {
    ...{ TWOKEY_DATA_DIR: dataDir, DATABASE_URL: own.url, CI_DATABASE_URL: ci.url, CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci" },
    ...{ CLOUDSTACK_API_URL: cloud.url, CLOUDSTACK_API_KEY: read.apiKey, CLOUDSTACK_SECRET_KEY: read.secretKey },
  };
});
afterAll(async () => {
  await cloud.close();
  await Promise.all([ci.drop(), own.drop()]);
});

test("what is wrong is told, with exit code 1: no environment, no such project, wrong use, a server that is away, no such plan", async () => {
  const none = await twokey(["plan"], {});
  expect(none).toMatchObject({ code: 1, out: "", err: expect.stringContaining("CLOUDSTACK_API_URL is not set") as string });
  expect(none.err).not.toContain("SLACK");
  expect(await twokey(["plan", "p1", "--nonsense"], env)).toMatchObject({ code: 1 });
  expect(await twokey(["plan", "P 1!"], env)).toMatchObject({
    code: 1,
    err: expect.stringContaining("not a project's short name") as string,
  });
  expect(await twokey(["plan", "nowhere"], env)).toMatchObject({ code: 1, err: expect.stringContaining("no project nowhere") as string });
  const away = await twokey(["plan"], { ...env, DATABASE_URL: "postgres://twokey:geheim@127.0.0.1:1/x" });
  expect(away).toMatchObject({ code: 1, err: expect.stringContaining("could not be used: nothing listens") as string });
  expect(away.err).not.toContain("geheim");
  const unread = await twokey(["plan"], { ...env, CLOUDSTACK_API_URL: "http://127.0.0.1:1/client/api" });
  expect(unread).toMatchObject({ code: 1, out: expect.stringContaining("CloudStack was not read completely") as string });
  expect(await twokey(["plan", "show"], env)).toMatchObject({ code: 1 });
  expect(await twokey(["plan", "show", "0000000a"], env)).toMatchObject({
    code: 1,
    err: expect.stringContaining("no tables of Twokey") as string,
  });
});

test("before the first start, 400 projects are planned, and nothing is written anywhere", async () => {
  const before = cloud.requests().length;
  const done = await twokey(["plan"], env);
  expect(done.err).toBe("");
  expect(done.code).toBe(2);
  expect(done.out).toContain(`Changes (${PROJECTS * 3})`);
  expect(done.out).toContain(
    `1200 changes in one pass; the limit is 500. Lifted by: two approvers: /ci-policy set changes-per-pass 1200 because`,
  );
  expect(done.out).toContain("create domain ROOT/ci/p400");
  expect(done.out).toContain("what its first pass would do");
  expect(done.out).toContain("Report mode: changes of passes are only reported: CLOUDSTACK_WRITE_API_KEY is left out");
  expect(
    cloud
      .requests()
      .slice(before)
      .filter((r) => !isRead(r.command)),
  ).toEqual([]);
  expect(await own.db.exec("select from pg_namespace where nspname = 'twokey'")).toBe(0);
  expect(readdirSync(path.dirname(env["TWOKEY_DATA_DIR"] ?? ""))).toEqual([]);
});

test("on a database of the bot it says the same, and that everything is stopped; nothing to change is 0", async () => {
  const seeded = await freshDatabase();
  const [config, reader] = [parseLookConfig(env), botCi(ci.url, Date.now)];
  const source = await reader.readSource();
  await reader.close();
  if (!config.ok || !source.ok || source.value === null) throw new Error("nothing is configured");
  const { policy } = config.value;
  await putInForce(seeded.db, { ...policy, changesPerPass: 5000, scope: { ...policy.scope, source: source.value } });
  await readInstallation(seeded.db);
  const mine = { ...env, DATABASE_URL: seeded.url };
  const rows = () =>
    seeded.db.many(z.object({ n: z.string() }), "select (select count(*) from audit) || ' ' || (select count(*) from plan) as n");
  const before = await rows();
  const done = await twokey(["plan"], mine);
  expect(done).toMatchObject({ code: 2, err: "", out: expect.stringContaining(`Changes (${PROJECTS * 3})`) as string });
  expect(done.out).not.toMatch(/first pass|Held/);
  await seeded.db.exec("insert into stop_switch (at, kind, by_operator, reason) values (1, 'stop', 'ci:ada', 'the disk is full')");
  expect((await twokey(["plan", "p7"], mine)).out).toContain("Everything is stopped, so a pass would do nothing: the disk is full");
  expect(JSON.parse((await twokey(["plan", "p7", "--json"], mine)).out)).toMatchObject({ state: "stopped", stopped: "the disk is full" });
  expect(await rows()).toEqual(before);
  await seeded.drop();

  const nobody = await emptyDatabase();
  const client = new pg.Client({ connectionString: nobody.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  await client.query("insert into project (id, slug, name, closed_at) values ('p-1', 'one', 'One', now())");
  await client.end();
  expect(await twokey(["plan"], { ...env, CI_DATABASE_URL: nobody.url })).toMatchObject({
    code: 0,
    out: expect.stringContaining("Nothing to change. Nothing was written.") as string,
  });
  await nobody.drop();
});

test("one project as JSON: each change with its words; a project looked at alone locks and deletes nothing", async () => {
  const done = await twokey(["plan", "p7", "--json"], env);
  expect(done.code).toBe(2);
  const plan = JSON.parse(done.out) as { changes: { sentence: string }[]; isFirst: boolean; holds: { kind: string }[]; state: string };
  expect(plan.isFirst).toBe(true);
  expect(plan.state).toBe("reported");
  expect(plan.changes.map((c) => c.sentence)).toEqual([
    "create domain ROOT/ci/p7",
    "create account user13 (CI Member) in p7",
    "create account user14 (CI Member) in p7",
  ]);
  expect(plan.holds.map((h) => h.kind)).toContain("narrowed");
});

test("after passes, show prints each line of a stored plan; by an unknown id it names the newest", async () => {
  const fresh = await freshDatabase();
  const life = await startStoredLife(fresh, 3);
  life.join();
  await life.pass();
  const [head] = await readPlanHeads(fresh.db, 1);
  const shown = await life.terminal("plan", "show", head?.id ?? "");
  expect(shown).toMatchObject({ code: 0, err: "" });
  const asJson = await life.terminal("plan", "show", (head?.id ?? "").slice(0, 8), "--json");
  const { changes, digest } = JSON.parse(asJson.out) as { changes: { sentence: string; outcome: string }[]; digest: string };
  expect(changes.length).toBeGreaterThan(0);
  for (const { sentence } of changes) expect(shown.out).toContain(`  ${sentence}: done`);
  expect((await life.terminal("plan", "show", digest.slice(0, 8))).out).toBe(shown.out);
  const unknown = await life.terminal("plan", "show", "ffffffff-0000");
  expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining(head?.id ?? "") as string });
  await fresh.drop();
});

test("what is longer than a pipe holds at a time comes through it whole", async () => {
  // The program as people start it, and the emulator goes on answering here.
  const main = path.resolve("dist/src/main.js");
  const piped = '"$0" "$1" plan --json | cat; exit ${PIPESTATUS[0]}';
  const child = spawn("bash", ["-c", piped, process.execPath, main], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [out, code] = await Promise.all([text(child.stdout), new Promise((resolve) => child.once("exit", resolve))]);
  expect(code).toBe(2);
  expect(out.length).toBeGreaterThan(200_000);
  expect(() => JSON.parse(out) as unknown).not.toThrow();
});

test("before the first start, a domain that is there already is listed once, with the command that adopts it", async () => {
  cloud.addDomain({ name: "p7", parent: root });
  const { out } = await twokey(["plan"], env);
  expect(out.split("\n").filter((line) => /ROOT\/ci\/p7\b/.test(line))).toEqual([
    expect.stringMatching(/ROOT\/ci\/p7 has the name of p7 but was not made by Twokey. Lifted by: .*\/ci-adopt/),
  ]);
});

test("the state of a look is what a pass would do: nothing says that it is applied", async () => {
  const { read } = keysOf(cloud);
  const writing = { ...env, CLOUDSTACK_WRITE_API_KEY: read.apiKey, CLOUDSTACK_WRITE_SECRET_KEY: read.secretKey };
  const stateOf = async (...args: string[]) =>
    (JSON.parse((await twokey(["plan", ...args, "--json"], writing)).out) as { state: string }).state;
  expect([await stateOf("p9"), await stateOf()]).toEqual(["would_apply", "held"]);
});

test("alike holds are one line with their number, the first few and who lifts them; --json has each", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `p${i + 100}`);
  for (const name of names) cloud.addDomain({ name, parent: root });
  const { out } = await twokey(["plan"], env);
  const held = /\nHeld \((\d+)\):\n((?: {2}.+\n)+)/.exec(out);
  // Those 40, the one of the test before, and that there are more changes than the limit.
  expect([held?.[1], held?.[2]?.trim().split("\n").length]).toEqual(["42", 2]);
  expect(held?.[2]).toMatch(
    /^ {2}41 alike\. Lifted by: two approvers, by adopting it: \/ci-adopt;.*\. The first 3: ROOT\/ci\/p100 has the name of p100 but was not made by Twokey; ROOT\/ci\/p101 .*; ROOT\/ci\/p102 [^;]*$/m,
  );
  expect(out).toContain("\nEvery hold: npx twokey plan --json\n");
  const { holds } = JSON.parse((await twokey(["plan", "--json"], env)).out) as { holds: { sentence: string }[] };
  for (const name of names)
    expect(holds.map((h) => h.sentence)).toContain(`ROOT/ci/${name} has the name of ${name} but was not made by Twokey`);
});
