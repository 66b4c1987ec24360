/** Claim: the bot starts while CloudStack is away, says so in its log and in the channel, and works when it is back. */
import { randomUUID } from "node:crypto";
import { addManagedRoot } from "../../demo/keys.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cast, slackSeed } from "../../demo/cast.ts";
import { person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { startTwokey } from "../../src/app/start.ts";
import type { Instant } from "../../src/core/ids.ts";
import { createEvents, type Events } from "../../src/events.ts";
import { configOf } from "../support/bot.ts";
import { ciDatabaseWith } from "../archive/reimport/support.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentOf } from "../support/environment.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-start-"));
let state: FreshDatabase;
let ci: FreshDatabase;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;

beforeAll(async () => {
  const projects = [{ id: "p-1", slug: "aurora", members: [] }];
  [state, ci, cloud] = await Promise.all([freshDatabase(), ciDatabaseWith(projects), startCloudStackEmulator({ jobMs: 1 })]);
  slack = await startSlackEmulator({ seed: slackSeed() });
  for (const p of Object.values(cast))
    await ci.db.exec("insert into public.person values ($1, $2, $2 || '@example.org', $3, $4, true, $5)", [
      ...[p.id, p.username, p.firstName, p.lastName, p.slackId],
    ]);
  addManagedRoot(cloud);
}, 60_000);
afterAll(async () => {
  await Promise.all([slack?.close(), cloud?.close()]);
  await Promise.all([state?.drop(), ci?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

test("CloudStack is away at the start, then back", async () => {
  cloud.setFaults([{ kind: "status", status: 503 }]);
  const logged: string[] = [];
  const silent = createEvents("silent", "test");
  const events: Events = { ...silent, failed: (fact) => void logged.push(fact) };
  const started = await startTwokey(
    configOf(environmentOf({ cloud, slack, state, ci, dataDir }, { TWOKEY_SYNC_EVERY_SECONDS: "3600" })),
    state.url,
    {
      now: () => Date.now() as Instant,
      steadyMs: () => performance.now(),
      newId: () => randomUUID(),
      newToken: () => randomUUID(),
      sleep: async () => undefined,
      events,
      onFatal: (error) => {
        throw error;
      },
    },
  );
  if (!started.ok) throw new Error(started.error.message);
  try {
    expect(logged).toContain("cloudstack.probe");
    expect(await started.value.runPassNow(null)).toMatchObject({ ok: true, value: { state: "held" } });
    const ada = person(slack.url, cast.ada.slackId);
    const said = (words: string) =>
      ada.waitFor(words, (v) => v.conversations.flatMap((c) => c.messages).find((m) => JSON.stringify(m.blocks).includes(words)), 60_000);
    await said("CloudStack was not read completely");
    cloud.setFaults([]);
    expect(await started.value.runPassNow(null)).toMatchObject({ ok: true, value: { state: "applied" } });
    await said("create domain ROOT/ci/aurora");
  } finally {
    await started.value.stop();
  }
}, 90_000);
