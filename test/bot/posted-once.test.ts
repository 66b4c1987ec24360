/**
 * Claims: two replicas that post the same message at the same moment post it once; a correction posts nothing, whatever became of the
 * message; "I am here" is one message, which a restart updates, and another one only when something of it is another.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { beginWatching } from "../../src/app/here.ts";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { createPosting, type Posting } from "../../src/bot/posting.ts";
import { failure } from "../../src/core/failure.ts";
import type { Instant } from "../../src/core/ids.ts";
import { err } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import { configOf, putInForce, testBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
/** What Slack was sent: whether it was a new message, and its text. */
const sent: string[] = [];
/** Slack's error to an update; null: it takes it. */
let refusal: string | null = null;
const events = createEvents("silent", "test");
const client = {
  chat: {
    postMessage: async ({ text }: { text: string }) => {
      // So long that a second replica gets here, too, if nothing keeps it.
      await new Promise((resolve) => setImmediate(resolve));
      sent.push(`post ${text}`);
      return { channel: "C1", ts: `${sent.length}.0` };
    },
    update: async ({ text }: { text: string }) => {
      if (refusal !== null) throw Object.assign(new Error(refusal), { data: { error: refusal } });
      sent.push(`update ${text}`);
    },
  },
};
beforeAll(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
});
afterAll(() => fresh.drop());

const replica = (): Posting =>
  createPosting({ client: client as never, db: fresh.db, now: () => 1 as Instant, sleep: async () => undefined, events });
const message = (text: string) => ({ text, blocks: [] });

test("two replicas, one message and one note", async () => {
  const replicas = [replica(), replica(), replica()];
  await Promise.all(replicas.map((one) => one.show("one", "C1", message("a plan"))));
  await Promise.all(replicas.map((one) => one.note("one", "n", "a note")));
  await Promise.all(replicas.map((one) => one.settle()));
  expect(sent.splice(0)).toEqual(["post a plan", "post a note"]);
});

test("a correction updates what is there, and posts nothing where nothing is, or it can no longer be changed", async () => {
  const posting = replica();
  await posting.correct("nowhere", "C1", message("corrected"));
  await posting.settle();
  expect(sent).toEqual([]);
  await posting.correct("one", "C1", message("corrected"));
  await posting.settle();
  expect(sent.splice(0)).toEqual(["update corrected"]);
  for (refusal of ["edit_window_closed", "message_not_found"]) {
    await posting.correct("one", "C1", message("corrected again"));
    await posting.settle();
  }
  expect(sent).toEqual([]);
  // News is posted again.
  await posting.show("one", "C1", message("news"));
  await posting.settle();
  expect(sent.splice(0)).toEqual(["post news"]);
  refusal = null;
});

test("I am here: one message for all replicas and restarts", async () => {
  const start = async (version: string, startedAt: number): Promise<string[]> => {
    const posting = replica();
    const o = {
      posting,
      client: {} as never,
      identity: {} as never,
      channel: "C1",
      environment: "test",
      events,
      db: fresh.db,
      now: () => 1 as Instant,
    };
    const { here } = createAnnouncers({ ...o, membersOf: async () => err(failure("unavailable", "x", "x")) });
    const bot = testBot(fresh.db, { config: configOf(), here });
    const runPass = async () => err(failure("refused", "sync.running", "A pass is already running"));
    await beginWatching(bot.parts, { version, startedAt, reported: [], problems: [], runPass });
    await posting.settle();
    return sent.splice(0);
  };
  const said = "I am here (test) and watch ROOT/ci: not read completely yet.";
  const [first, second] = await Promise.all([start("1.2.3", 1000), start("1.2.3", 1000)]);
  expect([...first, ...second]).toEqual([`post ${said}`]);
  expect(await start("1.2.3", 1000)).toEqual([]);
  expect(await start("1.2.3", 99_000)).toEqual([`update ${said}`]);
  expect(await start("1.2.4", 99_000)).toEqual([`post ${said}`]);
  // The older replica of a rolling upgrade.
  expect(await start("1.2.3", 99_000)).toEqual([]);
});
