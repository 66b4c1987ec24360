/**
 * Claims (A9, field 19, field 21): thousands of clicks are each acknowledged at once; of one person's a few are done and the rest is refused
 * with a sentence; memory stays flat; meanwhile the votes of 80 approvers count; what was planned while the channel was archived is shown later.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { createPosting } from "../../src/bot/posting.ts";
import { ok } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import { sweepPlans } from "../../src/sync/execution/unseen-plans.ts";
import { WebClient } from "@slack/web-api";
import { at } from "../support/deletions.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { CHANNEL, clickBody, hear, type Heard } from "./heard.ts";

const APPROVERS = Array.from({ length: 80 }, (_, i) => `p${i}`);

let fresh: FreshDatabase;
let heard: Heard;
beforeEach(async () => {
  fresh = await lendDatabase();
  heard = await hear(fresh.db, { approvers: APPROVERS, team: ["chen"], others: ["eve", "mia"] });
});
afterEach(async () => {
  await heard.close();
  await fresh.drop();
});

const value = () => `v1:${heard.row.id}:${heard.row.version}:${heard.row.digest}`;

test("a flood of two people: all are acknowledged, few are done, the rest is refused, memory is flat, and a vote counts meanwhile", async () => {
  const waves = async (clicks: number): Promise<number[]> => {
    const done: Promise<{ readonly ackMs: number | null }>[] = [];
    for (let n = 0; n < clicks; n++) done.push(heard.send(clickBody(n % 2 === 0 ? "eve" : "mia", "deletion_approve", value())));
    return (await Promise.all(done)).map(({ ackMs }) => ackMs ?? Number.POSITIVE_INFINITY);
  };
  await waves(500);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const flood = waves(3000);
  await heard.send(clickBody("p1", "deletion_approve", value()));
  expect(await fresh.db.exec("select from ballot")).toBe(1);
  const acks = await flood;
  expect(Math.max(...acks)).toBeLessThan(60_000);
  // Of each wave at most ten of each person are done; each is refused, being no approver's.
  const refused = await fresh.db.exec("select from audit where kind like 'refused.deletion%'");
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThanOrEqual(4 * 10);
  const told = heard.slack.sent().filter((c) => JSON.stringify(c.args).includes("too much is waiting"));
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(200);
  globalThis.gc?.();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 2 ** 20);
});

test("eighty approvers, and a Slack that takes few questions about people: the first vote counts within five seconds", async () => {
  // As at the bot's start: each of them is read once.
  expect(await heard.identity.approversNow()).toMatchObject({ ok: true });
  heard.w.now += 20_000;
  const asked = () => heard.slack.sent().filter((c) => c.method === "users.info").length;
  const before = asked();
  // Field 19: users.info takes about a hundred questions a minute; here it takes none any more.
  heard.slack.setFaults({ rateLimit: [{ method: "users.info", retryAfterSeconds: 60 }] });
  await heard.send(clickBody("p7", "deletion_approve", value()));
  expect(await fresh.db.exec("select from ballot")).toBe(1);
  expect(asked() - before).toBeLessThan(10);
});

test("a plan that was carried out while the channel was archived, or without the bot, is shown once when it is back", async () => {
  const room = heard.slack.workspace.channel(CHANNEL);
  if (room === undefined) throw new Error("no channel");
  const client = new WebClient("xoxb-1", { slackApiUrl: heard.slack.apiUrl, retryConfig: { retries: 0 } });
  const events = createEvents("silent", "test");
  const posting = createPosting({ client, db: fresh.db, now: () => at(heard.w.now), sleep: async () => undefined, events });
  const common = { posting, client, identity: heard.identity, events, channel: CHANNEL, environment: "test" };
  const announcers = createAnnouncers({ ...common, db: fresh.db, now: () => at(heard.w.now), membersOf: async () => ok([]) });
  const record = planRecord();
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(
      `insert into plan (id, pass_id, digest, desired, observed, known, policy, scope_fingerprint, planned_at, record, shown)
       values ($1, $1, 'd', 'd', 'd', 'd', 'd', 'f', 10, $2, true)`,
      [record.id, JSON.stringify(record)],
    );
  });
  const shown = () => (heard.slack.workspace.state.messages[CHANNEL] ?? []).filter((m) => m.byApp).length;
  const members = [...room.members];
  for (const away of [() => (room.isArchived = true), () => (room.members = [])]) {
    away();
    heard.w.now += 120_000;
    await sweepPlans(fresh.db, announcers.plan, heard.w.now);
    expect(shown()).toBe(0);
    room.isArchived = false;
    room.members = [...members];
  }
  // Renamed meanwhile: it is known by its id.
  Object.assign(room, { name: "renamed" });
  for (let n = 0; n < 3; n++) await sweepPlans(fresh.db, announcers.plan, heard.w.now);
  await posting.settle();
  expect(shown()).toBe(1);
});

function planRecord() {
  const scope = { kind: "fleet", root: "ROOT/ci" };
  const parts = { additive: [], restrictive: [], proposals: [], drift: [], holds: [], heldRows: [] };
  return {
    ...{ id: "0b1f6c1e-0000-4000-8000-00000000000a", passId: "0b1f6c1e-0000-4000-8000-00000000000a", state: "applied", scope },
    plan: { scope, asOf: 0, ...parts, counts: { projects: 1, domains: 1, accounts: 0 }, digest: "d1d2d3d4d5d6" },
    ...{ startedBy: { kind: "schedule" }, startedAt: 0, endedAt: 9, outcomes: [], readBack: null },
  };
}
