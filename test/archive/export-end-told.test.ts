/**
 * Claim: whatever Slack does not take, who asked for an export gets a link that works: from the same process once Slack is back, and after a
 * restart from another one. Until then Home does not say that the link is there.
 */
import { WebClient } from "@slack/web-api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { sweepExports } from "../../src/archive/export-run.ts";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { createPosting } from "../../src/bot/posting.ts";
import { ok } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import { readExport } from "../../src/store/exports.ts";
import { readHomeExports, readHomeStamp } from "../../src/store/home.ts";
import { readPostedMessage } from "../../src/store/posted-messages.ts";
import { ciPerson, identityOn, twoSlacks, type OneSlack } from "../bot/two-slacks.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { exportBot, exportWorld, mia, type ExportWorld } from "./export-world.ts";

let fresh: FreshDatabase;
let slack: OneSlack;
let w: ExportWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await exportWorld(fresh);
  slack = await (twoSlacks[1]?.[1] as () => Promise<OneSlack>)();
  slack.set({ id: "UMIA", name: "mia", email: "mia@example.org" });
});
afterEach(() => slack.close());

const running = new AbortController().signal;
const home = () => readHomeExports(fresh.db, "ci:mia", w.now);

/** A process; what it would try again later waits until it is let go. */
async function process() {
  const { identity } = await identityOn(slack, fresh.db, { people: [ciPerson("mia")] });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } });
  const events = createEvents("silent", "test");
  const now = () => w.now as never;
  const waiting: (() => void)[] = [];
  const posting = createPosting({ client, db: fresh.db, now, sleep: () => new Promise<void>((go) => waiting.push(go)), events });
  const options = { posting, client, identity, channel: slack.channel, environment: "test", events, db: fresh.db, now };
  const made = createAnnouncers({ ...options, membersOf: async () => ok([]) } as never);
  const b = exportBot(w);
  b.parts.slack.announcers.export.showExport = made.export.showExport;
  const waited = (): void => {
    for (const go of waiting) go();
  };
  return { posting, b: b.with({}), waited };
}

async function asked(): Promise<{ readonly one: Awaited<ReturnType<typeof process>>; readonly id: string }> {
  const one = await process();
  const started = await one.b.services.exports.start(mia(), "aurora" as never, "template-t-1", { channel: "C1", user: "UMIA" });
  return { one, id: started.ok ? started.value.id : "?" };
}

test("a Slack that takes it not: nothing is recorded as told; after a restart another process tells it", async () => {
  const { one, id } = await asked();
  slack.fail("chat.postMessage", "internal_error");
  await one.b.work.export("template-t-1", running);
  one.posting.stop();
  expect(await readExport(fresh.db, id)).toMatchObject({ state: "ready", told: false });
  expect(await home()).toMatchObject([{ state: "ready", told: false }]);
  const stamp = await readHomeStamp(fresh.db);

  slack.fail("chat.postMessage", null);
  const two = await process();
  await two.b.work.export("template-t-1", running);
  await two.posting.settle();
  expect(await readPostedMessage(fresh.db, `export:${id}`)).not.toBeNull();
  expect(await home()).toMatchObject([{ state: "ready", told: true, hasLink: true }]);
  expect(await readHomeStamp(fresh.db)).not.toBe(stamp);
  expect(w.downloads).toEqual(["t-1"]);
});

test("an export that failed while Slack was away is told, too", async () => {
  const { one, id } = await asked();
  w.items = [];
  slack.fail("chat.postMessage", "internal_error");
  await one.b.work.export("template-t-1", running);
  expect(await readExport(fresh.db, id)).toMatchObject({ state: "failed", told: false });
  slack.fail("chat.postMessage", null);
  await one.b.work.export("template-t-1", running);
  expect(await readExport(fresh.db, id)).toMatchObject({ state: "failed", told: true });
  expect(await readPostedMessage(fresh.db, `export:${id}`)).not.toBeNull();
});

test("what is still to be told is looked for, and looked for no longer once it is told, or old", async () => {
  const { one } = await asked();
  const found: string[] = [];
  const look = async () => {
    found.length = 0;
    await sweepExports({ db: fresh.db, now: () => w.now, enqueue: async (thing: string) => void found.push(thing) } as never);
    return [...found];
  };
  // What runs or waits is the work of its own run.
  expect(await look()).toEqual([]);
  slack.fail("chat.postMessage", "internal_error");
  await one.b.work.export("template-t-1", running);
  expect(await look()).toEqual(["template-t-1"]);
  const before = w.now;
  w.now += 8 * 86_400_000;
  expect(await look()).toEqual([]);
  w.now = before;
  slack.fail("chat.postMessage", null);
  await one.b.work.export("template-t-1", running);
  expect(await look()).toEqual([]);
});

test("a process that could not tell it does not show its own link after another one's", async () => {
  const { one, id } = await asked();
  slack.fail("chat.postMessage", "internal_error");
  await one.b.work.export("template-t-1", running);
  slack.fail("chat.postMessage", null);
  const two = await process();
  await two.b.work.export("template-t-1", running);
  const shown = await readPostedMessage(fresh.db, `export:${id}`);
  expect(shown).not.toBeNull();
  one.waited();
  // Whatever waited has begun by then.
  await new Promise((go) => setImmediate(go));
  await one.posting.settle();
  expect(await readPostedMessage(fresh.db, `export:${id}`)).toEqual(shown);
});

test("a revoked link changes Home", async () => {
  const { one, id } = await asked();
  await one.b.work.export("template-t-1", running);
  const stamp = await readHomeStamp(fresh.db);
  expect(await one.b.services.exports.revoke(id, mia(), "UMIA")).toMatchObject({ ok: true });
  expect(await readHomeStamp(fresh.db)).not.toBe(stamp);
  expect(await home()).toEqual([]);
});
