/**
 * Claims: people are called once for each state of affairs, whoever looks how often; at night once; before approvals expire once more. The
 * webhook gets each as signed JSON, is tried again, and holds up nothing. Nobody's text mentions anybody.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nightBegan } from "../../src/app/notices.ts";
import { signatureOf } from "../../src/app/webhook.ts";
import { noticeSentence } from "../../src/bot/render/notice.ts";
import type { AdoptionKind } from "../../src/core/adoption.ts";
import { digestOf } from "../../src/core/digest.ts";
import type { Instant } from "../../src/core/ids.ts";
import { createEvents } from "../../src/events.ts";
import { endAdoption, insertAdoption } from "../../src/store/adoptions.ts";
import { readPassReading, readPhases, readQuestions, readUsed } from "../../src/store/readings.ts";
import { readStates } from "../../src/store/notices.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { configOf, putInForce, testBot, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, op, openOne, proposeOne } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { setProxies, startProxy } from "../support/proxy.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let fresh: FreshDatabase;
let now = 100;
let mentioned: string[] = [];
let isThere = true;
/** What was logged, as it is printed. */
let printed = "";
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  [now, mentioned, isThere, printed] = [100, [], true, ""];
});
afterEach(() => fresh.drop());

function botWith(more: Readonly<Record<string, string>> = {}): TestBot {
  return testBot(fresh.db, {
    config: configOf(more),
    now: () => now as Instant,
    events: createEvents("debug", "test", { write: (line: string) => void (printed += line) }),
    calls: {
      mention: async (state) => isThere && mentioned.push(noticeSentence(state)) > 0,
      linkOf: async () => "https://slack.test/archives/C1/p1",
    },
  });
}

const sweep = (bot: TestBot) => bot.schedules.find((one) => one.name === "call-people")?.run();

/** Looks with two replicas, twice each; gives whom they called since. */
async function calls(...bots: readonly TestBot[]): Promise<readonly string[]> {
  mentioned = [];
  for (const bot of [...bots, ...bots]) await sweep(bot);
  return mentioned;
}

async function freeze(): Promise<string> {
  const { id } = await openOne(fresh.db);
  await updateDeletion(fresh.db, id, { phase: "frozen", entered_at: at(now), frozen_reason: "a machine runs" });
  return id;
}

/** Stores how the newest plan over everything ended. */
async function plan(state: string, ...holds: readonly string[]): Promise<void> {
  now += 1;
  const record = {
    state,
    scope: { kind: "fleet" },
    plan: { holds: holds.map((kind) => ({ kind, blocks: "everything", sentence: `It is ${kind}` })) },
  };
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(
      `with begun as (insert into pass (id, scope, started_by, started_at) values ($1, $4, '{}', $2))
       insert into plan (id, pass_id, digest, desired, observed, known, policy, scope_fingerprint, planned_at, record, shown)
       values ($1, $1, '', '', '', '', '', '', $2, $3, true)`,
      [randomUUID(), now, JSON.stringify(record), JSON.stringify(record.scope)],
    );
  });
}

test("each state is called for once by all replicas together, a second freeze of one deletion again, approvals before they expire", async () => {
  const bots = [botWith(), botWith()];
  expect(await calls(...bots)).toEqual([]);
  const proposed = await proposeOne(fresh.db);
  expect(await calls(...bots)).toEqual(["ROOT/ci/a is proposed for deletion and waits for approvals until 1970-01-01 00:00 UTC"]);
  const frozen = await freeze();
  await bots[0]?.services.sync.stop({ operator: { id: op("dora"), name: "dora", ciUserId: null }, isTeam: true }, "disk full");
  expect((await calls(...bots)).toSorted()).toEqual([
    "Everything is stopped: disk full",
    "The deletion of ROOT/ci/a is frozen; a person must decide: a machine runs",
  ]);
  expect(await calls(...bots)).toEqual([]);

  // A quarter of its time is left.
  now = (proposed.expires_at ?? 0) - 250;
  expect(await calls(...bots)).toEqual([expect.stringContaining("Last chance to vote: the deletion of ROOT/ci/a")]);
  await updateDeletion(fresh.db, frozen, { phase: "archiving", entered_at: at(now) });
  expect(await calls(...bots)).toEqual([]);
  await updateDeletion(fresh.db, frozen, { phase: "frozen", entered_at: at(now + 1), frozen_reason: "again" });
  expect(await calls(...bots)).toEqual(["The deletion of ROOT/ci/a is frozen; a person must decide: again"]);

  expect(await readPhases(fresh.db)).toEqual(
    expect.arrayContaining([
      { phase: "proposed", count: 1, since: 10 },
      { phase: "frozen", count: 1, since: now + 1 },
    ]),
  );
  expect(await readQuestions(fresh.db)).toEqual(
    expect.arrayContaining([
      { kind: "deletion", count: 1, expiresAt: 1010 },
      { kind: "resume", count: 1, expiresAt: null },
    ]),
  );
  expect(await readUsed(fresh.db, now)).toEqual({ deletionsPerDay: 0, deletionsPerWeek: 0, restrictionsPerDay: 0, restrictionsPerWeek: 0 });
});

test("what expires in the night is called for the evening before, once, and not again in the night", async () => {
  const bot = botWith({ TWOKEY_QUIET_HOURS: "22-7", TWOKEY_TIME_ZONE: "UTC" });
  const { id } = await openOne(fresh.db, {}, { approvalMs: 7 * 24 * HOUR });
  const night = 24 * HOUR;
  now = night + 12 * HOUR;
  const expires = at(2 * night + 5 * HOUR);
  await updateDeletion(fresh.db, id, {
    phase: "proposed",
    digest: "d".repeat(64) as never,
    proposed_at: at(10),
    expires_at: expires,
    entered_at: at(10),
  });
  const heard: string[] = [];
  for (; now < expires; now += 30 * MINUTE) {
    const said = (await calls(bot)).filter((s) => s.startsWith("Last chance"));
    heard.push(...said.map(() => new Date(now).toISOString().slice(11, 16)));
  }
  expect(heard).toEqual(["21:00"]);
});

test("a held plan is called for once; one that a server's absence holds only when it lasts, and its end makes it new after an hour", async () => {
  const bot = botWith();
  await plan("held", "too_many_changes");
  expect(await calls(bot)).toEqual(["The plan is held: It is too_many_changes"]);
  now += HOUR;
  await plan("held", "too_many_changes");
  expect(await calls(bot)).toEqual([]);
  expect(await readPassReading(fresh.db)).toEqual({ completeAt: null, holds: { too_many_changes: 1 } });

  await plan("held", "observed_partial", "desired_partial");
  expect(await calls(bot)).toEqual([]);
  now += 29 * MINUTE;
  await plan("unchanged");
  expect(await calls(bot)).toEqual([]);
  await plan("held", "desired_partial", "observed_partial");
  expect(await calls(bot)).toEqual([]);
  now += MINUTE;
  expect(await calls(bot)).toEqual(["The plan is held: It is desired_partial"]);

  now += 1;
  await plan("unchanged");
  await calls(bot);
  now += HOUR + 1;
  await plan("held", "too_many_changes");
  expect(await calls(bot)).toEqual(["The plan is held: It is too_many_changes"]);
});

test("nobody is called twice in one night: what is still so in the morning is called for then", async () => {
  const bot = botWith({ TWOKEY_QUIET_HOURS: "22-7", TWOKEY_TIME_ZONE: "Europe/Berlin" });
  now = Date.parse("2026-01-10T21:30:00Z"); // 22:30 there
  await freeze();
  expect(await calls(bot)).toHaveLength(1);
  now += 7 * HOUR;
  await plan("held", "too_many_changes");
  const over = await freeze();
  expect(await calls(bot)).toEqual([]);
  await updateDeletion(fresh.db, over, { phase: "closed", closed_because: "restored" });
  now = Date.parse("2026-01-11T05:59:00Z");
  expect(await calls(bot)).toEqual([]);
  now += MINUTE;
  expect(await calls(bot)).toEqual(["The plan is held: It is too_many_changes"]);
});

test.each([
  ["2026-07-01T19:59:59Z", null],
  ["2026-07-01T20:00:00Z", "2026-07-01T20:00:00.000Z"],
  ["2026-07-02T04:59:59Z", "2026-07-01T20:00:00.000Z"],
  ["2026-07-02T05:00:00Z", null],
])("at %s the night of Berlin began at %s", (time, began) => {
  const night = nightBegan(Date.parse(time), { from: 22, to: 7, zone: "Europe/Berlin" });
  expect(night === null ? null : new Date(night).toISOString()).toBe(began);
  expect(nightBegan(Date.parse(time), null)).toBeNull();
});

test("a call whose message is not there yet is made when it is; with SLACK_MENTION=off nobody is called", async () => {
  await freeze();
  isThere = false;
  expect(await calls(botWith())).toEqual([]);
  isThere = true;
  expect(await calls(botWith({ SLACK_MENTION: "off" }))).toEqual([]);
  expect(await calls(botWith())).toHaveLength(1);
});

test("a freeze about which people are asked is called for as that question, once, and so is a vote to resume", async () => {
  const bot = botWith();
  const id = randomUUID();
  const frozen = await freeze();
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update deletion set frozen_from = 'removing' where id = $1", [frozen]);
    await q.exec(
      `insert into go_on (id, deletion_id, reason, sentence, digest, body, opened_at, expires_at)
       select $1, id, 'changed', 'a volume is left', repeat('d', 64), '{"items": []}', entered_at, entered_at + 1000 from deletion where id = $2`,
      [id, frozen],
    );
  });
  expect(await calls(bot)).toEqual([
    "The deletion of ROOT/ci/a is frozen; two approvers may say Go on until 1970-01-01 00:00 UTC: a volume is left",
  ]);
  now += 900;
  expect(await calls(bot)).toEqual([
    "Last chance to vote: Go on with the deletion of ROOT/ci/a waits for approvals until 1970-01-01 00:00 UTC; then it expires",
  ]);

  const by = (name: string) => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });
  await bot.services.sync.stop(by("dora"), "disk full");
  expect(await calls(bot)).toEqual(["Everything is stopped: disk full"]);
  expect((await bot.services.sync.resume(by("ada"))).ok).toBe(true);
  expect(await calls(bot, botWith())).toEqual(["One more approver is asked to resume what is stopped; those who agree so far: ada"]);
  // A further stop voids the vote.
  await bot.services.sync.stop(by("ben"), "another disk");
  expect(await calls(bot)).toEqual([]);
});

/** A webhook that answers with these statuses, one after the other; the last one again and again. */
async function webhook(...statuses: readonly number[]) {
  const got: { readonly headers: IncomingMessage["headers"]; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    got.push({ headers: request.headers, body: await text(request) });
    response.writeHead(statuses[Math.min(got.length, statuses.length) - 1] ?? 200, { location: "/elsewhere" }).end("no");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/very-secret-path`;
  return { url, got, close: () => new Promise((resolve) => server.close(resolve)) };
}

test("the webhook gets each state once, as JSON with a signature, with its secrets in no line of the log", async () => {
  const hook = await webhook(503, 302, 200);
  const bot = botWith({ TWOKEY_WEBHOOK_URL: hook.url, TWOKEY_WEBHOOK_SECRET: "a-very-secret-secret", SLACK_MENTION: "off" });
  now = Date.parse("2026-01-10T03:00:00Z");
  const id = await freeze();
  for (const wait of [0, MINUTE - 1, 1, 5 * MINUTE, 24 * HOUR]) {
    now += wait;
    await sweep(bot);
  }
  await hook.close();
  expect(hook.got).toHaveLength(3);
  const [first, , last] = hook.got;
  expect(last?.body).toBe(first?.body);
  expect(JSON.parse(last?.body ?? "")).toEqual({
    ...{ version: 1, id: expect.any(String) as string, kind: "frozen", environment: "test", about: "ROOT/ci/a", until: null },
    ...{ since: "2026-01-10T03:00:00.000Z", subject: { deletion: id }, link: "https://slack.test/archives/C1/p1" },
    sentence: "The deletion of ROOT/ci/a is frozen; a person must decide: a machine runs",
  });
  const timestamp = String(last?.headers["x-twokey-timestamp"]);
  expect(timestamp).toBe(String((Date.parse("2026-01-10T03:00:00Z") + 6 * MINUTE) / 1000));
  expect(last?.headers["x-twokey-signature"]).toBe(signatureOf("a-very-secret-secret", timestamp, last?.body ?? ""));
  expect(printed).not.toMatch(/very-secret/);
  expect(printed.match(/webhook\.(?:sent|failed)/g)).toEqual(["webhook.failed", "webhook.failed", "webhook.sent"]);
});

test("a webhook that nobody answers holds up no mention, and is given up after six tries", async () => {
  const hook = await webhook();
  await hook.close();
  const bot = botWith({ TWOKEY_WEBHOOK_URL: hook.url });
  await freeze();
  expect(await calls(bot)).toHaveLength(1);
  for (let n = 0; n < 8; n += 1) {
    now += 4 * HOUR;
    await sweep(bot);
  }
  expect(printed.match(/webhook\.failed/g)).toHaveLength(5);
  expect(printed.match(/webhook\.given_up/g)).toHaveLength(1);
});

test("the webhook is reached by the proxy of the environment; what the proxy refuses is told without its password", async () => {
  const hook = await webhook(200);
  const proxy = await startProxy({ "hook.test": Number(new URL(hook.url).port) });
  setProxies({ HTTP_PROXY: `http://bot:hunter2hunter2@127.0.0.1:${proxy.port}` });
  try {
    const bot = botWith({ TWOKEY_WEBHOOK_URL: "http://hook.test/hook/very-secret-path", SLACK_MENTION: "off" });
    await freeze();
    proxy.mood = "refuses";
    await sweep(bot);
    expect(hook.got).toEqual([]);
    expect(printed).toMatch(/"problem":"the proxy 127\.0\.0\.1:\d+ .*webhook\.failed/);
    proxy.mood = "passes";
    now += MINUTE;
    await sweep(bot);
    expect(hook.got.map((g) => (JSON.parse(g.body) as { kind: string }).kind)).toEqual(["frozen"]);
    expect(proxy.seen.every((one) => one.endsWith("by bot:hunter2hunter2"))).toBe(true);
    expect(printed).not.toMatch(/hunter2|very-secret/);
  } finally {
    setProxies({});
    await Promise.all([proxy.close(), hook.close()]);
  }
});

test("a card of adoption calls people as other cards do: when it is new, in the thread of its message, and before it expires; not once it is decided", async () => {
  const bot = botWith();
  const put = (kind: AdoptionKind, domains: number): Promise<boolean> => {
    const row = { id: randomUUID(), kind, digest: digestOf(kind), requesters: [op("chen")], proposed_by_name: "chen", quorum: 2 };
    const body = { kind, root: "ROOT/ci", domains: Array.from({ length: domains }, () => ({})), rows: [], lines: [], mapped: [] };
    return insertAdoption(fresh.db, { ...row, body: body as never, proposed_at: at(now), expires_at: at(now + HOUR) });
  };
  await put("adopt", 400);
  await put("give_back", 1);
  await put("release", 10);
  expect((await calls(bot, botWith())).toSorted()).toEqual([
    "Giving back 1 domain waits for approvals until 1970-01-01 01:00 UTC",
    "The adoption of 400 domains waits for approvals until 1970-01-01 01:00 UTC",
    "The release of the first plan of 10 domains waits for approvals until 1970-01-01 01:00 UTC",
  ]);
  const states = await readStates(fresh.db, now, 0);
  expect(states.map((state) => state.shownAs)).toEqual(states.map((state) => `adoption:${state.id}`));
  for (const { id, about } of states)
    if (!about.includes("400")) await endAdoption(fresh.db, id, { state: "rejected", at: now, by: "ada", reason: "not now" });
  now += HOUR - 5 * MINUTE;
  expect(await calls(bot)).toEqual([
    "Last chance to vote: the adoption of 400 domains waits for approvals until 1970-01-01 01:00 UTC; then it expires",
  ]);
});
