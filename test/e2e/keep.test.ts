/** Claim: a member learns of the deletion of their domain by direct message as soon as it is proposed, and one click on Keep ends it. */
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
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentOf } from "../support/environment.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-keep-"));
let state: FreshDatabase;
let ciDatabase: FreshDatabase;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let bot: ChildProcess | null = null;
let output = "";

beforeAll(async () => {
  [state, ciDatabase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  const client = new pg.Client({ connectionString: ciDatabase.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  for (const p of Object.values(cast)) {
    const row = [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId];
    await client.query("insert into person values ($1, $2, $3, $4, $5, true, $6)", row);
  }
  await client.query("insert into project (id, slug, name, closed_at, closed_by) values ('p-1', 'wanted', 'Wanted', now(), $1)", [
    cast.chen.id,
  ]);
  await client.query("insert into project (id, slug, name) values ('p-2', 'other', 'Other')");
  await client.query("insert into membership values ('p-1', $1, 'member')", [cast.mia.id]);
  await client.end();
  cloud = await startCloudStackEmulator({ jobMs: 20 });
  const root = addManagedRoot(cloud);
  for (const [id, name] of [
    ["p-1", "wanted"],
    ["p-2", "other"],
  ] as const) {
    const domain = cloud.addDomain({ name, parent: root, id: domainIdFor(id as ProjectId, 1) });
    cloud.addTemplate({ account: cloud.addAccount({ domain, name: `${name}-one` }).accountId, name: `${name}-tpl`, bytes: 1000 });
  }
  await recordAsMadeBefore(state.db, cloud);
  slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 120_000 });
  bot = spawn(process.execPath, [path.resolve("dist/src/main.js"), "serve"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environmentOf({ cloud, slack, state, ci: ciDatabase, dataDir }, { TWOKEY_SYNC_EVERY_SECONDS: "2" }),
  });
  for (const stream of [bot.stdout, bot.stderr]) stream?.on("data", (d: Buffer) => (output = (output + d.toString()).slice(-10_000)));
});

afterAll(async () => {
  bot?.kill("SIGKILL");
  await Promise.all([slack?.close(), cloud?.close()]);
  await Promise.all([state?.drop(), ciDatabase?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

/** The newest message to a person that holds these words, with where it stands. */
function told(p: Person, words: string) {
  return p
    .waitFor(`a message: ${words}`, (v) =>
      v.conversations
        .flatMap((c) => c.messages.map((m) => ({ channel: c.id, ts: m.ts, text: m.text, blocks: JSON.stringify(m.blocks) })))
        .findLast((m) => m.text.includes(words)),
    )
    .catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}\n${output}`);
    });
}

test("a member's Keep ends it, in the message that told of it and on the card", async () => {
  const mia = person(slack.url, cast.mia.slackId);
  const ada = person(slack.url, cast.ada.slackId);
  const dm = await told(mia, "ROOT/ci/wanted may be deleted");
  expect(dm.channel).not.toBe(demoChannel);
  expect(dm.blocks).toContain("deletion_keep");
  await mia.click({ channel: dm.channel, ts: dm.ts, actionId: "deletion_keep" });
  expect((await told(ada, "ROOT/ci/wanted: not deleted (kept)")).channel).toBe(demoChannel);
  const after = await told(mia, "ROOT/ci/wanted is kept");
  expect([after.channel, after.ts]).toEqual([dm.channel, dm.ts]);
  expect(after.blocks).not.toContain("deletion_keep");
  expect(after.blocks).toContain("asked to keep it");
  expect(cloud.requests().some((r) => /^(?:disable|destroy|delete)/.test(r.command))).toBe(false);
});
