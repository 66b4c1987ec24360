/**
 * Claims: clicks on old messages, double clicks, clicks in one millisecond, forged values and windows, and messages that are not ours are refused
 * with a sentence and recorded in the audit log; the deletion stands as before. Shown through Bolt's own listeners on a real PostgreSQL.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { resetDatabase } from "../sim/reset.ts";
import { createHomeTab } from "../../src/bot/home/tab.ts";
import { listen } from "../../src/bot/listeners.ts";
import { callInTime } from "../../src/bot/slack.ts";
import type { Asker } from "../../src/core/people.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, enterAsSaved, expectRow, inventory, op, openOne } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import { botIn, smallWorld } from "../support/small-world.ts";

type Handler = (args: Record<string, unknown>) => Promise<void>;
interface Pressed {
  /** Slack never takes the answer. */
  readonly hangs?: boolean;
  readonly action?: string;
  readonly value?: string;
  readonly user?: string;
  readonly channel?: string;
  readonly ts?: string;
  readonly trigger?: string;
}

let fresh: FreshDatabase;
let row: DeletionRow;
let handlers: Record<string, Handler>;
let said: string[];
let triggers = 0;
let isAway = false;
let slackTakesNothing = false;
let cloudHangs = false;
const untilTaken = () => (slackTakesNothing ? new Promise<void>(() => undefined) : Promise.resolve());

beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  const w = await smallWorld(fresh.db);
  const opened = await openOne(fresh.db);
  const shown = inventory(opened.domain_id, w.items);
  await recordApprovedInventory(fresh.db, opened.id, shown, 10);
  await enterAsSaved(fresh.db, opened, shown);
  await updateDeletion(fresh.db, opened.id, {
    phase: "proposed",
    digest: inventoryDigest(shown),
    proposed_at: at(10),
    expires_at: at(1010),
    entered_at: at(10),
  });
  row = await expectRow(fresh.db, opened.id);
  w.now = 50;
  await fresh.db.exec("insert into posted_message (key, channel, ts, digest, at) values ($1, 'C1', '1.1', 'd', 1)", [`deletion:${row.id}`]);
  handlers = {};
  said = [];
  isAway = false;
  slackTakesNothing = false;
  cloudHangs = false;
  const keep = (name: string) => (_pattern: unknown, handler: Handler) => (handlers[name] ??= handler);
  const app = {
    command: keep("command"),
    action: keep("action"),
    view: keep("view"),
    event: (name: string, handler: Handler) => void (handlers[`event:${name}`] = handler),
    use: (handler: Handler) => void (handlers["use"] = handler),
    options: keep("options"),
    error: () => undefined,
  };
  const asker = (user: string): Asker => ({
    operator: { id: op(user), name: user, ciUserId: null },
    isTeam: user !== "mia" && !user.startsWith("mallory"),
  });
  const identify = async (user: string) =>
    user === "nobody" ? err(failure("refused", "identity.unknown", "I do not know you")) : ok(asker(user));
  const client = {
    chat: { postEphemeral: async (m: unknown) => (said.push(JSON.stringify(m)), { ok: true }) },
    views: {
      publish: async (m: { user_id: string }) => void said.push(`home of ${m.user_id}`),
      open: async () => (said.push("a window"), await untilTaken(), { ok: true }),
    },
  } as never;
  const { services } = botIn(w, row).with({
    cards: { showCard: untilTaken, tellMembers: untilTaken },
    reader: { readInventory: () => (cloudHangs ? new Promise(() => undefined) : Promise.resolve(ok(inventory(row.domain_id, w.items)))) },
  });
  const events = {
    bug: (_f: string, e: unknown) => said.push(`BUG ${String(e)}`),
    failed: () => undefined,
    warn: () => undefined,
    info: () => undefined,
  } as never;
  const common = { client, services, channel: "C1", events, now: () => at(50) };
  listen(app as never, {
    ...common,
    sleep: () => new Promise(() => undefined),
    home: createHomeTab({
      ...{ ...common, db: fresh.db, problems: async () => [], approversNow: async () => ok([]) },
      identity: { identify, isOfTeam: async () => true },
    }),
    here: { teamId: "T1", enterpriseId: null, appId: null, botUserId: "B" },
    identity: { identify, identifyToHalt: identify, named: async () => [] } as never,
    db: { ...fresh.db, exec: (...of) => (isAway ? Promise.reject(new Error("away")) : fresh.db.exec(...of)) },
  });
});
afterAll(() => fresh.drop());

const good = () => `v1:${row.id}:${row.version}:${row.digest}`;
async function press(p: Pressed = {}): Promise<void> {
  await handlers["action"]?.({
    ack: async () => undefined,
    respond: p.hangs === true ? () => new Promise(() => undefined) : async (m: unknown) => void said.push(JSON.stringify(m)),
    action: { action_id: p.action ?? "deletion_approve", value: p.value ?? good() },
    body: {
      user: { id: p.user ?? "ada" },
      channel: { id: p.channel ?? "C1" },
      message: { ts: p.ts ?? "1.1" },
      trigger_id: p.trigger ?? `t${triggers++}`,
    },
  });
}
const stop = (user: string) =>
  handlers["command"]?.({
    ack: async () => undefined,
    respond: async (m: unknown) => void said.push(JSON.stringify(m)),
    command: { command: "/ci-stop", text: "something is wrong", channel_id: "C1", user_id: user, trigger_id: `c${triggers++}` },
  });
const stops = () => fresh.db.exec("select from stop_switch where by_name = 'chen' or by_name = 'ada'");
async function submit(callback: string, metadata: string, user = "ben", id?: string): Promise<void> {
  await handlers["view"]?.({
    ack: async () => undefined,
    body: { user: { id: user } },
    view: {
      ...(id === undefined ? {} : { id }),
      callback_id: callback,
      private_metadata: metadata,
      state: { values: { name: { name: { value: "a" } }, reason: { reason: { value: "because" } } } },
    },
  });
}
const votes = () => fresh.db.exec("select from ballot");
const refusals = async (): Promise<readonly { actor: string; kind: string; sentence: string }[]> =>
  fresh.db.many(
    z.object({ actor: z.string(), kind: z.string(), sentence: z.string() }),
    "select actor, kind, data ->> 'sentence' as sentence from audit where kind like 'refused.%' order by seq",
  );

/** Nothing happened but a sentence, and a line in the audit log with the same sentence. */
async function expectRefused(before: number, words: RegExp): Promise<void> {
  expect(said.join("\n")).toMatch(words);
  expect(said.join("\n")).not.toMatch(/BUG/);
  expect(await votes()).toBe(before);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "proposed", version: row.version });
  const recorded = await refusals();
  expect(recorded).toHaveLength(1);
  expect(recorded[0]?.sentence).toMatch(words);
}

test("a good click counts, so the refusals below are not for nothing", async () => {
  await press();
  expect(await votes()).toBe(1);
  expect(await refusals()).toEqual([]);
});

test("what comes from another workspace reaches no listener, and is recorded; what is ours goes on", async () => {
  let reached = 0;
  const next = async () => void (reached += 1);
  const from = (team: string) =>
    handlers["use"]?.({
      ...{ next, ack: async () => undefined, respond: async (m: unknown) => void said.push(JSON.stringify(m)) },
      body: { team: { id: team }, user: { id: "ada" } },
    });
  await from("T1");
  expect([reached, await refusals()]).toEqual([1, []]);
  await from("TEVIL");
  expect(reached).toBe(1);
  await expectRefused(0, /another workspace or organisation/);
});

const other = "6f1c9a1e-0000-4000-8000-00000000000f";
test.for<readonly [string, () => Pressed, RegExp]>([
  ["an old message of the same deletion", () => ({ ts: "0.9" }), /not the current message/],
  [
    "a Keep on a message that a member was never sent",
    () => ({ action: "deletion_keep", user: "mia", ts: "0.9" }),
    /message about this domain/,
  ],
  ["the same card posted into another channel", () => ({ channel: "C2" }), /not the current message/],
  ["a message edited to carry another deletion's value", () => ({ value: good().replace(row.id, other) }), /not the current message/],
  ["a message edited to carry another digest", () => ({ value: good().replace(/[0-9a-f]{64}$/, "0".repeat(64)) }), /not the newest/],
  ["a value that is none of ours", () => ({ value: "approve" }), /not made by Twokey/],
  ["an empty value", () => ({ value: "" }), /not made by Twokey/],
  ["a value with more behind it", () => ({ value: `${good()}:x` }), /not made by Twokey/],
  ["a value with SQL in it", () => ({ value: `v1:'; drop table vote; --:1:${row.digest}` }), /not made by Twokey/],
  ["a value whose id is no id", () => ({ value: `v1:${"-".repeat(36)}:1:${row.digest}` }), /not made by Twokey/],
  ["a button that we never made", () => ({ action: "deletion_now" }), /no such button|no longer does anything/],
  ["who asked for the deletion", () => ({ user: "chen" }), /asked for this deletion/],
  ["who is no approver", () => ({ user: "eve" }), /not one of the approvers/],
  ["somebody unknown", () => ({ user: "nobody" }), /do not know you/],
  ["a Reject by who is not of the team", () => ({ action: "deletion_reject", user: "mia" }), /Only members of the CI team/],
  ["a Cancel before there is a cool-off", () => ({ action: "deletion_cancel" }), /Waiting for approvals/],
  ["a Restore before anything was touched", () => ({ action: "deletion_restore" }), /Waiting for approvals/],
  ["a Withdraw of who has not approved", () => ({ action: "deletion_withdraw" }), /have not approved/],
])("%s is refused with a sentence, recorded, and changes nothing", async ([, pressed, words]) => {
  await press(pressed());
  if (pressed().action === "deletion_now") {
    expect(await refusals()).toMatchObject([{ kind: "refused.deletion_now", sentence: "no such button" }]);
    expect(said.join()).toMatch(words);
  } else await expectRefused(0, words);
});

test("a member's Keep in a message that was forgotten is refused, recorded, and leads to /ci-status", async () => {
  await press({ action: "deletion_keep", user: "mia", ts: "0.9" });
  await expectRefused(0, /not the current message/);
  expect(said.join()).toContain("or write /ci-status: as long as it can be kept, its answer has Keep.");
  expect(said.join()).not.toContain("the card in the team's channel");
});

test("a double click is one vote and one refusal; Slack's repetition of one click is not even that", async () => {
  await press({ trigger: "same" });
  await press({ trigger: "same" });
  expect(await votes()).toBe(1);
  expect(await refusals()).toEqual([]);
  await press();
  expect(await votes()).toBe(1);
  expect(await refusals()).toMatchObject([{ actor: "ci:ada", kind: "refused.deletion.approve" }]);
  expect(said.join()).toMatch(/already voted/);
});

test("eight clicks of one person in the same millisecond are one vote", async () => {
  await Promise.all(Array.from({ length: 8 }, () => press()));
  expect(await votes()).toBe(1);
  expect(await refusals()).toHaveLength(7);
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "proposed" });
});

test("a flood of one person's clicks is refused from the eleventh on, and keeps nobody else waiting", async () => {
  const flood = Promise.all(Array.from({ length: 500 }, () => press({ user: "eve" })));
  await press({ user: "ada" });
  expect(await votes()).toBe(1);
  await press({ user: "eve", action: "deletion_cancel" });
  expect(said.join()).toMatch(/Waiting for approvals/);
  await flood;
  expect(await refusals()).toHaveLength(11);
  const many = said.filter((s) => s.includes("too much is waiting"));
  expect([many.length > 0, many.length < 50]).toEqual([true, true]);
  expect(said.join("\n")).not.toMatch(/BUG/);
});

test.each(["ada", "chen"])("while the answers to clicks of two people hang, %s stops, and others approve", async (who) => {
  for (const user of ["ada", "ben"])
    for (const action of ["deletion_cancel", "deletion_restore"]) void press({ action, user, value: "nonsense", hangs: true });
  for (const user of ["eve", "eli", "emma"]) void press({ user, hangs: true });
  await eventually("all are recorded", async () => (await refusals()).length === 7, { limitMs: 60_000 });
  await stop(who);
  expect(await stops()).toBe(1);
  await press({ user: "ada" });
  expect(await votes()).toBe(1);
});

test("while Slack takes no message to members, one who cancelled stops: nobody's turn waits for what is told", async () => {
  slackTakesNothing = true;
  await press({ user: "ben" });
  expect(await votes()).toBe(1);
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await updateDeletion(q, row.id, { phase: "cooling_off", entered_at: at(40), until_at: at(5000) });
  });
  row = await expectRow(fresh.db, row.id);
  await press({ action: "deletion_cancel", user: "ada" });
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ closed_because: "cancelled" });
  await stop("ada");
  expect(await stops()).toBe(1);
});

test("while Slack opens no window for three people, another approves", async () => {
  slackTakesNothing = true;
  for (const user of ["eve", "eli", "emma"]) void press({ action: "deletion_reject", user });
  await eventually("each waits for a window", () => said.filter((s) => s === "a window").length === 3, { limitMs: 60_000 });
  await press({ user: "ada" });
  expect(await votes()).toBe(1);
});

test("while CloudStack answers no approval, a member's Keep is answered, and a stop is done", async () => {
  cloudHangs = true;
  for (const user of ["ada", "ben", "dora"]) void press({ user });
  await press({ action: "deletion_keep", user: "mia" });
  expect(await refusals()).toMatchObject([{ actor: "ci:mia", kind: "refused.deletion.keep" }]);
  await stop("chen");
  expect(await stops()).toBe(1);
});

test("a flood of stops by a hundred and fifty people who may not stop refuses no stop of the team", async () => {
  const flood = Promise.all(Array.from({ length: 450 }, (_, i) => stop(`mallory${i % 150}`)));
  await stop("chen");
  expect(await stops()).toBe(1);
  await flood;
  expect(said.filter((s) => s.includes("too much is waiting")).length).toBeGreaterThan(0);
  expect(await fresh.db.exec("select from stop_switch")).toBe(1);
});

test("one who opens Home many times leaves others theirs", async () => {
  const open = (user: string) => handlers["event:app_home_opened"]?.({ event: { user } });
  await Promise.all([...Array.from({ length: 30 }, () => open("mia")), open("ada")]);
  expect(said.filter((s) => s === "home of ada")).toHaveLength(1);
  expect(said.filter((s) => s === "home of mia")).toHaveLength(10);
});

test("an answer that never comes is given up after its time", async () => {
  expect(await callInTime("response_url", 20, () => new Promise(() => undefined))).toMatchObject({ ok: false });
  expect(await callInTime("response_url", 60_000, async () => 1)).toEqual({ ok: true, value: 1 });
});

test("while Twokey's own database is away a click is not taken for a new one: nothing is done, and it says so", async () => {
  isAway = true;
  await press({ trigger: "again" });
  expect(said.join()).toMatch(/Nothing was done: Twokey cannot reach its own database now/);
  isAway = false;
  expect(await votes()).toBe(0);
  await press({ trigger: "again" });
  expect(await votes()).toBe(1);
});

test.for<readonly [string, () => string]>([
  ["no JSON", () => "{"],
  ["nothing", () => ""],
  ["an id that is none", () => JSON.stringify({ id: "x", version: 1, digest: row.digest, name: "a", channel: "C1" })],
  ["a digest that is none", () => JSON.stringify({ id: row.id, version: 1, digest: "x", name: "a", channel: "C1" })],
])("a window with %s in its memory is refused and recorded", async ([, metadata]) => {
  await submit("deletion_type_name", metadata());
  await submit("deletion_reason", metadata());
  expect(said.join("\n")).toMatch(/not opened by Twokey; nothing was done[\s\S]*not opened by Twokey; nothing was done/);
  expect(said.join("\n")).not.toMatch(/BUG/);
  expect(await refusals()).toMatchObject([{ actor: "ci:ben" }, { actor: "ci:ben" }]);
  expect(await votes()).toBe(0);
});

test("a window that Slack delivers twice is answered once", async () => {
  for (const id of ["V1", "V1"]) await submit("deletion_reason", "{", "ben", id);
  expect(await refusals()).toHaveLength(1);
  await submit("deletion_reason", "{", "ben", "V2");
  expect(await refusals()).toHaveLength(2);
});

test("a window whose memory was forged to another digest, or was made for an older card, decides nothing", async () => {
  await press();
  await submit(
    "deletion_type_name",
    JSON.stringify({ id: row.id, version: row.version, digest: "0".repeat(64), name: "a", channel: "C1" }),
  );
  expect(said.join("\n")).toMatch(/not the newest/);
  expect(await votes()).toBe(1);
  expect(await refusals()).toMatchObject([{ actor: "ci:ben", kind: "refused.deletion.approve" }]);
});
