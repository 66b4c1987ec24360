/**
 * Claim: `twokey serve`, killed with SIGKILL again and again during a deletion, goes on each time it is started, deletes exactly the approved
 * domain, and leaves its neighbour as it was. The pauses between kills come from a printed seed.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { addManagedRoot } from "../../demo/keys.ts";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { cast, demoChannel, slackSeed } from "../../demo/cast.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { person, type Person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import { verifyAudit } from "../../src/store/audit.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentOf } from "../support/environment.ts";

const seed = Number(process.env["KILL_SEED"] ?? 20170712);
const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-kill-"));
let state: FreshDatabase;
let ciDatabase: FreshDatabase;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let child: ChildProcess | null = null;
let output = "";

beforeAll(async () => {
  [state, ciDatabase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  const client = new pg.Client({ connectionString: ciDatabase.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  for (const p of Object.values(cast))
    await client.query("insert into person values ($1, $2, $3, $4, $5, true, $6)", [
      p.id,
      p.username,
      `${p.username}@example.org`,
      p.firstName,
      p.lastName,
      p.slackId,
    ]);
  await client.query(
    "insert into project (id, slug, name, closed_at, closed_by) values ('p-1', 'doomed', 'Doomed', now(), $1), ('p-2', 'neighbour', 'Neighbour', null, null)",
    [cast.chen.id],
  );
  await client.end();
  cloud = await startCloudStackEmulator({ jobMs: 120, expungeDelayMs: 1000, expungeIntervalMs: 500 });
  const root = addManagedRoot(cloud);
  for (const [id, name] of [
    ["p-1", "doomed"],
    ["p-2", "neighbour"],
  ] as const) {
    const domain = cloud.addDomain({ name, parent: root, id: domainIdFor(id as ProjectId, 1) });
    for (const who of ["one", "two"]) {
      const { accountId } = cloud.addAccount({ domain, name: `${name}-${who}` });
      const machine = cloud.addMachine({ account: accountId, name: `${name}-${who}-vm`, stopped: true });
      cloud.addVolume({ account: accountId, name: `${name}-${who}-disk`, machine });
      cloud.addSnapshot({ machine, name: `${name}-${who}-snap` });
      cloud.addTemplate({ account: accountId, name: `${name}-${who}-tpl`, bytes: 300_000 });
    }
  }
  await recordAsMadeBefore(state.db, cloud);
  slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 120_000 });
});

afterAll(async () => {
  child?.kill("SIGKILL");
  await Promise.all([slack?.close(), cloud?.close()]);
  await Promise.all([state?.drop(), ciDatabase?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

function start(): void {
  const env = environmentOf(
    { cloud, slack, state, ci: ciDatabase, dataDir },
    { TWOKEY_COOL_OFF_SECONDS: "1", TWOKEY_GRACE_SECONDS: "1", TWOKEY_SYNC_EVERY_SECONDS: "2" },
  );
  child = spawn(process.execPath, [path.resolve("dist/src/main.js"), "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const keep = (d: Buffer): void => {
    output = (output + d.toString()).slice(-20_000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
}

async function kill(): Promise<void> {
  const dying = child;
  if (dying === null || dying.exitCode !== null) return;
  const gone = new Promise((resolve) => dying.once("exit", resolve));
  dying.kill("SIGKILL");
  await gone;
}

function card(p: Person, words: string) {
  return p.waitFor(`the card says: ${words}`, (v) =>
    v.conversations
      .find((c) => c.id === demoChannel)
      ?.messages.findLast((m) => JSON.stringify(m.blocks).includes(words) && m.text.includes("doomed")),
  );
}

function node(name: string) {
  return cloud
    .tree()
    .children.find((d) => d.name === "ci")
    ?.children.find((d) => d.name === name);
}

test("a deletion survives every kill, and only what was approved is deleted", async () => {
  const neighbour = JSON.stringify(node("neighbour"));
  const ada = person(slack.url, cast.ada.slackId);
  const ben = person(slack.url, cast.ben.slackId);
  start();
  const shown = await card(ada, "Two approvers must agree");
  await ada.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  await card(ada, "1 of 2");
  await ben.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  const modal = await ben.waitFor("the window", (v) => v.modals[0]);
  await ben.submit({ viewId: modal.id, values: { name: { name: "doomed" } } });
  await card(ada, "Cooling off");
  let random = seed;
  let kills = 0;
  for (; kills < 4 && node("doomed") !== undefined; kills++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    // A pause until the next kill is what is tried here, not a wait for something.
    await new Promise((r) => setTimeout(r, 1300 + (random % 1500)));
    await kill();
    start();
  }
  await card(ada, "doomed: Deleted").catch((thrown: unknown) => {
    throw new Error(`seed ${seed}, ${kills} kills: ${String(thrown)}\n${output}`);
  });
  expect(kills).toBeGreaterThan(2);
  expect(node("doomed")).toBeUndefined();
  expect(JSON.stringify(node("neighbour"))).toBe(neighbour);
  const done = cloud.requests().filter((r) => r.command === "deleteDomain" && r.status === 200);
  expect(done.length, "one accepted deleteDomain").toBe(1);
  expect(cloud.requests().some((r) => r.params["cleanup"] === "true")).toBe(false);
  expect(await verifyAudit(state.db)).toMatchObject({ intact: true });
  expect(output).not.toMatch(/xox[ab]-|xapp-|userdata/);
});
