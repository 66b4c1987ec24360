/** Claim: members get a new message at approval, in quarantine, before the end and at the end, whenever the bot is started; who could not is on the card. */
import { WebClient } from "@slack/web-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { createPosting } from "../../src/bot/posting.ts";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import type { Failure } from "../../src/core/failure.ts";
import { createEvents } from "../../src/events.ts";
import { recordDeletionEvent, updateDeletion } from "../../src/store/deletions.ts";
import { ciPerson, identityOn, twoSlacks, type OneSlack } from "../bot/two-slacks.ts";
import type { TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow, openOne } from "../support/deletions.ts";
import { approveIn, smallWorld, type SmallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
let slack: OneSlack;
beforeAll(async () => {
  fresh = await freshDatabase();
  slack = await (twoSlacks[1]?.[1] as () => Promise<OneSlack>)();
  for (const id of ["mia", "tom", "chen"]) slack.set({ id: `U${id.toUpperCase()}`, name: id, email: `${id}@example.org` });
});
afterAll(async () => {
  await slack.close();
  await fresh.drop();
});

/** The bot of a small world with its real announcers on a Slack; made again it has forgotten all that is not stored. */
async function onSlack(bot: TestBot, w: SmallWorld, membersOf: () => Promise<Result<readonly CiUserId[], Failure>>) {
  const { identity } = await identityOn(slack, fresh.db, { people: ["mia", "tom", "chen"].map((id) => ciPerson(id)) });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl });
  const events = createEvents("silent", "test");
  const now = (): Instant => w.now as Instant;
  const posting = createPosting({ client, db: fresh.db, now, sleep: async () => undefined, events });
  const made = createAnnouncers({
    ...{ posting, client, identity, channel: slack.channel, environment: "test", events, showMs: 60_000, db: fresh.db, now, membersOf },
  });
  const on = bot.with({ cards: made.deletion });
  const sweep = async (name = "tell-members"): Promise<void> => {
    await on.schedules.find((s) => s.name === name)?.run();
    await posting.settle();
  };
  return { on, sweep };
}

const both = async () => ok(["mia", "tom", "gone"] as CiUserId[]);

/** How many direct messages about a deletion stand there. */
const direct = async (id: string): Promise<number> =>
  (await fresh.db.one(z.object({ n: z.coerce.number() }), "select count(*) as n from posted_message where key like $1", [`keep:${id}:%`]))
    .n;

test("from the approval to the end, with a restart before each look", async () => {
  const w = await smallWorld(fresh.db);
  const { row, bot } = await approveIn(w);
  const looks: string[] = [];
  let before = 0;
  for (const [what, at] of [
    ["approved", 40],
    ["approved", 60],
    ["grace", 130],
    ["grace", 200],
    ["last days", 290],
    ["last days", 300],
    ["machines", 340],
    ["machines", 350],
    ["removed", 400],
  ] as const) {
    w.now = at;
    const { on, sweep } = await onSlack(bot, w, both);
    await on.advance(row.id);
    await sweep();
    await sweep();
    const now = await direct(row.id);
    looks.push(`${what}: ${now - before}`);
    before = now;
    if (what === "machines") w.items = w.items.filter((i) => i.state !== "Destroyed");
  }
  // Two members, each once at each stage; the third has no Slack account.
  expect((await expectRow(fresh.db, row.id)).phase).toBe("deleted");
  expect(looks).toEqual(
    ["approved: 2", "approved: 0", "grace: 2", "grace: 0", "last days: 2", "last days: 0"].concat([
      "machines: 0",
      "machines: 2",
      "removed: 0",
    ]),
  );
});

test("who could not be told is named on the card, and a list that could not be read is tried again, at the end too", async () => {
  const w = await smallWorld(fresh.db);
  const { row, bot } = await approveIn(w);
  const cards: string[] = [];
  let members: typeof both = async () => err(failure("unavailable", "cidb.away", "the CI database is away")) as never;
  const { on } = await onSlack(bot, w, () => members());
  const watched = on.with({
    ci: { listPeople: async () => ok([ciPerson("gone", { name: "Gus Gone" })] as never) },
    cards: { showCard: async (v) => void cards.push(v.members?.untold.map((u) => `${u.member}: ${u.problem}`).join() ?? "") },
  });
  const sweepWatched = async () => void (await watched.schedules.find((s) => s.name === "tell-members")?.run());
  await sweepWatched();
  expect(cards.at(-1)).toContain("the CI database is away");
  await recordDeletionEvent(fresh.db, row.id, 30, "entered cooling_off", null);
  await updateDeletion(fresh.db, row.id, { phase: "closed", closed_because: "cancelled", closed_by: "Ada", entered_at: w.now as Instant });
  for (let n = 0; n < 3; n++) await sweepWatched();
  members = both;
  for (let n = 0; n < 5; n++) await sweepWatched();
  expect(cards.at(-1)).toBe("Gus Gone: no Slack account is known");
  // It is over: nothing is asked or shown any more.
  const shown = cards.length;
  for (let n = 0; n < 3; n++) await sweepWatched();
  expect(cards.length).toBe(shown);
});

/** A deletion that Ada rejected; `closer` closed its project. */
async function rejected(w: SmallWorld, closer: string | null) {
  const { row, bot } = await approveIn(w);
  const closed = { closed_because: "rejected", closed_by: "Ada", closed_reason: "still in use", entered_at: w.now as Instant } as const;
  await updateDeletion(fresh.db, row.id, { phase: "closed", ...closed });
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    const evidence = JSON.stringify({ ...row.evidence, closedBy: closer, closedAt: ++closings });
    await q.exec("update deletion set evidence = $2::jsonb where id = $1", [row.id, evidence]);
  });
  return { row, bot };
}
let closings = 0;

const posted = async (key: string): Promise<number> =>
  (await fresh.db.one(z.object({ n: z.coerce.number() }), "select count(*) as n from posted_message where key like $1", [key])).n;

test.each([
  ["chen", "by direct message", [1, 0]],
  ["nobody", "in the card's thread, since they have no Slack account", [0, 1]],
  [null, "in the card's thread, since the CI database does not say who", [0, 1]],
] as const)("after a Reject %s, who closed the project, is asked %s to settle it, once over restarts", async (closer, _how, expected) => {
  const w = await smallWorld(fresh.db);
  const { row, bot } = await rejected(w, closer);
  slack.fail("chat.postMessage", "internal_error");
  for (let n = 0; n < 4; n++) {
    const { on, sweep } = await onSlack(bot, w, both);
    if (n === 1) slack.fail("chat.postMessage", null);
    await on.parts.slack.announcers.deletion.showCard(await viewOf(on, row.id));
    await sweep("ask-to-settle");
    await sweep("ask-to-settle");
  }
  expect([await posted(`settle:${row.id}:%`), await posted(`deletion:${row.id}:settle`)]).toEqual(expected);
});

test("nobody is asked to settle what is settled: the project is active again", async () => {
  const w = await smallWorld(fresh.db);
  const { row, bot } = await rejected(w, "chen");
  w.project = "active";
  const { sweep } = await onSlack(bot, w, both);
  await sweep("ask-to-settle");
  w.project = "closed";
  await sweep("ask-to-settle");
  expect(await posted(`settle:${row.id}:%`)).toBe(0);
});

async function viewOf(on: TestBot, id: string) {
  const view = await on.services.deletions.view(id as never);
  if (!view.ok) throw new Error(view.error.message);
  return view.value;
}

test("a card says when it is asked again, and the next one that it was refused, by whom and why", async () => {
  const w = await smallWorld(fresh.db);
  const { row, bot } = await rejected(w, "chen");
  expect((await viewOf(bot, row.id)).askedAgainAt).toBe(w.now + 24 * 3600_000);
  const again = await openOne(fresh.db, { domain: row.domain_id });
  expect((await viewOf(bot, again.id)).refusedBefore).toEqual({ because: "rejected", by: "Ada", reason: "still in use", at: w.now });
});
